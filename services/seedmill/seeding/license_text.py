"""Which licence a text is, by the phrases that only this licence has, and by SPDX tags.

Phrases rather than whole-text similarity: copyright lines, line breaks and headings differ in every copy. A text that
holds phrases of several licences (a package that bundles others) is all of them together.
"""

import re
from functools import lru_cache

from seedmill.filters.license import canonical_expression

LICENSE_FILE = re.compile(r"(?i)^(?:li[cs]en[cs]e|copying|unlicense)(?:[-_.][a-z0-9.\-]{1,30})?$")
"""Names of files that hold the licence of their directory."""

_TAG = re.compile(r"SPDX-License-Identifier:\s*([^\n]{1,200})")
_TAG_WITHIN_CHARACTERS = 4096

# Id, phrases that must all be there, phrases that must not. Compared in lower case, whitespace and quotes folded.
_BSD = "redistribution and use in source and binary forms, with or without modification, are permitted"
_RULES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        "MIT",
        (
            "permission is hereby granted, free of charge, to any person obtaining a copy",
            "the above copyright notice and this permission notice",
        ),
        ("except as contained in this notice", "the software shall be used for good"),
    ),
    (
        "MIT-0",
        ("permission is hereby granted, free of charge, to any person obtaining a copy",),
        ("the above copyright notice",),
    ),
    ("Apache-2.0", ("apache license", "version 2.0"), ()),
    ("BSD-4-Clause", (_BSD, "all advertising materials mentioning features"), ()),
    ("BSD-3-Clause", (_BSD, "endorse or promote products"), ("all advertising materials mentioning features",)),
    ("BSD-2-Clause", (_BSD, "redistributions in binary form must reproduce"), ("endorse or promote products",)),
    (
        "ISC",
        ("permission to use, copy, modify, and/or distribute this software for any purpose with or without fee",
         "the above copyright notice and this permission notice appear in all copies"),
        (),
    ),
    (
        "ISC",
        ("permission to use, copy, modify, and distribute this software for any purpose with or without fee is hereby",
         "granted, provided that the above copyright notice and this permission notice appear in all copies"),
        (),
    ),
    ("0BSD", ("permission to use, copy, modify, and/or distribute this software for any purpose with or without fee",),
     ("the above copyright notice",)),
    ("PSF-2.0", ("python software foundation license version 2",), ()),
    ("Unlicense", ("this is free and unencumbered software released into the public domain",), ()),
    ("Zlib", ("this software is provided as-is, without any express or implied warranty",
              "altered source versions must be plainly marked as such"), ()),
    ("BSL-1.0", ("boost software license", "version 1.0"), ()),
    ("CC0-1.0", ("cc0 1.0 universal",), ()),
    ("WTFPL", ("do what the fuck you want to public license",), ()),
    ("MPL-2.0", ("mozilla public license", "version 2.0"), ("secondary license means",)),
    ("MPL-2.0", ("mozilla public license version 2.0", "1.12. secondary license"), ()),
    ("EPL-2.0", ("eclipse public license", "v 2.0"), ()),
    ("AGPL-3.0-only", ("gnu affero general public license version 3",), ()),
    ("LGPL-3.0-only", ("gnu lesser general public license version 3",), ()),
    ("LGPL-2.1-only", ("gnu lesser general public license version 2.1",), ()),
    ("GPL-3.0-only", ("gnu general public license version 3, 29 june 2007",), ()),
    ("GPL-2.0-only", ("gnu general public license version 2, june 1991",), ()),
)  # fmt: skip


def license_tag(text: str) -> str:
    """The SPDX-License-Identifier in the head of a source file, as an expression; empty when there is none."""
    if "SPDX-License-Identifier" not in text:
        return ""
    found = _TAG.search(text, 0, _TAG_WITHIN_CHARACTERS)
    return canonical_expression(re.sub(r"(?:\*/|-->|\*\)|#}).*$", "", found[1]).strip().rstrip("'\"")) if found else ""


@lru_cache(maxsize=4096)
def recognise_license(text: str) -> str:
    """The licence that a licence file says, as an SPDX expression; empty when it is none of those known here."""
    folded = " ".join(re.sub(r"[\"'`*#>|]|//|“|”|‘|’", " ", text.lower()).split())
    found = dict.fromkeys(
        name
        for name, needed, excluded in _RULES
        if all(phrase in folded for phrase in needed) and not any(phrase in folded for phrase in excluded)
    )
    if not found:
        return license_tag(text)
    return " AND ".join(found)
