"""`seedmill operator`: look after the DatasetGenerations of a cluster."""

import asyncio
import os
from importlib.util import find_spec
from typing import Annotated

import typer

from seedmill.cli.guarding import TlsOption
from seedmill.serving.logs import LogFormat, LogLevel, configure_logs

ACCESS_KEY_ID, SECRET_ACCESS_KEY = "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"

ADDRESS = "as `seedmill dispatch` takes it; may be repeated, once for each replica."


def operator(
    image: Annotated[str, typer.Option(envvar="SEEDMILL_IMAGE", help="Image of the pods of runs.")],
    store: Annotated[str, typer.Option(envvar="SEEDMILL_STORE", help="s3://bucket/prefix of runs that name none.")],
    seeding: Annotated[list[str], typer.Option(envvar="SEEDMILL_SEEDING", help=f"Of the seeding service, {ADDRESS}")],
    aggregation: Annotated[
        list[str], typer.Option(envvar="SEEDMILL_AGGREGATION", help=f"Of the aggregation service, {ADDRESS}")
    ],
    inference: Annotated[
        list[str] | None, typer.Option(envvar="SEEDMILL_INFERENCE", help=f"Of the inference service, {ADDRESS}")
    ] = None,
    execution: Annotated[
        list[str] | None, typer.Option(envvar="SEEDMILL_EXECUTION", help=f"Of the execution service, {ADDRESS}")
    ] = None,
    namespace: Annotated[
        list[str] | None,
        typer.Option(envvar="SEEDMILL_NAMESPACES", help="Where to look after runs; may be repeated."),
    ] = None,
    all_namespaces: Annotated[bool, typer.Option("--all-namespaces", help="Look after runs everywhere.")] = False,
    store_endpoint: Annotated[
        str, typer.Option(envvar="SEEDMILL_S3_ENDPOINT", help="https://host of the store's S3 server.")
    ] = "",
    store_region: Annotated[str, typer.Option(envvar="AWS_REGION", help="Region of the store's bucket.")] = "",
    store_secret: Annotated[
        str,
        typer.Option(
            envvar="SEEDMILL_STORE_SECRET", help="Secret with the store's keys, in the namespace of each run."
        ),
    ] = "",
    store_access_key_id_key: Annotated[str, typer.Option(help="Its key with the access key's id.")] = ACCESS_KEY_ID,
    store_secret_access_key_key: Annotated[
        str, typer.Option(help="Its key with the secret access key.")
    ] = SECRET_ACCESS_KEY,
    store_ca_config_map: Annotated[
        str, typer.Option(help="ConfigMap with the store's CA, in the namespace of each run.")
    ] = "",
    store_ca_key: Annotated[str, typer.Option(help="Its key with the certificates.")] = "ca.crt",
    pull_policy: Annotated[str, typer.Option(help="When nodes ask the registry for the image.")] = "IfNotPresent",
    pull_secret: Annotated[
        list[str] | None, typer.Option(help="Secret to pull the image with, in the namespace of each run.")
    ] = None,
    run_service_account: Annotated[str, typer.Option(help="ServiceAccount of the pods of runs.")] = "",
    tls: TlsOption = None,
    tls_secret: Annotated[
        str,
        typer.Option(
            envvar="SEEDMILL_TLS_SECRET", help="Secret with the certificate of runs, in the namespace of each run."
        ),
    ] = "",
    run_cpu: Annotated[str, typer.Option(help="CPU that the pod of a run asks for.")] = "500m",
    run_memory: Annotated[str, typer.Option(help="Memory that it asks for.")] = "512Mi",
    run_memory_limit: Annotated[str, typer.Option(help="Memory that it may use.")] = "2Gi",
    run_temporary: Annotated[str, typer.Option(help="Room for its temporary files.")] = "4Gi",
    run_grace_seconds: Annotated[int, typer.Option(min=1, help="What it has to finish what is in flight.")] = 120,
    metrics_address: Annotated[
        str | None, typer.Option(help="host:port for Prometheus metrics; none without it.")
    ] = None,
    health_address: Annotated[
        str | None, typer.Option(help="host:port for /healthz and /readyz; none without it.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Runs that are looked at at the same time.")] = 4,
    writes_per_second: Annotated[float, typer.Option(min=0.1, help="Requests that change something, at most.")] = 10.0,
    progress_seconds: Annotated[float, typer.Option(min=1, help="How often a run is asked how far it is.")] = 15.0,
    log_format: Annotated[LogFormat, typer.Option(help="auto: console on a terminal, JSON elsewhere.")] = (
        LogFormat.AUTO
    ),
    log_level: Annotated[LogLevel, typer.Option(help="The least that is written.")] = LogLevel.INFO,
) -> None:
    """Look after the DatasetGenerations of a cluster: a Job for each, its end and progress in their status."""
    from seedmill.serving.errors import Misconfigured

    if find_spec("kopf") is None or find_spec("kubernetes") is None:
        raise Misconfigured("NotInstalled", "the operator needs: pip install 'seedmill[operator]'")
    if bool(namespace) == all_namespaces:
        raise Misconfigured("NoNamespace", "give either --namespace NAME (once or more) or --all-namespaces")
    if (tls is None) == bool(tls_secret):
        raise Misconfigured(
            "HalfTls", "give both or neither of --tls FOLDER (to ask runs) and --tls-secret NAME (for runs to answer)"
        )
    # kopf asks, as it is imported, who it runs as; the user of a container has a number and often no name.
    os.environ.setdefault("LOGNAME", "seedmill")
    from seedmill.cli.spec_checks import spec_checks
    from seedmill.operator.main import operate
    from seedmill.operator.settings import OperatorSettings, PodSettings, StoreSettings

    services = {"seeding": seeding, "inference": inference, "execution": execution, "aggregation": aggregation}
    pod = PodSettings(
        image=image,
        store=StoreSettings(
            uri=store,
            endpoint=store_endpoint,
            region=store_region,
            secret=store_secret,
            access_key_id_key=store_access_key_id_key,
            secret_access_key_key=store_secret_access_key_key,
            ca_config_map=store_ca_config_map,
            ca_key=store_ca_key,
        ),
        services={name: addresses for name, addresses in services.items() if addresses},
        pull_policy=pull_policy,
        pull_secrets=pull_secret or (),
        service_account=run_service_account,
        cpu_request=run_cpu,
        memory_request=run_memory,
        memory_limit=run_memory_limit,
        temporary_size=run_temporary,
        grace_seconds=run_grace_seconds,
        tls_secret=tls_secret,
    )
    settings = OperatorSettings(
        pod=pod,
        namespaces=namespace or (),
        metrics_address=metrics_address,
        health_address=health_address,
        workers=workers,
        writes_per_second=writes_per_second,
        progress_seconds=progress_seconds,
        tls=tls,
    )
    configure_logs(log_format, log_level)
    asyncio.run(operate(settings, spec_checks()))
