"""A program in another language: its compiler's run, then its own, each with limits and a judgement of its own.

Both are started by the warden, as the tests' user, and their ends are the warden's to see; the program has no way to
the compiler's process, which is gone, nor to the warden. What they share is a scratch folder.
"""

import os
import re
import signal
import struct

from ..child import confined
from ..judgement import too_much_memory, used_up, verdict
from ..run import Run
from . import sources
from .scratch import OTHERS, Scratch

REPORT, NONCE = 3, 4
"""The program's descriptors beside 0, 1 and 2."""

STRICT_UNSUPPORTED = "only programs in Python can be judged by two processes"
LINE = 33
_STATUSES = ("fail", "error", "memory", "incomplete")


def run_program(request, processes, host):
    """The verdict on a program in another language than Python, as JSON without its id."""
    toolchain = request["toolchain"]
    if request["verdict"] == "Strict":
        return _unsupported(toolchain, processes)
    sources.folder(toolchain)  # read before the scratch folder hides what lies below /tmp
    scratch = Scratch(processes, toolchain["visible"])
    compiled = 0.0
    try:
        if toolchain["compile"] is not None:
            result = Compilation(request, processes, host, scratch).result()
            compiled = result["seconds"]
            if result["status"] != "pass":
                return {**result, **_kind(toolchain, request), "compile_seconds": compiled, "seconds": 0.0}
        result = ProgramRun(request, processes, host, scratch).result()
        return {**result, **_kind(toolchain, request), "compile_seconds": compiled}
    finally:
        scratch.close()


def _kind(toolchain, request):
    downgrade = f"{toolchain['name']}: {STRICT_UNSUPPORTED}" if request["verdict"] == "Auto" else ""
    return {"kind": "Token", "downgrade": downgrade}


def _unsupported(toolchain, processes):
    reason = f"StrictUnsupported: {toolchain['name']}: {STRICT_UNSUPPORTED}"
    return {
        "status": "error",
        "reason": reason,
        "kind": "Strict",
        "downgrade": "",
        "asserts": 0,
        "seconds": 0.0,
        "compile_seconds": 0.0,
        "left": 0,
        "cpu_seconds": 0.0,
        "peak_bytes": 0,
        "sweep_seconds": 0.0,
        "held_bytes": processes.used_bytes(),
        "stdout": "",
        "stderr": "",
    }


class _Phase(Run):
    """One process with the scratch folder; `process` says its limits and environment."""

    def __init__(self, request, processes, host, scratch, process):
        super().__init__(request, processes, host)
        self.toolchain = request["toolchain"]
        self.scratch = scratch
        self.process = process
        self.folder = sources.folder(self.toolchain)
        self.nonce_w = self.solution_end = None

    def begin(self, work, *passed):
        """Start the process; what is `passed` follows stdout and stderr."""
        out_r, out_w = os.pipe()
        err_r, err_w = os.pipe()
        self.pipes = {out_r: "stdout", err_r: "stderr"}
        self.writers = ()
        limits = (self.cpu_seconds, self.memory_bytes, self.process["address_bytes"], self.process["processes"])
        self.tests_pid = confined(
            work,
            self.processes.test_uid,
            (out_w, err_w, *passed),
            limits,
            self.processes,
            scratch=OTHERS,
            revealed=self.scratch.visible,
        )
        for fd in (out_w, err_w, *passed):
            os.close(fd)

    def prepare(self):
        """In the child: into the scratch folder, with the environment that the language wants."""
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.chdir(self.scratch.folder)
        os.environ["HOME"] = self.scratch.folder
        os.environ["TMPDIR"] = self.scratch.folder
        os.environ.update(self.process["environment"])

    def printed_text(self):
        return b"\n".join(bytes(self.output[name]) for name in ("stderr", "stdout")).decode("utf-8", "replace")

    def place(self, found):
        """` in solution line 3`, of a pattern's groups. Where both are one file, the tests begin after the solution."""
        named = found.groupdict()
        if not named.get("file"):
            return ""
        line, before = int(named["line"]), self.solution.count("\n") + 1
        if named["file"].lower() == "tests":
            return f" in tests line {line}"
        return f" in solution line {line}" if line <= before else f" in tests line {line - before}"

    def write_sources(self):
        sources.write(self.folder.sources(self.toolchain, self.solution, self.tests))


