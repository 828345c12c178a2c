"""Cases 1-39: programs that take more than their share, never end, or leave something behind."""

from integration.containment.case import Case, ends, refused
from seedmill.records.verdict import Status, VerdictKind

FAIL, TIMEOUT, MEMORY, OUTPUT, ERROR = Status.FAIL, Status.TIMEOUT, Status.MEMORY, Status.OUTPUT, Status.ERROR
TOKEN = VerdictKind.TOKEN

CASES: tuple[Case, ...] = (
    ends(1, "fork bomb", "import os\ndef f():\n    while True:\n        os.fork()\n", FAIL, TIMEOUT, ERROR, MEMORY),
    ends(
        2,
        "fork bomb that swallows errors",
        "import os\ndef f():\n    while True:\n        try:\n            os.fork()\n        except OSError:\n            pass\n",
        FAIL, TIMEOUT, MEMORY,
    ),
    ends(
        3,
        "children that fork while they are killed",
        "import os, signal\ndef f():\n    for _ in range(20):\n        if os.fork() == 0:\n            os.setsid()\n            while True:\n"
        "                try:\n                    if os.fork():\n                        os._exit(0)\n                except OSError:\n                    pass\n"
        "    return 1\n",
        FAIL, TIMEOUT, MEMORY,
    ),
    ends(
        4,
        "thread bomb",
        "import threading, time\ndef f():\n    while True:\n        threading.Thread(target=time.sleep, args=(30,), daemon=True).start()\n",
        FAIL, TIMEOUT, MEMORY,
    ),
    refused(
        5,
        "more processes than allowed",
        "import os, time\ndef f():\n    started = 0\n    try:\n        for _ in range(80):\n            if os.fork() == 0:\n"
        "                time.sleep(20)\n                os._exit(0)\n            started += 1\n    except BlockingIOError:\n        pass\n"
        "    return [] if started <= 64 else [started]\n",
        megabytes=2048,
    ),
    ends(6, "memory of one process", "def f():\n    x = [bytearray(1 << 24) for _ in range(200)]\n    return len(x)\n", MEMORY),
    ends(
        7,
        "memory in children",
        "import os, time\ndef f():\n    for _ in range(12):\n        if os.fork() == 0:\n            x = bytearray(b'x') * (40 << 20)\n"
        "            time.sleep(30)\n    time.sleep(30)\n",
        MEMORY, TIMEOUT,
    ),
    ends(
        8,
        "shared anonymous memory",
        "import mmap\ndef f():\n    m = mmap.mmap(-1, 600 << 20)\n    for at in range(0, 600 << 20, 4096):\n        m[at] = 1\n    return 1\n",
        MEMORY, seconds=2.0,
    ),
    ends(9, "one object of 8 GiB", "def f():\n    return len(bytes(8 << 30))\n", MEMORY),
    refused(
        10,
        "memory files",
        "import os\ndef f():\n    held = 0\n    files = []\n    try:\n        for n in range(8):\n            file = os.memfd_create(str(n))\n"
        "            files.append(file)\n            for _ in range(60):\n                held += os.write(file, bytes(1 << 20))\n"
        "    except (OSError, MemoryError):\n        pass\n    return [] if held < 400 << 20 else [held]\n",
        seconds=3.0, statuses=frozenset({Status.PASS, MEMORY}),
    ),
    refused(
        11,
        "System V shared memory that nobody is attached to",
        "import ctypes\ndef f():\n    libc = ctypes.CDLL(None, use_errno=True)\n    libc.shmat.restype = ctypes.c_void_p\n"
        "    libc.shmdt.argtypes = [ctypes.c_void_p]\n    held = 0\n    for key in range(1, 9):\n        number = libc.shmget(key, 60 << 20, 0o1600)\n"
        "        if number < 0:\n            break\n        at = libc.shmat(number, None, 0)\n        if at in (None, 2 ** 64 - 1):\n            break\n"
        "        ctypes.memset(at, 1, 60 << 20)\n        libc.shmdt(at)\n        held += 60\n    return [] if held < 400 else [held]\n",
        seconds=3.0, statuses=frozenset({Status.PASS, MEMORY}),
    ),
    ends(
        12,
        "filling /tmp",
        "def f():\n    for n in range(99):\n        with open(f'/tmp/seedmill-escape-{n}', 'wb') as file:\n            for _ in range(32):\n"
        "                file.write(bytes(1 << 20))\n    return 42\n",
        FAIL, MEMORY,
    ),
    ends(
        13,
        "filling /dev/shm",
        "def f():\n    for n in range(99):\n        with open(f'/dev/shm/seedmill-escape-{n}', 'wb') as file:\n            for _ in range(32):\n"
        "                file.write(bytes(1 << 20))\n    return 42\n",
        FAIL, MEMORY,
    ),
    ends(
        14,
        "a file larger than allowed",
        "import os\ndef f():\n    file = os.open('/tmp/large', os.O_CREAT | os.O_WRONLY)\n    os.ftruncate(file, 1 << 40)\n    return 42\n",
        FAIL,
    ),
    ends(
        15,
        "very many empty files",
        "def f():\n    n = 0\n    while True:\n        open(f'/tmp/{n}', 'w').close()\n        n += 1\n",
        TIMEOUT, MEMORY, FAIL,
    ),
    ends(
        16,
        "a deep tree of folders",
        "import os\ndef f():\n    for _ in range(3000):\n        os.mkdir('d')\n        os.chdir('d')\n    return 1\n",
        FAIL, TIMEOUT,
    ),
    ends(17, "endless stdout", "def f():\n    while True:\n        print('x' * 1000)\n", OUTPUT),
    ends(18, "endless stderr", "import sys\ndef f():\n    while True:\n        sys.stderr.write('x' * 1000)\n", OUTPUT),
    ends(
        19,
        "endless output of a child",
        "import os\ndef f():\n    if os.fork() == 0:\n        while True:\n            os.write(1, b'x' * 4096)\n    os.wait()\n",
        OUTPUT,
    ),
    ends(
        20,
        "a descendant that holds stdout open",
        "import os, time\ndef f():\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(60)\n    return 1\n",
        FAIL,
    ),
    ends(
        21,
        "a daemon left behind",
        "import os, time\ndef f():\n    if os.fork() == 0:\n        os.setsid()\n        if os.fork() == 0:\n            time.sleep(60)\n"
        "        os._exit(0)\n    os.wait()\n    return 1\n",
        FAIL,
    ),
    ends(22, "busy loop", "def f():\n    while True:\n        pass\n", TIMEOUT),
    ends(23, "busy loop at import", "while True:\n    pass\n", TIMEOUT),
    ends(24, "sleep", "import time\ndef f():\n    time.sleep(60)\n", TIMEOUT),
    ends(
        25,
        "a loop that catches everything",
        "import time\ndef f():\n    while True:\n        try:\n            while True:\n                pass\n        except BaseException:\n            pass\n",
        TIMEOUT,
    ),
    ends(
        26,
        "ignores every signal",
        "import signal\nfor n in range(1, 65):\n    try:\n        signal.signal(n, signal.SIG_IGN)\n    except (OSError, ValueError):\n        pass\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\ndef f():\n    while True:\n        pass\n",
        TIMEOUT,
    ),
    ends(27, "stops itself", "import os, signal\ndef f():\n    os.kill(os.getpid(), signal.SIGSTOP)\n", TIMEOUT),
    ends(28, "catastrophic regular expression", "import re\ndef f():\n    return re.match('(a+)+$', 'a' * 60 + 'b')\n", TIMEOUT),
    ends(29, "a number of endless digits", "def f():\n    x = 7\n    while True:\n        x = x ** 7\n", TIMEOUT, MEMORY),
    ends(30, "a generator that never ends", "def f():\n    while True:\n        yield 1\n", TIMEOUT, MEMORY, tests="assert sum(f()) == 42"),
    ends(31, "segfault", "import ctypes\ndef f():\n    ctypes.string_at(0)\n", FAIL),
    ends(32, "abort", "import os\ndef f():\n    os.abort()\n", FAIL),
    ends(
        33,
        "overflow of the C stack",
        "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f():\n    return [f()]\n",
        FAIL, MEMORY, TIMEOUT, ERROR,
    ),
    ends(
        34,
        "all descriptors used up",
        "def f():\n    held = []\n    while True:\n        held.append(open('/dev/null'))\n",
        FAIL,
    ),
    refused(
        35,
        "limits raised again",
        "import resource\ndef f():\n    done = []\n    for name in ('CPU', 'AS', 'NPROC', 'NOFILE', 'FSIZE', 'CORE'):\n"
        "        which = getattr(resource, 'RLIMIT_' + name)\n        _, hard = resource.getrlimit(which)\n        try:\n"
        "            resource.setrlimit(which, (hard + 1, hard + 1))\n            done.append(name)\n        except (ValueError, OSError):\n            pass\n    return done\n",
    ),
    ends(
        36,
        "memory in socket buffers",
        "import socket\ndef f():\n    pairs = []\n    try:\n        while True:\n            a, b = socket.socketpair()\n            a.setblocking(False)\n"
        "            pairs.append((a, b))\n            try:\n                while True:\n                    a.send(bytes(65536))\n"
        "            except BlockingIOError:\n                pass\n    except OSError:\n        return 1\n",
        FAIL, TIMEOUT, MEMORY,
    ),
    ends(
        37,
        "memory in pipes",
        "import os\ndef f():\n    try:\n        while True:\n            r, w = os.pipe()\n            os.set_blocking(w, False)\n            try:\n"
        "                while True:\n                    os.write(w, bytes(65536))\n            except BlockingIOError:\n                pass\n"
        "    except OSError:\n        return 1\n",
        FAIL, TIMEOUT, MEMORY,
    ),
    ends(38, "timers that never stop", "import signal\nsignal.signal(14, lambda *a: None)\nsignal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)\ndef f():\n    while True:\n        pass\n", TIMEOUT),
    ends(
        39,
        "children that each use the CPU",
        "import os\ndef f():\n    for _ in range(8):\n        if os.fork() == 0:\n            while True:\n                pass\n    os.wait()\n",
        TIMEOUT,
        megabytes=512,
    ),
)  # fmt: skip
