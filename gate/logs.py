"""Owns where the gate's few log lines go: into the host's structlog, else into standard logging."""

from __future__ import annotations

import logging
from typing import Any

__all__ = ["get_logger"]


def get_logger(name: str) -> Any:
    """Return a structured logger called *name*.

    A host that has configured structlog gets our lines through it. Elsewhere they are plain text in
    standard logging, never on standard output, which may be a protocol's channel (an MCP server's,
    say).
    """
    return _Logger(name)


class _Logger:
    """A logger that looks for the host's structlog when something is logged, and not before.

    Most processes log nothing, and structlog takes longer to load than all of the gate's own code.
    """

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, method: str) -> Any:
        """Return the method of the logger as it is configured now."""
        return getattr(_configured(self._name), method)


def _configured(name: str) -> Any:
    import structlog

    if structlog.is_configured():
        return structlog.stdlib.get_logger(name)
    return structlog.wrap_logger(
        logging.getLogger(name),
        wrapper_class=structlog.stdlib.BoundLogger,
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.processors.KeyValueRenderer(key_order=["event"]),
        ],
    )
