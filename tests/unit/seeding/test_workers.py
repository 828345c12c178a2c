"""Child processes that die take one document with them and nothing else (C15)."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from seedmill.records.seed import SeedKind
from seedmill.seeding.documents import Document
from seedmill.seeding.extraction import Task
from seedmill.seeding.limits import Limits
from seedmill.seeding.workers import Workers

SLOW = "f(x, y=1)\n" * 100_000  # valid, and more than a second of parsing


def task(limits: Limits | None = None) -> Task:
    return Task("corpus", SeedKind.FUNCTION, 15, 0, False, False, (), limits or Limits())


def document(text: str) -> Document:
    return Document(text, "m.py", "p", "1", "MIT", "python")


def good(number: int) -> Document:
    return document(f'def f{number}(x):\n    """Add {number}."""\n    return x + {number}\n')


def run(batches: Sequence[Sequence[Document]], limits: Limits | None = None) -> tuple[set[str], Counter[str]]:
    names: set[str] = set()
    skipped: Counter[str] = Counter()
    with Workers(task(limits), 2) as workers:
        for result in workers.extract(batches):
            names |= {seed.extra["name"] for _, seed in result.seeds}
            skipped.update(result.skipped)
    return names, skipped


def test_slow_document_is_counted_and_no_other_is_lost() -> None:
    batches = [[good(0), document(SLOW), good(1), document(SLOW), good(2)], [good(3), good(4)]]
    names, skipped = run(batches, Limits(parse_cpu_seconds=0.3))
    assert names == {"f0", "f1", "f2", "f3", "f4"}
    assert skipped == {"slow": 2}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("-" * 200_000 + "1", "too_deep"),
        ("x = " + "+".join(["1"] * 200_000), "too_deep"),
        ("x = a" + ".b" * 200_000, "too_deep"),
        ("lambda: " * 50_000 + "1", "too_deep"),
        ("(" * 100_000, "syntax_error"),
        ("[" * 90 + "]" * 89, "syntax_error"),
        ("print 'python 2'", "syntax_error"),
        ("def f(x):\n" + "".join(" " * n + "if x:\n" for n in range(1, 150)), "syntax_error"),
    ],
)
def test_document_that_no_parser_survives(text: str, reason: str) -> None:
    names, skipped = run([[good(0), document(text), good(1)]])
    assert names == {"f0", "f1"}
    assert skipped == {reason: 1}


def test_child_that_is_killed_loses_the_document_it_was_at() -> None:
    killed = threading.Event()

    def batches() -> Iterator[list[Document]]:
        yield [good(0), document(SLOW), good(1)]
        yield [good(2)]

    def kill_first_child() -> None:
        for _ in range(200):
            time.sleep(0.02)
            for child in children():
                if cpu_seconds(child) > 0.8:  # it is at the slow document
                    os.kill(child, signal.SIGKILL)
                    killed.set()
                    return

    killer = threading.Thread(target=kill_first_child)
    killer.start()
    names: set[str] = set()
    skipped: Counter[str] = Counter()
    with Workers(task(), 1) as workers:
        for result in workers.extract(batches()):
            names |= {seed.extra["name"] for _, seed in result.seeds}
            skipped.update(result.skipped)
    killer.join()
    if not killed.is_set():
        pytest.skip("the machine parsed the slow document too fast to be caught at it")
    assert names == {"f0", "f1", "f2"}
    assert skipped == {"crashed": 1}


def children() -> list[int]:
    found: list[int] = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line, parent = (
                    (entry / "cmdline").read_bytes(),
                    (entry / "stat").read_text().rsplit(")", 1)[1].split()[1],
                )
            except OSError:
                continue
            if b"seedmill.seeding.worker" in line and int(parent) == os.getpid():
                found.append(int(entry.name))
    return found


def cpu_seconds(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_children_end_with_the_workers() -> None:
    with Workers(task(), 2) as workers:
        list(workers.extract([[good(0)], [good(1)]]))
        assert children()
    assert not children()


def test_text_that_is_no_unicode_is_counted() -> None:
    names, skipped = run([[document('def f(x):\n    """Lone \\ud800 surrogate."""\n    return x\n'), good(0)]])
    assert names == {"f0"}
    assert skipped == {"not_utf8": 1}


def test_secrets_drop_the_seed_and_addresses_are_scrubbed_everywhere() -> None:
    email = "jane" + "@" + "corporation.de"
    helper = f'OWNER = "{email}"\n\n'
    owner = f'def owner(x):\n    """Mail {email}."""\n    return OWNER\n\n'
    secret = 'def key(x):\n    """Key."""\n    return "AK' + "IA" + "QWERTYUIOPASDFGH" + '"\n'
    with Workers(task(), 1) as workers:
        (result,) = workers.extract([[document(helper + owner + secret)]])
    (seed,) = [seed for _, seed in result.seeds]
    assert email not in seed.text + seed.extra["context"] + seed.extra["docstring"]
    assert seed.extra["context"] == 'OWNER = "user@example.com"'
    assert (result.skipped, result.changed) == ({"secret": 1}, {"scrubbed_email": 2})
