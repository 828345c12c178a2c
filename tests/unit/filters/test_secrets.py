import random
import string

import pytest

from seedmill.filters.secrets import find_secret, scrub

_LETTERS = string.ascii_letters + string.digits


def _random(length: int, alphabet: str = _LETTERS) -> str:
    """Made when the test runs, so that no file of this repository holds anything that looks like a key."""
    return "".join(random.Random(length).choices(alphabet, k=length))


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("private_key", f'KEY = """-----BEGIN {"RSA "}PRIVATE KEY-----\n{_random(64)}\n"""'),
        ("private_key", f"-----BEGIN {'OPENSSH '}PRIVATE KEY-----\n{_random(70)}"),
        ("private_key", f'"-----BEGIN {"PRIVATE"} KEY-----\\n{_random(64)}\\n"'),
        ("aws_access_key", "client('AKIA" + _random(16, string.ascii_uppercase + "234567") + "')"),
        ("github_token", "ghp_" + _random(36)),
        ("gitlab_token", "token: glpat-" + _random(20)),
        ("slack_token", "xoxb-" + _random(12, string.digits) + "-" + _random(24)),
        ("google_api_key", "AIza" + _random(35)),
        ("model_api_key", "sk-" + _random(20) + "T3BlbkFJ" + _random(20)),
        ("model_api_key", "sk-proj-" + _random(48)),
        ("stripe_key", "sk_live_" + _random(24)),
        ("json_web_token", "eyJ" + _random(20) + ".eyJ" + _random(40) + "." + _random(43)),
        ("credentials_in_url", "connect('postgres://admin:" + _random(11) + "@db.internal/x')"),
        ("assigned_secret", f'DB_PASSWORD = "{_random(14)}"'),
        ("assigned_secret", f"config['api_key'] = '{_random(24)}'"),
        ("assigned_secret", f'{{"client_secret": "{_random(32)}"}}'),
    ],
)
def test_secret_is_found(kind: str, text: str) -> None:
    assert find_secret(text) == kind


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN " + "PRIVATE KEY-----",
        "-----BEGIN CERTIFICATE-----\n" + _random(64),
        'password = "changeme123"',
        "password = getpass()",
        'api_key = "YOUR_API_KEY_1"',
        'password = "{password}1"',
        'token_pattern = r"[a-z0-9]+"',
        "url = 'https://user:password@example.com/'",
        "sha256 = '" + _random(64, "0123456789abcdef") + "'",
        "secret_key = os.environ['SECRET_KEY']",
    ],
)
def test_what_only_looks_like_a_secret_is_left_alone(text: str) -> None:
    assert find_secret(text) == ""


def test_addresses_are_replaced_and_the_code_stays_valid() -> None:
    email = "jane.roe" + "@" + "corp-mail.de"
    text = f'OWNER = "{email}"\nHOST = "93.184.216.34"  # {email}\n'
    scrubbed, counts = scrub(text)
    assert scrubbed == 'OWNER = "user@example.com"\nHOST = "192.0.2.1"  # user@example.com\n'
    assert counts == {"scrubbed_email": 2, "scrubbed_ipv4": 1}
    compile(scrubbed, "scrubbed", "exec")


@pytest.mark.parametrize(
    "text",
    [
        "user@example.com and root@localhost",
        "git@github.com:owner/name.git",
        "product = a@b.T + left@right.shape",
        "@decorator.py\ndef f(): ...",
        "127.0.0.1 10.1.2.3 192.168.77.80 203.0.113.77 255.255.255.255 0.0.0.0",
        "version = '119.0.6045.105'",
        "RFC 3986 section 5.2.1.1, OID 1.3.6.1, 999.888.777.666",
        "v40.41.42.43-beta",
    ],
)
def test_what_is_no_personal_address_stays(text: str) -> None:
    assert scrub(text) == (text, {})


def test_patterns_take_linear_time_on_hostile_text() -> None:
    for text in (
        "a" * 200_000,
        "@" * 200_000,
        "a." * 100_000,
        "1." * 100_000,
        "password" * 25_000,
        "eyJ" + "a" * 200_000,
    ):
        find_secret(text)
        scrub(text)
