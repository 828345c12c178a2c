"""What the execution service counts. Labels are closed sets; programs, runs and reasons are none."""

from prometheus_client import Counter, Gauge, Histogram

programs = Counter(
    "seedmill_execution_programs_total",
    "Programs that were run, by status, isolation, kind of verdict and language.",
    ("status", "isolation", "kind", "language"),
)
seconds = Histogram(
    "seedmill_execution_seconds",
    "Of one program: queue (until its turn), sandbox (until it has one), run (in it, as the service sees it), sweep.",
    ("phase",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 100, 300),
)
cpu_seconds = Counter(
    "seedmill_execution_cpu_seconds_total",
    "CPU time: program (processes of programs), gvisor (its own, where this service starts it).",
    ("who",),
)
sandbox_bytes = Gauge(
    "seedmill_execution_sandbox_resident_bytes",
    "Memory of gVisor's own processes with the memory of what runs in them, when they answered last.",
)
sandboxes = Gauge("seedmill_execution_sandboxes", "Sandboxes: idle, busy, or starting.", ("state",))
recycles = Counter(
    "seedmill_execution_recycles_total",
    "Sandboxes ended: age, fresh, lost, infra, violation, memory, sweep, leftovers, cancelled, evicted.",
    ("reason",),
)
start_seconds = Histogram(
    "seedmill_execution_start_seconds",
    "Until a sandbox is ready: start (from nothing) or restore (from a checkpoint).",
    ("how",),
    buckets=(0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75, 1, 2, 5, 10, 30),
)
start_failures = Counter("seedmill_execution_start_failures_total", "Sandboxes that could not be started.")
leftovers = Counter("seedmill_execution_leftover_processes_total", "Processes that programs left and the sweep ended.")
downgrades = Counter("seedmill_execution_downgrades_total", "Programs under Auto that were not judged strictly.")
violations = Counter("seedmill_execution_protocol_violations_total", "Reports and answers that no honest test makes.")
retries = Counter("seedmill_execution_infra_retries_total", "Programs run again because their sandbox was lost.")
rejected = Counter("seedmill_execution_queue_rejected_total", "Programs refused because the queue was full.")
waiting = Gauge("seedmill_execution_waiting", "Programs that wait for their turn.")
known = Counter(
    "seedmill_execution_known_total",
    "Programs answered without running them: cache (judged before), key (asked for twice).",
    ("by",),
)
serving = Gauge("seedmill_execution_serving", "1, or 0 while no sandbox gives verdicts.")
