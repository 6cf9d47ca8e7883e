"""Owns the `signoff` command: its verbs, and errors as one sentence and an exit code."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import click

from gate import ApprovalNotFound, ConfigError, NotAllowed, PolicyError, SignoffError, get_logger

from ..manifest import build, to_yaml
from .approvals import approve, cancel, list_pending, reject, show, skip
from .audit import audit
from .doctor import doctor
from .keygen import keygen
from .output import print_json
from .policy import policy
from .runs import runs

__all__ = ["main"]

_WHERE = "; `signoff list` has what is pending, and another namespace's ids are NAMESPACE/ID"


class _Command(click.Group):
    """A group whose commands end with a sentence instead of a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except SignoffError as error:
            where = _WHERE if isinstance(error, ApprovalNotFound) else ""
            click.echo(f"signoff: {error}{where}", err=True)
            # 2: it cannot work as it is set up; 3: this answer is not allowed; 1: anything else.
            codes = {ConfigError: 2, PolicyError: 2, NotAllowed: 3}
            ctx.exit(next((code for kind, code in codes.items() if isinstance(error, kind)), 1))


@click.group(cls=_Command, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("signoff"), prog_name="signoff")
def main() -> None:
    """An AI agent asks before it acts, a person answers from Slack, the agent goes on."""


@main.command()
def run() -> None:
    """Run the Slack app.

    Settings come from the environment (SLACK_BOT_TOKEN, SLACK_APP_TOKEN or SLACK_SIGNING_SECRET,
    SIGNOFF_CONFIG, …; see docs/settings.md). Without SIGNOFF_REDIS_URL it brings a server of its
    own.
    """
    from ..settings import read_settings
    from ..telemetry import configure_logs

    environ = _environment()
    settings = read_settings(environ, directory=Path.cwd())
    configure_logs(style=settings.log_format, level=settings.log_level)

    async def serve() -> None:
        from ..app import run_bot

        stop = _stop_signal()

        async def work() -> None:
            async with run_bot(settings, environ=environ):
                await asyncio.Event().wait()

        # A stop counts also while it is coming up: Slack or the store may keep it waiting.
        bot = asyncio.create_task(work())
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({bot, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not bot.done():
            get_logger("signoff.bot").info("bot.stopping")
            bot.cancel()
        await asyncio.wait({bot})
        if not bot.cancelled():
            bot.result()

    try:
        asyncio.run(serve())
    except SignoffError:
        raise
    except Exception as error:  # noqa: BLE001  (its text may hold anything; the log has the class)
        get_logger("signoff.bot").error("bot.failed", exc_info=error)
        sys.exit(1)


@main.command()
@click.option("--auto", is_flag=True, help="Play the person too; exit 0 only if all went right.")
@click.option("--port", default=0, help="Port of the page; 0 takes a free one.")
def demo(*, auto: bool, port: int) -> None:
    """Open the whole path on this machine: no Slack account, no Redis."""
    from ..demo import play, show_demo

    environ = _environment()

    async def perform() -> bool:
        stop = _stop_signal()
        if not auto:
            await show_demo(environ, port=port, stop=stop)
            return True
        # A stop ends what was started: SIGTERM by itself would leave sandbox, bot and server.
        playing = asyncio.create_task(play(environ))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({playing, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for task in (playing, stopped):
            if not task.done():
                task.cancel()
        await asyncio.wait({playing, stopped})
        return not playing.cancelled() and playing.result()

    if not asyncio.run(perform()):
        sys.exit(1)


@main.command()
@click.option("--http", "request_url", metavar="URL", help="For HTTP delivery to this address.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of YAML.")
def manifest(*, request_url: str | None, as_json: bool) -> None:
    """Print the Slack app manifest: Socket Mode, or HTTP with --http."""
    try:
        made = build(socket_mode=request_url is None, request_url=request_url)
    except ConfigError as error:
        raise ConfigError("--http", error.reason) from None
    if as_json:
        print_json(made)
    else:
        click.echo(to_yaml(made), nl=False)


for _verb in (
    list_pending, show, approve, reject, skip, cancel, audit, doctor, keygen, policy, runs
):  # fmt: skip
    main.add_command(_verb)


def _environment() -> Mapping[str, str]:
    return dict(os.environ)  # noqa: TID251  (the composition root)


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    return stop
