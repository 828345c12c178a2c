"""Licence texts, tags, and what packages say of themselves."""

from email.message import Message
from importlib.metadata import Distribution
from pathlib import PurePosixPath
from typing import Any, cast

import pytest

from seedmill.seeding.license_text import LICENSE_FILE, license_tag, recognise_license
from seedmill.seeding.package_license import license_field, package_license

BSD = "Redistribution and use in source and binary forms, with or without\nmodification, are permitted provided …\n"
BSD2 = BSD + "2. Redistributions in binary form must reproduce the above copyright notice"
BSD3 = BSD2 + "\n3. Neither the name … may be used to endorse or promote products derived from this software"
MIT = (
    "Permission is hereby granted, free of charge, to any person obtaining a copy of this …\n\n * The above copyright "
    "notice and this permission notice shall be included"
)


@pytest.mark.parametrize(
    ("text", "license"),
    [
        (MIT, "MIT"),
        (MIT.replace(" ", "\n  "), "MIT"),
        (MIT.split("\n\n")[0], "MIT-0"),
        ("Apache License\n   Version 2.0, January 2004", "Apache-2.0"),
        (BSD2, "BSD-2-Clause"),
        (BSD3, "BSD-3-Clause"),
        (BSD3 + "\nAll advertising materials mentioning features or use", "BSD-4-Clause"),
        ("PYTHON SOFTWARE FOUNDATION LICENSE VERSION 2\n----", "PSF-2.0"),
        ("This is free and unencumbered software released into the public domain.", "Unlicense"),
        ("GNU GENERAL PUBLIC LICENSE\n Version 3, 29 June 2007", "GPL-3.0-only"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\n Version 2.1, February 1999", "LGPL-2.1-only"),
        (f"{BSD3}\n\nThis product bundles x, which is under:\n{MIT}", "BSD-3-Clause AND MIT"),
        ("SPDX-License-Identifier: MIT OR Apache-2.0", "MIT OR Apache-2.0"),
        ("All rights reserved. You may not use this.", ""),
    ],
)
def test_license_text(text: str, license: str) -> None:  # noqa: A002
    assert set(recognise_license(text).split(" AND ")) == set(license.split(" AND "))


@pytest.mark.parametrize(
    ("text", "license"),
    [
        ("#!/bin/sh\n# SPDX-License-Identifier: MIT\n", "MIT"),
        ("/* SPDX-License-Identifier: (GPL-2.0 OR MIT) */\n", "GPL-2.0 OR MIT"),
        ("<!-- SPDX-License-Identifier: Apache-2.0 -->", "Apache-2.0"),
        ("// SPDX-License-Identifier: see the file\n", ""),
        ("x = 1\n" * 2000 + "# SPDX-License-Identifier: MIT\n", ""),
    ],
)
def test_tag_of_a_source_file(text: str, license: str) -> None:  # noqa: A002
    assert license_tag(text) == license


def test_names_of_license_files() -> None:
    for name in ("LICENSE", "LICENCE.txt", "COPYING", "License.md", "LICENSE-MIT", "UNLICENSE", "COPYING.LESSER"):
        assert LICENSE_FILE.match(name)
    for name in ("license_header.txt.py.tmpl.bak.more.and.more.and.more", "licenses", "relicense.py", "LICENSEE"):
        assert not LICENSE_FILE.match(name)


class Package:
    """As much of a distribution as its licence needs."""

    def __init__(self, *fields: tuple[str, str], license_file: str = "") -> None:
        self.metadata = Message()
        for name, value in fields:
            self.metadata[name] = value
        self.files = [_File(license_file)] if license_file else []


class _File:
    """A licence file among a package's files: a path that can be read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._path = PurePosixPath("p-1.dist-info/licenses/LICENSE")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._path, name)

    def __str__(self) -> str:
        return str(self._path)

    def read_text(self, encoding: str) -> str:
        return self.text


def of(*fields: tuple[str, str], license_file: str = "") -> str:
    return package_license(cast(Distribution, cast(Any, Package(*fields, license_file=license_file))))


MIT_CLASSIFIER = ("Classifier", "License :: OSI Approved :: MIT License")
BSD_CLASSIFIER = ("Classifier", "License :: OSI Approved :: BSD License")


def test_expression_goes_before_classifiers_and_field() -> None:
    assert of(("License-Expression", "MIT AND 0BSD"), BSD_CLASSIFIER, ("License", "GPL")) == "MIT AND 0BSD"


def test_classifiers_that_name_one_license() -> None:
    assert of(MIT_CLASSIFIER, ("License", "GPL-3.0-only")) == "MIT"
    assert (
        of(MIT_CLASSIFIER, ("Classifier", "License :: OSI Approved :: Apache Software License")) == "Apache-2.0 AND MIT"
    )
    assert of(("Classifier", "License :: OSI Approved"), MIT_CLASSIFIER) == "MIT"


def test_bsd_classifier_needs_the_field_or_the_file() -> None:
    assert of(BSD_CLASSIFIER) == ""
    assert of(BSD_CLASSIFIER, ("License", "BSD 2-Clause License")) == "BSD-2-Clause"
    assert of(BSD_CLASSIFIER, ("License", "BSD"), license_file=BSD3) == "BSD-3-Clause"
    assert of(BSD_CLASSIFIER, license_file="All rights reserved.") == ""


@pytest.mark.parametrize(
    ("text", "license"),
    [
        ("MIT", "MIT"),
        ("The MIT License", "MIT"),
        ("Apache 2.0", "Apache-2.0"),
        ("Apache License 2.0", "Apache-2.0"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("3-Clause BSD License", "BSD-3-Clause"),
        ("MPL-2.0 AND MIT", "MPL-2.0 AND MIT"),
        ("BSD", ""),
        ("Proprietary", ""),
        ("UNKNOWN", ""),
        ("see LICENSE", ""),
        (f"Copyright 2020 me\n\n{MIT}", "MIT"),
    ],
)
def test_free_text_field(text: str, license: str) -> None:  # noqa: A002
    assert license_field(text) == license
