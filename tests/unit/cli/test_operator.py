"""`seedmill operator`: what it says when it cannot work, and what its flags become."""

from typing import Any

import pytest
from typer.testing import CliRunner

from seedmill.cli import operator as command
from seedmill.cli.main import app
from seedmill.serving.errors import Misconfigured

NEEDED = ["operator", "--image=seedmill:1", "--store=s3://d", "--seeding=s:1", "--aggregation=a:1"]


def refusal(*flags: str) -> str:
    told = CliRunner().invoke(app, [*NEEDED, *flags])
    assert isinstance(told.exception, Misconfigured)
    return str(told.exception)


def test_without_the_extra_it_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda name: None)
    assert refusal("--namespace=a") == "the operator needs: pip install 'seedmill[operator]'"


@pytest.mark.parametrize("flags", [[], ["--namespace=a", "--all-namespaces"]], ids=["neither", "both"])
def test_where_it_works_must_be_said_once(flags: list[str]) -> None:
    assert "either --namespace NAME" in refusal(*flags)


@pytest.mark.parametrize("flag", ["--tls=/run/seedmill/tls", "--tls-secret=run-tls"])
def test_one_half_of_tls_is_refused(flag: str) -> None:
    assert "both or neither of --tls FOLDER" in refusal("--namespace=a", flag)


def test_flags_and_environment_become_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    from seedmill.operator import main
    from seedmill.operator.settings import OperatorSettings

    given: list[OperatorSettings] = []

    async def operate(settings: OperatorSettings, checks: Any) -> None:
        given.append(settings)

    monkeypatch.setattr(main, "operate", operate)
    monkeypatch.setattr(command, "configure_logs", lambda *_: None)
    environment = {"SEEDMILL_NAMESPACES": "a b", "SEEDMILL_EXECUTION": "e:1 f:1", "SEEDMILL_STORE_SECRET": "store"}
    environment |= {"SEEDMILL_TLS": "/tls", "SEEDMILL_TLS_SECRET": "run-tls"}
    told = CliRunner().invoke(app, [*NEEDED, "--run-memory=1Gi", "--writes-per-second=3"], env=environment)
    assert told.exit_code == 0, told.exception
    (settings,) = given
    assert (str(settings.tls), settings.pod.tls_secret) == ("/tls", "run-tls")
    assert settings.namespaces == ["a", "b"]
    assert settings.pod.services == {"seeding": ["s:1"], "execution": ["e:1", "f:1"], "aggregation": ["a:1"]}
    assert (settings.pod.store.secret, settings.pod.memory_request, settings.writes_per_second) == ("store", "1Gi", 3)
