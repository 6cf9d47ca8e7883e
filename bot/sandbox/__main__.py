"""`python -m bot.sandbox`: run a sandbox until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from pathlib import Path

from .app_settings import apply_manifest
from .clock import Clock
from .server import Sandbox
from .workspace import App, default_workspace


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bot.sandbox", description=__doc__)
    defaults = App()
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=0, help="TCP port; 0 takes a free one")
    parser.add_argument("--request-url", help="where signed HTTP deliveries go")
    parser.add_argument("--bot-token", default=defaults.bot_token)
    parser.add_argument("--app-token", default=defaults.app_token)
    parser.add_argument("--signing-secret", default=defaults.signing_secret)
    parser.add_argument("--manifest", type=Path, help="take the app's settings from this JSON file")
    parser.add_argument("--clock-speed", type=float, default=1.0, help="sandbox seconds per second")
    parser.add_argument(
        "--rate-limit-scale",
        type=float,
        help="apply Slack's rate limits, with this many Slack seconds in one second",
    )
    parser.add_argument("--ready-file", type=Path, help="also write the ready line to this file")
    parser.add_argument("--ready-fd", type=int, help="also write the ready line to this descriptor")
    return parser


async def _run(options: argparse.Namespace) -> None:
    app = App(
        bot_token=options.bot_token,
        app_token=options.app_token,
        signing_secret=options.signing_secret,
        request_url=options.request_url,
    )
    if options.manifest is not None:
        apply_manifest(app, json.loads(options.manifest.read_text(encoding="utf-8")))
    scale = options.rate_limit_scale
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    workspace = default_workspace(app)
    async with Sandbox(
        workspace,
        host=options.host,
        port=options.port,
        clock=Clock(speed=options.clock_speed),
        rate_limits=None if scale is None else {"scale": scale},
    ) as sandbox:
        ready = {
            "url": sandbox.url,
            "api_url": sandbox.api_url,
            "bot_token": sandbox.bot_token,
            "app_token": sandbox.app_token,
            "signing_secret": sandbox.signing_secret,
        }
        _announce(json.dumps(ready) + "\n", options)
        await stop.wait()


def _announce(line: str, options: argparse.Namespace) -> None:
    if options.ready_file is not None:
        # Renamed into place so that a reader never sees half a line.
        part = options.ready_file.with_suffix(".part")
        part.write_text(line, encoding="utf-8")
        part.replace(options.ready_file)
    if options.ready_fd is not None:
        with os.fdopen(options.ready_fd, "w", encoding="utf-8") as stream:
            stream.write(line)
    # Last, so that whoever reads the line also finds the file.
    sys.stdout.write(line)
    sys.stdout.flush()


def main() -> None:
    """Run until SIGINT or SIGTERM."""
    asyncio.run(_run(_parser().parse_args()))


if __name__ == "__main__":
    main()
