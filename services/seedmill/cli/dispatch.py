"""`seedmill dispatch`: one run against services that run elsewhere: what the pod of a run does in a cluster.

It is the same pipeline as `seedmill run`; what differs is the host: services by address instead of child processes,
log lines and a RunService instead of a panel, exit statuses and a last message for the Job that started it.
"""

import asyncio
import os
import signal
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from seedmill.cli.guarding import CallersOption, TlsOption
from seedmill.spec.pod import CANNOT_WORK_EXIT, IMAGE_VARIABLE, RESOURCE_VARIABLE, TOO_MANY_FAILURES_EXIT

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger

    from seedmill.cli.termination import LastWords
    from seedmill.pipeline.metrics import RunMetrics
    from seedmill.pipeline.progress import Snapshot
    from seedmill.pipeline.run import Ending, Run
    from seedmill.serving.guard import Guard
    from seedmill.spec.model import DatasetGeneration

BROKEN = 1
TAKEN_OVER = 75
"""sysexits' EX_TEMPFAIL: another process goes on with the run; started again, this one finds it done or takes over."""

TICK_SECONDS = 0.5
SILENCE_SECONDS = 30.0

ADDRESS = "host:port, dns:///host:port or unix:/path; may be repeated, once for each replica."


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where everything is: the store, addresses of services by name, and what this process serves itself."""

    store: str
    services: Mapping[str, Sequence[str]]
    progress_address: str | None
    metrics_address: str | None
    guard: "Guard"


def dispatch(
    store: Annotated[str, typer.Option(help="Where artifacts live: s3://bucket/prefix, or a directory.")],
    seeding: Annotated[list[str], typer.Option(help=f"Of the seeding service: {ADDRESS}")],
    aggregation: Annotated[list[str], typer.Option(help=f"Of the aggregation service: {ADDRESS}")],
    inference: Annotated[list[str] | None, typer.Option(help=f"Of the inference service: {ADDRESS}")] = None,
    execution: Annotated[list[str] | None, typer.Option(help=f"Of the execution service: {ADDRESS}")] = None,
    resource: Annotated[
        Path | None, typer.Option(help=f"A DatasetGeneration; the variable {RESOURCE_VARIABLE} when left out.")
    ] = None,
    progress_address: Annotated[
        str | None, typer.Option(help="host:port or unix:/path for the RunService; none without it.")
    ] = None,
    metrics_address: Annotated[
        str | None, typer.Option(help="host:port for Prometheus metrics, /healthz and /readyz; none without it.")
    ] = None,
    termination_log: Annotated[
        Path | None, typer.Option(help="File for the last message; /dev/termination-log, where it exists.")
    ] = None,
    tls: TlsOption = None,
    allow_callers: CallersOption = None,
) -> None:
    """Make a dataset with services that run elsewhere: what the pod of a run does in a cluster.

    Exit status: 0 published, be it in part; 2 it cannot work as it stands; 5 too many failures; 75 another process has
    taken over; 130 and 143 interrupted; 1 anything else. All but 0, 2 and 5 may be started again.
    """
    # The first process of a pod hears no signal that it does not handle, and the loop that will is not there yet.
    signal.signal(signal.SIGTERM, _end_early)
    from seedmill.cli.pod_resource import resource_of_pod
    from seedmill.cli.refusal import REFUSALS, refusal
    from seedmill.cli.termination import LastWords, leave
    from seedmill.serving.guard import Guard
    from seedmill.serving.logs import configure_logs
    from seedmill.serving.loop import run_in_loop

    configure_logs()
    services = {"seeding": seeding, "inference": inference, "execution": execution, "aggregation": aggregation}
    elsewhere = Elsewhere(
        store,
        {name: given for name, given in services.items() if given},
        progress_address,
        metrics_address,
        Guard(tls, allow_callers or ()),
    )
    try:
        words = run_in_loop(_dispatch(elsewhere, resource_of_pod(resource)), sockets=False)
    except REFUSALS as error:
        reason = getattr(error, "reason", type(error).__name__)
        words = LastWords(reason, refusal(error), status_of(error))
        typer.echo(words.message, err=True)
    except SystemExit as stopped:
        leave(termination_log, LastWords("Suspended", "Stopped before it began.", int(stopped.code or 0)))
        raise
    except Exception as error:
        leave(termination_log, LastWords("InternalError", f"{type(error).__name__}: {error}", BROKEN))
        raise
    leave(termination_log, words)
    raise typer.Exit(words.exit_code)


async def _dispatch(elsewhere: Elsewhere, generation: "DatasetGeneration") -> "LastWords":
    import structlog

    from seedmill.cli.clients import clients
    from seedmill.cli.outcome import deleted_json
    from seedmill.cli.own_store import open_run_store
    from seedmill.cli.pod_resource import corpus_of_pod, refuse_missing_services
    from seedmill.cli.signals import drive
    from seedmill.cli.termination import ended, stopped
    from seedmill.cli.workdir import prefix_of
    from seedmill.pipeline.metrics import RunMetrics
    from seedmill.pipeline.preparation import Order
    from seedmill.pipeline.run import Run
    from seedmill.pipeline.server import service
    from seedmill.serving.certificates import Certificates
    from seedmill.serving.channel import Channels
    from seedmill.serving.health import Readiness
    from seedmill.serving.metrics import metrics_endpoint
    from seedmill.serving.server import running_server

    refuse_missing_services(generation.spec, elsewhere.services)
    prefix = prefix_of(generation)
    log = structlog.stdlib.get_logger("seedmill.dispatch").bind(run=prefix)
    guard, readiness = elsewhere.guard, Readiness()
    certificates = None if guard.tls is None else Certificates(guard.tls)
    store, access = open_run_store(generation.spec, elsewhere.store)
    order = Order(generation, store, corpus_of_pod(generation.spec), image=os.environ.get(IMAGE_VARIABLE, ""))
    async with AsyncExitStack() as stack:
        channels: dict[str, Channels] = {}
        for name, addresses in elsewhere.services.items():
            channels[name] = Channels(addresses, name, certificates)
            stack.push_async_callback(channels[name].close)
        work = Run(order, clients(channels, prefix, generation.spec.weight, access))
        metrics = RunMetrics()
        stack.enter_context(metrics.registered())
        stack.enter_context(metrics_endpoint(elsewhere.metrics_address, readiness))
        if elsewhere.progress_address is not None:
            served = [service(prefix, work.progress.snapshot)]
            await stack.enter_async_context(running_server(served, elsewhere.progress_address, guard, readiness))
        driven = await drive(work, log.info, _watch(work, metrics, log))
    result = driven.result
    if result is None:
        words = stopped(work.progress.snapshot(), prefix, 128 + (driven.caught or signal.SIGTERM))
    else:
        status = exit_status(result.ending, driven.caught)
        words = ended(result, store, status, work.progress.paid_tokens.total)
    if result is not None and result.deleted is not None:
        said = deleted_json(result.deleted)
        (log.warning if result.deleted.trouble else log.info)("deleted what was superseded", **said)
    damaged = [] if result is None else list(result.damaged)
    log.info("ended", ending=words.reason, exit_code=words.exit_code, **words.ledger.to_json(), damaged=damaged)
    return words


def exit_status(ending: "Ending", caught: int | None) -> int:
    """What the Job is told. Whatever was published is a success: the resource's conditions say how it ended."""
    from seedmill.pipeline.run import Ending

    match ending:
        case Ending.TARGET_REACHED | Ending.TARGET_NOT_REACHED:
            return 0
        case Ending.BUDGET_EXHAUSTED | Ending.DEADLINE_EXCEEDED | Ending.GPU_HOURS_EXHAUSTED:
            return 0
        case Ending.TOO_MANY_FAILURES:
            return TOO_MANY_FAILURES_EXIT
        case Ending.SUSPENDED:
            return 128 + (caught or signal.SIGTERM)
        case Ending.TAKEN_OVER:
            return TAKEN_OVER


