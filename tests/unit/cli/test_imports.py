"""Every command and every service of a run begins with these imports, so what only some need is imported there."""

import json
import subprocess
import sys

HEAVY = ("aiohttp", "grpc", "jinja2", "kopf", "minio", "numpy", "pyarrow", "pydantic", "rich.console")


def loaded_by(statement: str) -> set[str]:
    program = f"import json, sys; {statement}; print(json.dumps(sorted(sys.modules)))"
    return set(json.loads(subprocess.check_output([sys.executable, "-c", program])))


def test_the_command_line_begins_without_what_only_some_commands_need():
    assert not loaded_by("import seedmill.cli.main").intersection(HEAVY)


def test_a_directory_is_opened_without_the_client_of_s3():
    assert "minio" not in loaded_by("import seedmill.storage; seedmill.storage.open_store('somewhere')")
