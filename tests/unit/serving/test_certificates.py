"""The folder of a mounted Secret: what cannot work is said, what is exchanged is taken."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from cluster.certificates import Authority
from seedmill.serving.addresses import HostPort, UnixPath
from seedmill.serving.certificates import Certificates
from seedmill.serving.errors import Misconfigured
from seedmill.serving.guard import Guard
from seedmill.serving.server import running_server
from support.tls_folders import tls_folder


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "authority")


@pytest.fixture(scope="module")
def another(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls") / "another")


@pytest.fixture
def folder(authority: Authority, tmp_path: Path) -> Path:
    return tls_folder(authority, tmp_path / "mounted", "run")


def no_key(folder: Path, another: Authority) -> None:
    (folder / "tls.key").unlink()


def key_of_another(folder: Path, another: Authority) -> None:
    shutil.copy(another.pair.key, folder / "tls.key")


def authority_of_another(folder: Path, another: Authority) -> None:
    shutil.copy(another.pair.certificate, folder / "ca.crt")


def empty_authority(folder: Path, another: Authority) -> None:
    (folder / "ca.crt").write_text("")


def no_pem(folder: Path, another: Authority) -> None:
    (folder / "tls.crt").write_text("hello")


def folder_for_a_file(folder: Path, another: Authority) -> None:
    (folder / "ca.crt").unlink()
    (folder / "ca.crt").mkdir()


FAULTS = pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (no_key, "tls.key: No such file or directory"),
        (folder_for_a_file, "ca.crt: Is a directory"),
        (key_of_another, "tls.key is not the key of tls.crt"),
        (no_pem, "tls.crt and tls.key are not a certificate and its unencrypted key in PEM"),
        (empty_authority, "ca.crt holds no certificate in PEM"),
        (authority_of_another, "ca.crt has not signed tls.crt"),
    ],
)


@FAULTS
def test_what_cannot_work_is_one_line_with_folder_fault_and_need(
    folder: Path, another: Authority, spoil: Callable[[Path, Authority], None], words: str
) -> None:
    Certificates(folder)
    spoil(folder, another)
    with pytest.raises(Misconfigured) as raised:
        Certificates(folder)
    told = str(raised.value)
    assert told.startswith(f"TLS folder {folder}: {words}")
    assert told.endswith("it needs tls.crt, tls.key and ca.crt, as a kubernetes.io/tls Secret")
    assert "\n" not in told
    assert raised.value.reason == "BadCertificates"


@FAULTS
def test_one_that_runs_keeps_what_it_had_and_warns_once(
    folder: Path, another: Authority, spoil: Callable[[Path, Authority], None], words: str
) -> None:
    certificates = Certificates(folder)
    spoil(folder, another)
    with capture_logs() as said:
        certificates.channel_credentials()
        certificates.server_credentials()
    [line] = said
    assert line["log_level"] == "warning"
    assert words in line["error"]


def test_an_exchange_is_noticed_once(authority: Authority, folder: Path) -> None:
    certificates = Certificates(folder)
    tls_folder(authority, folder, "run")
    with capture_logs() as said:
        certificates.channel_credentials()
        certificates.channel_credentials()
    assert [line["event"] for line in said] == ["certificates exchanged"]


PORT = HostPort("127.0.0.1", 1)


def test_a_socket_needs_no_lock() -> None:
    assert Guard(Path("/no/such"), ["nobody"]).lock(UnixPath(Path("/s")), ["run"]) is None


async def test_an_open_port_is_said_in_the_log_and_others_are_not(folder: Path, tmp_path: Path) -> None:
    for address, guard, warnings in (
        ("127.0.0.1:0", Guard(), 1),
        ("127.0.0.1:0", Guard(folder), 0),
        (f"unix:{tmp_path}/s", Guard(), 0),
    ):
        with capture_logs() as said:
            async with running_server([], address, guard):
                pass
        assert len([line for line in said if line["event"].startswith("no TLS")]) == warnings


def test_who_may_call_is_the_services_affair_until_somebody_says(folder: Path) -> None:
    usual, said = Guard(folder).lock(PORT, ["run", "test"]), Guard(folder, ["operator"]).lock(PORT, ["run", "test"])
    assert usual is not None
    assert usual.callers == {"run", "test"}
    assert said is not None
    assert said.callers == {"operator"}


@pytest.mark.parametrize(
    ("guard", "words"),
    [
        (Guard(Path("/tls"), ["rum"]), "--allow-caller rum: callers are seeding, inference"),
        (Guard(None, ["run"]), "--allow-caller needs --tls FOLDER"),
    ],
)
def test_a_list_that_cannot_work_is_refused(guard: Guard, words: str) -> None:
    with pytest.raises(Misconfigured, match=words):
        guard.lock(PORT, [])
