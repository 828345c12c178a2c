"""What the gateway's callers get from a real vLLM, the same over HTTP and in process."""

import asyncio

import pytest

from engines.vllm.programs import CONTEXT_TOKENS, Served, model_folder, until
from seedmill.records.generation import Api, FinishReason, GenerationRequest, Message, ModelCall, Prompt, Sampling
from seedmill.serving.errors import ItemError, Misconfigured

RUNNING, WAITING = "vllm:num_requests_running", "vllm:num_requests_waiting"


def ask(
    text: str,
    api: Api,
    *,
    max_tokens: int = 16,
    temperature: float = 0.8,
    stop: tuple[str, ...] = (),
    seed: int = 1,
    model: str = "tiny",
) -> GenerationRequest:
    turns = (Message("system", "You write code."), Message("user", text))
    prompt = Prompt(text=text, stop=stop) if api is Api.COMPLETIONS else Prompt(messages=turns, stop=stop)
    return GenerationRequest(text, ModelCall(model, api, Sampling(temperature, 0.95, max_tokens)), prompt, seed)


def tokens_of(prompt: Prompt) -> list[int]:
    """The prompt as the model's own tokenizer makes it."""
    from transformers import AutoTokenizer  # not in .venv

    tokenizer = AutoTokenizer.from_pretrained(model_folder("tiny-llama"))
    if prompt.text:
        return tokenizer.encode(prompt.text)
    turns = [{"role": turn.role, "content": turn.content} for turn in prompt.messages]
    return tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)


@pytest.mark.parametrize("api", Api)
async def test_a_prompt_is_answered_with_what_it_cost(vllm: Served, api: Api):
    request = ask("def add(a, b):", api)
    async with vllm.client() as client:
        answer = await client.generate(request)
    assert answer.prompt_tokens == len(tokens_of(request.prompt))
    assert (answer.completion_tokens, answer.finish_reason) == (16, FinishReason.LENGTH)
    assert answer.text
    assert answer.model == "tiny"


@pytest.mark.parametrize("api", Api)
async def test_the_seed_decides_what_is_sampled(vllm: Served, api: Api):
    async with vllm.client() as client:
        texts = [(await client.generate(ask("import os", api, seed=seed))).text for seed in (5, 5, 6)]
    assert texts[0] == texts[1] != texts[2]


async def test_samples_of_one_prompt_share_what_it_takes_to_read_it(vllm: Served):
    text = " ".join(f"value_{number} = {number}" for number in range(CONTEXT_TOKENS // 16))
    samples = 8
    read, shared = (f"vllm:prefix_cache_{what}_total" for what in ("queries", "hits"))
    before = vllm.metric(read), vllm.metric(shared)
    async with vllm.client() as client:
        asked = [ask(text, Api.COMPLETIONS, max_tokens=4, seed=seed) for seed in range(samples)]
        tokens = [(await each).prompt_tokens for each in [asyncio.create_task(client.generate(a)) for a in asked]]
    assert vllm.metric(read) - before[0] == sum(tokens)
    assert vllm.metric(shared) - before[1] > 0.75 * (samples - 1) * tokens[0]


@pytest.mark.parametrize("api", Api)
async def test_both_ways_give_the_same_text_where_nothing_is_sampled(over_http: Served, in_process: Served, api: Api):
    texts: list[str] = []
    for served in (over_http, in_process):
        async with served.client() as client:
            texts.append((await client.generate(ask("class Point:", api, temperature=0.0))).text)
    assert texts[0] == texts[1]


@pytest.mark.parametrize("api", Api)
async def test_a_stop_string_ends_the_text_before_it(vllm: Served, api: Api):
    async with vllm.client() as client:
        whole = await client.generate(ask("for line in", api, max_tokens=32, temperature=0.0))
        place = len(whole.text) // 2
        stop = whole.text[place : place + 3]
        cut = await client.generate(
            ask("for line in", api, max_tokens=32, temperature=0.0, stop=("no such text", stop))
        )
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.finish_reason is FinishReason.STOP
    assert cut.completion_tokens < whole.completion_tokens


@pytest.mark.parametrize("api", Api)
async def test_a_prompt_that_does_not_fit_the_context_fails_alone(vllm: Served, api: Api):
    async with vllm.client() as client:
        asked = [ask("word " * CONTEXT_TOKENS, api), ask("def short():", api)]
        failed, answer = await asyncio.gather(*(client.generate(each) for each in asked), return_exceptions=True)
    assert isinstance(failed, ItemError)
    assert failed.reason == "ContextExceeded"
    assert str(CONTEXT_TOKENS) in failed.message
    assert not isinstance(answer, BaseException)


@pytest.mark.parametrize("api", Api)
async def test_a_completion_is_cut_where_the_context_ends(vllm: Served, api: Api):
    async with vllm.client() as client:
        answer = await client.generate(ask("def long(): ", api, max_tokens=CONTEXT_TOKENS))
    assert answer.prompt_tokens + answer.completion_tokens <= CONTEXT_TOKENS
    assert answer.finish_reason in (FinishReason.LENGTH, FinishReason.STOP)


async def test_another_model_is_refused_with_what_is_served(vllm: Served):
    async with vllm.client() as client:
        for call in (client.check_models(["large"]), client.generate(ask("x", Api.CHAT, model="large"))):
            with pytest.raises(Misconfigured, match=r"'large' is not served by .*served: tiny") as raised:
                await call
            assert raised.value.reason == "ModelNotServed"


async def test_prompts_that_nobody_waits_for_are_aborted_in_the_engine(vllm: Served):
    before = vllm.metric("vllm:generation_tokens_total")
    count, most = 96, CONTEXT_TOKENS - 64
    async with vllm.client() as client:
        tasks = [
            asyncio.create_task(client.generate(ask(f"# {n}\n", Api.CHAT, max_tokens=most, seed=n)))
            for n in range(count)
        ]
        await until(lambda: vllm.metric(RUNNING) > 0, 30, "the engine has begun")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await until(lambda: vllm.metric(RUNNING) + vllm.metric(WAITING) == 0, 30, "the engine is idle")
        # Idle because it was told to stop, not because it had written all of it.
        assert vllm.metric("vllm:generation_tokens_total") - before < count * most / 2
        assert (await client.generate(ask("still there?", Api.CHAT))).text
