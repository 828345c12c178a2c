"""A program under limits: `python -I -S limited.py DATA_BYTES CPU_SECONDS FILE_BYTES program argument…`.

A process limits itself and then becomes the program, because the service, which has gRPC loaded, must not run Python
between fork and exec. This file imports nothing of seedmill, so that it starts in milliseconds.
"""

import contextlib
import os
import resource
import signal
import sys


def main() -> None:
    """Never returns."""
    data_bytes, cpu_seconds, file_bytes = map(int, sys.argv[1:4])
    limits = {
        resource.RLIMIT_DATA: data_bytes,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_CORE: 0,
    }
    for limit, most in limits.items():
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(limit, (most, most))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it, and what is ignored stays so over exec
    os.execv(sys.argv[4], sys.argv[4:])  # noqa: S606


if __name__ == "__main__":
    main()
