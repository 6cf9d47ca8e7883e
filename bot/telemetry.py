"""Owns the logs: structlog for ours, the same lines for third parties', bodies for nobody's."""

from __future__ import annotations

import logging
import re
import sys
from typing import Any, Final, Literal, TextIO

import structlog

__all__ = ["configure_logs"]

_QUIET: Final = {
    # Prints whole request bodies at INFO when a signature is wrong.
    "slack_bolt.RequestVerification": logging.ERROR,
    "slack_bolt": logging.WARNING,
    # Prints requests and answers at DEBUG.
    "slack_sdk": logging.WARNING,
    "slack_sdk.socket_mode": logging.WARNING,
    "aiohttp": logging.WARNING,
    "asyncio": logging.WARNING,
}

_BESIDE_THE_POINT: Final = (
    "As you gave `client` as well, `token` will be unused",
    "As `installation_store` or `authorize` has been used",
)
"""Bolt reads `SLACK_BOT_TOKEN` by itself and says that it will not use it; nor should it."""


def configure_logs(
    *,
    style: Literal["console", "json"] = "console",
    level: Literal["debug", "info", "warning", "error"] = "info",
    stream: TextIO | None = None,
) -> None:
    """Send all logs of the process to one stream, in one form.

    Args:
        style: `json` for machines, one object a line; `console` for people.
        level: The least level of our own lines. Third parties never go below warning: their lower
            levels print bodies.
        stream: Standard error by default; standard output belongs to the commands.
    """
    out = stream or sys.stderr
    stamps: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if style == "json"
        else structlog.dev.ConsoleRenderer(colors=out.isatty())
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*stamps, _head_of_foreign],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _class_of_error,
                _printable,
                renderer,
            ],
        )
    )
    handler.addFilter(_to_the_point)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(max(least, logging.getLevelName(level.upper())))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *stamps,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _to_the_point(record: logging.LogRecord) -> bool:
    bolts = record.name.startswith("slack_bolt")
    return not (bolts and str(record.msg).startswith(_BESIDE_THE_POINT))


def _class_of_error(_: Any, __: str, event: Any) -> Any:
    """Keep an error's class and drop its text and traceback, which may hold anything."""
    error = event.pop("exc_info", None)
    if isinstance(error, tuple):
        error = error[1]
    if error is True:
        error = sys.exc_info()[1]
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
    return event


def _head_of_foreign(_: Any, __: str, event: Any) -> Any:
    """Keep the constant beginning of a third party's line.

    What follows is put together from errors, bodies and objects, which may hold anything.
    """
    head = re.split(r"[\n:({\[<]", str(event.get("event", "")), maxsplit=1)[0]
    event["event"] = head.strip()[:200]
    return event


def _printable(_: Any, __: str, event: Any) -> Any:
    """Escape what a terminal would obey: ids in events are text that somebody else wrote."""
    for name, value in event.items():
        if isinstance(value, str) and not value.isprintable():
            event[name] = ascii(value)
    return event
