"""Runs by the name of their resource, and what they published: for `seeds.dataset` and `reuse`."""

from collections.abc import Sequence

from seedmill.records.run_file import RunFile
from seedmill.serving.errors import Misconfigured
from seedmill.storage.publications import published_dataset, read_head
from seedmill.storage.store import ObjectMissing, Store

_DIGEST_DIGITS = 8


def runs_named(store: Store, namespace: str, name: str) -> list[str]:
    """Key prefixes of the runs of a resource by this name: one for each version of its spec, in order."""
    start = f"runs/{namespace}/{name}-"
    keys = (entry.key for entry in store.list(start) if entry.key.endswith("/run.json"))
    prefixes = (key.removesuffix("/run.json") for key in keys)
    return [prefix for prefix in prefixes if len(prefix) == len(start) + _DIGEST_DIGITS]


def publications_named(store: Store, namespace: str, name: str) -> list[str]:
    """The latest publication of each run by this name, as `<run prefix>/publications/…`, the newest run last."""
    found: list[tuple[str, str]] = []
    for prefix in runs_named(store, namespace, name):
        head = read_head(store, prefix)
        if head is not None:
            found.append((_created(store, prefix), f"{prefix}/{head.publication}"))
    return [publication for _, publication in sorted(found)]


def publications_to_reuse(store: Store, namespace: str, names: Sequence[str]) -> list[str]:
    """The publications whose finished steps are taken for `spec.reuse`. Raises Misconfigured when a name has none."""
    found: list[str] = []
    for name in names:
        publications = publications_named(store, namespace, name)
        if not publications:
            raise Misconfigured(
                "NothingToReuse",
                f"spec.reuse: no run called {name} has published anything in {store.uri}/runs/{namespace}",
            )
        found += publications
    return found


def publication_for_seeds(store: Store, namespace: str, name: str) -> str:
    """The publication whose rows are the seeds: the latest of the newest run by this name. Raises Misconfigured."""
    publications = publications_named(store, namespace, name)
    if not publications:
        raise Misconfigured(
            "NothingPublished",
            f"spec.seeds.dataset.name: no run called {name} has published anything in {store.uri}/runs/{namespace}; "
            "run it first, with the same workdir",
        )
    return publications[-1]


def dataset_uri(store: Store, publication: str) -> str:
    """The corpus URI of what a publication published, for seeding: `dataset:<key prefix>`. Raises StorageError."""
    run, _, name = publication.partition("/publications/")
    return f"dataset:{run}/{published_dataset(store, run, f'publications/{name}')}"


def has_publication(store: Store, publication: str) -> bool:
    """Whether a publication is there. Raises StorageError."""
    return store.exists(f"{publication}/manifest.json")


def has_dataset(store: Store, publication: str) -> bool:
    """Whether a publication's dataset is there, too. Raises StorageError."""
    run, _, name = publication.partition("/publications/")
    try:
        dataset = published_dataset(store, run, f"publications/{name}")
    except ObjectMissing:
        return False
    return store.exists(f"{run}/{dataset}/manifest.json")


def _created(store: Store, prefix: str) -> str:
    try:
        return RunFile.decode(store.get(f"{prefix}/run.json")).created
    except ValueError as error:
        raise Misconfigured("RunUnreadable", f"{store.uri}/{prefix}/run.json: {error}") from error
