"""Outputs of an earlier run, found again by request key."""

from pathlib import Path

from seedmill.pipeline.reuse import ReusedOutputs
from seedmill.records.journal import digest_of


def test_the_first_output_of_a_request_is_found_and_no_other_key_is_taken_for_it(tmp_path: Path) -> None:
    outputs = ReusedOutputs(tmp_path)
    keys = [digest_of([number]) for number in range(300)]
    for number, key in enumerate(keys):
        outputs.add(key, {"text": str(number)})
    outputs.add(keys[7], {"text": "again"})
    twin = keys[7][:16] + keys[8][16:]  # the same first 64 bits
    assert outputs[keys[7]] == {"text": "7"}
    assert [outputs.get(key) for key in (keys[299], twin, digest_of(["?"]))] == [{"text": "299"}, None, None]
    assert list(outputs)[:300] == keys
    outputs.close()
