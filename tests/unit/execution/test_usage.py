"""What gVisor's processes use, with ordinary processes in their place."""

import os
import subprocess
import sys
import time

from seedmill.execution.sandboxes.usage import gvisor_processes, usage_of

PARENT = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).wait()"


def test_children_are_found_and_what_has_ended_counts_nothing():
    with subprocess.Popen([sys.executable, "-c", PARENT]) as parent:
        deadline = time.monotonic() + 20
        while len(found := gvisor_processes(parent.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        try:
            assert found[0] == parent.pid
            assert len(found) == 2
            used = usage_of(found)
            assert used.cpu_seconds > 0
            assert used.resident_bytes > 2 << 20
        finally:
            for pid in found:
                os.kill(pid, 9)
    assert usage_of(found[:1]).resident_bytes == 0
