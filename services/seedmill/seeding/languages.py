"""Languages by file extension, and the names people give them."""

from difflib import get_close_matches
from pathlib import PurePosixPath

_EXTENSIONS: dict[str, tuple[str, ...]] = {
    "c": (".c", ".h"),
    "clojure": (".clj", ".cljs", ".cljc"),
    "cpp": (".cc", ".cpp", ".cxx", ".hpp", ".hh", ".hxx"),
    "csharp": (".cs",),
    "dart": (".dart",),
    "elixir": (".ex", ".exs"),
    "erlang": (".erl", ".hrl"),
    "fortran": (".f90", ".f95", ".f03"),
    "go": (".go",),
    "haskell": (".hs",),
    "java": (".java",),
    "javascript": (".js", ".mjs", ".cjs", ".jsx"),
    "julia": (".jl",),
    "kotlin": (".kt", ".kts"),
    "lua": (".lua",),
    "ocaml": (".ml", ".mli"),
    "perl": (".pl", ".pm"),
    "php": (".php",),
    "powershell": (".ps1", ".psm1"),
    "python": (".py", ".pyw"),
    "r": (".r",),
    "ruby": (".rb",),
    "rust": (".rs",),
    "scala": (".scala",),
    "shell": (".sh", ".bash"),
    "sql": (".sql",),
    "swift": (".swift",),
    "typescript": (".ts", ".tsx", ".mts", ".cts"),
}
_BY_EXTENSION = {extension: language for language, extensions in _EXTENSIONS.items() for extension in extensions}
_ALIASES = {
    "bash": "shell",
    "c#": "csharp",
    "c++": "cpp",
    "c-sharp": "csharp",
    "golang": "go",
    "js": "javascript",
    "jsx": "javascript",
    "py": "python",
    "python3": "python",
    "rs": "rust",
    "sh": "shell",
    "ts": "typescript",
    "tsx": "typescript",
}

LANGUAGES = frozenset(_EXTENSIONS)


def canonical_language(name: str) -> str:
    """The name used in seeds for a language as a corpus or a person calls it (`C++`, `c-sharp`, `.py`)."""
    lowered = name.strip().lower()
    if lowered.startswith("."):
        return _BY_EXTENSION.get(lowered, lowered[1:])
    return _ALIASES.get(lowered, lowered)


def language_of_path(path: str) -> str:
    """The language of a file by its extension; empty when unknown."""
    return _BY_EXTENSION.get(PurePosixPath(path).suffix.lower(), "")


def nearest_language(name: str) -> str:
    """The known name that looks most like this one, or empty."""
    return next(iter(get_close_matches(name, LANGUAGES, n=1)), "")
