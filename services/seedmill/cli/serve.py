"""`seedmill serve SERVICE`: one of the four services as a process of its own, on a Unix socket or a port."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from seedmill.cli.guarding import CallersOption, TlsOption
from seedmill.serving.logs import LogFormat, LogLevel, configure_logs

if TYPE_CHECKING:
    from seedmill.serving.server import ServerSettings, Service

serve_app = typer.Typer(
    help="Run one service until SIGTERM or SIGINT, then let its calls finish.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AddressOption = Annotated[
    str, typer.Option(help="Where to listen: unix:/path (mode 0600) or host:port.", show_default=False)
]
MetricsOption = Annotated[
    str | None,
    typer.Option(help="host:port for Prometheus metrics, /healthz and /readyz; none without it.", show_default=False),
]
DrainOption = Annotated[
    float, typer.Option(min=0, help="Seconds in which calls are still taken after the signal to stop (cluster: 5-10).")
]
GraceOption = Annotated[float, typer.Option(min=0, help="Seconds that calls in flight then have to finish.")]
ParentOption = Annotated[
    int | None, typer.Option("--exit-with-parent", metavar="PID", help="End when this parent process ends.")
]
FormatOption = Annotated[LogFormat, typer.Option(help="auto: console on a terminal, JSON elsewhere.")]
LevelOption = Annotated[LogLevel, typer.Option(help="debug also logs calls that went well.")]


@serve_app.command("seeding")
def serve_seeding(
    address: AddressOption,
    metrics_address: MetricsOption = None,
    drain_seconds: DrainOption = 0.0,
    grace_seconds: GraceOption = 30.0,
    parent_pid: ParentOption = None,
    tls: TlsOption = None,
    allow_callers: CallersOption = None,
    log_format: FormatOption = LogFormat.AUTO,
    log_level: LevelOption = LogLevel.INFO,
) -> None:
    """Corpora to seeds."""
    from seedmill.seeding.server import service
    from seedmill.serving.guard import Guard
    from seedmill.serving.server import ServerSettings

    guard = Guard(tls, allow_callers or ())
    settings = ServerSettings(address, metrics_address, drain_seconds, grace_seconds, parent_pid, guard)
    _serve(settings, service, log_format, log_level)


@serve_app.command("inference")
def serve_inference(
    address: AddressOption,
    endpoint: Annotated[
        list[str] | None,
        typer.Option(
            help="Where completions come from; may be repeated. openai:URL (any OpenAI-compatible server, such as "
            "openai:http://localhost:8000/v1), embedded: (the small model on this machine), "
            "vllm:/path/to/model?max-model-len=8192 (vLLM in this process, with its own arguments), "
            "tgi:http://localhost:8080 (Text Generation Inference), or openai-batch:https://host/v1 (a Batch API).",
            show_default=False,
        ),
    ] = None,
    gpus: Annotated[
        float, typer.Option(min=0, help="GPUs of all engines behind it, for budget.maxGpuHours; 0: not known.")
    ] = 0.0,
    metrics_address: MetricsOption = None,
    drain_seconds: DrainOption = 0.0,
    grace_seconds: GraceOption = 30.0,
    parent_pid: ParentOption = None,
    tls: TlsOption = None,
    allow_callers: CallersOption = None,
    log_format: FormatOption = LogFormat.AUTO,
    log_level: LevelOption = LogLevel.INFO,
) -> None:
    """Prompts to completions: a gateway before the engines."""
    from seedmill.inference.server import service
    from seedmill.serving.guard import Guard
    from seedmill.serving.server import ServerSettings

    guard = Guard(tls, allow_callers or ())
    settings = ServerSettings(address, metrics_address, drain_seconds, grace_seconds, parent_pid, guard)
    _serve(settings, lambda: service(endpoint or [], gpus), log_format, log_level, sockets=True)


@serve_app.command("execution")
def serve_execution(
    address: AddressOption,
    isolation: Annotated[
        str,
        typer.Option(
            help="gvisor: sandboxes that this service starts. pod: it runs in a gVisor pod itself. "
            "process: programs run WITHOUT a sandbox, on this machine."
        ),
    ] = "gvisor",
    workers: Annotated[
        int, typer.Option(min=0, help="Programs that run at the same time; 0: one for each CPU.", show_default=False)
    ] = 0,
    platform: Annotated[
        str | None,
        typer.Option(
            help="How gVisor takes system calls: auto (measured once), systrap, ptrace, or kvm. "
            "Without it $SEEDMILL_PLATFORM, else auto.",
            show_default=False,
        ),
    ] = None,
    cache_mebibytes: Annotated[
        int, typer.Option(min=0, help="Memory for verdicts that are kept, so that no program runs twice; 0: none.")
    ] = 64,
    http_address: Annotated[
        str | None,
        typer.Option(
            help="host:port for POST /run_code and /submit as SandboxFusion has them; none without it.",
            show_default=False,
        ),
    ] = None,
    http_for_all: Annotated[
        bool, typer.Option("--http-for-all", help="Let other machines reach it: whoever does may run programs.")
    ] = False,
    metrics_address: MetricsOption = None,
    drain_seconds: DrainOption = 0.0,
    grace_seconds: GraceOption = 30.0,
    parent_pid: ParentOption = None,
    tls: TlsOption = None,
    allow_callers: CallersOption = None,
    log_format: FormatOption = LogFormat.AUTO,
    log_level: LevelOption = LogLevel.INFO,
) -> None:
    """Programs and their tests to verdicts, in a sandbox."""
    from seedmill.execution.http.settings import HttpSettings
    from seedmill.execution.server import service
    from seedmill.serving.guard import Guard
    from seedmill.serving.server import ServerSettings

    guard = Guard(tls, allow_callers or ())
    settings = ServerSettings(address, metrics_address, drain_seconds, grace_seconds, parent_pid, guard)
    http = None if http_address is None else HttpSettings(http_address, http_for_all)
    _serve(
        settings,
        lambda: service(isolation, workers or None, platform, cache_mebibytes << 20, http),
        log_format,
        log_level,
    )


@serve_app.command("aggregation")
def serve_aggregation(
    address: AddressOption,
    metrics_address: MetricsOption = None,
    drain_seconds: DrainOption = 0.0,
    grace_seconds: GraceOption = 30.0,
    parent_pid: ParentOption = None,
    tls: TlsOption = None,
    allow_callers: CallersOption = None,
    log_format: FormatOption = LogFormat.AUTO,
    log_level: LevelOption = LogLevel.INFO,
) -> None:
    """Journals to datasets."""
    from seedmill.aggregation.server import service
    from seedmill.serving.guard import Guard
    from seedmill.serving.server import ServerSettings

    guard = Guard(tls, allow_callers or ())
    settings = ServerSettings(address, metrics_address, drain_seconds, grace_seconds, parent_pid, guard)
    _serve(settings, service, log_format, log_level)


def _serve(
    settings: "ServerSettings",
    make: "Callable[[], Service]",
    form: LogFormat,
    level: LogLevel,
    *,
    sockets: bool = False,
) -> None:
    from seedmill.serving.loop import run_in_loop
    from seedmill.serving.server import serve

    configure_logs(form, level)

    async def main() -> None:
        await serve(settings, [make()])  # made inside the loop it will run in

    run_in_loop(main(), sockets=sockets)
