"""A program without tests: it runs as `__main__` with a standard input, and its exit status is told as it is.

That says nothing about whether it is right: a program that ends with 0 has said so itself. There is no verdict here.

It runs in a scratch folder with the files it was given; afterwards, when nothing of it runs any more, the warden takes
those that are wanted, and follows no link that the program may have left.
"""

import binascii
import os
import stat
import sys

from .child import confined
from .judgement import too_much_memory, used_up
from .python import packages
from .python.programs import add_exit, new_main
from .reasons import one_line
from .run import Run
from .toolchains.scratch import OTHERS, Scratch

MAIN = "main.py"
STDIN = ".stdin"
MOST_FETCHED_BYTES = 2 << 20
REPORT = 3
BEGUN, REFUSED = b"b", b"r"
"""What the child reports before the program's first line: that it begins, or that its files cannot be had and why."""


def run_script(request, processes, host):
    """What became of it, as JSON without its id."""
    scratch = Scratch(processes, [packages.folder()] if processes.native and packages.folder() else [])
    folder = os.open(scratch.folder, os.O_RDONLY | os.O_DIRECTORY)  # by its name the program may put another one there
    try:
        script = Script(request, processes, host, scratch)
        result = script.result()
        files, missing = fetched(folder, request["fetch"]) if result["status"] == "finished" else ({}, {})
        end = script.ends.get(script.tests_pid)
        return {
            **result,
            "exit_code": None if end is None else end.exit_code,
            "signal": None if end is None else end.signal,
            "cut": script.printed > sum(map(len, script.output.values())),
            "files": files,
            "not_fetched": missing,
        }
    finally:
        os.close(folder)
        scratch.close()


class Script(Run):
    """Its one process."""

    def __init__(self, request, processes, host, scratch):
        super().__init__({**request, "solution": request["code"], "tests": "", "verdict": "Token"}, processes, host)
        self.request = request
        self.scratch = scratch
        self.nonce_w = self.solution_end = None

    @property
    def wall_seconds(self):
        return self.request["wall_seconds"]

    def start(self):
        out_r, out_w = os.pipe()
        err_r, err_w = os.pipe()
        report_r, report_w = os.pipe()
        self.writers = ()
        self.pipes = {out_r: "stdout", err_r: "stderr", report_r: "report"}
        self.tests_pid = confined(
            self.work,
            self.processes.test_uid,
            (out_w, err_w, report_w),
            (self.cpu_seconds, self.memory_bytes),
            self.processes,
            scratch=OTHERS,
            revealed=self.scratch.visible,
        )
        for fd in (out_w, err_w, report_w):
            os.close(fd)

    def take_reports(self):
        """They are read whole, once it has ended."""

    def work(self):
        """In the child: everything up to the program's first line, then the program."""
        os.chdir(self.scratch.folder)
        os.environ["HOME"] = os.environ["TMPDIR"] = self.scratch.folder
        try:
            self.write_files()
        except OSError as error:
            os.write(REPORT, REFUSED + f"{error.filename}: {error.strerror}"[:1000].encode("utf-8", "replace"))
            return 0
        packages.begin()
        os.write(REPORT, BEGUN)
        os.close(REPORT)
        return run_python(self.solution, os.path.join(self.scratch.folder, MAIN))

    def write_files(self):
        """The input first, so that no file of the caller's is in its way. Raises OSError."""
        _write(STDIN, self.request["stdin"].encode("utf-8", "surrogatepass"))
        os.dup2(os.open(STDIN, os.O_RDONLY), 0)
        os.unlink(STDIN)
        for path, content in self.request["files"].items():
            _write(path, binascii.a2b_base64(content))
        _write(MAIN, self.solution.encode("utf-8", "surrogatepass"))

    def judged(self):
        """`finished` says only that it ended by itself.

        Whether it began is told by the report alone: an exit status is the program's, whichever it is.
        """
        if self.stopped is not None:
            return (*self.stopped, 0)
        if self.reports[:1] == REFUSED:
            return "refused", one_line(self.reports[1:].decode("utf-8", "replace")), 0
        end = self.ends.get(self.tests_pid)
        if end is None or self.reports != BEGUN:
            said = bytes(self.output["stderr"][-300:]).decode("utf-8", "replace")
            return "infra", f"the program could not be started: {said or 'its process was lost'}", 0
        if self.peak_bytes > self.memory_bytes:
            return (*too_much_memory(self.memory_bytes), 0)
        if used_up(end, self.cpu_seconds):
            return "timeout", f"more than {self.cpu_seconds:g} s of CPU time", 0
        return "finished", "", 0


def run_python(code, path):
    """The exit status of a program, as `python main.py` has it."""
    add_exit()
    main = new_main()
    main.__file__ = path
    sys.argv = [path]
    sys.path.insert(0, os.path.dirname(path))
    try:
        exec(compile(code, path, "exec", dont_inherit=True), main.__dict__)
        status = 0
    except SystemExit as leave:
        status = _status(leave.code)
    except BaseException as error:
        import traceback  # in the program's process: the warden is kept small

        trace = error.__traceback__
        traceback.print_exception(error.with_traceback(trace.tb_next if trace else None))
        status = 1
    return _finish(status)


def _status(code):
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    sys.stderr.write(f"{code}\n")
    return 1


def _finish(status):
    """What the interpreter does at its end: waits for threads, calls `atexit`, flushes."""
    import atexit

    threading = sys.modules.get("threading")
    if threading is not None:
        threading._shutdown()
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        return status or 120
    return status


def _write(path, content):
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
    try:
        with open(path, "wb") as file:
            file.write(content)
    except OSError as error:  # a full folder is said without a name
        raise OSError(error.errno, error.strerror, path) from error


def fetched(folder, paths):
    """({path: base64}, {path: why not}) of files below an open folder: regular ones, and no link on the way."""
    found, missing, total = {}, {}, 0
    for path in paths:
        try:
            handle = _open(folder, path.split("/"))
            try:
                size = os.fstat(handle).st_size
                total += size
                if total > MOST_FETCHED_BYTES:
                    raise OSError(f"more than {MOST_FETCHED_BYTES >> 20} MiB of files")
                with open(handle, "rb", closefd=False) as file:
                    found[path] = binascii.b2a_base64(file.read(size), newline=False).decode()
            finally:
                os.close(handle)
        except OSError as error:
            missing[path] = error.strerror or str(error)
    return found, missing


def _open(folder, parts):
    # Nothing of the program runs any more, so what is looked at stays; gVisor follows links even with O_NOFOLLOW where
    # a folder is asked for.
    *above, name = parts
    opened = []
    try:
        for part in above:
            if not stat.S_ISDIR(os.stat(part, dir_fd=folder, follow_symlinks=False).st_mode):
                raise OSError("it lies in no folder")
            folder = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            opened.append(folder)
        if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
            raise OSError("it is no file")
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        for each in opened:
            os.close(each)
