"""Keeps the long runs out of the default run: they are collected only where they are named."""

from __future__ import annotations

from pathlib import Path

import pytest

_HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Ignore this folder unless the command line names it, or something in it."""
    named = [Path(argument.partition("::")[0]).resolve() for argument in config.args]
    if any(path == _HERE or _HERE in path.parents for path in named):
        return None
    return True if _HERE == collection_path or _HERE in collection_path.parents else None
