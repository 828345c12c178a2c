"""Whether an endpoint is left out."""

from seedmill.inference.circuit import FAILURES, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Circuit
from seedmill.inference.retry import Kind


def test_without_a_connection_it_opens_at_once_and_closes_with_an_answer():
    circuit = Circuit()
    assert circuit.failed(Kind.UNREACHABLE, 10.0)
    assert circuit.is_open(10.0 + FIRST_PAUSE_SECONDS - 0.1)
    assert not circuit.is_open(10.0 + FIRST_PAUSE_SECONDS)
    circuit.sent(13.0)
    assert circuit.is_open(13.0)  # one tries it; the others wait for what becomes of it
    circuit.answered()
    assert not circuit.is_open(13.0)


def test_answers_that_break_open_it_only_in_a_row():
    circuit = Circuit()
    for _ in range(FAILURES - 1):
        assert not circuit.failed(Kind.FAILED, 1.0)
    circuit.answered()
    for _ in range(FAILURES - 1):
        assert not circuit.failed(Kind.SILENT, 2.0)
    assert circuit.failed(Kind.FAILED, 3.0)


def test_a_refusal_is_a_sign_of_life():
    circuit = Circuit()
    for kind in (Kind.REFUSED, Kind.UNREADABLE):
        for _ in range(3 * FAILURES):
            assert not circuit.failed(kind, 1.0)
    assert not circuit.is_open(1.0)


def test_pauses_double_up_to_a_minute_and_failures_of_old_requests_do_not_count():
    circuit, now, pauses = Circuit(), 0.0, list[float]()
    for _ in range(8):
        circuit.sent(now)
        assert circuit.failed(Kind.UNREACHABLE, now)
        assert not circuit.failed(Kind.UNREACHABLE, now + 0.1)
        pauses.append(circuit.open_until - now)
        now = circuit.open_until
    assert pauses[:3] == [FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS, 4 * FIRST_PAUSE_SECONDS]
    assert pauses[-1] == LONGEST_PAUSE_SECONDS


def test_a_try_that_is_cancelled_lets_another_try():
    circuit = Circuit()
    circuit.failed(Kind.UNREACHABLE, 0.0)
    circuit.sent(5.0)
    assert circuit.is_open(5.0)
    circuit.given_up()
    assert not circuit.is_open(5.0)
