"""The warden: root in the guest, one long-lived process, one test at a time. It never runs a program's code itself.

For each test it forks T (and, once T says that the strict protocol fits, S), watches output, memory and time, and
judges by what the kernel says of the processes and by one message that needs a nonce. Then it kills whatever is left
and proves that nothing is: as pid 1 it waits until it has no children.

Frames on stdin and stdout are a length (4 bytes, little-endian) and JSON. Started as `main(native, first_uid)`;
`native` means without a sandbox around it, where other processes live on the machine too.
"""

import ctypes
import gc
import io
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import time

from . import confinement, solution_process
from .reasons import one_line
from .test_process import AUTO, STRICT, TOKEN, TestProcess

KEPT_OUTPUT_BYTES = 64 << 10
MOST_OUTPUT_BYTES = 1 << 20
WATCH_SECONDS = 0.05
USED_SHARE = 0.75
GONE_SECONDS = 1.0
MAX_REPORT_BYTES = 64 << 10
NOT_CONFINED = 97
UNHOSTED = "unhosted"
MODES = {"Strict": STRICT, "Token": TOKEN, "Auto": AUTO}


def main(native, first_uid):
    """Serve requests until stdin ends."""
    requests, replies = os.dup(0), os.dup(1)
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    os.close(null)
    confinement.libc.prctl(confinement.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    gc.collect()
    gc.freeze()
    warden = Warden(native, first_uid, requests)
    _send(replies, {"ready": True, "python": sys.version.split()[0], "root": os.geteuid() == 0})
    while (request := _receive(requests)) is not None:
        _send(replies, warden.judge(request))


def _receive(fd):
    header = _read(fd, 4)
    return None if header is None else json.loads(_read(fd, struct.unpack("<I", header)[0]))


def _read(fd, size):
    data = bytearray()
    while len(data) < size:
        chunk = os.read(fd, size - len(data))
        if not chunk:
            return None
        data += chunk
    return bytes(data)


def _send(fd, content):
    data = json.dumps(content).encode()
    view = memoryview(struct.pack("<I", len(data)) + data)
    while view:
        view = view[os.write(fd, view) :]


class End:
    """How a process ended, and what it and the children it waited for had used by then."""

    def __init__(self, status, usage):
        self.exit_code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else None
        self.signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        self.cpu_seconds = usage.ru_utime + usage.ru_stime
        self.peak_bytes = usage.ru_maxrss << 10


class Warden:
    """Judges one request after the other."""

    def __init__(self, native, first_uid, host):
        self.native = native
        self.host = host
        self.root = os.geteuid() == 0
        self.test_uid, self.solution_uid = first_uid, first_uid + 1

    def judge(self, request):
        """The verdict of one program, as JSON."""
        run = Run(self, request, control=False)
        result = run.result()
        if result["status"] == UNHOSTED:
            downgrade = result["reason"]
            request = {**request, "verdict": "Token"}
            run = Run(self, request, control=False)
            result = {**run.result(), "downgrade": downgrade}
        if result["status"] == "pass" and run.wants_control:
            control = Run(self, request, control=True).result()
            if control["status"] == "pass":
                result["status"], result["reason"] = "vacuous", "the tests also pass when the solution does nothing"
        result["id"] = request["id"]
        return result

    def used_bytes(self):
        """Memory in use: of the whole sandbox, or natively of this warden's two users."""
        if not self.native:
            return _sandbox_bytes()
        page = resource.getpagesize()
        total = 0
        for pid in self._own():
            try:
                with open(f"/proc/{pid}/statm") as file:
                    total += int(file.read().split()[1]) * page
            except (OSError, IndexError):
                continue
        return total

    def sweep(self):
        """Kill everything that tests started, and wait until no child is left. Gives their ends by process."""
        ends = {}
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if self.native:
                for pid in self._own():
                    _kill(pid)
            else:
                _kill(-1)
            try:
                while True:
                    pid, *how = os.wait4(-1, os.WNOHANG)
                    if pid == 0:
                        break
                    ends[pid] = End(*how)
            except ChildProcessError:
                if not self.native or not self._own():
                    return ends
            time.sleep(0.001)
        os._exit(98)  # what cannot be killed ends this sandbox: the host replaces it

    def _own(self):
        """Processes of this warden's tests, natively: by user where it is root, else its descendants."""
        found = []
        me = os.getpid()
        parents = {}
        for name in os.listdir("/proc"):
            if not name.isdigit() or int(name) == me:
                continue
            try:
                if self.root:
                    if os.stat(f"/proc/{name}").st_uid in (self.test_uid, self.solution_uid):
                        found.append(int(name))
                    continue
                with open(f"/proc/{name}/stat", "rb") as file:
                    parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, IndexError, ValueError):
                continue
        for pid in parents:
            at = pid
            while at in parents and at != me:
                at = parents[at]
            if at == me:
                found.append(pid)
        return found


