"""A run's own store: how the services that it asks get at it.

The release's store is in the environment of the services. A run that names one of its own has endpoint and keys in the
environment of its pod alone, and sends them along with each call that needs them, as metadata: only where nobody can
listen, and never into a message, a log or an error. A service keeps them as long as the operation that they are for.
"""

import asyncio
import json
import traceback
from collections.abc import Mapping
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from seedmill.serving.channel import Channels
from seedmill.serving.errors import InvalidRequest, Misconfigured
from seedmill.serving.identity import Context, is_secure

METADATA_KEY = "seedmill-store-bin"

StoreAccess = Mapping[str, str]
"""Settings of an S3 store by the names of their environment variables."""

Metadata = tuple[tuple[str, bytes], ...]

_VARIABLES = TypeAdapter(dict[str, str])


def store_metadata(channels: Channels, access: StoreAccess | None) -> Metadata:
    """For a call; empty when the run has the release's store. Raises Misconfigured where others could read it."""
    if access is None:
        return ()
    if not channels.secure:
        raise Misconfigured(
            "StoreNotSecret",
            "spec.output.store has keys that a service must be told, and its connection is not encrypted: "
            "give --tls (chart: tls.enabled), or leave output.store to the release",
        )
    return ((METADATA_KEY, json.dumps(dict(access), sort_keys=True).encode()),)


def store_access(context: Context) -> StoreAccess | None:
    """What came with a call; None: the release's store is meant. Raises InvalidRequest."""
    sent = [value for key, value in context.invocation_metadata() or () if key == METADATA_KEY]
    if not sent:
        return None
    if not is_secure(context):
        raise InvalidRequest("StoreNotSecret", "keys of a store came over a connection that is not encrypted")
    try:
        return _VARIABLES.validate_json(cast(bytes, sent[-1]))
    except ValidationError:
        # Without the words of the parser, which quote what it read.
        raise InvalidRequest("BadStoreAccess", f"the metadata {METADATA_KEY} is not a JSON object of strings") from None


def forget_values(ended: "asyncio.Future[Any]") -> None:
    """Let go of what the frames of an operation's error hold; which lines they were at stays. For `add_done_callback`.

    An error is kept until it was asked for, and with it every variable of the code that raised it.
    """
    error = None if ended.cancelled() else ended.exception()
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
