"""A store, a teacher and a spec, for tests in which runs are made and looked after by commands."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedmill.storage import open_store
from support.cli import result_of, seedmill
from support.s3_server import S3Server
from support.specs import TAUGHT, write_spec
from support.teacher import TeacherServer


@dataclass
class Workplace:
    """A workdir, a spec whose target can be changed, and a teacher."""

    folder: Path
    workdir: str
    environment: dict[str, str]
    teacher: TeacherServer

    @staticmethod
    def on_s3(server: S3Server, folder: Path, teacher: TeacherServer) -> "Workplace":
        """With its workdir in a bucket of its own."""
        return Workplace(folder, f"s3://{server.new_bucket()}/mill", server.environment, teacher)

    def spec(self, target: int, name: str = "taught", more: str = "") -> Path:
        """`more` are lines of `spec`."""
        text = TAUGHT.replace("acceptedSamples: 3", f"acceptedSamples: {target}").replace(
            "name: taught", f"name: {name}"
        )
        return write_spec(self.folder, text + more, functions=80)

    def run(self, spec: Path) -> dict[str, Any]:
        """What it says at its end."""
        options = ("--workdir", self.workdir, "--teacher", self.teacher.url, "--json")
        done = seedmill("run", spec, *options, **self.environment)
        assert done.returncode == 0, done.stderr
        return result_of(done)

    def command(self, *arguments: str) -> dict[str, Any]:
        done = seedmill(*arguments, "--workdir", self.workdir, "--json", **self.environment)
        assert done.returncode == 0, done.stderr
        return result_of(done)

    def refusal(self, *arguments: str) -> str:
        done = seedmill(*arguments, "--workdir", self.workdir, **self.environment)
        assert done.returncode == 2, done.stdout
        return done.stderr

    def objects(self) -> dict[str, int]:
        return {entry.key: entry.size_bytes for entry in open_store(self.workdir, self.environment or None).list()}
