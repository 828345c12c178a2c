"""A real vLLM on this machine's CPU, once behind HTTP and once in the inference service's own process.

Both answer through `seedmill serve inference`, so that a test is one for both. They take minutes to load, so all tests
share them; each test has prompts of its own.
"""

import importlib.util
from collections.abc import Generator
from pathlib import Path

import pytest

from engines.vllm.programs import Served, in_process_endpoint, inference_service, vllm_server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Without vLLM, as in .venv, there is nothing to test."""
    if importlib.util.find_spec("vllm") is None:
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="vLLM has an environment of its own: make test-vllm"))


@pytest.fixture(scope="session")
def over_http(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    folder = tmp_path_factory.mktemp("http")
    with vllm_server(folder) as url, inference_service(folder, f"{url}/v1", url) as served:
        yield served


@pytest.fixture(scope="session")
def in_process(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    with inference_service(tmp_path_factory.mktemp("within"), in_process_endpoint()) as served:
        yield served


@pytest.fixture(scope="session", params=["over_http", "in_process"])
def vllm(request: pytest.FixtureRequest) -> Served:
    """Each of the two in turn."""
    return request.getfixturevalue(request.param)
