"""What an operator is told when it starts: where services and store are, what pods of runs look like."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """The release's store. Keys of an S3 store come from `secret`, which must be in the namespace of each run."""

    uri: str
    endpoint: str = ""
    region: str = ""
    secret: str = ""
    access_key_id_key: str = "AWS_ACCESS_KEY_ID"
    secret_access_key_key: str = "AWS_SECRET_ACCESS_KEY"
    ca_config_map: str = ""
    ca_key: str = "ca.crt"


@dataclass(frozen=True, slots=True)
class PodSettings:
    """The pod of a run. `services` has addresses, as `seedmill dispatch` takes them, by service.

    `tls_secret`, with the certificate that runs show and are known by, must be in the namespace of each run.
    """

    image: str
    store: StoreSettings
    services: Mapping[str, Sequence[str]]
    pull_policy: str = "IfNotPresent"
    pull_secrets: Sequence[str] = ()
    service_account: str = ""
    cpu_request: str = "500m"
    memory_request: str = "512Mi"
    memory_limit: str = "2Gi"
    temporary_size: str = "4Gi"
    grace_seconds: int = 120
    progress_port: int = 9095
    metrics_port: int = 9090
    tls_secret: str = ""


@dataclass(frozen=True, slots=True)
class OperatorSettings:
    """The operator itself. No `namespaces`: all of them. Addresses are host:port.

    `tls` is the folder with the operator's own certificate; then runs are asked over TLS.
    """

    pod: PodSettings
    namespaces: Sequence[str] = ()
    metrics_address: str | None = None
    health_address: str | None = None
    workers: int = 4
    writes_per_second: float = 10.0
    write_burst: int = 50
    progress_seconds: float = 15.0
    resync_seconds: float = 300.0
    start_jitter_seconds: float = 10.0
    tls: Path | None = None
