"""What of a journal counts. The numbers are those of the rules that a model of the journal showed to be needed."""

from seedmill.records.journal import EndRecord, Outcome, RetryRecord, StepRecord
from seedmill.records.resolution import JournalIndex
from seedmill.records.selection import Kept, PublishedOutcome
from seedmill.records.tokens import Tokens

CFG = "cfg"


def step(name: str, parent: str = "", *, output: object = "x", sample: str = "0", part: int = 0, cfg: str = CFG):
    return StepRecord(sample, name, part, 0, cfg, parent, output, Tokens(1, 1))


def end(outcome: Outcome, *uses: StepRecord, reason: str = "", sample: str = "0", cfg: str = CFG) -> EndRecord:
    digests = tuple(each.digest for each in uses)
    return EndRecord(sample, outcome, cfg, reason, chain=digests, uses=digests)


def index(*attempts: list[object], published: dict[str, str] | None = None) -> JournalIndex:
    found = JournalIndex(CFG)
    for number, records in enumerate(attempts, start=1):
        found.add(f"{number:06d}-aaaaaaaa", 0, records)
    found.finish({path: PublishedOutcome(Kept.KEPT, "", digest) for path, digest in (published or {}).items()})
    return found


def outcome_of(found: JournalIndex, root: int = 0):
    settled = next(each for each in found.roots() if each.index == root).settled()
    return None if settled is None else settled.leaves[0]


def test_rule_4_steps_of_different_chains_are_never_mixed():
    a1 = step("one", output="A")
    b1 = step("one", output="B")
    b2 = step("two", b1.digest, output="B")
    accepted = end(Outcome.ACCEPT, b1, b2)
    leaf = outcome_of(index([a1], [b1, b2, accepted]))
    assert leaf is not None
    assert [each.output for each in leaf.chain] == ["B", "B"]


def test_rule_4_a_sample_without_an_end_resumes_from_its_longest_chain():
    a1 = step("one", output="A")
    b1 = step("one", output="B")
    b2 = step("two", b1.digest)
    (root,) = index([a1], [b1, b2]).roots()
    assert root.settled() is None
    assert root.find("0", "one", 0, 0, "") == b1
    assert root.find("0", "two", 0, 0, b1.digest) == b2
    assert root.find("0", "two", 0, 0, a1.digest) is None


def test_of_equal_chains_the_lowest_position_is_resumed():
    a1, b1 = step("one", output="A"), step("one", output="B")
    (root,) = index([a1], [b1]).roots()
    assert root.find("0", "one", 0, 0, "") == a1


def test_an_end_whose_records_are_not_all_there_does_not_count():
    first, second = step("one"), step("two", step("one").digest)
    (root,) = index([first, end(Outcome.ACCEPT, first, second)]).roots()
    assert root.settled() is None


def test_rule_10_a_later_success_beats_an_earlier_failure():
    first = step("one")
    leaf = outcome_of(index([end(Outcome.FAILED, reason="infra")], [first, end(Outcome.ACCEPT, first)]))
    assert leaf is not None
    assert leaf.end.outcome is Outcome.ACCEPT


def test_rule_10_failed_settles_only_with_its_third_end_by_several_processes():
    failures = [[end(Outcome.FAILED, reason="infra")] for _ in range(3)]
    (two,) = index(*failures[:2]).roots()
    assert two.settled() is None
    assert two.failures("0") == 2
    leaf = outcome_of(index(*failures))
    assert leaf is not None
    assert leaf.end.reason == "infra"


def test_of_two_decided_ends_the_lowest_wins_with_its_whole_chain():
    a, b = step("one", output="A"), step("one", output="B")
    leaf = outcome_of(index([a, end(Outcome.ACCEPT, a)], [b, end(Outcome.REJECT, b, reason="late")]))
    assert leaf is not None
    assert leaf.end.outcome is Outcome.ACCEPT
    assert leaf.chain == (a,)


def test_rule_12_a_published_end_stays_when_a_lower_one_lands_late():
    late, published = step("one", output="late"), step("one", output="published")
    kept = end(Outcome.ACCEPT, published)
    leaf = outcome_of(index([late, end(Outcome.ACCEPT, late)], [published, kept], published={"0": kept.digest}))
    assert leaf is not None
    assert leaf.chain == (published,)


def test_rule_16_records_of_another_configuration_do_not_count():
    other = step("one", cfg="other")
    found = index([other, end(Outcome.ACCEPT, other, cfg="other")])
    assert found.roots() == []
    assert found.foreign == 2


def test_a_retry_lets_failed_ends_be_tried_anew_but_not_those_published():
    failures = [end(Outcome.FAILED, reason="infra") for _ in range(3)]
    other = [end(Outcome.FAILED, reason="infra", sample="1") for _ in range(3)]
    retry = RetryRecord("000001-aaaaaaaa")
    found = index([*failures, *other], [retry], published={"1": other[0].digest})
    again, kept = found.roots()
    assert again.settled() is None
    assert again.failures("0") == 0
    assert kept.settled() is not None


def test_children_settle_their_root_only_together_and_of_one_expansion():
    first = step("one")
    expansion = step("split", first.digest, output=["a", "b"])
    other = step("split", first.digest, output=["z"])
    zero = end(Outcome.ACCEPT, first, expansion, sample="0/0")
    one = end(Outcome.REJECT, first, expansion, sample="0/1", reason="dull")
    foreign = end(Outcome.ACCEPT, first, step("split", first.digest, output=["q", "r"]), sample="0/1")
    (half,) = index([first, expansion, other, zero, foreign]).roots()
    assert half.settled() is None
    (whole,) = index([first, expansion, other, zero, one]).roots()
    settled = whole.settled()
    assert settled is not None
    assert [leaf.end.sample for leaf in settled.leaves] == ["0/0", "0/1"]
    assert settled.tokens.total == 4  # one and split, each used record once


def test_tokens_of_parts_not_taken_count():
    asked = [step("ask", part=n) for n in range(3)]
    taken = EndRecord("0", Outcome.ACCEPT, CFG, chain=(asked[1].digest,), uses=tuple(each.digest for each in asked))
    (root,) = index([*asked, taken]).roots()
    settled = root.settled()
    assert settled is not None
    assert settled.tokens == Tokens(3, 3)
