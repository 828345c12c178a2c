"""One run of the tests: T and S are started, watched to their end or to a limit, and everything is cleaned up.

T reports in frames (a letter, a length of 4 bytes, data): `p` the plan (strict or token, whether a control run is
wanted, why not strict), before any line of a program ran; `l` that the solution is loaded, answered by the nonce; `d`
that the tests are done, with the nonce and how many assertions ran; `x` that they ended otherwise.
"""

import os
import select
import struct
import sys
import time
from _socket import socketpair

from .child import confined
from .judgement import too_much_memory, verdict
from .processes import reap, resident_bytes
from .python import packages, solution_process
from .python.test_process import AUTO, STRICT, TOKEN, TestProcess
from .reasons import one_line

KEPT_OUTPUT_BYTES = 64 << 10
MOST_OUTPUT_BYTES = 1 << 20
WATCH_SECONDS = 0.05
GONE_SECONDS = 1.0
MAX_REPORT_BYTES = 64 << 10
MODES = {"Strict": STRICT, "Token": TOKEN, "Auto": AUTO}


class Run:
    """One run of the tests: its processes, its pipes, and what came of them."""

    def __init__(self, request, processes, host, control=False):
        self.processes = processes
        self.host = host
        self.solution, self.tests = request["solution"], request["tests"]
        self.mode = MODES[request["verdict"]]
        self.cpu_seconds = request["cpu_seconds"]
        self.memory_bytes = request["memory_bytes"]
        self.control = control
        self.nonce = os.urandom(16)
        self.output = {"stdout": bytearray(), "stderr": bytearray()}
        self.printed = 0
        self.reports = bytearray()
        self.plan = None
        self.ended = None
        self.stopped = None
        self.violated = False
        self.solution_pid = 0
        self.ends = {}
        self.peak_bytes = 0
        self.watched_bytes = 0
        self.status = ""

    @property
    def solution_is_gone(self):
        """T said so, and its end was not seen yet."""
        gone = self.ended is not None and self.ended[0] == b"x" and self.ended[1].startswith(b"gone\n")
        return gone and self.solution_pid and self.solution_pid not in self.ends

    @property
    def was_killed(self):
        """T or S was ended by a signal and no limit says why: what gVisor lost of them shows as SIGKILL or SIGSEGV."""
        ends = [self.ends.get(pid) for pid in (self.tests_pid, self.solution_pid)]
        killed = any(end is not None and end.signal is not None for end in ends)
        return killed and self.stopped is None and self.status == "fail"

    @property
    def wants_control(self):
        return self.plan is not None and self.plan[1] == "1"

    @property
    def wall_seconds(self):
        """The longest that it may take, whatever the machine is busy with."""
        return 3 * self.cpu_seconds + 1

    def setback(self, pid):
        """Why one of its processes could not be confined, so that nothing of the program ran there."""
        end = self.ends.get(pid)
        return self.processes.setback(pid) if end is not None and end.exit_code == 1 else ""

    def judged(self):
        """(status, reason, assertions that ran)."""
        return verdict(self)

    def result(self):
        """Run it to its end, clean up, and judge."""
        started = time.monotonic()
        before = self.processes.used_bytes()
        own_bytes = resident_bytes(os.getpid())
        self.start()
        try:
            self.watch(started + self.wall_seconds, before + self.processes.copies_bytes)
        finally:
            for fd in list(self.pipes):
                os.close(fd)
            for fd in (self.nonce_w, self.solution_end, *self.writers):
                if fd is not None:
                    os.close(fd)
            swept = time.monotonic()
            left = self.processes.sweep()
        # Each process began as a copy of this one, as large as it was then. Not this one's peak: that is also the peak
        # of the program that started it, which may be larger than what a test may use.
        self.peak_bytes = max(end.peak_bytes for end in (*self.ends.values(), *left.values())) - own_bytes
        status, reason, asserts = self.judged()
        self.status = status
        strict = self.plan is not None and self.plan[0] == "strict"
        return {
            "status": status,
            "reason": one_line(reason),
            "kind": "Strict" if strict or self.mode == STRICT else "Token",
            "downgrade": one_line(self.plan[2]) if self.plan is not None else "",
            "asserts": asserts,
            "seconds": time.monotonic() - started,
            "left": len(left),
            "cpu_seconds": sum(end.cpu_seconds for end in (*self.ends.values(), *left.values())),
            "peak_bytes": max(0, self.peak_bytes, self.watched_bytes),
            "sweep_seconds": time.monotonic() - swept,
            "held_bytes": self.processes.used_bytes(),
            **{name: bytes(text).decode("utf-8", "replace") for name, text in self.output.items()},
        }

    def start(self):
        self.out_r, out_w = os.pipe()
        self.err_r, err_w = os.pipe()
        self.report_r, report_w = os.pipe()
        nonce_r, self.nonce_w = os.pipe()
        tests_end, solution_end = socketpair()
        self.tests_end, self.solution_end = tests_end.detach(), solution_end.detach()
        self.writers = (out_w, err_w)
        self.pipes = {self.out_r: "stdout", self.err_r: "stderr", self.report_r: "report"}
        self.tests_pid = self.fork(self.run_tests, self.processes.test_uid, report_w, nonce_r, self.tests_end)
        for fd in (report_w, nonce_r, self.tests_end):
            os.close(fd)

    def fork(self, work, uid, *passed):
        limits = (self.cpu_seconds, self.memory_bytes)
        revealed = (packages.folder(),) if self.processes.native and packages.folder() else ()
        return confined(work, uid, (*self.writers, *passed), limits, self.processes, revealed=revealed)

    def run_tests(self):
        packages.begin()
        TestProcess(3, 4, 5, self.mode, self.control).run(self.solution, self.tests)
        sys.stdout.flush()
        return 0

    def run_solution(self):
        packages.begin()
        solution_process.main(3, self.solution)
        sys.stdout.flush()
        return 0

    def watch(self, deadline, memory_before):
        """Until T has ended, or a limit is reached."""
        next_look = 0.0
        while self.tests_pid not in self.ends and self.stopped is None:
            now = time.monotonic()
            if now >= deadline:
                self.stopped = ("timeout", f"longer than {self.wall_seconds:g} s of wall time")
                return
            if now >= next_look:
                next_look = now + WATCH_SECONDS
                used = self.processes.used_bytes() - memory_before
                self.watched_bytes = max(self.watched_bytes, used)
                if used > self.memory_bytes:
                    self.stopped = too_much_memory(self.memory_bytes)
                    return
            watched = [self.host, *self.pipes]
            ready, _, _ = select.select(watched, [], [], min(WATCH_SECONDS, deadline - now))
            if self.host in ready:  # it never sends a request before it has its answer
                self.stopped = ("infra", "the host is gone")
                return
            for fd in ready:
                self.read(fd)
            reap(self.ends)
        self.drain()
        if self.solution_is_gone:
            self.wait_for_solution()

    def drain(self):
        """What T wrote before it ended is read; a descendant that holds a pipe open is not waited for."""
        while True:
            ready, _, _ = select.select(list(self.pipes), [], [], 0) if self.pipes else ([], [], [])
            if not ready or self.stopped is not None:
                return
            for fd in ready:
                self.read(fd)

    def read(self, fd):
        data = os.read(fd, 65536)
        name = self.pipes[fd]
        if not data:
            os.close(fd)
            del self.pipes[fd]
        elif name == "report":
            self.reports += data
            if len(self.reports) > MAX_REPORT_BYTES:
                self.stopped = ("error", "ProtocolViolation: the report is too long")
            self.take_reports()
        else:
            self.printed += len(data)
            kept = self.output[name]
            kept += data[: KEPT_OUTPUT_BYTES - len(kept)]
            if self.printed > MOST_OUTPUT_BYTES:
                self.stopped = ("output", f"printed more than {MOST_OUTPUT_BYTES >> 20} MiB")

    def take_reports(self):
        while len(self.reports) >= 5:
            kind, size = self.reports[:1], struct.unpack("<I", self.reports[1:5])[0]
            if size > MAX_REPORT_BYTES:
                self.violated = True
                return
            if len(self.reports) < 5 + size:
                return
            data = bytes(self.reports[5 : 5 + size])
            del self.reports[: 5 + size]
            self.take(bytes(kind), data)

    def take(self, kind, data):
        if kind == b"p" and self.plan is None:
            self.plan = data.decode("utf-8", "replace").split("\n", 2)
            if self.plan[0] == "strict" and not self.control:
                self.solution_pid = self.fork(self.run_solution, self.processes.solution_uid, self.solution_end)
            os.close(self.solution_end)
            self.solution_end = None
            for fd in self.writers:
                os.close(fd)
            self.writers = ()
        elif kind == b"l" and self.nonce_w is not None:
            os.write(self.nonce_w, self.nonce)
            os.close(self.nonce_w)
            self.nonce_w = None
        elif kind in (b"d", b"x") and self.ended is None:
            self.ended = (kind, data)
        else:
            self.violated = True

    def wait_for_solution(self):
        """Its socket closes a moment before its end is seen. One that closed it by itself is not waited for long."""
        deadline = time.monotonic() + GONE_SECONDS
        while self.solution_pid not in self.ends and time.monotonic() < deadline:
            time.sleep(0.001)
            reap(self.ends)
