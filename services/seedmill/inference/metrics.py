"""What the gateway counts. Labels are closed sets (and the names of served models); runs, URLs and texts are none."""

from prometheus_client import Counter, Gauge, Histogram

prompts = Counter(
    "seedmill_inference_prompts_total",
    "Prompts by how they ended: completed, item_error, unavailable, misconfigured, cancelled.",
    ("outcome",),
)
requests = Counter(
    "seedmill_inference_requests_total",
    "HTTP requests to engines by what came of them: completed, final, or the kind of trouble.",
    ("outcome",),
)
completed = requests.labels("completed")
opened = Counter(
    "seedmill_inference_circuits_opened_total",
    "Times that an endpoint was left out for a while, because no connection could be made or answers broke.",
)
wasted_tokens = Counter(
    "seedmill_inference_wasted_tokens_total",
    "Tokens, estimated, of requests that brought no answer: failed, silent, unreadable, or the duplicate that lost.",
    ("model", "reason"),
)
retries = Counter("seedmill_inference_retries_total", "Prompts sent again, by the trouble before it.", ("kind",))
tokens = Counter(
    "seedmill_inference_tokens_total",
    "Tokens of completed prompts: prompt or completion; reported by the engine, or estimated from the text.",
    ("model", "kind", "source"),
)
in_flight = Gauge("seedmill_inference_in_flight", "Requests at the engines now.")
waiting = Gauge("seedmill_inference_waiting", "Prompts in the gateway now: waiting, at an engine, or in a pause.")
seconds = Histogram(
    "seedmill_inference_request_seconds",
    "From sending a request to its last byte, when it was answered.",
    buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 300, 900),
)
