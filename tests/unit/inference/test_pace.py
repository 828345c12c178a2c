"""Whether an endpoint has slowed down."""

from seedmill.inference.pace import ANSWERS, TOO_SLOW, Pace, work


def answers(pace: Pace, seconds: float, count: int = ANSWERS, done: float = 100.0) -> list[bool]:
    return [pace.answered(seconds, done, in_flight=10) for _ in range(count)]


def test_a_batch_that_makes_each_answer_a_few_times_slower_is_right():
    pace = Pace()
    for seconds in (1.0, 2.0, 4.0, 7.0):
        assert not any(answers(pace, seconds))


def test_answers_that_wait_in_a_queue_of_the_engine_are_told_once_for_those_in_flight():
    pace = Pace()
    answers(pace, 1.0)
    told = answers(pace, TOO_SLOW * 1.5, 2 * ANSWERS)
    assert told.index(True) == ANSWERS - 1
    assert sum(told) == 1
    assert pace.skip == 0  # the ten that were in flight have come meanwhile


def test_long_answers_are_no_slow_ones():
    pace = Pace()
    answers(pace, 1.0, done=work(100, 50))
    assert not any(answers(pace, 20.0, done=work(100, 1000)))


def test_a_few_odd_answers_say_nothing():
    pace = Pace()
    answers(pace, 1.0)
    for _ in range(5):
        assert not any(answers(pace, 100.0, ANSWERS // 2 - 1) + answers(pace, 1.0, ANSWERS - ANSWERS // 2 + 1))


def test_what_was_possible_once_is_forgotten():
    pace = Pace()
    answers(pace, 1.0)
    slow = [any(answers(pace, 10.0, ANSWERS + 10)) for _ in range(40)]
    assert slow[0]
    assert not slow[-1]
