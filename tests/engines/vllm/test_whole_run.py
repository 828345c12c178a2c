"""Self-OSS-Instruct as a user runs it: a real small model in vLLM, in process, its programs in gVisor."""

from pathlib import Path

import pytest
import yaml

from engines.vllm.programs import ENVIRONMENT, in_process_endpoint
from support.cli import result_of, seedmill
from support.corpora import write_functions
from support.requirements import ROOT, require

MODEL = "smollm2-135m-instruct"
ARGUMENTS = {
    "served-model-name": MODEL,
    "dtype": "bfloat16",
    "max-model-len": "4096",
    "max-num-batched-tokens": "4096",
    "no-enable-chunked-prefill": "",
    "enforce-eager": "",
}
CANDIDATES = 8


@pytest.mark.timeout(1200)
def test_a_small_model_gets_as_far_as_verdicts(tmp_path: Path):
    """Which of its answers pass differs from run to run (vLLM does not compute alike in batches that differ); that
    most of them have the form, so that their programs are run, does not."""
    require("runsc")
    write_functions(tmp_path / "functions.jsonl", CANDIDATES)
    resource = yaml.safe_load((ROOT / "examples" / "small-teacher.yaml").read_text())
    resource["spec"] |= {
        "seeds": {"corpus": {"uri": "functions.jsonl"}},
        "target": {"acceptedSamples": CANDIDATES, "maxCandidates": CANDIDATES},
    }
    resource["spec"]["recipe"]["selfOssInstruct"]["responsesPerInstruction"] = 2
    file = tmp_path / "run.yaml"
    file.write_text(yaml.safe_dump(resource))

    teacher = in_process_endpoint(MODEL, ARGUMENTS)
    done = seedmill("run", file, "--workdir", tmp_path, "--teacher", teacher, "--json", timeout=1100, **ENVIRONMENT)

    ledger = result_of(done)["ledger"]
    assert (ledger["requested"], ledger["pending"], ledger["failed"]) == (CANDIDATES, 0, {}), done.stderr
    verdicts = sum(count for reason, count in ledger["rejected"].items() if reason.startswith("verdict_"))
    assert ledger["accepted"] + verdicts >= CANDIDATES // 4, ledger
