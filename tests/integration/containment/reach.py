"""Cases 40-69: programs that reach for the warden, for other programs, for the machine or for the network."""

from integration.containment.case import IN_GVISOR, OWN_SANDBOX, Case, ends, refused
from seedmill.records.verdict import Status

TRY = "def tried(name, work, *arguments):\n    try:\n        work(*arguments)\n        return [name]\n    except Exception:\n        return []\n"
OTHERS = (
    "import os\ndef others():\n    found = []\n    for name in os.listdir('/proc'):\n        try:\n"
    "            if name.isdigit() and os.stat('/proc/' + name).st_uid != os.getuid():\n                found.append(int(name))\n"
    "        except OSError:\n            pass\n    return found\n"
)
LIBC = (
    "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"
    "def called(name, number, *arguments):\n    return [name] if libc.syscall(ctypes.c_long(number), *arguments) >= 0 else []\n"
)

CASES: tuple[Case, ...] = (
    ends(40, "kill everyone", "import os\ndef f():\n    os.kill(-1, 9)\n    return 1\n", Status.FAIL, Status.ERROR),
    refused(
        41,
        "kill, stop or inspect other processes",
        TRY + OTHERS + "def f():\n    done = []\n    for pid in others():\n"
        "        for signal in (0, 9, 19):\n            done += tried(f'kill {signal}', os.kill, pid, signal)\n"
        "        done += tried('priority', os.setpriority, os.PRIO_PROCESS, pid, 19)\n"
        "        done += tried('affinity', os.sched_setaffinity, pid, {0})\n    return done\n",
    ),
    refused(
        42,
        "ptrace and memory of other processes",
        TRY + OTHERS + LIBC + "import os, platform\ndef f():\n    if platform.machine() != 'x86_64':\n        return []\n    done = []\n"
        "    for pid in others():\n"
        "        for request in (16, 0x4206):\n            done += called('ptrace', 101, request, pid, 0, 0)\n"
        "        done += tried('mem', open, f'/proc/{pid}/mem', 'rb')\n"
        "    done += called('process_vm_readv', 310, os.getppid(), None, 0, None, 0, 0)\n"
        "    done += called('process_vm_writev', 311, os.getppid(), None, 0, None, 0, 0)\n    return done\n",
    ),
    refused(
        43,
        "descriptors of other processes",
        TRY + OTHERS + "def f():\n    done = []\n    for pid in others():\n"
        "        done += tried('list', os.listdir, f'/proc/{pid}/fd')\n        for fd in range(64):\n"
        "            done += tried('write', os.open, f'/proc/{pid}/fd/{fd}', os.O_WRONLY)\n"
        "            done += tried('read', os.open, f'/proc/{pid}/fd/{fd}', os.O_RDONLY)\n    return done\n",
    ),
    refused(
        44,
        "become another user",
        TRY + "import os\ndef f():\n    done = []\n    for uid in (0, 2001, 2002, 65534):\n        if uid == os.getuid():\n            continue\n"
        "        done += tried('setuid', os.setuid, uid)\n        done += tried('setresuid', os.setresuid, -1, uid, -1)\n"
        "        done += tried('setgid', os.setgid, uid)\n        done += tried('setgroups', os.setgroups, [uid])\n    return done\n",
    ),
    refused(
        45,
        "new namespaces",
        LIBC + "import os, platform\ndef f():\n    done = []\n    for name, flag in (('user', 0x10000000), ('mount', 0x20000), ('pid', 0x20000000),\n"
        "            ('net', 0x40000000), ('ipc', 0x8000000), ('uts', 0x4000000), ('cgroup', 0x2000000), ('time', 0x80)):\n"
        "        if libc.unshare(flag) == 0:\n            done.append('unshare ' + name)\n"
        "        if platform.machine() == 'x86_64' and flag != 0x80:\n            pid = libc.syscall(56, flag | 17, 0, 0, 0, 0)\n            if pid == 0:\n"
        "                os._exit(0)\n            if pid > 0:\n                done.append('clone ' + name)\n    return done\n",
    ),
    refused(
        46,
        "calls by the numbers of another architecture",
        LIBC + "import platform\ndef f():\n    if platform.machine() != 'x86_64':\n        return []\n    x32 = 0x40000000\n"
        "    return called('unshare', x32 + 272, 0x10000000) + called('getpid', x32 + 39)\n",
    ),
    refused(
        47,
        "mount, unmount and chroot",
        LIBC + TRY + "import os\ndef f():\n    done = []\n    for source, target, kind in ((b'tmpfs', b'/tmp', b'tmpfs'), (b'proc', b'/proc', b'proc')):\n"
        "        if libc.mount(source, target, kind, 0, None) == 0:\n            done.append(kind)\n"
        "    for target in (b'/tmp', b'/dev/shm', b'/proc'):\n        if libc.umount2(target, 2) == 0:\n            done.append(target)\n"
        "    return done + tried('chroot', os.chroot, '/tmp')\n",
    ),
    refused(
        48,
        "calls that no program needs",
        LIBC + "import platform\ndef f():\n    if platform.machine() != 'x86_64':\n        return []\n    calls = {'bpf': 321, 'userfaultfd': 323,\n"
        "        'perf_event_open': 298, 'io_uring_setup': 425, 'add_key': 248, 'keyctl': 250, 'kexec_load': 246, 'init_module': 175,\n"
        "        'fsopen': 430, 'open_tree': 428, 'move_mount': 429, 'setns': 308, 'open_by_handle_at': 304, 'pidfd_getfd': 438,\n"
        "        'process_madvise': 440, 'kcmp': 312, 'clone3': 435}\n"
        "    return [name for name, number in calls.items() if called(name, number, 0, 0, 0, 0, 0)]\n",
    ),
    refused(
        49,
        "writable folders beside its own",
        "import os\ndef f():\n    found = []\n    own = ('/tmp', '/dev/shm', '/proc')\n    for root, folders, _ in os.walk('/', onerror=None):\n"
        "        if root in own or root.startswith('/usr/'):\n            folders.clear()\n            continue\n"
        "        folders[:] = [n for n in folders if not (root == '/' and n in ('sys', 'usr'))][:300]\n"
        "        name = os.path.join(root, 'seedmill-escape')\n        try:\n            os.close(os.open(name, os.O_CREAT | os.O_WRONLY))\n            found.append(root)\n"
        "            os.unlink(name)\n        except OSError:\n            pass\n    return found\n",
        seconds=20.0,
    ),
    refused(
        50,
        "change the standard library or the guest program",
        TRY + "import os, json, sys\ndef f():\n    done = []\n    folders = [os.path.dirname(json.__file__), os.path.dirname(os.__file__), *sys.path]\n"
        "    for folder in folders:\n        done += tried(folder, open, os.path.join(folder, 'seedmill_escape.py'), 'w')\n"
        "    return done + tried('os', open, os.__file__, 'r+')\n",
    ),
    refused(
        51,
        "replace or leave the scratch folder",
        TRY + "import os\ndef f():\n    done = []\n    for name in ('/tmp', '/dev/shm'):\n        done += tried('rename', os.rename, name, name + '2')\n"
        "        done += tried('rmdir', os.rmdir, name)\n        done += tried('remount', os.symlink, '/', name)\n    return done\n",
    ),
    refused(
        52,
        "files of the machine",
        # Of a home there may be folders that lead to compilers, and nothing else.
        "import os\ndef f():\n    homes = [os.path.join(h, n) for h in ('/root', '/home') if os.path.isdir(h) for n in os.listdir(h)]\n"
        "    return [p for p in homes if not os.path.isdir(p)] + [p for p in ('/var', '/etc/shadow', '/etc/hostname', '/dev/kvm', '/dev/sda', '/dev/mem',\n"
        "        '/run', '/var/run/docker.sock', '/srv', '/boot') if os.path.exists(p)]\n",
        forms=OWN_SANDBOX,
    ),
    refused(
        53,
        "secrets of the machine",
        TRY + "import os\ndef f():\n    done = []\n    for name in ('/etc/shadow', '/proc/kcore', '/dev/mem', '/dev/kmsg', '/proc/1/environ'):\n"
        "        done += tried(name, lambda: open(name, 'rb').read(1)) if name != '/proc/1/environ' or os.stat('/proc/1').st_uid != 0 else []\n    return done\n",
    ),
    refused(
        54,
        "the environment of the service",
        "import os\ndef f():\n    return sorted(set(os.environ) - {'PATH', 'HOME', 'LANG', 'LC_CTYPE', 'MALLOC_ARENA_MAX'})\n",
    ),
    refused(
        55,
        "the kernel is not the machine's",
        "def f():\n    return [] if 'gvisor' in open('/proc/version').read().lower() else [open('/proc/version').read()]\n",
        forms=IN_GVISOR,
    ),
    refused(
        56,
        "network: the internet, metadata, the machine, names",
        "import socket\ndef f():\n    done = []\n    for address in (('127.0.0.1', 22), ('127.0.0.1', 80), ('169.254.169.254', 80), ('192.0.2.1', 53), ('10.0.0.1', 443)):\n"
        "        try:\n            socket.create_connection(address, timeout=0.2)\n            done.append(address)\n        except OSError:\n            pass\n"
        "    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n    try:\n        s.sendto(b'x', ('192.0.2.1', 53))\n        done.append('udp')\n"
        "    except OSError:\n        pass\n    return done\n",
    ),
    refused(
        57,
        "interfaces with addresses of the machine",
        "import socket\ndef f():\n    return [name for _, name in socket.if_nameindex() if name != 'lo' and not name.startswith(('tunl', 'sit', 'gre', 'ip6', 'ip_', 'erspan', 'teql'))]\n",
    ),
    refused(
        58,
        "raw and packet sockets",
        TRY + "import socket\ndef f():\n    done = tried('raw', socket.socket, socket.AF_INET, socket.SOCK_RAW, 1)\n"
        "    done += tried('packet', socket.socket, socket.AF_PACKET, socket.SOCK_RAW, 3)\n    return done\n",
    ),
    refused(
        59,
        "abstract sockets of the machine",
        "import socket\ndef f():\n    done = []\n    names = [line.split()[-1] for line in open('/proc/net/unix') if '@' in line.split()[-1]]\n"
        "    for name in names:\n        s = socket.socket(socket.AF_UNIX)\n        try:\n            s.connect(chr(0) + name[1:])\n            done.append(name)\n"
        "        except OSError:\n            pass\n    return done\n",
    ),
    refused(
        60,
        "set-user-id programs",
        "import os, subprocess\ndef f():\n    done = []\n    for name in ('/bin/su', '/usr/bin/sudo', '/usr/bin/passwd', '/usr/bin/mount', '/usr/bin/newgrp'):\n"
        "        if os.path.exists(name):\n            shown = subprocess.run(['/bin/sh', '-c', f'exec {name} --help >/dev/null 2>&1 & cat /proc/$!/status'],\n"
        "                capture_output=True, text=True).stdout\n            uids = [line.split()[1:] for line in shown.splitlines() if line.startswith('Uid')]\n"
        "            done += [name for each in uids if '0' in each]\n    return done\n",
    ),
    refused(
        61,
        "new privileges and capabilities",
        "def f():\n    status = dict(line.rstrip().split(':', 1) for line in open('/proc/self/status') if ':' in line)\n"
        "    held = [n for n in ('CapPrm', 'CapEff', 'CapAmb') if int(status.get(n, '0').strip(), 16)]\n"
        "    return held + ([] if status.get('NoNewPrivs', '1').strip() == '1' else ['NoNewPrivs'])\n",
    ),
    refused(
        62,
        "the clock and the name of the machine",
        TRY + "import socket, time\ndef f():\n    done = tried('name', socket.sethostname, 'other')\n"
        "    return done + tried('clock', time.clock_settime, time.CLOCK_REALTIME, 1.0)\n",
    ),
    refused(
        63,
        "devices",
        TRY + "import os\ndef f():\n    return tried('device', os.mknod, '/tmp/d', 0o600 | 0o060000, os.makedev(8, 0)) + tried('memory', os.mknod, '/tmp/m', 0o600 | 0o020000, os.makedev(1, 1))\n",
    ),
    refused(
        64,
        "settings of the kernel",
        TRY + "import os\ndef f():\n    done = []\n    for name in ('/proc/sys/kernel/core_pattern', '/proc/sys/vm/overcommit_memory', '/proc/sys/kernel/pid_max',\n"
        "            '/proc/sysrq-trigger', '/sys/kernel/uevent_helper', '/proc/self/oom_score_adj'):\n"
        "        done += tried(name, lambda: os.write(os.open(name, os.O_WRONLY), b'-17'))\n    return done\n",
    ),
    refused(
        65,
        "scheduling before others (in gVisor priorities are without effect)",
        TRY + "import os\ndef f():\n    done = tried('fifo', os.sched_setscheduler, 0, os.SCHED_FIFO, os.sched_param(50)) if hasattr(os, 'SCHED_FIFO') else []\n"
        "    return done if 'gvisor' in open('/proc/version').read().lower() else done + tried('nice', os.nice, -10)\n",
    ),
    refused(
        66,
        "out of the scratch folder by links and ..",
        "import os\ndef f():\n    os.symlink('/', '/tmp/root')\n    os.mkdir('/tmp/a')\n    done = []\n    for name in ('/tmp/root/seedmill-escape', '/tmp/a/../../seedmill-escape',\n"
        "            '/proc/self/root/seedmill-escape', '/proc/1/root/tmp/seedmill-escape', '/proc/self/cwd/../seedmill-escape', '/tmp/root/dev/seedmill-escape'):\n"
        "        try:\n            open(name, 'w').write('x')\n            done.append(name)\n        except OSError:\n            pass\n    return done\n",
    ),
    refused(
        67,
        "what an earlier program left in shared memory",
        "import ctypes\ndef f():\n    libc = ctypes.CDLL(None)\n    found = [key for key in range(1, 9) if libc.shmget(key, 0, 0) >= 0]\n    libc.shmget(7, 4096, 0o1666)\n"
        "    libc.mq_open = None\n    return found\n",
    ),
    refused(
        68,
        "descriptors that it was not given",
        "import os\ndef f():\n    listed = os.open('/proc/self/fd', os.O_RDONLY)\n    found = {int(n) for n in os.listdir(listed)} - {listed, 0, 1, 2, 3}\n"
        "    return sorted(n for n in found if n < 256 and _open(n))\n"
        "def _open(n):\n    try:\n        os.fstat(n)\n        return True\n    except OSError:\n        return False\n",
    ),
    ends(
        69,
        "ends the warden's session and process group",
        "import os\ndef f():\n    for group in {0, os.getpgid(os.getppid()), 1}:\n        try:\n            os.killpg(group, 9)\n        except OSError:\n            pass\n    return 1\n",
        Status.FAIL,
    ),
)  # fmt: skip
