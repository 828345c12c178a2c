"""run.json: what a run is, written once. Whoever holds it and the store can go on with the run, or publish it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from seedmill.records.journal import digest_of

FORMAT = 2


@dataclass(frozen=True, slots=True)
class RunFile:
    """The resolved spec without limits, and the pins.

    `spec` is `DatasetGeneration.spec` as JSON without what changes no data (`spec/digest.py`). `seeds_prefix` is a key
    prefix in the store; `recipe_digest` covers prompts and options. `created` (RFC 3339) is for people. `reuse`
    are the publications (`<run prefix>/publications/…`) whose finished steps are taken, `seeds_publication` the one
    whose rows are the seeds (empty where these come from a corpus). `benchmarks` are the versions, by name, of the
    indexes that seeds and rows are kept clear of. `image` is the one that began the run, empty where none is known:
    with it a run can be finished after an upgrade that changed its recipe.
    """

    name: str
    namespace: str
    spec_digest: str
    spec: Mapping[str, Any]
    recipe: str
    recipe_digest: str
    seeds_prefix: str
    seeds_digest: str
    seeds_count: int
    created: str
    benchmarks: Mapping[str, str]
    reuse: Sequence[str] = ()
    seeds_publication: str = ""
    image: str = ""

    @property
    def cfg(self) -> str:
        """The digest that every record of this run carries: recipe, prompts, models, sampling and seeds."""
        return digest_of([self.recipe_digest, self.seeds_digest, self.spec_digest])

    @property
    def prefix(self) -> str:
        """The run's key prefix in the store."""
        return run_prefix(self.namespace, self.name, self.spec_digest)

    def encode(self) -> bytes:
        fields = {name: getattr(self, name) for name in RunFile.__slots__}
        return orjson.dumps({"format": FORMAT, **fields}, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)

    @staticmethod
    def decode(data: bytes) -> "RunFile":
        """Raises ValueError when it is not a run.json of this format."""
        try:
            fields = orjson.loads(data)
            if fields.pop("format") != FORMAT:
                raise ValueError("another format")
            return RunFile(**fields)
        except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a run.json of this version: {error}") from error


def run_prefix(namespace: str, name: str, spec_digest: str) -> str:
    """`runs/<namespace>/<name>-<specDigest8>`."""
    return f"runs/{namespace}/{name}-{spec_digest[:8]}"
