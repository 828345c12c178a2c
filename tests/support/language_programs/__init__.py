"""Programs in each language, as data: what becomes of them is said by tests/integration/test_execution_languages.py."""

from support.language_programs.bash import BASH
from support.language_programs.cpp import CPP
from support.language_programs.go import GO
from support.language_programs.java import JAVA
from support.language_programs.javascript import JAVASCRIPT
from support.language_programs.programs import Programs
from support.language_programs.rust import RUST
from support.language_programs.typescript import TYPESCRIPT

__all__ = ["PROGRAMS", "Programs"]

PROGRAMS = {
    "bash": BASH,
    "cpp": CPP,
    "go": GO,
    "java": JAVA,
    "javascript": JAVASCRIPT,
    "rust": RUST,
    "typescript": TYPESCRIPT,
}
