"""Owns the demonstration for a person: a page with working buttons, an agent that waits."""

from __future__ import annotations

import asyncio
import json
import shlex
import webbrowser
from collections.abc import Mapping

import click
from rich.console import Console
from rich.text import Text

from .stage import CHANNEL, set_stage

__all__ = ["show_demo"]


async def show_demo(environ: Mapping[str, str], *, port: int, stop: asyncio.Event) -> None:
    """Open the whole path and tell what the agent does, until *stop*.

    Args:
        environ: The environment.
        port: Of the page; 0 takes a free one.
        stop: Ends it.
    """
    console = Console(highlight=False)
    with console.status("starting sandbox, server, bot and agent"):
        context = set_stage(environ, port=port)
        stage = await context.__aenter__()
    try:
        address = f"{stage.url}/?channel={CHANNEL}&as=U0ANA"
        console.print(Text.assemble("Open ", (address, "bold underline")))
        console.print("For examples and `signoff list` in another terminal:")
        for name, value in stage.exports.items():
            # Whole, however narrow the terminal: it is there to be copied.
            console.print(f"export {name}={shlex.quote(value)}", soft_wrap=True, markup=False)
        console.print("An agent asks there. Approve or reject as Ana; here is what it does:")
        if environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"):
            await asyncio.to_thread(webbrowser.open, address)
        async with stage.agent("delete", "refund", "deploy", "--forever") as lines:
            told = asyncio.create_task(_tell(lines, console))
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait({told, stopped}, return_when=asyncio.FIRST_COMPLETED)
            for task in (told, stopped):
                task.cancel()
            await asyncio.gather(told, stopped, return_exceptions=True)
    finally:
        await context.__aexit__(None, None, None)
        click.echo("stopped")


async def _tell(lines: asyncio.StreamReader, console: Console) -> None:
    async for line in lines:
        told = json.loads(line)
        match told["event"]:
            case "asked":
                console.print(Text.assemble("agent  asks to run ", (told["name"], "bold"), " …"))
            case "ran":
                console.print(Text(f"agent  ran {told['name']}, by {told['by']}", style="green"))
            case "refused":
                why = f": {told['note']}" if told["note"] else ""
                console.print(Text(f"agent  did not run it, {told['code']}{why}", style="red"))
