"""The errors that cross a service boundary: the same classes are raised in a server and come out of its client.

A server raises them; the error interceptor turns them into a gRPC status with `google.rpc` details; the client turns
the status back. What a caller does differs by class, so there are few. One bad item never fails its batch: item errors
are results (`ItemError`), the others concern the whole call.
"""


class ServiceError(Exception):
    """`reason` is a CamelCase constant for conditions and metrics, the message one line for a person."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __str__(self) -> str:
        return self.message


class InvalidRequest(ServiceError):
    """The caller's mistake; the same call can never work."""


class Misconfigured(ServiceError):
    """The run's spec or the service's configuration cannot work (401, model not served, no corpus). Not retried."""


class Unavailable(ServiceError):
    """Something is away (teacher, sandbox, store, service). Wait and try again; nothing is lost."""


class Busy(ServiceError):
    """The queue is full. Try again after `retry_after_seconds`."""

    def __init__(self, reason: str, message: str, retry_after_seconds: float) -> None:
        super().__init__(reason, message)
        self.retry_after_seconds = retry_after_seconds


class ItemError(ServiceError):
    """One item of a batch could not be answered although the service works (HTTP 400 for this prompt, say)."""
