"""Cases 70-89: what must go on working behind the walls, most of which some wall once broke."""

from integration.containment.case import Case, works
from seedmill.records.verdict import VerdictKind

TOKEN = VerdictKind.TOKEN

CASES: tuple[Case, ...] = (
    works(
        70,
        "forty threads",
        "import threading\ndef f():\n    done = []\n    threads = [threading.Thread(target=done.append, args=(n,)) for n in range(40)]\n"
        "    [t.start() for t in threads]\n    [t.join() for t in threads]\n    return sorted(done) == list(range(40))\n",
        "assert f()",
    ),
    works(
        71,
        "forty threads at once",
        "import threading\ndef f():\n    wall = threading.Barrier(41)\n    threads = [threading.Thread(target=wall.wait) for _ in range(40)]\n"
        "    [t.start() for t in threads]\n    wall.wait()\n    [t.join() for t in threads]\n    return 42\n",
        "assert f() == 42",
    ),
    works(
        72,
        "a pool of threads",
        "from concurrent.futures import ThreadPoolExecutor\ndef f():\n    with ThreadPoolExecutor(8) as pool:\n        return sum(pool.map(lambda x: x * x, range(10)))\n",
        "assert f() == 285",
    ),
    works(
        73,
        "multiprocessing with queues and locks",
        "import multiprocessing\ndef work(queue, lock, n):\n    with lock:\n        queue.put(n * n)\ndef f():\n    context = multiprocessing.get_context('fork')\n"
        "    queue, lock = context.Queue(), context.Lock()\n    children = [context.Process(target=work, args=(queue, lock, n)) for n in range(3)]\n"
        "    [c.start() for c in children]\n    found = sorted(queue.get() for _ in children)\n    [c.join() for c in children]\n    return found\n",
        "assert f() == [0, 1, 4]",
    ),
    works(
        74,
        "a pool of processes",
        "import multiprocessing\ndef square(n):\n    return n * n\ndef f():\n    with multiprocessing.get_context('fork').Pool(2) as pool:\n        return pool.map(square, range(5))\n",
        "assert f() == [0, 1, 4, 9, 16]", seconds=8.0,
    ),
    works(
        75,
        "shared memory",
        "from multiprocessing import shared_memory, resource_tracker\ndef f():\n    block = shared_memory.SharedMemory(create=True, size=1000)\n    block.buf[0] = 42\n"
        "    again = shared_memory.SharedMemory(name=block.name)\n    value = again.buf[0]\n    again.close()\n    block.close()\n    block.unlink()\n    return value\n",
        "assert f() == 42",
    ),
    works(
        76,
        "unittest.main",
        "def f():\n    return 42\n",
        "import unittest\nclass TestF(unittest.TestCase):\n    def test_it(self):\n        self.assertEqual(f(), 42)\nif __name__ == '__main__':\n    unittest.main()\n",
    ),
    works(
        77,
        "a subprocess",
        "import subprocess, sys\ndef f():\n    return subprocess.run([sys.executable, '-c', 'print(6 * 7)'], capture_output=True, text=True, check=True).stdout\n",
        "assert f() == '42\\n'",
    ),
    works(
        78,
        "a subprocess of the tests",
        "def f():\n    return 'echo 42'\n",
        "import subprocess\nassert subprocess.run(['/bin/sh', '-c', f()], capture_output=True, text=True).stdout == '42\\n'",
        kind=VerdictKind.AUTO,
    ),
    works(79, "nearly 1 MiB of output", "def f():\n    for _ in range(1000):\n        print('x' * 1023)\n    return 42\n", "assert f() == 42"),
    works(80, "deep recursion", "import sys\nsys.setrecursionlimit(20000)\ndef f(n=0):\n    return 42 if n == 5000 else f(n + 1)\n", "assert f() == 42"),
    works(
        81,
        "files in its scratch folder",
        "import os, tempfile, pathlib\ndef f():\n    with tempfile.TemporaryDirectory() as folder:\n        path = pathlib.Path(folder) / 'a'\n        path.write_text('42')\n"
        "        assert os.listdir(folder) == ['a']\n        return path.read_text()\n",
        "assert f() == '42'",
    ),
    works(
        82,
        "a server and a client of its own",
        "import socket, threading\ndef f():\n    server = socket.create_server(('127.0.0.1', 0))\n    def serve():\n        peer, _ = server.accept()\n        peer.sendall(b'42')\n        peer.close()\n"
        "    threading.Thread(target=serve).start()\n    with socket.create_connection(server.getsockname()) as client:\n        return client.recv(10)\n",
        "assert f() == b'42'",
    ),
    works(
        83,
        "coroutines",
        "import asyncio\nasync def work(n):\n    await asyncio.sleep(0.01)\n    return n\ndef f():\n    async def main():\n        return sum(await asyncio.gather(*(work(n) for n in range(10))))\n    return asyncio.run(main())\n",
        "assert f() == 45",
    ),
    works(
        84,
        "signals and timers",
        "import signal\ndef f():\n    rang = []\n    signal.signal(signal.SIGALRM, lambda *a: rang.append(1))\n    signal.setitimer(signal.ITIMER_REAL, 0.05)\n    signal.sigtimedwait([signal.SIGUSR1], 1)\n    return len(rang)\n",
        "assert f() == 1",
    ),
    works(85, "200 MiB within 512", "def f():\n    return len(bytearray(200 << 20)) >> 20\n", "assert f() == 200", megabytes=512),
    works(
        86,
        "a database",
        "import sqlite3\ndef f():\n    base = sqlite3.connect('/tmp/a.db')\n    base.execute('create table t (x)')\n    base.executemany('insert into t values (?)', [(n,) for n in range(9)])\n"
        "    base.commit()\n    return base.execute('select sum(x) from t').fetchone()[0]\n",
        "assert f() == 36",
    ),
    works(
        87,
        "text that is not ASCII",
        "def f(x):\n    print(x)\n    return x[::-1] + 'é漢🙂'\n",
        "assert f('日本') == '本日é漢🙂'",
    ),
    works(
        88,
        "the time and random numbers",
        "import os, random, time, uuid\ndef f():\n    return time.time() > 1.7e9 and random.random() < 1 and len(os.urandom(8)) == 8 and len(str(uuid.uuid4())) == 36\n",
        "assert f()",
    ),
    works(89, "200 descriptors", "def f():\n    held = [open('/dev/null') for _ in range(200)]\n    return len(held)\n", "assert f() == 200"),
)  # fmt: skip
