"""An S3 server that goes away and comes back: versitygw over a folder, where there is one."""

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from seedmill.storage.cache import cache_folder

START_SECONDS = 20.0
BUCKET = "chaos"


def find_versitygw() -> Path | None:
    """On the PATH, or the newest that `make s3-server` has built; None where there is none."""
    if (found := shutil.which("versitygw")) is not None:
        return Path(found)
    built = [path for path in (cache_folder() / "tools").glob("versitygw-*/versitygw") if os.access(path, os.X_OK)]
    return max(built, key=lambda path: path.stat().st_mtime, default=None)


@dataclass(slots=True)
class S3Server:
    """A server with one bucket; it keeps its data while it is stopped."""

    binary: Path
    folder: Path
    host: str
    secret: str
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a run needs to reach it."""
        return {
            "SEEDMILL_S3_ENDPOINT": f"http://{self.host}",
            "AWS_ACCESS_KEY_ID": "chaos-access",
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_REGION": "us-east-1",
        }

    def start(self) -> None:
        """Start it and wait until it answers. Raises RuntimeError."""
        command = [self.binary, "--port", self.host, "--access", "chaos-access", "--secret", self.secret]
        command += ["--iam-dir", self.folder / "iam", "posix", self.folder / "data"]
        log = (self.folder / "log").open("ab")
        with log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        address, _, port = self.host.partition(":")
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex((address, int(port))) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"the S3 server does not start: {(self.folder / 'log').read_text(errors='replace')[-300:]}")

    def stop(self) -> None:
        """Away: connections are refused."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@contextmanager
def running_s3_server(binary: Path, folder: Path) -> Generator[S3Server]:
    """A server on a free port of the loopback until the end."""
    (folder / "data" / BUCKET).mkdir(parents=True)
    (folder / "iam").mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    server = S3Server(binary, folder, host, secrets.token_hex(16))
    server.start()
    try:
        yield server
    finally:
        server.stop()
