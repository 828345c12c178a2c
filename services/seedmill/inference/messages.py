"""Prompts and completions as protobuf messages, and back. Only `server.py` and `client.py` use this."""

from seedmill.inference.answers import Answer
from seedmill.records.generation import (
    Api,
    Completion,
    FinishReason,
    GenerationRequest,
    Message,
    ModelCall,
    Prompt,
    Sampling,
)
from seedmill.serving.errors import InvalidRequest, ItemError, ServiceError
from seedmill.serving.status import from_rpc_status, to_rpc_status
from seedmill.v1alpha1 import inference_pb2 as pb


def prompt_message(item_id: str, request: GenerationRequest) -> pb.PromptItem:
    call, prompt = request.call, request.prompt
    item = pb.PromptItem(
        id=item_id,
        model=call.model,
        stop=prompt.stop,
        temperature=call.sampling.temperature,
        top_p=call.sampling.top_p,
        max_tokens=call.sampling.max_tokens,
        seed=request.seed,
        order=request.order,
    )
    match call.api:
        case Api.COMPLETIONS:
            item.text = prompt.text
        case Api.CHAT:
            turns = [pb.ChatMessage(role=turn.role, content=turn.content) for turn in prompt.messages]
            item.chat.CopyFrom(pb.Chat(messages=turns))
    return item


def request_of(item: pb.PromptItem) -> GenerationRequest:
    """Raises InvalidRequest when there is no input or no bound."""
    if item.max_tokens < 1 or not item.model:
        raise InvalidRequest("BadPrompt", f"prompt {item.id}: model and max_tokens must be given")
    match item.WhichOneof("input"):
        case "text":
            api, prompt = Api.COMPLETIONS, Prompt(text=item.text, stop=tuple(item.stop))
        case "chat":
            turns = tuple(Message(turn.role, turn.content) for turn in item.chat.messages)
            api, prompt = Api.CHAT, Prompt(messages=turns, stop=tuple(item.stop))
        case None:
            raise InvalidRequest("BadPrompt", f"prompt {item.id}: text or chat must be given")
    sampling = Sampling(item.temperature, item.top_p, item.max_tokens)
    return GenerationRequest(item.id, ModelCall(item.model, api, sampling), prompt, item.seed, item.order)


def result_message(item_id: str, outcome: Answer | ServiceError) -> pb.CompletionResult:
    if isinstance(outcome, ItemError):
        failure = pb.ItemFailure(reason=outcome.reason, message=outcome.message)
        return pb.CompletionResult(id=item_id, failure=failure)
    if isinstance(outcome, ServiceError):
        return pb.CompletionResult(id=item_id, trouble=to_rpc_status(outcome))
    completion = outcome.completion
    text = pb.CompletionText(
        text=completion.text,
        finish_reason=completion.finish_reason,
        prompt_tokens=completion.prompt_tokens,
        completion_tokens=completion.completion_tokens,
        model=completion.model,
        seconds=outcome.seconds,
    )
    return pb.CompletionResult(id=item_id, completion=text)


def outcome_of(result: pb.CompletionResult) -> Completion | ServiceError:
    match result.WhichOneof("outcome"):
        case "failure":
            return ItemError(result.failure.reason, result.failure.message)
        case "trouble":
            return from_rpc_status(result.trouble)
        case _:
            said = result.completion
    return Completion(
        said.text, FinishReason(said.finish_reason), said.prompt_tokens, said.completion_tokens, said.model
    )  # fmt: skip
