"""A checked request: a Collection that can work, as the readers and the extractor need it."""

import json
import sys
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any

from seedmill.filters.benchmark_index import BadBenchmarkFile, UnknownBenchmark, load_benchmarks
from seedmill.filters.license import canonical_expression
from seedmill.records.collection import Collection, LanguageQuota
from seedmill.records.seed import SeedKind
from seedmill.seeding.dataset import SCHEME
from seedmill.seeding.extraction import Task
from seedmill.seeding.languages import LANGUAGES, canonical_language, nearest_language
from seedmill.seeding.limits import Limits
from seedmill.seeding.reading import Reading
from seedmill.seeding.type_check import type_checker_version
from seedmill.serving.errors import InvalidRequest, Misconfigured

COLLECTOR_VERSION = 2
"""Raised with every change of rules that changes which seeds come out; finished collections are then made again."""


@dataclass(frozen=True, slots=True)
class Request:
    """`collection` has canonical language names; `benchmarks` are versions by name."""

    collection: Collection
    limits: Limits
    reading: Reading
    benchmarks: tuple[tuple[str, str], ...]

    @property
    def licenses_settled(self) -> bool:
        """Whether the documents' licences were allowed by the run that published them."""
        return is_dataset(self.collection)

    @property
    def functions_are_screened(self) -> bool:
        """Whether near-duplicates and functions with type errors are left out, as Self-OSS-Instruct does."""
        return self.collection.kind is SeedKind.FUNCTION and self.collection.self_oss_filters

    def task(self, corpus: str) -> Task:
        c = self.collection
        return Task(
            corpus,
            c.kind,
            c.max_lines,
            c.random_seed,
            c.require_doctests,
            c.self_oss_filters,
            c.decontaminate,
            self.limits,
        )

    def as_json(self, corpus: str) -> dict[str, Any]:
        """What was asked, without places: the corpus by its name."""
        value = asdict(self.collection)
        del value["store_uri"], value["corpus_uri"]
        return value | {
            "corpus": corpus,
            "kind": self.collection.kind.value,
            "languages": {each.language: each.max_seeds for each in self.collection.languages},
            "allowed_licenses": sorted(self.collection.allowed_licenses),
            "decontaminate": [list(benchmark) for benchmark in self.benchmarks],
        }

    def collector_digest(self, corpus: str) -> str:
        """Names what was asked and what decides the answer."""
        value = {
            "version": COLLECTOR_VERSION,
            "request": self.as_json(corpus),
            "limits": asdict(self.limits),
            "grammar": list(sys.version_info[:2]) if self.collection.kind is SeedKind.FUNCTION else [],
            "type_checker": type_checker_version() if self.functions_are_screened else "",
        }
        return sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def is_dataset(collection: Collection) -> bool:
    """Whether the corpus is what a run published."""
    return collection.corpus_uri.startswith(SCHEME)


def checked_request(collection: Collection, limits: Limits) -> Request:
    """Raises InvalidRequest for what can never work, Misconfigured for a benchmark without an index."""
    asked = collection.languages
    if not asked and is_dataset(collection):
        asked = tuple(LanguageQuota(name) for name in sorted(LANGUAGES))
    languages = tuple(LanguageQuota(_language(each.language), each.max_seeds) for each in asked)
    names = {each.language for each in languages}
    if not names:
        raise InvalidRequest("NoLanguage", "no language is given; name at least one, such as python")
    if len(names) < len(languages):
        raise InvalidRequest("LanguageTwice", f"a language is named twice among {', '.join(sorted(names))}")
    if collection.kind is SeedKind.FUNCTION and names != {"python"}:
        others = ", ".join(sorted(names - {"python"}))
        raise InvalidRequest("UnsupportedLanguage", f"documented functions are read from python only, not {others}")
    if collection.kind is SeedKind.SNIPPET and collection.max_lines < 1:
        raise InvalidRequest("BadMaxLines", f"max_lines must be at least 1, not {collection.max_lines}")
    if collection.corpus_license and not canonical_expression(collection.corpus_license):
        raise InvalidRequest("BadLicense", f"{collection.corpus_license!r} is not an SPDX licence expression")
    if not (collection.allowed_licenses or collection.allow_unknown_license or is_dataset(collection)):
        raise Misconfigured("NothingAllowed", "no licence is allowed; name some, such as MIT, or allow unknown ones")
    collection = replace(collection, languages=languages)
    reading = Reading(frozenset(names), collection.corpus_license, collection.text_field, limits)
    return Request(collection, limits, reading, _benchmarks(collection.decontaminate))


def _language(name: str) -> str:
    language = canonical_language(name)
    if language not in LANGUAGES:
        near = nearest_language(language)
        hint = f"; did you mean {near}?" if near else f"; known are {', '.join(sorted(LANGUAGES))}"
        raise InvalidRequest("UnknownLanguage", f"unknown language {name!r}{hint}")
    return language


def _benchmarks(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    if not names:
        return ()
    try:
        return tuple(sorted((each.name, each.version) for each in load_benchmarks(names)))
    except (UnknownBenchmark, BadBenchmarkFile) as error:
        raise Misconfigured("BenchmarkMissing", str(error)) from error
