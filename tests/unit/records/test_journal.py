"""Records keep what they say through a segment, and a damaged segment does not count."""

import io

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from seedmill.records.journal import (
    EndRecord,
    Outcome,
    RetryRecord,
    SegmentDamaged,
    StepRecord,
    decode_segment,
    encode_line,
    encode_segment,
    pack_rollup,
    path_order,
    root_index,
    root_of,
    segment_lines,
    unpack_rollup,
)
from seedmill.records.tokens import Tokens

texts = st.text(max_size=40)
outputs = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
paths = st.from_regex(r"[0-9]{1,4}(/[0-9]{1,2})?", fullmatch=True)
steps = st.builds(
    StepRecord,
    sample=paths,
    step=texts,
    part=st.integers(0, 20),
    try_=st.integers(0, 3),
    cfg=texts,
    parent=texts,
    output=outputs,
    tokens=st.builds(Tokens, st.integers(0, 9999), st.integers(0, 9999)),
    notes=st.dictionaries(texts, texts, max_size=2),
)
ends = st.builds(
    EndRecord,
    sample=paths,
    outcome=st.sampled_from(Outcome),
    cfg=texts,
    reason=texts,
    step=texts,
    tags=st.lists(texts, max_size=3).map(tuple),
    chain=st.lists(texts, max_size=3).map(tuple),
    uses=st.lists(texts, max_size=3).map(tuple),
)
records = st.lists(steps | ends | st.builds(RetryRecord, up_to=texts), max_size=8)


@given(records)
def test_a_segment_gives_back_what_was_put_in(written):
    read = list(decode_segment(encode_segment(written)))
    assert read == written
    assert [getattr(r, "digest", None) for r in read] == [getattr(r, "digest", None) for r in written]


@given(records.filter(bool), st.data())
def test_a_segment_with_any_byte_changed_or_missing_does_not_count(written, data):
    good = encode_segment(written)
    at = data.draw(st.integers(0, len(good) - 1))
    flipped = bytearray(good)
    flipped[at] ^= data.draw(st.integers(1, 255))
    cut = good[:at]
    for damaged in (bytes(flipped), cut):
        try:
            read = list(decode_segment(damaged))
        except SegmentDamaged:
            continue
        assert read == written  # a bit of the frame header that carries no information


@given(records)
def test_a_line_tells_what_it_belongs_to(written):
    lines = segment_lines(encode_segment(written))
    kinds = {StepRecord: "step", EndRecord: "end", RetryRecord: "retry"}
    told = [(kinds[type(each)], root_of(each), getattr(each, "cfg", ""), encode_line(each)) for each in written]
    assert [(line.kind, line.root, line.cfg, line.data) for line in lines] == told


@given(st.lists(records, max_size=4))
def test_a_roll_up_holds_segments_as_they_are(written):
    segments = list(enumerate(map(encode_segment, written), start=7))
    assert list(unpack_rollup(pack_rollup(segments))) == segments


@given(st.lists(records.filter(bool), min_size=1, max_size=3), st.data())
def test_a_roll_up_with_any_byte_changed_or_missing_ends_where_it_is_damaged(written, data):
    segments = list(enumerate(map(encode_segment, written)))
    good = pack_rollup(segments)
    at = data.draw(st.integers(0, len(good) - 1))
    flipped = bytearray(good)
    flipped[at] ^= data.draw(st.integers(1, 255))
    for damaged in (bytes(flipped), good[:at]):
        read: list[tuple[int, bytes]] = []
        try:
            read.extend(unpack_rollup(damaged))
        except SegmentDamaged:
            assert len(read) < len(segments)
        assert read == segments[: len(read)]


def test_a_damaged_segment_is_not_rolled_up():
    good = encode_segment([RetryRecord("000001-aaaaaaaa")])
    with pytest.raises(SegmentDamaged):
        pack_rollup([(0, good), (1, good[:-2])])


def test_zstd_reads_a_roll_up_as_its_segments_behind_each_other(tmp_path):
    written = [RetryRecord("000001-aaaaaaaa"), RetryRecord("000002-aaaaaaaa")]
    packed = pack_rollup(enumerate(encode_segment([each]) for each in written))
    reader = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(packed), read_across_frames=True)
    assert reader.read().splitlines() == [encode_line(each) for each in written]


def test_digests_leave_out_notes_but_nothing_else():
    record = StepRecord("1", "s", 0, 0, "c", "p", {"text": "x"}, Tokens(1, 2), {"seconds": 1.0})
    same = StepRecord("1", "s", 0, 0, "c", "p", {"text": "x"}, Tokens(1, 2), {"seconds": 9.0})
    assert record.digest == same.digest
    others = [
        StepRecord("2", "s", 0, 0, "c", "p", {"text": "x"}, Tokens(1, 2)),
        StepRecord("1", "t", 0, 0, "c", "p", {"text": "x"}, Tokens(1, 2)),
        StepRecord("1", "s", 1, 0, "c", "p", {"text": "x"}, Tokens(1, 2)),
        StepRecord("1", "s", 0, 1, "c", "p", {"text": "x"}, Tokens(1, 2)),
        StepRecord("1", "s", 0, 0, "d", "p", {"text": "x"}, Tokens(1, 2)),
        StepRecord("1", "s", 0, 0, "c", "q", {"text": "x"}, Tokens(1, 2)),
        StepRecord("1", "s", 0, 0, "c", "p", {"text": "y"}, Tokens(1, 2)),
        StepRecord("1", "s", 0, 0, "c", "p", {"text": "x"}, Tokens(1, 3)),
    ]
    assert len({record.digest, *(other.digest for other in others)}) == 9


def test_a_line_of_an_unknown_kind_is_damage():
    data = zstandard.ZstdCompressor(write_checksum=True).compress(b'{"kind":"future"}')
    with pytest.raises(SegmentDamaged, match="future"):
        decode_segment(data)


def test_paths_are_ordered_as_numbers():
    assert sorted(["10", "9", "9/10", "9/2"], key=path_order) == ["9", "9/2", "9/10", "10"]
    assert root_index("9/10") == 9