class Run:
    """One run of the tests: its processes, its pipes, and what came of them."""

    def __init__(self, warden, request, control):
        self.warden = warden
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

    def too_much_memory(self):
        return "memory", f"more than {self.memory_bytes >> 20} MiB"

    @property
    def solution_is_gone(self):
        """T said so, and its end was not seen yet."""
        gone = self.ended is not None and self.ended[0] == b"x" and self.ended[1].startswith(b"gone\n")
        return gone and self.solution_pid and self.solution_pid not in self.ends

    @property
    def wants_control(self):
        return self.plan is not None and self.plan[1] == "1"

    def result(self):
        """Run it to its end, clean up, and judge."""
        started = time.monotonic()
        before = self.warden.used_bytes()
        own_peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
        self.start()
        try:
            self.watch(started + 3 * self.cpu_seconds + 1, before)
        finally:
            for fd in list(self.pipes):
                os.close(fd)
            for fd in (self.nonce_w, self.solution_end, *self.writers):
                if fd is not None:
                    os.close(fd)
            left = self.warden.sweep()
        # Each process began as a copy of this one.
        self.peak_bytes = max(end.peak_bytes for end in (*self.ends.values(), *left.values())) - own_peak
        status, reason, asserts = self.verdict()
        strict = self.plan is not None and self.plan[0] == "strict"
        return {
            "status": status,
            "reason": one_line(reason),
            "kind": "Strict" if strict or self.mode == STRICT else "Token",
            "downgrade": one_line(self.plan[2]) if self.plan is not None else "",
            "asserts": asserts,
            "seconds": time.monotonic() - started,
            "left": len(left),
            **{name: bytes(text).decode("utf-8", "replace") for name, text in self.output.items()},
        }

    def start(self):
        self.out_r, out_w = os.pipe()
        self.err_r, err_w = os.pipe()
        self.report_r, report_w = os.pipe()
        nonce_r, self.nonce_w = os.pipe()
        tests_end, solution_end = socket.socketpair()
        self.tests_end, self.solution_end = tests_end.detach(), solution_end.detach()
        self.writers = (out_w, err_w)
        self.pipes = {self.out_r: "stdout", self.err_r: "stderr", self.report_r: "report"}
        self.tests_pid = self.fork(self.warden.test_uid, (report_w, nonce_r, self.tests_end), self.run_tests)
        for fd in (report_w, nonce_r, self.tests_end):
            os.close(fd)

    def fork(self, uid, passed, work):
        """A confined child with `passed` as its descriptors 3, 4, 5."""
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            os.setsid()
            self.arrange(passed)
            self.confine(uid)
            code = work()
        except confinement.ConfinementError as error:
            os.write(2, f"seedmill: {error}\n".encode())
            code = NOT_CONFINED
        except BaseException as error:
            os.write(2, f"seedmill: {type(error).__name__}: {one_line(str(error))}\n".encode())
        finally:
            os._exit(code)

    def arrange(self, passed):
        high = [os.dup(fd) if fd > 40 else _dup_above(fd, 40) for fd in (*self.writers, *passed)]
        for target, fd in enumerate(high, 1):
            os.dup2(fd, target, inheritable=target <= 2)
        null = os.open("/dev/null", os.O_RDONLY)
        os.dup2(null, 0)
        os.closerange(3 + len(passed), 256)
        sys.stdin = open(0, encoding="utf-8", closefd=False)
        sys.stdout = io.TextIOWrapper(io.FileIO(1, "wb", closefd=False), "utf-8", "replace", write_through=True)
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "wb", closefd=False), "utf-8", "replace", write_through=True)
        sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr

    def confine(self, uid):
        try:
            flags = confinement.NEWNS | confinement.NEWIPC | confinement.NEWUTS | confinement.NEWNET
            confinement.check(confinement.libc.unshare(flags), "unshare")
            if self.warden.native:
                private = confinement.MS_REC | confinement.MS_PRIVATE
                confinement.check(confinement.libc.mount(b"none", b"/", None, private, None), "make / private")
            for path in ("/tmp", "/dev/shm"):  # noqa: S108 - these are mounted anew
                confinement.mount_scratch(path, uid)
        except confinement.ConfinementError:
            if not self.warden.native:
                raise
        confinement.limit(self.cpu_seconds, self.memory_bytes)
        if self.warden.root:
            confinement.become(uid)
        os.environ.clear()
        os.environ.update(PATH="/usr/bin:/bin", HOME="/tmp", LANG="C.UTF-8", MALLOC_ARENA_MAX="2")  # noqa: S108
        os.chdir("/tmp" if os.access("/tmp", os.W_OK) else "/")  # noqa: S108
        os.umask(0o077)
        confinement.seal()

    def run_tests(self):
        TestProcess(3, 4, 5, self.mode, self.control).run(self.solution, self.tests)
        sys.stdout.flush()
        return 0

    def run_solution(self):
        solution_process.main(3, self.solution)
        sys.stdout.flush()
        return 0

    def watch(self, deadline, memory_before):
        """Until T has ended, or a limit is reached."""
        next_look = 0.0
        while self.tests_pid not in self.ends and self.stopped is None:
            now = time.monotonic()
            if now >= deadline:
                self.stopped = ("timeout", f"longer than {3 * self.cpu_seconds + 1:g} s of wall time")
                return
            if now >= next_look:
                next_look = now + WATCH_SECONDS
                if self.warden.used_bytes() - memory_before > self.memory_bytes:
                    self.stopped = self.too_much_memory()
                    return
            watched = [self.warden.host, *self.pipes]
            ready, _, _ = select.select(watched, [], [], min(WATCH_SECONDS, deadline - now))
            if self.warden.host in ready:  # it never sends a request before it has its answer
                self.stopped = ("infra", "the host is gone")
                return
            for fd in ready:
                self.read(fd)
            self.reap()
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
                self.solution_pid = self.fork(self.warden.solution_uid, (self.solution_end,), self.run_solution)
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
            self.reap()

    def reap(self):
        try:
            while True:
                pid, *how = os.wait4(-1, os.WNOHANG)
                if pid == 0:
                    return
                self.ends[pid] = End(*how)
        except ChildProcessError:
            return

    def verdict(self):
        """(status, reason, assertions that ran)."""
        if self.stopped is not None:
            return (*self.stopped, 0)
        end = self.ends.get(self.tests_pid)
        if end is None:
            return "infra", "the tests' process was lost", 0
        if end.exit_code == NOT_CONFINED:
            return "infra", bytes(self.output["stderr"][-300:]).decode("utf-8", "replace"), 0
        if self.peak_bytes > self.memory_bytes:  # between two looks of the watch, or ended by the kernel for it
            return (*self.too_much_memory(), 0)
        if end.signal is not None:
            return (*self.killed(end, "tests"), 0)
        if self.violated:
            return "error", "ProtocolViolation: reports that no honest test makes", 0
        if self.ended is None:
            if end.exit_code == 0:
                return "incomplete", "the process ended before the tests had run to their end", 0
            return "fail", f"the process ended with exit status {end.exit_code}", 0
        kind, data = self.ended
        if kind == b"x":
            return self.failed(*data.decode("utf-8", "replace").partition("\n")[::2])
        if data[:16] != self.nonce or len(data) != 20 or end.exit_code != 0:
            return "error", "ProtocolViolation: a report without the nonce", 0
        asserts = struct.unpack("<I", data[16:])[0]
        if asserts == 0:
            return "vacuous", "no assertion ran", 0
        return "pass", "", asserts

    def failed(self, status, reason):
        if status != "gone":
            known = status in ("error", "fail", "memory", "incomplete")
            if status == UNHOSTED and self.mode == AUTO and self.plan is not None and self.plan[0] == "strict":
                return UNHOSTED, reason, 0
            return (status if known else "error", reason, 0)
        end = self.ends.get(self.solution_pid)
        if end is not None and end.signal is not None:
            return (*self.killed(end, "solution"), 0)
        if end is not None and end.exit_code == NOT_CONFINED:
            return "infra", "the solution's process could not be confined", 0
        return "fail", reason, 0

    def killed(self, end, who):
        # A program can send itself the kernel's signals for a used-up limit; only the CPU clock says that it was.
        # Linux counts the limit in ticks, and what a process used exactly: on a loaded machine they are 15 % apart.
        used = end.cpu_seconds >= USED_SHARE * confinement.cpu_limit(self.cpu_seconds)
        if used and end.signal in (signal.SIGXCPU, signal.SIGKILL):
            return "timeout", f"more than {self.cpu_seconds:g} s of CPU time"
        name = signal.Signals(end.signal).name if end.signal in signal.valid_signals() else str(end.signal)
        return "fail", f"the {who} process was ended by {name}"


def _dup_above(fd, least):
    import fcntl

    return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, least)


def _kill(pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


class _SysInfo(ctypes.Structure):
    _fields_ = (
        ("uptime", ctypes.c_long),
        ("loads", ctypes.c_ulong * 3),
        ("totalram", ctypes.c_ulong),
        ("freeram", ctypes.c_ulong),
        ("sharedram", ctypes.c_ulong),
        ("bufferram", ctypes.c_ulong),
        ("totalswap", ctypes.c_ulong),
        ("freeswap", ctypes.c_ulong),
        ("procs", ctypes.c_ushort),
        ("totalhigh", ctypes.c_ulong),
        ("freehigh", ctypes.c_ulong),
        ("mem_unit", ctypes.c_uint),
    )


def _sandbox_bytes():
    info = _SysInfo()
    confinement.check(confinement.libc.sysinfo(ctypes.byref(info)), "sysinfo")
    return (info.totalram - info.freeram) * (info.mem_unit or 1)
