"""What an S3 server's refusals mean, and which of them pass by themselves."""

import urllib3.exceptions
from minio.error import InvalidResponseError, MinioException, S3Error, ServerError

from seedmill.storage.store import ObjectMissing, ReadOnlyStore, StorageError, StoreAway, StoreFull

_PASSING = frozenset(
    {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "RequestTimeoutException", "Throttling"}
)
_FULL = frozenset({"XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "InsufficientStorage"})
_HINTS = {
    "NoSuchBucket": "create it (for instance: aws s3 mb s3://{bucket} --endpoint-url {endpoint}), or correct the URI",
    "InvalidAccessKeyId": "the server does not know this AWS_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID, or a proxy changes requests",
    "ExpiredToken": "AWS_SESSION_TOKEN has expired: get a new one",
    "InvalidToken": "AWS_SESSION_TOKEN does not belong to the keys",
    "RequestTimeTooSkewed": "the clock of this machine is wrong: set it",
    "AccessDenied": "the keys may not do this: ask for s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject",
    "AuthorizationHeaderMalformed": "set AWS_REGION to the bucket's region",
    "PermanentRedirect": "set AWS_REGION and the endpoint to the bucket's region",
}


def passes_by_itself(error: Exception) -> bool:
    """Whether the same request may well work in a moment: connection trouble, 5xx, 429, SlowDown."""
    match error:
        case urllib3.exceptions.SSLError() | urllib3.exceptions.LocationParseError():
            return False
        case urllib3.exceptions.HTTPError():
            return True
        case S3Error():
            return error.code in _PASSING or (error.code not in _FULL and _is_passing_status(error.response.status))
        case ServerError():
            return _is_passing_status(error.status_code)
        case InvalidResponseError():
            return _is_passing_status(_status(error))
        case _:
            return False


def as_storage_error(error: Exception, tried: str, *, writing: bool, bucket: str, endpoint: str) -> StorageError:
    """`tried` says what was being done to which object, as `writing s3://…/key`."""
    match error:
        case S3Error(code="NoSuchKey"):
            return ObjectMissing(f"{tried}: there is no such object")
        case S3Error(code=code) if code in _FULL:
            return StoreFull(f"{tried}: {endpoint} has no room left ({code}); make room there")
        case S3Error(code=code, message=message):
            hint = _HINTS.get(code or "", "").format(bucket=bucket, endpoint=endpoint)
            text = f"{tried}: {endpoint} answered {code} ({message})" + (f"; {hint}" if hint else "")
            if passes_by_itself(error):
                return StoreAway(text)
            refused = error.response.status in (403, 405)
            return ReadOnlyStore(text) if refused and writing else StorageError(text)
        case ServerError():
            kind = StoreAway if passes_by_itself(error) else StorageError
            return kind(f"{tried}: {endpoint} answered {error.status_code}; look at the server's log")
        case InvalidResponseError():
            return StorageError(f"{tried}: {endpoint} answered {_status(error)}, not as S3 does; is it an S3 endpoint?")
        case urllib3.exceptions.SSLError():
            return StorageError(
                f"{tried}: no trusted TLS connection to {endpoint} ({_cause(error)}); SSL_CERT_FILE names its CA"
            )
        case urllib3.exceptions.LocationParseError():
            return StorageError(f"{tried}: {endpoint} is no address; correct the endpoint")
        case urllib3.exceptions.HTTPError():
            return StoreAway(
                f"{tried}: {endpoint} cannot be reached ({_cause(error)}); check the endpoint and the network"
            )
        case MinioException():
            return StorageError(f"{tried}: {error}")
        case _:
            return StorageError(f"{tried}: {endpoint}: {error}")


def _is_passing_status(status: int) -> bool:
    return status == 429 or (status >= 500 and status not in (501, 505, 507))


def _status(error: InvalidResponseError) -> int:
    # The class keeps the status to itself; its pickling form is the public way to it.
    code = error.__reduce__()[1][0]
    return int(code)


def _cause(error: BaseException) -> str:
    """The innermost reason, without urllib3's object addresses."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(getattr(error, "strerror", None) or error)
