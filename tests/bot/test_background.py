"""Background work: owned, bounded, finished or ended at the stop."""

from __future__ import annotations

import asyncio

import pytest
import structlog

from bot.background import Background


async def test_work_is_finished_at_the_stop():
    """What is under way may end within the patience of the stop."""
    background, done = Background(), asyncio.Event()

    async def work() -> None:
        await asyncio.sleep(0)
        done.set()

    background.start(work(), name="w")
    await background.aclose()
    assert done.is_set()


async def test_what_does_not_end_is_ended():
    """Work that hangs is cancelled, and the stop waits for that."""
    background, ended = Background(), asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    background.start(work(), name="w")
    await background.aclose(patience=0.01)
    assert ended.is_set()


async def test_a_failure_is_logged_by_its_class():
    """An error of background work is seen, without its text."""

    async def work() -> None:
        raise RuntimeError("s3cret")

    with structlog.testing.capture_logs() as logs:
        background = Background()
        background.start(work(), name="w")
        await background.aclose()
    assert [("background.failed", "w", "RuntimeError")] == [
        (line["event"], line["work"], line["error"]) for line in logs
    ]
    assert "s3cret" not in str(logs)


@pytest.mark.filterwarnings("error")
async def test_it_is_bounded():
    """Beyond a thousand at once work is dropped and said, not queued without end."""
    background, started = Background(), []

    async def work() -> None:
        started.append(1)
        await asyncio.Event().wait()

    for _ in range(1001):
        background.start(work(), name="w")
    await asyncio.sleep(0)
    assert 1000 == len(started)
    await background.aclose(patience=0)
