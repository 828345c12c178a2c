"""The child process that parses documents: `python -m seedmill.seeding.worker`, one batch in, one answer per document.

Code that no parser survives ends this process and nothing else. A CPU timer with the default action is armed before
each document, because nothing in Python can interrupt a parser written in C; the parent reads from the signal that the
document was slow, and goes on with the next one in a new child. No gRPC is loaded here.
"""

import contextlib
import os
import resource
import signal
import sys
import warnings
from typing import Any, BinaryIO

from seedmill.seeding.extraction import Extractor, duplicate_key
from seedmill.seeding.frames import pack_seed, read_frame, unpack_document, unpack_task, write_frame

TIMER_SIGNAL = signal.SIGPROF


def main() -> None:
    """Answer frames from stdin on stdout until stdin ends."""
    warnings.simplefilter("ignore")  # invalid escapes in the code that is read
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever prints must not do so between the answers
    questions = sys.stdin.buffer
    task = unpack_task(read_frame(questions))
    extractor = Extractor(task)
    memory_bytes = task.limits.worker_memory_bytes
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    signal.signal(TIMER_SIGNAL, signal.SIG_DFL)
    _answer(answers, "ready")
    while (batch := read_frame(questions)) is not None:
        for packed in batch:
            signal.setitimer(signal.ITIMER_PROF, task.limits.parse_cpu_seconds)
            found = extractor.extract(unpack_document(packed))
            signal.setitimer(signal.ITIMER_PROF, 0)
            seeds = [[duplicate_key(seed), pack_seed(seed)] for seed in found.seeds]
            _answer(answers, [seeds, found.skipped, found.changed])


def _answer(stream: BinaryIO, value: Any) -> None:
    write_frame(stream, value)
    stream.flush()


if __name__ == "__main__":
    main()
