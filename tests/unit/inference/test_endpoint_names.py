"""How endpoints are written."""

from pathlib import Path

import pytest

from seedmill.inference.endpoint_names import (
    SPELLINGS,
    BatchName,
    EmbeddedName,
    OpenAiName,
    TgiName,
    VllmName,
    parse_endpoint,
    parse_endpoints,
)
from seedmill.serving.errors import Misconfigured


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://h:8000", "http://h:8000/v1"),
        ("http://h:8000/", "http://h:8000/v1"),
        ("http://h:8000/v1", "http://h:8000/v1"),
        ("openai:http://h:8000/v1/", "http://h:8000/v1"),
        ("OpenAI:HTTPS://Host/v1/chat/completions", "https://host/v1"),
        ("http://h/v1/completions", "http://h/v1"),
        ("http://h/v1/models/", "http://h/v1"),
        ("https://host/openai/v1", "https://host/openai/v1"),
        ("https://host/api/v3", "https://host/api/v3"),
        ("http://[::1]:8000", "http://[::1]:8000/v1"),
    ],
)
def test_each_spelling_means_one_base_url(text: str, url: str):
    assert parse_endpoint(text) == OpenAiName(url)


def test_a_model_in_this_process():
    assert parse_endpoint("embedded:") == EmbeddedName()
    assert parse_endpoint("embedded:/models/a.gguf") == EmbeddedName(Path("/models/a.gguf"))


@pytest.mark.parametrize(
    ("text", "name", "served"),
    [
        ("vllm:/models/Small-1B", VllmName("/models/Small-1B"), "Small-1B"),
        ("vllm:/models/Small-1B/", VllmName("/models/Small-1B/"), "Small-1B"),
        ("vllm:org/Small-1B", VllmName("org/Small-1B"), "org/Small-1B"),
        (
            "VLLM:/m/x?served_model_name=small&--max-model-len=2k&enforce-eager",
            VllmName("/m/x", (("served-model-name", "small"), ("max-model-len", "2k"), ("enforce-eager", ""))),
            "small",
        ),
        (
            "vllm:/m/x?override-generation-config={%22top_k%22:%2040}",
            VllmName("/m/x", (("override-generation-config", '{"top_k": 40}'),)),
            "x",
        ),
    ],
)
def test_a_model_in_vllm_and_the_name_it_is_asked_by(text: str, name: VllmName, served: str):
    assert parse_endpoint(text) == name
    assert name.served == served


def test_text_generation_inference_and_batches():
    assert parse_endpoint("tgi:http://h:8080/") == TgiName("http://h:8080")
    assert parse_endpoint("tgi:https://h/team?stream=true") == TgiName("https://h/team", stream=True)
    assert parse_endpoint("openai-batch:https://host") == BatchName("https://host/v1")


def test_what_is_said_to_be_allowed_is_allowed():
    assert [parse_endpoint(each.replace(":port", ":1")) for each in SPELLINGS]


def test_vllm_and_tgi_are_not_for_one_service():
    with pytest.raises(Misconfigured, match="start one service for each") as raised:
        parse_endpoints(["tgi:http://h:1", "http://h:2", "vllm:/m/x"])
    assert raised.value.reason == "EnginesExclude"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("vllm:", "names no model"),
        ("vllm:?dtype=half", "names no model"),
        ("vllm:/m?=3", "name=value"),
        ("vllm:/m?dtype=half&&", "name=value"),
        ("vllm:/m?dtype=half&dtype=float", "says dtype twice"),
        ("vllm:/m?model=/n", "stands before"),
        ("tgi:h:8080", "is not like"),
        ("tgi:http://h?streams=1", "stream=true is all"),
        ("openai-batch:", "is not like"),
        ("localhost:8000", "is none of http://host:port/v1"),
        ("grpc://h:1", "is none of"),
        ("", "is none of"),
        ("openai:", "is not like"),
        ("http://", "is not like"),
        ("http://h:99999/v1", "[Pp]ort"),
        ("http://h/v1?api-version=1", "leave out"),
    ],
)
def test_what_cannot_be_an_endpoint_is_refused_with_what_is_allowed(text: str, says: str):
    with pytest.raises(Misconfigured, match=says) as raised:
        parse_endpoint(text)
    assert raised.value.reason == "InvalidEndpoint"


def test_a_key_in_a_url_is_refused_and_not_repeated():
    with pytest.raises(Misconfigured) as raised:
        parse_endpoint("https://me:s3cret@host/v1")
    assert "s3cret" not in raised.value.message
    assert "SEEDMILL_TEACHER_KEY" in raised.value.message
