"""Secrets and personal data in code: a text with a secret is no seed, e-mail and public IP addresses are replaced.

The two kinds differ. A key that stands in a text cannot be taken back by removing it from one line, so the whole text
is left out. An address is incidental: a placeholder of the same form keeps the code valid. Rules are narrow on purpose;
the false positives on Python's own standard library are measured in `docs/seeding.md`.
"""

import ipaddress
import math
import re
from collections import Counter

EMAIL_PLACEHOLDER = "user@example.com"
IPV4_PLACEHOLDER = "192.0.2.1"  # RFC 5737, reserved for documentation

_END = r"(?![A-Za-z0-9_\-])"
# Kind; strings without one of which the pattern cannot match (searched first, which is much faster); pattern.
_TOKENS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "private_key",
        ("PRIVATE KEY",),
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----\s*\\?n?[A-Za-z0-9+/=:,\- \s\\]{40}",
    ),
    ("aws_access_key", ("AKIA", "ASIA"), r"(?<![A-Za-z0-9/+])(?:AKIA|ASIA)[A-Z2-7]{16}(?![A-Za-z0-9/+=])"),
    ("github_token", ("gh",), r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b"),
    ("gitlab_token", ("glpat-",), r"\bglpat-[A-Za-z0-9_\-]{20}" + _END),
    ("slack_token", ("xox",), r"\bxox[abeoprs]-[0-9]{8,}-[A-Za-z0-9\-]{10,}"),
    (
        "slack_webhook",
        ("hooks.slack.com",),
        r"hooks\.slack\.com/services/T[A-Z0-9]{6,}/B[A-Z0-9]{6,}/[A-Za-z0-9]{20,}",
    ),
    ("google_api_key", ("AIza",), r"\bAIza[A-Za-z0-9_\-]{35}" + _END),
    ("google_oauth_secret", ("GOCSPX-",), r"\bGOCSPX-[A-Za-z0-9_\-]{28}" + _END),
    ("model_api_key", ("T3BlbkFJ",), r"\bsk-[A-Za-z0-9_\-]{20,140}T3BlbkFJ[A-Za-z0-9_\-]{20,}"),
    ("model_api_key", ("sk-",), r"\bsk-(?:proj|svcacct|ant-api\d\d|ant-admin\d\d|or-v1)-[A-Za-z0-9_\-]{32,}"),
    ("hugging_face_token", ("hf_",), r"\bhf_[A-Za-z]{34}\b"),
    ("stripe_key", ("k_live_",), r"\b[sr]k_live_[A-Za-z0-9]{16,}\b"),
    ("package_index_token", ("pypi-", "npm_"), r"\bpypi-AgEI[A-Za-z0-9_\-]{50,}|\bnpm_[A-Za-z0-9]{36}\b"),
    (
        "json_web_token",
        ("eyJ",),
        r"\beyJ[A-Za-z0-9_\-]{10,2000}\.eyJ[A-Za-z0-9_\-]{10,4000}\.[A-Za-z0-9_\-]{20,}",
    ),
    (
        "credentials_in_url",
        ("://",),
        r"://[^\s/:@'\"<>{}\[\]$%]{1,64}:(?P<value>[^\s/:@'\"<>{}\[\]$%]{6,64})@",
    ),
)
_COMPILED = tuple((kind, markers, re.compile(pattern)) for kind, markers, pattern in _TOKENS)
_ASSIGNMENT = re.compile(
    r"""(?ix)
    (?:passw(?:or)?d|passphrase|secret(?:_?key)?|api_?key|access_?key|auth_?token|access_?token
        |client_?secret|private_?key|encryption_?key)
    (?:["']\]?)?\s{0,4}(?::\s{0,2}str\s{0,2})?(?:=|:|=>|:=)\s{0,4}[bru]{0,2}
    (?P<quote>["'])(?P<value>[^"'\s\\]{8,200})(?P=quote)
    """
)
_PLACEHOLDER = re.compile(
    r"(?i)pass|secret|token|key|example|sample|dummy|fake|test|change|your|placeholder|redacted|default|foo|bar|hunter2"
    r"|[x*.]{4}|1234|abcd|qwert|^[<{$%(\[].*[>})%\]]$|\$\{|\{\{|%\(|://"
)
_ENTROPY_BITS = 3.0

_EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+\-/@:])[A-Za-z0-9][A-Za-z0-9._%+\-]{0,63}"
    r"@(?:[A-Za-z0-9\-]{1,63}\.){1,4}([a-z]{2,12})(?![A-Za-z0-9@(_\-]|\.[a-z])"
)
# Top-level domains beside the countries' two letters; and two letters that end an attribute or a file in code.
_DOMAINS = frozenset({"com", "org", "net", "edu", "gov", "mil", "int", "info", "biz", "name", "dev", "app", "cloud"})
_NOT_COUNTRIES = frozenset({"py", "pl", "rs", "so", "id", "is", "in", "to", "do", "at"})
_RESERVED = re.compile(r"(?i)@(?:[a-z0-9\-]+\.)*(?:example\.(?:com|org|net|edu)|example|test|invalid|localhost|local)$")
_ROLES = frozenset({"git", "noreply", "no-reply", "user", "username", "name", "me", "you", "foo", "bar", "test"})

_IPV4 = re.compile(r"(?<![\w.\-])(?:\d{1,3}\.){3}\d{1,3}(?![\w\-]|\.\d)")
_SMALL_OCTET = 32  # versions, section numbers and object ids are made of these; an address has two larger ones (99 %)
_VERSION_BEFORE = re.compile(r"(?i)(?:version|release|\bv|[=<>~!]=)[\"'\s:=(]*$")


def find_secret(text: str) -> str:
    """The kind of the first secret in the text, empty when there is none."""
    for kind, markers, pattern in _COMPILED:
        if not any(marker in text for marker in markers):
            continue
        for found in pattern.finditer(text):
            value = found.groupdict().get("value")
            if value is None or not _PLACEHOLDER.search(value):
                return kind
    for found in _ASSIGNMENT.finditer(text):
        if _looks_random(found["value"]):
            return "assigned_secret"
    return ""


def scrub(text: str) -> tuple[str, Counter[str]]:
    """The text with e-mail and public IPv4 addresses replaced; how many: `scrubbed_email`, `scrubbed_ipv4`."""
    counts: Counter[str] = Counter()

    def email(found: re.Match[str]) -> str:
        if not _is_personal(found):
            return found[0]
        counts["scrubbed_email"] += 1
        return EMAIL_PLACEHOLDER

    def ipv4(found: re.Match[str]) -> str:
        if not _is_public(found):
            return found[0]
        counts["scrubbed_ipv4"] += 1
        return IPV4_PLACEHOLDER

    if "@" in text:
        text = _EMAIL.sub(email, text)
    return _IPV4.sub(ipv4, text), counts


def _looks_random(value: str) -> bool:
    """Letters and digits mixed, spread over many characters, and none of the words that examples use."""
    if not (any(c.isdigit() for c in value) and any(c.isalpha() for c in value)) or _PLACEHOLDER.search(value):
        return False
    return _entropy_bits(value) >= _ENTROPY_BITS


def _entropy_bits(value: str) -> float:
    """Shannon entropy per character."""
    return -sum(n / len(value) * math.log2(n / len(value)) for n in Counter(value).values())


def _is_personal(found: re.Match[str]) -> bool:
    top = found[1]
    if top not in _DOMAINS and (len(top) != 2 or top in _NOT_COUNTRIES):
        return False
    return not _RESERVED.search(found[0]) and found[0].partition("@")[0].lower() not in _ROLES


def _is_public(found: re.Match[str]) -> bool:
    if sum(int(octet) >= _SMALL_OCTET for octet in found[0].split(".")) < 2:
        return False
    if _VERSION_BEFORE.search(found.string, max(0, found.start() - 24), found.start()):
        return False
    try:
        address = ipaddress.IPv4Address(found[0])
    except ValueError:
        return False
    return address.is_global and not address.is_multicast
