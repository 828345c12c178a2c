"""The store of a dispatched run: that of the release, or one of the run's own, whose keys only this pod has."""

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedmill.serving.store_access import StoreAccess
    from seedmill.spec.model import Spec
    from seedmill.storage import Store


def open_run_store(
    spec: "Spec", uri: str, environment: Mapping[str, str] = os.environ
) -> "tuple[Store, StoreAccess | None]":
    """The store at `uri`, and what its services must be told to open it, too; None when they need not be told.

    They need not be where it is the release's, whose keys they have, nor where it is a directory, which has none.
    Raises Misconfigured, StorageError.
    """
    from seedmill.serving.errors import Misconfigured
    from seedmill.storage import StorageError, open_store

    own = spec.output.store
    if own is None:
        return open_store(uri, environment), None
    if own.uri.rstrip("/") != uri.rstrip("/"):
        raise Misconfigured(
            "StoreNamedTwice", f"spec.output.store.uri is {own.uri}, and --store is {uri}: give --store {own.uri}"
        )
    if not own.uri.startswith("s3://"):
        return open_store(own.uri, environment), None
    access = _access(environment, own.endpoint, own.region)
    try:
        return open_store(own.uri, access), access
    except StorageError as error:
        raise Misconfigured(
            "StoreMisconfigured",
            f"spec.output.store: {error}; its secretRef names the Secret with keys, of this namespace, and its "
            "endpoint the server",
        ) from error


def _access(environment: Mapping[str, str], endpoint: str | None, region: str | None) -> "StoreAccess":
    from seedmill.storage import ACCESS_VARIABLES, ENDPOINT_VARIABLE, REGION_VARIABLE

    named = {ENDPOINT_VARIABLE: endpoint, REGION_VARIABLE: region}
    given = {name: named.get(name) or environment.get(name) for name in ACCESS_VARIABLES}
    return {name: value for name, value in given.items() if value}