def status_of(error: Exception) -> int:
    """The Job gives up at 2, so only what no restart can mend gets it: a mistake of a service, say, does not."""
    from seedmill.serving.errors import InvalidRequest, Misconfigured
    from seedmill.spec.errors import RecipeError, SpecError
    from seedmill.storage import StorageError, StoreAway, StoreFull

    match error:
        case StoreAway() | StoreFull():
            return BROKEN
        case SpecError() | RecipeError() | Misconfigured() | InvalidRequest() | StorageError():
            return CANNOT_WORK_EXIT
        case _:
            return BROKEN


def is_due(now: "Snapshot", said: "Snapshot", silent_seconds: float) -> bool:
    """Whether a line is to be written, so long after the last one, which told of `said`.

    Why something is away may be said differently at each try; that is no news.
    """
    changed = now.phase != said.phase or _away(now) != _away(said)
    return changed or silent_seconds >= SILENCE_SECONDS


def _away(moment: "Snapshot") -> set[str]:
    return {each.dependency for each in moment.waiting}


async def _watch(work: "Run", metrics: "RunMetrics", log: "BoundLogger") -> None:
    """Keep metrics current and write lines, until cancelled."""
    from seedmill.pipeline.rates import rates_of

    said, said_at = None, 0.0
    while True:
        moment = work.progress.snapshot()
        metrics.note(moment)
        if said is None or is_due(moment, said, time.monotonic() - said_at):
            said, said_at = moment, time.monotonic()
            rates = rates_of(moment)
            log.info(
                "progress",
                phase=moment.phase,
                **moment.ledger.to_json(),
                target=moment.target,
                in_flight=moment.in_flight,
                tokens=moment.paid.total,
                rows_per_second=round(rates.rows_per_second, 3),
                eta_seconds=None if rates.eta_seconds is None else round(rates.eta_seconds),
                waiting=[str(each) for each in moment.waiting],
            )
        await asyncio.sleep(TICK_SECONDS)


def _end_early(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)
