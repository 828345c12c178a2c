"""What a listing leaves out, counted: by reason, and by language where another language is why."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Unread:
    """Files that are not even opened."""

    reasons: Counter[str] = field(default_factory=Counter[str])
    languages: Counter[str] = field(default_factory=Counter[str])
