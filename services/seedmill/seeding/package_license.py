"""The licence of an installed package as an SPDX expression, from its metadata.

In this order, and never by guessing: `License-Expression` (PEP 639), the trove classifiers that name one licence, the
`License` field when it is an SPDX id or a licence text, the licence files of the package. `BSD License` names three
licences, so such a package is known by its field or its file, or not at all.
"""

import re
from importlib.metadata import Distribution

from seedmill.filters.license import canonical_expression, is_known_id
from seedmill.seeding.license_text import LICENSE_FILE, recognise_license

_CLASSIFIERS = {
    "Academic Free License (AFL)": "AFL-3.0",
    "Apache Software License": "Apache-2.0",
    "Boost Software License 1.0 (BSL-1.0)": "BSL-1.0",
    "CC0 1.0 Universal (CC0 1.0) Public Domain Dedication": "CC0-1.0",
    "GNU Affero General Public License v3": "AGPL-3.0-only",
    "GNU Affero General Public License v3 or later (AGPLv3+)": "AGPL-3.0-or-later",
    "GNU General Public License v2 (GPLv2)": "GPL-2.0-only",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0-only",
    "GNU General Public License v3 or later (GPLv3+)": "GPL-3.0-or-later",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.1-or-later",
    "GNU Lesser General Public License v3 (LGPLv3)": "LGPL-3.0-only",
    "GNU Lesser General Public License v3 or later (LGPLv3+)": "LGPL-3.0-or-later",
    "Historical Permission Notice and Disclaimer (HPND)": "HPND",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "MIT No Attribution License (MIT-0)": "MIT-0",
    "Mozilla Public License 1.1 (MPL 1.1)": "MPL-1.1",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "The Unlicense (Unlicense)": "Unlicense",
    "Universal Permissive License (UPL)": "UPL-1.0",
    "Zero-Clause BSD (0BSD)": "0BSD",
    "zlib/libpng License": "Zlib",
    "Zope Public License": "ZPL-2.1",
}
_CLASSIFIER = re.compile(r"^License :: (?:OSI Approved :: )?(.+)$")
_MANY = frozenset({"OSI Approved", "DFSG approved"})
_FIELD_WORDS = re.compile(r"(?i)^(?:the )?(.*?)(?:[ -]+licen[cs]e)?(?:,? (?:(?:version|v) ?)?([\d.]+))?$")
_BSD_FIELD = re.compile(r"(?i)^(?:bsd[- ]([234])[- ]clause|([234])[- ]clause bsd)(?: licen[cs]e)?$")


def package_license(package: Distribution) -> str:
    """The SPDX expression; empty when the metadata says nothing that is certain."""
    if expression := canonical_expression(_field(package, "License-Expression")):
        return expression
    names = [found[1] for line in package.metadata.get_all("Classifier") or () if (found := _CLASSIFIER.match(line))]
    named = [name for name in names if name not in _MANY]
    ids = [_CLASSIFIERS.get(name, "") for name in named]
    if ids and all(ids):
        return " AND ".join(sorted(dict.fromkeys(ids)))
    return license_field(_field(package, "License")) or _license_files(package)


def _field(package: Distribution, name: str) -> str:
    return str((package.metadata.get_all(name) or [""])[0])


def license_field(text: str) -> str:
    """What the free-text `License` field says, when it is certain."""
    text = text.strip()
    if "\n" in text or len(text) > 200:
        return recognise_license(text)
    if found := _BSD_FIELD.match(text):
        return f"BSD-{found[1] or found[2]}-Clause"
    if (expression := canonical_expression(text)) and _is_known(expression):
        return expression
    found = _FIELD_WORDS.match(text)
    name, version = (found[1], found[2]) if found else (text, None)
    shortened = canonical_expression(f"{name}-{version}" if version else name)
    if version == "2" and name.lower() == "apache":
        return "Apache-2.0"
    return shortened if _is_known(shortened) else ""


def _is_known(expression: str) -> bool:
    """Whether every id in it is one that SPDX spelling changed nothing about, or that we know: `Proprietary` is not."""
    ids = re.findall(r"[A-Za-z0-9][A-Za-z0-9.+\-]*", re.sub(r"\b(?:AND|OR)\b|WITH \S+", " ", expression))
    return bool(ids) and all(is_known_id(each) for each in ids)


def _license_files(package: Distribution) -> str:
    found: set[str] = set()
    for file in package.files or ():
        if file.parts and file.parts[0].endswith(".dist-info") and LICENSE_FILE.match(file.name):
            try:
                found.add(recognise_license(file.read_text(encoding="utf-8")))
            except (OSError, UnicodeDecodeError):
                return ""
    return " AND ".join(sorted(found)) if found and all(found) else ""
