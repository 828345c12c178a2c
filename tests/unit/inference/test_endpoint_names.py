"""How endpoints are written."""

from pathlib import Path

import pytest

from seedmill.inference.endpoint_names import EmbeddedName, OpenAiName, parse_endpoint
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
    ("text", "says"),
    [
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
