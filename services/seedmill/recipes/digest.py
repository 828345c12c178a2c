"""The digest of a recipe: it changes exactly when the rows it would make from equal answers and verdicts could."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson


def recipe_digest(
    name: str, version: int, options: Mapping[str, Any], prompts: Mapping[str, str], few_shots: str = ""
) -> str:
    """64 hex digits over canonical JSON.

    `version` counts changes of the recipe's code; `options` are all settings of the spec that it reads; `prompts` and
    `few_shots` name texts by digest.
    """
    content = {"name": name, "version": version, "options": options, "prompts": prompts, "fewShots": few_shots}
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
