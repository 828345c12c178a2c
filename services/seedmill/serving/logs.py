"""Logs: structlog and the standard library's logging, in one format, to stderr."""

import logging
import sys
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from structlog.typing import Processor


class LogFormat(StrEnum):
    """How a line looks."""

    AUTO = "auto"
    """Console on a terminal, JSON elsewhere."""
    JSON = "json"
    CONSOLE = "console"


class LogLevel(StrEnum):
    """The least that is written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def configure_logs(form: LogFormat = LogFormat.AUTO, level: LogLevel = LogLevel.INFO) -> None:
    """Send all logs of this process to stderr. For programs, called once; libraries and tests leave logging alone."""
    import structlog  # only here: whoever asks for `--help` does not wait for it

    json = form is LogFormat.JSON or (form is LogFormat.AUTO and not sys.stderr.isatty())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # By default both show the values of variables in every frame: keys of stores among them.
    as_values = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    colours = sys.stderr.isatty()
    as_text = structlog.dev.RichTracebackFormatter(color_system="truecolor" if colours else None, show_locals=False)
    last: list[Processor] = (
        [structlog.processors.ExceptionRenderer(as_values), structlog.processors.JSONRenderer()]
        if json
        else [structlog.dev.ConsoleRenderer(colors=colours, exception_formatter=as_text)]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    logging.getLogger("seedmill").setLevel(level.upper())
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
