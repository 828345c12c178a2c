"""`seedmill dispatch`: one run against services that run elsewhere: what the pod of a run does in a cluster.

It is the same pipeline as `seedmill run`; what differs is the host: services by address instead of child processes,
log lines instead of a panel, exit statuses and a last message for the Job that started it.
"""

import asyncio
import os
import signal
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from structlog.stdlib import BoundLogger

    from seedmill.pipeline.run import Ending, Run
    from seedmill.spec.model import DatasetGeneration

RESOURCE_VARIABLE = "SEEDMILL_RESOURCE"
TERMINATION_LOG = Path("/dev/termination-log")
CANNOT_WORK = 2
TOO_MANY_FAILURES = 5
TAKEN_OVER = 75
"""sysexits' EX_TEMPFAIL: another process goes on with the run; started again, this one finds it done or takes over."""

ADDRESS = "host:port, or unix:/path; may be repeated, once for each replica."


def dispatch(
    store: Annotated[str, typer.Option(help="Where artifacts live: s3://bucket/prefix, or a directory.")],
    seeding: Annotated[list[str], typer.Option(help=f"Of the seeding service: {ADDRESS}")],
    aggregation: Annotated[list[str], typer.Option(help=f"Of the aggregation service: {ADDRESS}")],
    inference: Annotated[list[str] | None, typer.Option(help=f"Of the inference service: {ADDRESS}")] = None,
    execution: Annotated[list[str] | None, typer.Option(help=f"Of the execution service: {ADDRESS}")] = None,
    resource: Annotated[
        Path | None, typer.Option(help=f"A DatasetGeneration; the variable {RESOURCE_VARIABLE} when left out.")
    ] = None,
    termination_log: Annotated[Path, typer.Option(help="File for the last message.")] = TERMINATION_LOG,
) -> None:
    """Make a dataset with services that run elsewhere: what the pod of a run does in a cluster.

    Exit status: 0 published, be it in part; 2 it cannot work as it stands; 5 too many failures; 75 another process has
    taken over; 130 and 143 interrupted. All but 2 and 5 may be started again.
    """
    from seedmill.cli.refusal import REFUSALS, refusal
    from seedmill.cli.termination import refused
    from seedmill.serving.logs import configure_logs

    configure_logs()
    addresses = {"seeding": seeding, "inference": inference, "execution": execution, "aggregation": aggregation}
    try:
        status = asyncio.run(_dispatch(store, _generation(resource), addresses, termination_log))
    except REFUSALS as error:
        reason = getattr(error, "reason", type(error).__name__)
        _leave(termination_log, refused(reason, refusal(error), CANNOT_WORK))
        raise
    raise typer.Exit(status)


async def _dispatch(
    workdir: str, generation: "DatasetGeneration", addresses: dict[str, list[str] | None], termination_log: Path
) -> int:
    import structlog

    from seedmill.cli.host import clients
    from seedmill.cli.signals import Signals
    from seedmill.cli.termination import ended
    from seedmill.cli.workdir import prefix_of
    from seedmill.pipeline.preparation import Order
    from seedmill.pipeline.run import Run
    from seedmill.serving.channel import Channels
    from seedmill.storage import open_store

    log = structlog.stdlib.get_logger("seedmill.dispatch").bind(run=prefix_of(generation))
    store = open_store(workdir)
    async with AsyncExitStack() as stack:
        channels: dict[str, Channels] = {}
        for name, of_service in addresses.items():
            if of_service:
                channels[name] = Channels(of_service, name)
                stack.push_async_callback(channels[name].close)
        work = Run(Order(generation, store, _corpus_uri(generation)), clients(channels, prefix_of(generation)))
        task = asyncio.create_task(work.execute())
        signals = Signals(work, task, lambda words: log.info(words))
        logger = asyncio.create_task(_log_progress(work, log))
        try:
            result = await task
        except asyncio.CancelledError:
            if signals.caught is None:
                raise
            return 128 + signals.caught
        finally:
            logger.cancel()
            await asyncio.gather(logger, return_exceptions=True)
    status = exit_status(result.ending, signals.caught)
    log.info("ended", ending=result.ending, **result.ledger.to_json(), damaged=list(result.damaged))
    _leave(termination_log, ended(result, store, status, work.progress.paid_tokens.total))
    return status


def exit_status(ending: "Ending", caught: int | None) -> int:
    """What the Job is told. Whatever was published is a success: the resource's conditions say how it ended."""
    from seedmill.pipeline.run import Ending

    match ending:
        case Ending.TARGET_REACHED | Ending.TARGET_NOT_REACHED | Ending.BUDGET_EXHAUSTED | Ending.DEADLINE_EXCEEDED:
            return 0
        case Ending.TOO_MANY_FAILURES:
            return TOO_MANY_FAILURES
        case Ending.SUSPENDED:
            return 128 + (caught or signal.SIGTERM)
        case Ending.TAKEN_OVER:
            return TAKEN_OVER


def _generation(resource: Path | None) -> "DatasetGeneration":
    """The resource of a file or of the environment. Raises SpecError, Misconfigured."""
    from seedmill.cli.loading import Overrides, load
    from seedmill.cli.spec_checks import spec_checks
    from seedmill.serving.errors import Misconfigured
    from seedmill.spec.parse import parse

    if resource is not None:
        return load(resource, Overrides())
    text = os.environ.get(RESOURCE_VARIABLE)
    if not text:
        raise Misconfigured("NoResource", f"give --resource FILE, or the resource in {RESOURCE_VARIABLE}")
    generations = parse(text.encode(), RESOURCE_VARIABLE, spec_checks())
    if len(generations) != 1:
        raise Misconfigured("NoResource", f"{RESOURCE_VARIABLE} holds {len(generations)} resources, not one")
    return generations[0]


def _corpus_uri(generation: "DatasetGeneration") -> str:
    """The corpus, which a pod has no folder to be relative to. Raises Misconfigured."""
    from seedmill.serving.errors import Misconfigured

    corpus = generation.spec.seeds.corpus
    uri = "" if corpus is None else corpus.uri
    if uri and ":" not in uri.split("/", 1)[0] and not uri.startswith("/"):
        raise Misconfigured(
            "CorpusMissing",
            f"spec.seeds.corpus.uri: {uri} is relative, and there is no folder here that it could be relative to; "
            "give s3://bucket/prefix, installed:NAME, or an absolute path that the seeding service has mounted",
        )
    return uri


async def _log_progress(work: "Run", log: "BoundLogger") -> None:
    """A line when something happened, until cancelled."""
    from seedmill.cli.display import LIVE_SECONDS, is_due

    said, said_at = None, 0.0
    while True:
        snapshot = work.progress.snapshot()
        if said is None or is_due(snapshot, said, time.monotonic() - said_at):
            said, said_at = snapshot, time.monotonic()
            log.info(
                "progress",
                phase=snapshot.phase,
                **snapshot.ledger.to_json(),
                target=snapshot.target,
                in_flight=snapshot.in_flight,
                tokens=snapshot.paid.total,
                waiting=list(snapshot.waiting),
            )
        await asyncio.sleep(LIVE_SECONDS)


def _leave(path: Path, message: bytes) -> None:
    """Write the last message, where there is a place for one."""
    if path != TERMINATION_LOG or path.exists():
        path.write_bytes(message)