class Compilation(_Phase):
    """The compiler's run. It passes where every step ends with 0; nothing of the program runs."""

    def __init__(self, request, processes, host, scratch):
        process = request["toolchain"]["compile"]
        limits = {"cpu_seconds": process["cpu_seconds"], "memory_bytes": process["memory_bytes"]}
        super().__init__({**request, **limits}, processes, host, scratch, process)

    def start(self):
        self.begin(self.work)

    def work(self):
        self.prepare()
        self.write_sources()
        for step in self.process["steps"]:
            pid = os.posix_spawn(step[0], step, os.environ)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            if code != 0:
                return code if code > 0 else 1
        return 0

    def judged(self):
        if self.stopped is not None:
            status, reason = self.stopped
            return status, f"while it was compiled: {reason}" if status != "infra" else reason, 0
        end = self.ends.get(self.tests_pid)
        if end is None:
            return "infra", "the compiler's process was lost", 0
        if why := self.setback(self.tests_pid):
            return "infra", why, 0
        if self.peak_bytes > self.memory_bytes:
            status, reason = too_much_memory(self.memory_bytes)
            return status, f"while it was compiled: {reason}", 0
        if end.exit_code == 0:
            return "pass", "", 0
        if used_up(end, self.cpu_seconds):
            return "timeout", f"while it was compiled: more than {self.cpu_seconds:g} s of CPU time", 0
        return "error", self.first_error(), 0

    def first_error(self):
        """`CompileError in solution line 3: …`, from the first line of the compiler that says where; else its first."""
        text = self.printed_text()
        for pattern in self.process["errors"]:
            found = re.search(pattern, text, re.MULTILINE)
            if found is not None:
                return f"CompileError{self.place(found)}: {found['text']}"
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return f"CompileError: {lines[0] if lines else 'the compiler said nothing'}"


class ProgramRun(_Phase):
    """The program's run: solution and tests in one process, judged by what it reports and how it ends."""

    def __init__(self, request, processes, host, scratch):
        super().__init__(request, processes, host, scratch, request["toolchain"]["run"])
        self.key = os.urandom(16).hex()

    def start(self):
        report_r, report_w = os.pipe()
        nonce_r, self.nonce_w = os.pipe()
        if self.processes.root:  # some languages can only open them by name
            for fd in (report_w, nonce_r):
                os.fchown(fd, self.processes.test_uid, self.processes.test_uid)
        os.write(self.nonce_w, f"{self.key}\n".encode())
        self.begin(self.work, report_w, nonce_r)
        self.pipes[report_r] = "report"

    def work(self):
        self.prepare()
        if self.toolchain["compile"] is None:
            self.write_sources()
        for fd in (REPORT, NONCE):
            os.set_inheritable(fd, True)
        command = self.toolchain["command"]
        os.execve(command[0], command, os.environ)  # noqa: S606 - there is to be no shell

    def take_reports(self):
        *lines, rest = bytes(self.reports).split(b"\n")
        self.reports[:] = rest
        for line in lines:
            self.take_line(*line.decode("utf-8", "replace").partition(" ")[::2])

    def take_line(self, word, rest):
        if self.ended is not None:
            self.violated = True
        elif word == "loaded" and rest == self.key and self.nonce_w is not None:
            os.write(self.nonce_w, f"{self.nonce.hex()}\n".encode())
            os.close(self.nonce_w)
            self.nonce_w = None
        elif word == "done" and re.fullmatch(r"[0-9a-f]{32} \d{1,9}", rest):
            nonce, count = rest.split()
            self.ended = (b"d", bytes.fromhex(nonce) + struct.pack("<I", int(count)))
        elif word == "failed" and rest.partition(" ")[0] in _STATUSES:
            self.ended = (b"x", self.with_statement(rest).replace(" ", "\n", 1).encode())
        else:
            self.violated = True

    def with_statement(self, reason):
        """With the line of the tests that it names, where it says no more than that."""
        found = re.search(r" in tests line (\d+)$", reason)
        lines = self.tests.split("\n")
        if found is None or not 0 < int(found[1]) <= len(lines):
            return reason
        return f"{reason}: {lines[int(found[1]) - 1].strip()}"

    def judged(self):
        """As for Python; where the program itself did not say why it failed, what it printed last may."""
        status, reason, asserts = verdict(self)
        if status == "fail" and self.nonce_w is not None:  # it ended while the solution was loaded
            status = "error"
        end = self.ends.get(self.tests_pid)
        if status == "fail" and self.process["children"] and end is not None and used_up(end, self.cpu_seconds):
            return "timeout", f"more than {self.cpu_seconds:g} s of CPU time", 0
        if status not in ("fail", "error") or (self.ended is not None and self.ended[0] == b"x"):
            return status, reason, asserts
        text = self.printed_text()
        if any(re.search(pattern, text, re.MULTILINE) for pattern in self.process["memory_errors"]):
            return "memory", "the program says that it got no more memory", 0
        for pattern in self.process["errors"]:
            if found := re.search(pattern, text, re.MULTILINE):
                return status, f"{self.place(found)}: {found['text']}".removeprefix(" ").removeprefix(": "), asserts
        return status, reason, asserts
