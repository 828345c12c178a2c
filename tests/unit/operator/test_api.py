"""What goes to the API server and what comes back, over a real connection to a server that records and answers."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from kubernetes.aio.client import Configuration

from seedmill.operator.api import Api, merge_patch
from seedmill.operator.cluster import ApiError, Conflict, Key
from seedmill.operator.conditions import Event
from seedmill.operator.write_budget import WriteBudget

KEY = Key("team-a", "mine")
RESOURCE = {"metadata": {"name": "mine", "namespace": "team-a", "uid": "u1", "resourceVersion": "7"}}
JOB = {"metadata": {"name": "mine-01234567", "namespace": "team-a"}}


@dataclass
class Server:
    """Answers in their order, the last again and again."""

    answers: list[tuple[int, Any, dict[str, str]]] = field(default_factory=list[Any])
    requests: list[tuple[str, str, str, Any]] = field(default_factory=list[Any])

    async def handle(self, request: web.Request) -> web.Response:
        text = await request.text()
        body = json.loads(text) if text else None
        self.requests.append((request.method, request.path_qs, request.content_type, body))
        status, answer, headers = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return web.json_response(answer, status=status, headers=headers)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    made = Api(Configuration(host=f"http://127.0.0.1:{port}"), WriteBudget(1000, 1000))
    yield made
    await made.close()
    await runner.cleanup()


def refusal(status: int, **headers: str) -> tuple[int, Any, dict[str, str]]:
    return status, {"kind": "Status", "message": f"no, {status}"}, headers


async def test_a_run_that_is_not_there_is_none(server: Server, api: Api) -> None:
    server.answers = [refusal(404)]
    assert await api.run(KEY) is None
    assert server.requests[0][1] == "/apis/seedmill.dev/v1alpha1/namespaces/team-a/datasetgenerations/mine"


@pytest.mark.parametrize("status", [401, 403, 500, 503])
async def test_a_refusal_says_what_was_asked_and_what_was_answered(server: Server, api: Api, status: int) -> None:
    server.answers = [refusal(status)]
    with pytest.raises(ApiError, match=rf"GET /apis/batch/v1/namespaces/team-a/jobs: no, {status} \({status}\)"):
        await api.jobs(KEY)


async def test_a_server_that_is_away_is_an_error_of_status_0() -> None:
    away = Api(Configuration(host="http://127.0.0.1:1"), WriteBudget(10, 10))
    with pytest.raises(ApiError, match="does not answer") as error:
        await away.run(KEY)
    assert error.value.status == 0
    await away.close()


async def test_a_busy_server_is_asked_again_when_it_says_so(server: Server, api: Api) -> None:
    server.answers = [refusal(429, **{"Retry-After": "0"}), (200, {"items": []}, {})]
    assert await api.pods(KEY) == []
    assert len(server.requests) == 2


async def test_the_status_is_written_under_the_version_that_was_looked_at(server: Server, api: Api) -> None:
    server.answers = [(200, {}, {}), refusal(409)]
    resource = {**RESOURCE, "status": {"state": "Running", "completionTime": "x"}}
    await api.write_status(resource, {"state": "Done"})
    method, path, content_type, body = server.requests[0]
    assert (method, content_type) == ("PATCH", "application/merge-patch+json")
    assert path.startswith("/apis/seedmill.dev/v1alpha1/namespaces/team-a/datasetgenerations/mine/status?")
    assert body == {"metadata": {"resourceVersion": "7"}, "status": {"state": "Done", "completionTime": None}}
    with pytest.raises(Conflict):
        await api.write_status(resource, {"state": "Done"})


async def test_a_job_is_applied_and_one_that_cannot_be_changed_is_left(server: Server, api: Api) -> None:
    server.answers = [(201, {}, {}), refusal(422), (200, {"items": [JOB]}, {})]
    await api.apply_job("team-a", JOB)
    await api.apply_job("team-a", JOB)
    assert server.requests[0][0] == "PATCH"
    assert server.requests[0][2] == "application/apply-patch+yaml"
    assert "fieldManager=seedmill-operator" in server.requests[0][1]


async def test_a_job_that_is_refused_and_not_there_is_an_error(server: Server, api: Api) -> None:
    server.answers = [refusal(422), (200, {"items": []}, {})]
    with pytest.raises(ApiError, match="no, 422"):
        await api.apply_job("team-a", JOB)


@pytest.mark.parametrize("status", [200, 404, 409])
async def test_this_very_job_is_deleted_in_the_foreground(server: Server, api: Api, status: int) -> None:
    server.answers = [refusal(status)]
    await api.delete_job("team-a", "mine-01234567", "j1")
    body = server.requests[0][3]
    assert body == {"propagationPolicy": "Foreground", "preconditions": {"uid": "j1"}}


async def test_a_run_is_deleted_only_as_it_was_looked_at(server: Server, api: Api) -> None:
    server.answers = [refusal(409)]
    with pytest.raises(Conflict):
        await api.delete_run(RESOURCE)
    assert server.requests[0][3] == {"preconditions": {"uid": "u1", "resourceVersion": "7"}}


async def test_an_event_has_one_name_however_often_it_is_posted(server: Server, api: Api) -> None:
    server.answers = [(201, {}, {}), refusal(409)]
    for _ in range(2):
        await api.post_event(RESOURCE, Event("Warning", "ModelNotServed", "é" * 1000))
    first, second = (request[3] for request in server.requests)
    assert first["metadata"]["name"] == second["metadata"]["name"]
    assert len(first["note"].encode()) <= 1024, "what an API server takes"
    assert first["regarding"]["uid"] == "u1"


async def test_keys_come_page_by_page(server: Server, api: Api) -> None:
    def page(name: str, token: str) -> tuple[int, Any, dict[str, str]]:
        item = {"metadata": {"name": name, "namespace": "team-a"}}
        return 200, {"metadata": {"continue": token}, "items": [item]}, {}

    server.answers = [page("a", "next"), page("b", "")]
    assert [key.name async for key in api.run_keys(None)] == ["a", "b"]
    assert server.requests[0][1] == "/apis/seedmill.dev/v1alpha1/datasetgenerations?limit=500"
    assert server.requests[1][1].endswith("continue=next")


async def test_writes_wait_for_the_budget_and_reads_do_not() -> None:
    now, slept = 0.0, list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    budget = WriteBudget(10, 2, clock=lambda: now, sleep=sleep)
    for _ in range(4):
        await budget.take()
    assert slept == pytest.approx([0.1, 0.2])
    now = 10.0
    await budget.take()
    assert len(slept) == 2, "the bucket is full again"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=10,
)
OBJECTS = st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4)


def without_none(value: Any) -> Any:
    """A status has no null."""
    if isinstance(value, dict):
        return {name: without_none(inner) for name, inner in value.items() if inner is not None}
    return value


def merged(before: Any, patch: Any) -> Any:
    """RFC 7386, section 2."""
    if not isinstance(patch, dict):
        return patch
    result = dict(before) if isinstance(before, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


@given(OBJECTS, OBJECTS)
def test_the_patch_makes_the_one_of_the_other(before: Any, after: Any) -> None:
    before, after = without_none(before), without_none(after)
    assert merged(before, merge_patch(before, after)) == after


async def test_the_last_answer_is_known(server: Server, api: Api) -> None:
    server.answers = [refusal(403)]
    with pytest.raises(ApiError):
        await api.ask("team-a")
    assert asyncio.get_running_loop().time() - api.answered_at < 5
