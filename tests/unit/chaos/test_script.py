from seedmill.chaos.answer_text import answer_text
from seedmill.chaos.script import Fault, Hits, Script
from seedmill.recipes.oss_instruct import parse_problem
from seedmill.recipes.steps import Rejected, Sample
from seedmill.records.generation import Api, Completion, FinishReason
from seedmill.records.seed import Seed, SeedKind, Source

KEYS = [f"{number:032x}" for number in range(2_000)]


def share(script: Script, earlier_tries: int) -> float:
    return sum(script.fault_of(key, earlier_tries) is not Fault.NONE for key in KEYS) / len(KEYS)


def test_a_fault_hits_its_percentage_of_the_prompts_at_the_first_try() -> None:
    script = Script(fault=Fault.RESET, percent=5)
    assert 0.03 < share(script, 0) < 0.07
    assert share(script, 1) == 0


def test_every_try_of_the_same_prompts_is_hit_or_each_try_anew() -> None:
    always = Script(fault=Fault.BAD_REQUEST, percent=10, hits=Hits.EVERY)
    assert [always.fault_of(key, 0) for key in KEYS] == [always.fault_of(key, 7) for key in KEYS]
    chance = Script(fault=Fault.SERVER_ERROR, percent=20, hits=Hits.CHANCE)
    assert 0.16 < share(chance, 0) < 0.24
    assert [chance.fault_of(key, 0) for key in KEYS] != [chance.fault_of(key, 1) for key in KEYS]


def test_a_script_goes_through_json() -> None:
    script = Script(fault=Fault.SLOW, percent=3, hits=Hits.EVERY, cap=7)
    assert Script.from_json(script.to_json()) == script


def test_answers_pass_the_gates_and_are_no_two_alike() -> None:
    source = Source("c", "p", 1, "project", "1", "MIT")
    sample = Sample("0", Seed("0" * 32, SeedKind.SNIPPET, "python", "x = 1", source))
    texts = [answer_text(key, 64) for key in KEYS]
    assert len(set(texts)) == len(texts)
    for text in texts[:50]:
        completion = Completion(text, FinishReason.STOP, 1, 64)
        assert not isinstance(parse_problem(Api.CHAT, sample, completion), Rejected)
