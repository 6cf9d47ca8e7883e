"""The operator's bounds in the file: defaults, what arrives, and what stops the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from gate import Bounds

from .test_settings import ROUTES, refusal, settings


def test_bounds_have_defaults_and_can_be_set(tmp_path: Path):
    """Without a word: 10,000 pending, 6,000 a minute, 90 days; each can be set by itself."""
    assert Bounds() == settings(tmp_path).bounds
    assert (10_000, 6_000, 90 * 86400.0) == (
        Bounds().pending,
        Bounds().per_minute,
        Bounds().retention,
    )
    found = settings(tmp_path, 'max_pending = 5\nretention = "3650d"' + ROUTES)
    assert Bounds(pending=5, retention=3650 * 86400.0) == found.bounds
    found = settings(tmp_path, "max_per_minute = 1000000\nretention = 172800" + ROUTES)
    assert Bounds(per_minute=1_000_000, retention=172_800.0) == found.bounds


@pytest.mark.parametrize(
    "line",
    [
        "max_pending = 0", "max_pending = -1", "max_pending = 1000001", "max_pending = true",
        'max_pending = "5"', "max_pending = 2.5", "max_per_minute = 0", "max_per_minute = inf",
        "retention = 0", 'retention = "47h"', 'retention = "3651d"', 'retention = "for ever"',
        "retention = inf", "retention = nan", "retention = true", 'retention = "-3d"',
    ],
)  # fmt: skip
def test_a_bound_out_of_its_limits_stops_the_start(tmp_path: Path, line: str):
    """By its name; a record never goes while its receipt could still count."""
    error = refusal(tmp_path, line + ROUTES)
    assert line.partition(" ")[0] in error.setting
