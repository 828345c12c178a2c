"""What is sent, and what answers and refusals mean."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedmill.inference.answers import Answer, estimate, read_answer, read_models
from seedmill.inference.dialect import Dialect, body, simpler
from seedmill.inference.refusals import Refusal, error_of, model_not_served, one_line, read_refusal
from seedmill.inference.retry import Kind, Trouble
from seedmill.records.generation import Api, FinishReason, GenerationRequest, Message, ModelCall, Prompt, Sampling
from seedmill.serving.errors import ItemError, Misconfigured, ServiceError

URL = "http://h/v1/completions"
SAMPLING = Sampling(temperature=0.5, top_p=0.9, max_tokens=7)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def request(api: Api = Api.COMPLETIONS, stop: tuple[str, ...] = (), text: str = "say") -> GenerationRequest:
    prompt = (
        Prompt(text=text, stop=stop)
        if api is Api.COMPLETIONS
        else Prompt(messages=(Message("system", "be brief"), Message("user", text)), stop=stop)
    )
    return GenerationRequest("a", ModelCall("m", api, SAMPLING), prompt, seed=11)


def read(fields: Any, api: Api = Api.COMPLETIONS, stop: tuple[str, ...] = ()) -> Answer:
    raw = fields if isinstance(fields, bytes) else orjson.dumps(fields)
    answer = read_answer(raw, request(api, stop), URL)
    assert isinstance(answer, Answer)
    return answer


def text_choice(text: Any, finish: Any = "stop", **more: Any) -> dict[str, Any]:
    return {"choices": [{"text": text, "finish_reason": finish}], **more}


def test_both_routes_carry_prompt_sampling_seed_and_stop():
    assert body(request(stop=("END",)), Dialect()) == {
        "model": "m", "prompt": "say", "max_tokens": 7, "temperature": 0.5, "top_p": 0.9, "seed": 11, "stop": ["END"],
    }  # fmt: skip
    chat = body(request(Api.CHAT), Dialect())
    assert chat["messages"] == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "say"}]
    assert "stop" not in chat
    assert "prompt" not in chat


@pytest.mark.parametrize(
    ("raw", "left_out"),
    [
        ({"error": {"message": "Unrecognized request argument supplied: seed"}}, Dialect(seed=False)),
        ({"error": {"message": "bad", "param": "seed"}}, Dialect(seed=False)),
        ({"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}, Dialect(seed=False)),
        ({"error": {"message": "Invalid 'stop': at most 4 elements"}}, Dialect(stop_limit=4)),
        ({"message": "too many stop sequences", "param": "stop"}, Dialect(stop_limit=4)),
        (
            {"error": {"message": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."}},
            Dialect(max_tokens_name="max_completion_tokens"),
        ),
        ({"error": {"message": "prompt breaks the rules"}}, None),
        ({"error": {"message": "the seed of doubt"}}, None),
    ],
)
def test_a_parameter_that_a_server_refuses_by_name_is_left_out(raw: Any, left_out: Dialect | None):
    assert simpler(Dialect(), read_refusal(400, orjson.dumps(raw)), stop_count=6) == left_out


def test_stop_strings_are_given_up_in_two_steps_and_then_no_more():
    refusal = Refusal(400, "unsupported parameter: stop")
    first = simpler(Dialect(), refusal, 6)
    assert first == Dialect(stop_limit=4)
    second = simpler(first, refusal, 6)
    assert second == Dialect(stop_limit=0)
    assert "stop" not in body(request(stop=tuple("abcdef")), second)
    assert simpler(second, refusal, 6) is None


def test_temperature_is_never_dropped():
    raw = orjson.dumps({"error": {"message": "Unsupported value", "param": "temperature"}})
    refusal = read_refusal(400, raw)
    assert simpler(Dialect(), refusal, 0) is None
    error = error_of(refusal, URL, "m", ())
    assert isinstance(error, Misconfigured)
    assert "teacher.sampling.temperature" in error.message


@pytest.mark.parametrize(("with_key", "mend"), [(True, "is it the right one in"), (False, "no key was sent: set")])
def test_a_refused_key_is_told_from_none(with_key: bool, mend: str):
    error = error_of(read_refusal(401, b"no"), URL, "m", (), with_key=with_key)
    assert isinstance(error, Misconfigured)
    assert error.message.endswith(f"{mend} SEEDMILL_TEACHER_KEY or OPENAI_API_KEY)")


def test_a_completion_with_its_usage():
    answer = read(text_choice("hi", model="m-2", usage={"prompt_tokens": 3, "completion_tokens": 1}))
    assert (answer.completion.text, answer.completion.model, answer.estimated) == ("hi", "m-2", False)
    assert (answer.completion.prompt_tokens, answer.completion.completion_tokens) == (3, 1)


@pytest.mark.parametrize(
    "usage", [None, {}, [], "x", {"prompt_tokens": -1}, {"prompt_tokens": "3"}, {"prompt_tokens": True}]
)
def test_missing_usage_is_estimated_and_said_to_be(usage: Any):
    answer = read(text_choice("hello there", usage=usage))
    assert answer.estimated
    assert answer.completion.prompt_tokens == estimate(3)
    assert answer.completion.completion_tokens == estimate(11)


@pytest.mark.parametrize(
    ("said", "means"),
    [
        ("stop", FinishReason.STOP), ("eos_token", FinishReason.STOP), ("length", FinishReason.LENGTH),
        ("content_filter", FinishReason.FILTERED), ("tool_calls", FinishReason.OTHER), (None, FinishReason.OTHER),
        (7, FinishReason.OTHER),
    ],
)  # fmt: skip
def test_finish_reasons(said: Any, means: FinishReason):
    assert read(text_choice("x", said)).completion.finish_reason is means


def test_text_is_cut_at_stop_strings_that_the_server_ignored():
    completion = read(text_choice("one END two STOP", "length"), stop=("STOP", "END")).completion
    assert (completion.text, completion.finish_reason) == ("one ", FinishReason.STOP)


def test_strange_but_legal_answers_pass():
    assert read(text_choice("")).completion.text == ""
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert read({"choices": [{"message": {"content": parts}}]}, Api.CHAT).completion.text == "ab"
    thought = {"choices": [{"message": {"content": None}, "finish_reason": "length"}]}
    assert read(thought, Api.CHAT).completion.finish_reason is FinishReason.LENGTH


@pytest.mark.parametrize(
    "fields",
    [
        {}, {"choices": []}, {"choices": None}, {"choices": ["x"]}, {"choices": [{}]}, {"choices": [{"text": None}]},
        {"choices": [{"text": 3}]}, {"choices": {"0": 1}}, [], 3, "x", None,
    ],
)  # fmt: skip
def test_json_without_a_completion_is_unreadable(fields: Any):
    with pytest.raises((Trouble, Misconfigured)) as raised:
        read(fields)
    assert getattr(raised.value, "kind", None) in (Kind.UNREADABLE, None)


def test_half_an_answer_is_a_failure_and_a_page_is_another_kind_of_server():
    with pytest.raises(Trouble) as raised:
        read(b'{"choices": [{"te')
    assert raised.value.kind is Kind.FAILED
    with pytest.raises(Misconfigured) as page:
        read(b"<html><body>" + b"welcome " * 100)
    assert page.value.reason == "NotAnOpenAiServer"
    assert URL in page.value.message
    assert "<html>" in page.value.message
    assert len(page.value.message) < 250


def test_an_error_within_a_200_keeps_its_status():
    answer = read_answer(orjson.dumps({"error": {"code": 429, "message": "slow"}}), request(), URL)
    assert isinstance(answer, Refusal)
    assert answer.status == 429


@given(JSON_VALUES, st.sampled_from(Api))
def test_any_json_is_a_completion_or_a_known_error(value: Any, api: Api):
    for raw in (value, {"choices": value}, {"choices": [value]}, {"choices": [{"text": value, "message": value}]}):
        try:
            answer = read_answer(orjson.dumps(raw), request(api), URL)
        except (Trouble, ServiceError):
            continue
        assert isinstance(answer, Refusal) or answer.completion.text.encode() is not None


@given(st.binary(max_size=60), st.integers(300, 599))
def test_any_refusal_has_one_line_and_an_error(raw: bytes, status: int):
    refusal = read_refusal(status, raw)
    assert "\n" not in refusal.message
    assert len(refusal.message) <= 300
    assert isinstance(error_of(refusal, URL, "m", ()), Trouble | ServiceError)


@given(JSON_VALUES)
def test_any_json_refusal_is_read(value: Any):
    for fields in (
        value,
        {"error": value},
        {"detail": value},
        {"error": {"message": value, "param": value, "code": value}},
    ):
        assert read_refusal(400, orjson.dumps(fields)).status == 400


@pytest.mark.parametrize(
    ("status", "message", "expected", "reason"),
    [
        (401, "no key", Misconfigured, "Unauthorized"),
        (403, "no", Misconfigured, "Unauthorized"),
        (404, "The model `m` does not exist", Misconfigured, "ModelNotServed"),
        (404, "Not Found", Misconfigured, "RouteNotServed"),
        (400, "The model `m` does not exist", Misconfigured, "ModelNotServed"),
        (
            400,
            "This model's maximum context length is 2048 tokens. However, you requested 4000",
            ItemError,
            "ContextExceeded",
        ),
        (400, "request (21000 tokens) exceeds the available context size (8192 tokens)", ItemError, "ContextExceeded"),
        (422, "`inputs` tokens + `max_new_tokens` must be <= 4096", ItemError, "ContextExceeded"),
        (400, "the prompt breaks our rules", ItemError, "PromptRefused"),
        (422, "no", ItemError, "PromptRefused"),
        (413, "too large", ItemError, "PromptRefused"),
        (301, "moved", Misconfigured, "NotAnOpenAiServer"),
    ],
)
def test_refusals_that_no_retry_mends(status: int, message: str, expected: type[ServiceError], reason: str):
    error = error_of(read_refusal(status, orjson.dumps({"error": {"message": message}})), URL, "m", ["n"])
    assert isinstance(error, expected)
    assert error.reason == reason
    if reason != "ModelNotServed":
        assert message in error.message


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (429, Kind.REFUSED),
        (503, Kind.REFUSED),
        (529, Kind.REFUSED),
        (402, Kind.REFUSED),
        (408, Kind.FAILED),
        (500, Kind.FAILED),
        (502, Kind.FAILED),
    ],
)
def test_refusals_that_may_pass(status: int, kind: Kind):
    trouble = error_of(read_refusal(status, b"<html>busy</html>", 3.0), URL, "m", ())
    assert isinstance(trouble, Trouble)
    assert (trouble.kind, trouble.retry_after_seconds) == (kind, 3.0)


def test_a_model_that_is_not_served_names_all_when_few_and_the_nearest_when_many():
    assert "served: a, b" in model_not_served("c", ["b", "a"], ["there"]).message
    many = [f"org/other-{n}" for n in range(40)] + ["bigcode/starcoder2-15b"]
    message = model_not_served("bigcode/StarCoder2-15B-x", many, ["there"]).message
    assert "bigcode/starcoder2-15b" in message
    assert "org/other-3" not in message


def test_models_are_listed_and_anything_else_is_no_openai_server():
    assert read_models(b'{"data": [{"id": "a"}, {"id": 3}, "x"]}', URL) == ["a"]
    for raw in (b"{}", b'{"data": 3}', b"<html>", b"[]"):
        with pytest.raises((Misconfigured, Trouble)):
            read_models(raw, URL)


def test_one_line_has_no_control_characters():
    assert one_line("a\x1b[31m\r\nb\t c\x00") == "a [31m b c"
    assert len(one_line("x" * 9999)) == 300
