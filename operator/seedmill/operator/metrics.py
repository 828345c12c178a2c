"""What Prometheus can ask of an operator. Labels are closed sets: no run's name, no message."""

from prometheus_client import Counter, Gauge, Histogram

reconciles = Counter(
    "seedmill_operator_reconcile_total", "Passes over one run, by result: ok, conflict or error.", ("result",)
)
reconcile_seconds = Histogram(
    "seedmill_operator_reconcile_duration_seconds",
    "Of one pass, waiting for the write budget included.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
api_requests = Counter(
    "seedmill_operator_api_requests_total",
    "Requests to the API server by method, resource and status (0: no answer).",
    ("verb", "resource", "code"),
)
queue_depth = Gauge("seedmill_operator_workqueue_depth", "Runs that wait for a pass.")
queue_oldest = Gauge("seedmill_operator_workqueue_oldest_key_age_seconds", "How long the first of them has waited.")
queue_retries = Gauge("seedmill_operator_workqueue_retries", "Passes that failed and were put off, since the start.")
watch_last_event = Gauge(
    "seedmill_operator_watch_last_event_timestamp_seconds", "When a watch told of something last.", ("resource",)
)
active_runs = Gauge("seedmill_operator_active_runs", "Runs whose pod is asked for its progress.")
