import pytest

from seedmill.spec.digest import LIMITS, canonical_bytes, data_spec, spec_digest, spec_digest8
from seedmill.spec.model import DatasetGeneration
from seedmill.spec.parse import parse

BASE = """\
apiVersion: seedmill.dev/v1alpha1
kind: DatasetGeneration
metadata: {name: base}
spec:
  recipe: {ossInstruct: {maxLines: 15}}
  seeds: {corpus: {uri: installed:stdlib, languages: [python, rust], licenses: {allow: [MIT, ISC]}}}
  teacher: {model: m, sampling: {temperature: 1}}
  target: {acceptedSamples: 10}
"""


def of(text: str) -> DatasetGeneration:
    return parse(text.encode(), "a.yaml")[0]


@pytest.mark.parametrize(
    "limit",
    [
        "target: {acceptedSamples: 99, maxCandidates: 1000}",
        'budget: {maxTokens: 5, maxCost: "1", pricePerMillionTokens: {input: "1", output: "1"}}',
        "maxInFlight: 3",
        "failurePolicy: {maxFailedPercent: 50}",
        "suspend: true",
        "ttlSecondsAfterFinished: 5",
        "queueName: team-a",
        "priorityClassName: low",
        "managedBy: other/controller",
        "output: {store: {uri: 's3://bucket/x', secretRef: {name: store}}}",
        "output: {retention: {publications: 3, ttlSecondsAfterSuperseded: 0}}",
    ],
)
def test_limits_leave_the_run_what_it_is(limit: str) -> None:
    base = BASE.replace("  target: {acceptedSamples: 10}\n", "") if limit.startswith("target") else BASE
    changed = of(f"{base}  {limit}\n")
    assert changed.spec != of(BASE).spec
    assert canonical_bytes(changed) == canonical_bytes(of(BASE))
    assert spec_digest(changed) == spec_digest(of(BASE))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("maxLines: 15", "maxLines: 14"),
        ("ossInstruct: {maxLines: 15}", "selfOssInstruct: {}"),
        ("installed:stdlib", "installed:toolz"),
        ("[MIT, ISC]", "[MIT]"),
        ("[python, rust]", "[python]"),
        ("model: m", "model: other"),
        ("temperature: 1", "temperature: 0.9"),
        ("temperature: 1}", "temperature: 1}, steps: {problem: {sampling: {maxTokens: 5}}}"),
        ("  target", "  randomSeed: 1\n  target"),
        ("  target", "  execution: {timeoutSeconds: 5}\n  target"),
        ("  target", "  decontamination: {disabled: true}\n  target"),
        ("  target", "  output: {formats: [Parquet]}\n  target"),
        ("  target", "  reuse: [other]\n  target"),
    ],
)
def test_what_changes_data_is_another_run(old: str, new: str) -> None:
    assert old in BASE
    assert spec_digest8(of(BASE.replace(old, new, 1))) != spec_digest8(of(BASE))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("maxLines: 15", ""),
        ("[python, rust]", "[rust, python]"),
        ("[MIT, ISC]", "[ISC, MIT]"),
        ("temperature: 1", "temperature: 1.0, maxTokens: 1536"),
        ("  target", "  execution: {isolation: Pooled}\n  target"),
        ("name: base", "name: other, labels: {a: b}"),
    ],
)
def test_other_words_for_the_same_data_are_the_same_run(old: str, new: str) -> None:
    assert old in BASE
    assert spec_digest(of(BASE.replace(old, new, 1))) == spec_digest(of(BASE))


def test_reuse_is_asked_in_its_order() -> None:
    one, other = (of(BASE + f"  reuse: {names}\n") for names in ("[a, b]", "[b, a]"))
    assert spec_digest(one) != spec_digest(other)


def test_worked_examples_have_an_order() -> None:
    def digest(*snippets: str) -> str:
        each = "{{snippet: {}, concepts: [b, a], instruction: i, response: r, tests: t}}"
        own = ", ".join(each.format(snippet) for snippet in snippets)
        return spec_digest(of(BASE.replace("ossInstruct: {maxLines: 15}", f"selfOssInstruct: {{examples: [{own}]}}")))

    assert digest("one", "two") == digest("one", "two") != digest("two", "one")


def test_the_kept_spec_is_resolved_and_has_no_limits() -> None:
    spec = data_spec(of(BASE))
    assert not LIMITS & spec.keys()
    assert spec["execution"]["memory"] == "512Mi"
    assert spec["recipe"] == {"ossInstruct": {"maxLines": 15}}
    assert "store" not in spec["output"]


def test_the_digest_of_a_spec_stays_the_same_in_later_versions() -> None:
    assert spec_digest8(of(BASE)) == "9a7c3306"
    assert len(spec_digest(of(BASE))) == 64
