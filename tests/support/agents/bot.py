"""A bot process with short times: `python -m tests.support.agents.bot`, else like `signoff run`."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from bot.app import Tuning, run_bot
from bot.pacing import Paces
from bot.settings import read_settings
from bot.telemetry import configure_logs
from gate import SignoffError


async def _run(tuning: Tuning) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    environ = dict(os.environ)
    settings = read_settings(environ, directory=Path.cwd())
    configure_logs(style=settings.log_format, level=settings.log_level)
    async with run_bot(settings, environ=environ, tuning=tuning):
        await stop.wait()


def _tuning() -> Tuning:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lease", type=float, default=1.0, help="seconds")
    parser.add_argument("--deadlines", type=float, default=0.1, help="seconds")
    parser.add_argument("--pace", type=float, help="times as fast as Slack takes messages")
    parser.add_argument("--patrol", type=float, default=60.0, help="seconds")
    parser.add_argument("--connections", type=int, default=1, help="of Socket Mode")
    options = parser.parse_args()
    return Tuning(
        lease_seconds=options.lease,
        deadline_interval=options.deadlines,
        connections=options.connections,
        patrol=options.patrol,
        paces=None if options.pace is None else Paces().faster(options.pace),
    )


if __name__ == "__main__":
    try:
        asyncio.run(_run(_tuning()))
    except SignoffError as error:
        # As the command does: a sentence, and a code.
        sys.exit(f"signoff: {error}")
