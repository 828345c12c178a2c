"""Which language a code fence's tag means."""

_LANGUAGE_OF_TAG = {
    "bash": "shell",
    "c#": "csharp",
    "c++": "cpp",
    "cc": "cpp",
    "cs": "csharp",
    "cxx": "cpp",
    "golang": "go",
    "js": "javascript",
    "jsx": "javascript",
    "kt": "kotlin",
    "py": "python",
    "py3": "python",
    "python3": "python",
    "rb": "ruby",
    "rs": "rust",
    "sh": "shell",
    "ts": "typescript",
    "tsx": "typescript",
    "zsh": "shell",
}


def language_of(tag: str) -> str:
    """The language's name as corpora use it; a tag that is a name already stays as it is."""
    return _LANGUAGE_OF_TAG.get(tag, tag)
