"""Why a collection gave no seed, as the one error that says what to do about it."""

from collections.abc import Mapping

from seedmill.records.collection import Collection
from seedmill.seeding.listing import Listing
from seedmill.serving.errors import Misconfigured
from seedmill.storage.seeds import SeedsManifest

_SHOWN = 8
_UNREADABLE = frozenset(
    {"archive_damaged", "archive_bomb", "unreadable", "bad_json", "wrong_type", "no_text_field", "line_too_long"}
)
_LICENSE = frozenset({"license_not_allowed", "license_unknown"})


def nothing_collected(
    collection: Collection, manifest: SeedsManifest, documents: int, listing: Listing
) -> Misconfigured:
    """CorpusUnreadable when no document could be read at all, else NothingAllowed."""
    corpus = f"corpus {collection.corpus_uri}"
    skipped = manifest.skipped
    wanted = ", ".join(each.language for each in collection.languages)
    if documents == 0 and _UNREADABLE & skipped.keys():
        advice = "name its column with textField" if "no_text_field" in skipped else "check the files"
        return Misconfigured("CorpusUnreadable", f"{corpus}: nothing could be read ({_listed(skipped)}); {advice}")
    if documents == 0:
        present = _listed(listing.unread.languages)
        found = f"; it holds {present}: name one of these in languages" if present else "; is seeds.corpus.uri right?"
        left_out = _listed({name: count for name, count in skipped.items() if name != "other_language"})
        return Misconfigured(
            "NothingAllowed",
            f"{corpus}: no {wanted} source file" + (f" ({left_out})" if left_out else "") + found,
        )
    if sum(skipped.get(reason, 0) for reason in _LICENSE) == documents:
        named = {name or "unknown": count for name, count in manifest.excluded_licenses.items()}
        return Misconfigured(
            "NothingAllowed",
            f"{corpus}: the licence of none of its {documents} files is allowed ({_listed(named)}); add to "
            "licenses.allow what you may use"
            + (", give the corpus's license, or set licenses.allowUnknown" if "unknown" in named else ""),
        )
    return Misconfigured(
        "NothingAllowed", f"{corpus}: no seed in its {documents} {wanted} files was fit ({_listed(skipped)})"
    )


def _listed(counts: Mapping[str, int]) -> str:
    """`name n, name n, …`, the most frequent first."""
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    more = f" and {len(ranked) - _SHOWN} more" if len(ranked) > _SHOWN else ""
    return ", ".join(f"{name} {count}" for name, count in ranked[:_SHOWN]) + more
