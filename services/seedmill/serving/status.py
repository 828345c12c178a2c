"""Our errors as gRPC statuses, and back: the two halves of one table.

A status of ours carries `google.rpc.ErrorInfo` with our domain; that is what tells it from what gRPC itself says. A
status without it comes from the transport (a killed server answers UNAVAILABLE, UNKNOWN or INTERNAL, as it happens), so
it means that the service is away, whatever the code; the few codes that cannot heal are listed.
"""

from typing import Any, cast

import grpc
from google.protobuf.duration_pb2 import Duration
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from seedmill.serving.errors import Busy, InvalidRequest, ItemError, Misconfigured, ServiceError, Unavailable

DOMAIN = "seedmill.dev"
INTERNAL_ERROR = "InternalError"
OPERATION_UNKNOWN = "OperationUnknown"
"""Reason of the InvalidRequest that answers `Get…` for an operation this server does not know: start it again."""

CALLER_NOT_ALLOWED = "CallerNotAllowed"
"""Reason of the Misconfigured that answers a caller whose certificate is good and whose name is not on the list."""

MESSAGE_LIMIT = 2000
"""Characters of a message: details travel in trailing metadata, which gRPC bounds at 8 KiB."""

SHORTEST_RETRY_SECONDS = 0.05

_CODES: dict[type[ServiceError], int] = {
    InvalidRequest: code_pb2.INVALID_ARGUMENT,
    Misconfigured: code_pb2.FAILED_PRECONDITION,
    Unavailable: code_pb2.UNAVAILABLE,
    Busy: code_pb2.RESOURCE_EXHAUSTED,
    ItemError: code_pb2.ABORTED,
    ServiceError: code_pb2.INTERNAL,
}

_CODES_BY_NUMBER: dict[int, grpc.StatusCode] = {
    cast("tuple[int, str]", code.value)[0]: code for code in grpc.StatusCode
}

_CLASSES: dict[grpc.StatusCode, type[ServiceError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.NOT_FOUND: InvalidRequest,
    grpc.StatusCode.FAILED_PRECONDITION: Misconfigured,
    grpc.StatusCode.PERMISSION_DENIED: Misconfigured,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.ABORTED: ItemError,
    grpc.StatusCode.INTERNAL: ServiceError,
}

_HOPELESS: dict[grpc.StatusCode, tuple[type[ServiceError], str]] = {
    grpc.StatusCode.UNIMPLEMENTED: (Misconfigured, "MethodUnknown"),
    grpc.StatusCode.UNAUTHENTICATED: (Misconfigured, "CallerUnknown"),
    grpc.StatusCode.PERMISSION_DENIED: (Misconfigured, CALLER_NOT_ALLOWED),
    grpc.StatusCode.INVALID_ARGUMENT: (InvalidRequest, "InvalidArgument"),
    grpc.StatusCode.RESOURCE_EXHAUSTED: (InvalidRequest, "MessageTooLarge"),
}


def to_rpc_status(error: ServiceError) -> status_pb2.Status:
    """The status that carries this error: code, message, ErrorInfo, and RetryInfo where it says when to come back."""
    code = next(_CODES[of] for of in type(error).__mro__ if of in _CODES)
    if error.reason == OPERATION_UNKNOWN:
        code = code_pb2.NOT_FOUND
    if error.reason == CALLER_NOT_ALLOWED:
        code = code_pb2.PERMISSION_DENIED
    status = status_pb2.Status(code=code, message=error.message[:MESSAGE_LIMIT])
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN))
    if isinstance(error, Busy):
        delay = Duration()
        delay.FromNanoseconds(round(error.retry_after_seconds * 1e9))
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    return status


def from_rpc_error(error: grpc.RpcError) -> ServiceError:
    """The error that a failed call means for its caller; of the class that the server raised, if it was ours."""
    if not isinstance(error, grpc.aio.AioRpcError):
        return Unavailable("ServiceUnavailable", str(error))
    code, message = error.code(), error.details() or error.code().name
    status = _rich_status(error)
    reason = _our_reason(status)
    if status is None or reason is None:
        if code in _HOPELESS:
            of, hopeless_reason = _HOPELESS[code]
            return of(hopeless_reason, message)
        return Unavailable("ServiceUnavailable", f"the service does not answer: {message} ({code.name})")
    return _ours(code, reason, message, status)


def from_rpc_status(status: status_pb2.Status) -> ServiceError:
    """The error of a status that `to_rpc_status` made: what went wrong with one item of a call that goes on."""
    return _ours(_CODES_BY_NUMBER[status.code], _our_reason(status) or INTERNAL_ERROR, status.message, status)


def _ours(code: grpc.StatusCode, reason: str, message: str, status: status_pb2.Status) -> ServiceError:
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return Busy(reason, message, _retry_seconds(status))
    return _CLASSES.get(code, ServiceError)(reason, message)


def _rich_status(error: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    try:
        return cast(status_pb2.Status | None, cast(Any, rpc_status).from_call(error))
    except ValueError:  # details that contradict the code: not ours
        return None


def _our_reason(status: status_pb2.Status | None) -> str | None:
    for detail in status.details if status is not None else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info) and info.domain == DOMAIN:
            return info.reason
    return None


def _retry_seconds(status: status_pb2.Status) -> float:
    for detail in status.details:
        retry = error_details_pb2.RetryInfo()
        if detail.Unpack(retry):
            return max(SHORTEST_RETRY_SECONDS, retry.retry_delay.ToNanoseconds() / 1e9)
    return 1.0
