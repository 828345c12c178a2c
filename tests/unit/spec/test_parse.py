"""What is read as a DatasetGeneration, in YAML and in files, and what is refused as no resource at all."""

from pathlib import Path

import pytest

from seedmill.spec.errors import SpecError
from seedmill.spec.output import Format
from seedmill.spec.parse import load, load_one, parse
from seedmill.spec.teacher import Api
from support.spec_problems import CHECKS, GOOD, one_problem, with_line


def test_a_good_file_has_its_defaults() -> None:
    (generation,) = parse(GOOD.encode(), "a.yaml", CHECKS)
    spec = generation.spec
    assert spec.recipe.name == "selfOssInstruct"
    assert spec.recipe.self_oss_instruct is not None
    assert spec.recipe.self_oss_instruct.responses_per_instruction == 4
    assert spec.teacher is not None
    assert spec.teacher.api is Api.CHAT
    assert spec.seeds.corpus is not None
    assert spec.seeds.corpus.languages == ["python"]
    assert spec.output.formats == [Format.PARQUET, Format.MESSAGES]
    assert spec.execution.memory_bytes == 512 << 20


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "a.yaml:1:1: the file is empty"),
        (b"# only a comment\n---\n", "a.yaml:1:1: the file is empty"),
        (b"- a\n- b\n", "a.yaml:1:1: must be a DatasetGeneration, not a list"),
        (b"hello", 'a.yaml:1:1: must be a DatasetGeneration, not "hello"'),
        (b"a: 1\nb: \xff\xfe\n", "a.yaml:2:4: byte 0xff is not UTF-8"),
        (b"a: \x00", "a.yaml:1:4: character U+0000 may not stand in YAML"),
        (b"a: " + b"x" * 300_000, "a.yaml:1:1: the file has 300,003 bytes; a DatasetGeneration has at most 262,144"),
        (b"[" * 5000, "a.yaml:1:1: nested more than 64 levels deep"),
        (b"{a: " * 100 + b"1" + b"}" * 100, "a.yaml:1:1: nested more than 64 levels deep"),
        (b"a: &a [*a]", "a.yaml:1:1: nested more than 64 levels deep"),
        (b"a: &a {<<: *a}", "a.yaml:1:1: "),
    ],
)
def test_files_that_are_no_resource_are_refused_in_one_line(data: bytes, says: str) -> None:
    assert one_problem(data).startswith(says)


def test_aliases_that_multiply_are_bounded() -> None:
    levels = ["a0: &a0 [x,x,x,x,x,x,x,x,x]"]
    levels += [f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "values once aliases" in one_problem("\n".join(levels))
    merges = ["a0: &a0 {k: v}"] + [f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 9)}]}}" for n in range(1, 12)]
    assert "values once aliases" in one_problem("\n".join(merges))


def test_aliases_and_merges_work_and_keep_their_places() -> None:
    text = """\
apiVersion: seedmill.dev/v1alpha1
kind: DatasetGeneration
metadata: {name: good}
spec:
  recipe: {ossInstruct: {}}
  seeds: {corpus: {uri: ./code}}
  teacher:
    model: a
    sampling: &cold {temperature: 0, maxTokens: 64}
    steps:
      problem:
        sampling: {<<: *cold, maxTokens: LIMIT}
  target: {acceptedSamples: 10}
"""
    (generation,) = parse(text.replace("LIMIT", "32").encode(), "a.yaml")
    assert generation.spec.teacher is not None
    override = generation.spec.teacher.steps["problem"].sampling
    assert (override.temperature, override.max_tokens) == (0, 32)
    assert one_problem(text.replace("LIMIT", "0")).startswith("a.yaml:12:42: spec.teacher.steps.problem.sampling")


def test_yaml_is_read_as_kubernetes_reads_it() -> None:
    text = with_line("some/model", "2024-01-01").replace("{name: good}", "{name: '007', labels: {a: b, c: 1:30}}")
    text = text.replace("acceptedSamples: 10", "acceptedSamples: 0x10")
    (generation,) = parse(text.encode(), "a.yaml")
    assert generation.spec.teacher is not None
    assert generation.spec.teacher.model == "2024-01-01"
    assert generation.spec.target.accepted_samples == 16


def test_what_a_cluster_adds_is_no_mistake() -> None:
    text = GOOD.replace(
        "{name: good}", "{name: good, namespace: team-a, uid: 1-2, labels: {a: b}, managedFields: [{manager: x}]}"
    )
    (generation,) = parse((text + "status: {state: Running, ledger: null}\n").encode(), "a.yaml")
    assert generation.metadata.namespace == "team-a"


def test_a_byte_order_mark_is_no_mistake() -> None:
    assert parse(b"\xef\xbb\xbf" + GOOD.encode(), "a.yaml")


def test_several_documents_are_several_resources(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(f"---\n{GOOD}---\n{GOOD.replace('good', 'better')}---\n")
    assert [generation.metadata.name for generation in load(file)] == ["good", "better"]
    with pytest.raises(SpecError, match=r"two.yaml:1:1: holds 2 documents \(good, better\) where one is expected"):
        load_one(file)


def test_files_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"nothing.yaml:1:1: cannot be read: No such file or directory"):
        load_one(tmp_path / "nothing.yaml")
    with pytest.raises(SpecError, match=r"cannot be read: Is a directory"):
        load_one(tmp_path)
