"""What a log line holds of an error: where it was and why, never what the code had in its hands."""

import subprocess
import sys

import pytest

from support.cli import environment

PROGRAM = """
import sys
import structlog
from seedmill.serving.logs import LogFormat, configure_logs

def sign(keys):
    secret_key = keys["AWS_SECRET_ACCESS_KEY"]
    raise RuntimeError(f"a bug with {len(secret_key)} characters")

configure_logs(LogFormat(sys.argv[1]))
try:
    sign({"AWS_SECRET_ACCESS_KEY": sys.argv[2]})
except RuntimeError:
    structlog.get_logger("seedmill.test").exception("internal error")
"""


@pytest.mark.parametrize("form", ["json", "console"])
def test_a_logged_error_shows_no_values_of_variables(form: str) -> None:
    secret = "b4d8-d0f1"
    command = [sys.executable, "-c", PROGRAM, form, secret]
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment()).stderr
    assert "a bug with 9 characters" in said
    assert "sign" in said
    assert secret not in said
