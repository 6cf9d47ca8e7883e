"""`signoff demo --auto` shows the whole path on this machine and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.house import House, running_house
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with running_house(bots=0) as house:
        yield house


def left_in(folder: Path) -> list[str]:
    """Return the names of the files in *folder*."""
    return sorted(path.name for path in folder.iterdir())


def agent_log(folder: Path) -> str:
    """Return what the agent of the demonstration in *folder* has logged."""
    [log] = folder.glob("signoff-*/agent.log")
    return log.read_text("utf-8")


async def test_it_plays_both_parts_and_ends_well(house: House, tmp_path: Path):
    """Exit code 0, each step told; it touches no Slack and no store that the environment names."""
    before = set(house.alive())
    done = await house.command(
        "demo",
        "--auto",
        SLACK_BOT_TOKEN="xoxb-real",
        SLACK_API_URL="http://127.0.0.1:1/api/",
        SIGNOFF_REDIS_URL="redis://127.0.0.1:1/0",
        SIGNOFF_CONFIG="/nowhere.toml",
        TMPDIR=str(tmp_path),
    )
    assert 0 == done.code, done.out + done.err
    steps = [line for line in done.out.splitlines() if line.startswith("✓")]
    assert 8 == len(steps), done.out
    assert "✗" not in done.out
    assert before == set(house.alive()), "no process is left"
    assert [] == left_in(tmp_path), "no file is left"


async def test_it_ends_its_processes_when_it_is_told_to(house: House, tmp_path: Path):
    """Stopped while a person looks at the page: what it started is gone, and so are its files."""
    alone = set(house.alive())
    demo = house.start(
        "demo", "-m", "bot.cli", "demo", TMPDIR=str(tmp_path), SIGNOFF_REDIS_URL=None
    )
    await wait_until(lambda: "it does" in demo.printed(), "the page's address", timeout=20)
    await wait_until(
        lambda: "asks to run delete-user" in demo.printed(), "the agent asks", timeout=20
    )
    assert len(set(house.alive()) - alone) >= 4, "the demo, the bot, the sandbox, an agent"
    assert "level_zero" not in agent_log(tmp_path), "it verifies by the server's own keys"
    assert 0 == await demo.stop()
    assert alone == set(house.alive())
    assert [] == left_in(tmp_path)


async def test_playing_by_itself_it_ends_when_it_is_told_to(house: House, tmp_path: Path):
    """Stopped half way it says that it was no success, and leaves no process and no file."""
    alone = set(house.alive())
    demo = house.start(
        "playing", "-m", "bot.cli", "demo", "--auto", TMPDIR=str(tmp_path), SIGNOFF_REDIS_URL=None
    )
    await wait_until(lambda: "are up" in demo.printed(), "its processes are up", timeout=20)
    assert 1 == await demo.stop()
    assert alone == set(house.alive())
    assert [] == left_in(tmp_path)


async def test_a_bot_that_does_not_start_is_told_at_once(house: House, tmp_path: Path):
    """What the bot said last is repeated, since its log is gone with the rest."""
    before = set(house.alive())
    far = tmp_path / ("far" * 30)
    far.mkdir()
    (tmp_path / "file").touch()
    done = await house.command(
        "demo", "--auto",
        TMPDIR=str(far), XDG_RUNTIME_DIR=str(tmp_path / "file"), SIGNOFF_REDIS_URL=None,
    )  # fmt: skip
    assert 1 == done.code
    assert "the demonstration's bot ended by itself: XDG_RUNTIME_DIR: " in done.err
    assert (before, []) == (set(house.alive()), left_in(far))
