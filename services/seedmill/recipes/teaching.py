"""What a Generate step has in common with others: which model is asked how, and whether its answer is whole."""

from seedmill.recipes.steps import Rejected
from seedmill.records.generation import Api, Completion, FinishReason, ModelCall, Sampling
from seedmill.spec.teacher import StepOverride, Teacher


def model_call(teacher: Teacher, step: str, prompt_limit_tokens: int) -> ModelCall:
    """The call of a step: the teacher's, with what `teacher.steps.<step>` says different."""
    override = teacher.steps.get(step, StepOverride())
    own, base = override.sampling, teacher.sampling
    return ModelCall(
        model=override.model or teacher.model,
        api=Api((override.api or teacher.api).value),
        sampling=Sampling(
            temperature=base.temperature if own.temperature is None else own.temperature,
            top_p=base.top_p if own.top_p is None else own.top_p,
            max_tokens=base.max_tokens if own.max_tokens is None else own.max_tokens,
        ),
        prompt_limit_tokens=prompt_limit_tokens,
    )


def unfinished(completion: Completion) -> Rejected | None:
    """Why a completion is not a whole answer, or None when the teacher ended it."""
    match completion.finish_reason:
        case FinishReason.STOP:
            return None
        case FinishReason.LENGTH:
            return Rejected("truncated", f"stopped at {completion.completion_tokens} tokens")
        case FinishReason.FILTERED:
            return Rejected("content_filter", "the provider's filter stopped it")
        case FinishReason.OTHER:
            return Rejected("stopped_early", "the teacher stopped for no reason it tells")
