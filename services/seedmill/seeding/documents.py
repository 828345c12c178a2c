"""One document of a corpus, and how bytes become one: what is binary, too long, empty or not UTF-8 is none."""

from dataclasses import dataclass

METADATA_TAGS = ("<reponame>", "<repo_name>", "<filename>", "<gh_stars>", "<file_sep>")


@dataclass(frozen=True, slots=True)
class Document:
    """The text of one source file, with `\\n` line ends.

    `license` is an SPDX expression, empty when unknown. `package` is the dotted package against which relative imports
    may be resolved, only known for the standard library.
    """

    text: str
    path: str
    project: str
    version: str
    license: str
    language: str
    package: str = ""


@dataclass(frozen=True, slots=True)
class Skipped:
    """Something in a corpus that is no document, and why (a reason of `docs/seeding.md`)."""

    reason: str
    path: str


def document_text(data: bytes, limit_bytes: int) -> tuple[str, str]:
    """`(text, "")` of a source file's bytes, or `("", reason)`."""
    if len(data) > limit_bytes:
        return "", "too_large"
    if b"\0" in data:
        return "", "binary"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "", "not_utf8"
    return clean_text(text, limit_bytes)


def clean_text(text: str, limit_bytes: int) -> tuple[str, str]:
    """As `document_text`, of text that a table held."""
    if len(text) > limit_bytes:
        return "", "too_large"
    if "\0" in text:
        return "", "binary"
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return "", "not_utf8"
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return (text, "") if text.strip() else ("", "empty")


def without_metadata_line(text: str) -> tuple[str, bool]:
    """The text without the first line that StarCoder's data puts before a file (`<reponame>…`), and if it had one."""
    first, _, rest = text.partition("\n")
    return (rest, True) if first.startswith(METADATA_TAGS) else (text, False)
