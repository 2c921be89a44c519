"""Log lines as JSON on stderr, one per event, without secrets; other libraries' lines in the same form."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable, Mapping
from typing import TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from shared.observability.redaction import Redaction
from shared.settings import LogSettings
from shared.settings.retired import retired_in

Logger = structlog.stdlib.BoundLogger

_QUIET = ("httpx", "httpcore", "uvicorn.access", "asyncio")
"""Libraries that write a line per request: shown from warning on."""


def configure_logging(
    settings: LogSettings,
    service: str,
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
) -> None:
    """Set up logging for the whole process.

    Every line has `ts` (UTC), `level`, `service`, `logger` and `event`; an exception stands in `exception`. Redaction
    is the last step but the rendering, so it also covers arguments, tracebacks and what other libraries write.

    Args:
        settings: level and form.
        service: name every line carries.
        secrets: texts that must never appear, see `shared.settings.secrets_of`.
        stream: where lines go; stderr when None.
        environ: variables; a setting of a former version in it is warned of.
    """
    redaction = Redaction(secrets)

    def name_service(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event.setdefault("service", service)
        return event

    def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {redaction.text(name): redaction.named(name, value) for name, value in event.items()}

    before: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        name_service,
    ]
    last: Processor = (
        structlog.processors.JSONRenderer(serializer=_to_json)
        if settings.format == "json"
        else structlog.dev.ConsoleRenderer(timestamp_key="ts", colors=False)
    )
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.PositionalArgumentsFormatter(),
            *before,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=Logger,
        cache_logger_on_first_use=False,
    )
    output = logging.StreamHandler(stream if stream is not None else sys.stderr)
    output.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=before,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, redact, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [output]
    root.setLevel(settings.level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    logging.captureWarnings(capture=True)
    for words in retired_in(environ):
        get_logger("thetaflow.settings").warning(words)


def get_logger(name: str) -> Logger:
    """Give a logger: `get_logger(__name__).info("order placed", order=order.header.id)`."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger


def _to_json(event: EventDict, **_options: object) -> str:
    return orjson.dumps(event, default=repr).decode()
