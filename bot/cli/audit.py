"""Owns `signoff audit`: hand the chain out, check it, tell one approval's part of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gate import (
    MAX_AUDIT_LINE,
    Approval,
    AuditAnchor,
    AuditCheck,
    AuditEntry,
    StoreCorrupt,
    read_audit_entry,
    record_key,
)
from stores import Store, open_store

from ..agentack import Trace
from ..audit_story import receipt_key, tell
from ..masking import Masking
from ..settings import read_masking
from ..slack.text import visible
from .chains import COUNTED, Chain, Checked, chains_of, records_of
from .named import ANYWHERE, checked_id, named, typed_id
from .output import print_json

__all__ = ["audit"]

_BROKEN: Final = 2
_SHOWN: Final = 1000
"""Events of one approval that are told; more can only be refusals."""

_Write = Callable[[str], object]
_archive = click.option(
    "--archive", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder with what the bot has moved out of the store (`audit_archive`).",
)  # fmt: skip


_bucket = click.option(
    "--bucket", type=click.IntRange(min=0), metavar="N",
    help="Only this part of a store in several, from 0.",
)  # fmt: skip


@click.group()
def audit() -> None:
    """Check, hand out and tell the sealed record of what happened."""


@audit.command()
@click.option(
    "--format", "form", default="jsonl", show_default=True,
    type=click.Choice(["jsonl", "agentack"]),
    help="The chain itself, or a trace for `agentack check`.",
)  # fmt: skip
@click.option(
    "--out", "target", type=click.Path(dir_okay=False, path_type=Path),
    help="Write to this file, which only you can read, instead of standard output.",
)  # fmt: skip
@_archive
@_bucket
def export(*, form: str, target: Path | None, archive: Path | None, bucket: int | None) -> None:
    """Hand out the sealed events as JSON Lines: for an auditor, an archive, another tool.

    A store in several parts has a chain for each, and each becomes a file: FILE.jsonl is
    FILE.0.jsonl and so on. Exit code 2 where a chain is broken; its lines are handed out all the
    same, a trace is not.
    """

    async def work(store: Store) -> list[Checked]:
        chains = chains_of(store, only=bucket, archive=archive)
        if target is None and len(chains) > 1:
            raise click.UsageError("the store has several chains: give --out FILE, or --bucket N")
        done = []
        for chain in chains:
            with _output(target if len(chains) == 1 else _of_part(target, chain.number)) as write:
                done.append(await _export(store, chain, form, write))
        return done

    if target is None and sys.stdout.isatty():
        # Exact bytes are what the hashes are of; a terminal could be fooled by some of them.
        raise click.UsageError("give --out FILE, or send it through a pipe")
    done: list[Checked] = _with_store(work)
    for each in done:
        click.echo(f"signoff: {_found(each)}", err=True)
    if not all(each.report.whole for each in done):
        sys.exit(_BROKEN)


async def _export(store: Store, chain: Chain, form: str, write: _Write) -> Checked:
    if form == "jsonl":
        return await chain.check(lambda line: write(line + "\n"))
    trace = Trace()

    def take(line: str) -> None:
        with contextlib.suppress(ValueError):  # a broken chain makes no trace
            trace.take(read_audit_entry(line))

    checked = await chain.check(take)
    if checked.report.whole:
        for part in trace.events(await records_of(store, trace.keys)):
            write(json.dumps(part, sort_keys=True, separators=(",", ":")) + "\n")
    if trace.pending:
        click.echo(f"signoff: {trace.pending} still pending, left out", err=True)
    return checked


@audit.command()
@click.argument("file", type=click.File("rb"), required=False)
@click.option(
    "--head", "heads", multiple=True, metavar="HEAD",
    help="A head that was told elsewhere, as the thread shows it (`audit 123 · 9f3a …`), or a hash;"
    " may be given several times.",
)  # fmt: skip
@_archive
@_bucket
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def verify(
    *,
    file: BinaryIO | None,
    heads: tuple[str, ...],
    archive: Path | None,
    bucket: int | None,
    as_json: bool,
) -> None:
    """Check the chain in the store, or in an exported FILE (`-` is standard input).

    Names the first broken entry. That the end was cut off is seen only against a --head. A store in
    several parts has a chain for each; a --head is of one of them. Exit code 0: whole; 1: whole,
    and some events are not sealed yet or were unreadable when they were sealed, or it could not be
    checked; 2: broken, or a wrong argument or setting.
    """
    anchors = [_anchor(text) for text in heads]

    async def work(store: Store) -> list[Checked]:
        chains = chains_of(store, only=bucket, archive=archive)
        if anchors and len(chains) > 1:
            raise click.UsageError(
                "the store has several chains: say by --bucket whose the head is"
            )
        return [await chain.check(anchors=anchors) for chain in chains]

    if file is not None:
        if archive is not None or bucket is not None:
            raise click.UsageError("an exported FILE is whole by itself: leave out the options")
        check = AuditCheck(anchors)
        for line in _lines(file):
            check.take(line)
        done = [Checked(None, check.finish())]
    else:
        done = _with_store(work)
    wires = [_report_wire(each) for each in done]
    if as_json:
        print_json(wires[0] if len(wires) == 1 else wires)
    else:
        for each in done:
            click.echo(_found(each))
    if not all(each.report.whole for each in done):
        sys.exit(_BROKEN)
    sys.exit(1 if any(each.unsealed or each.report.unreadable for each in done) else 0)


@audit.command()
@click.argument("approval_id", metavar="ID", callback=typed_id)
@click.option("--namespace", default=ANYWHERE, show_default=True, callback=checked_id)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def show(*, approval_id: str, namespace: str, as_json: bool) -> None:
    """Tell what happened to one approval: who asked, who was asked, who said what, what ran.

    Told from the sealed events, and from those that are not sealed yet. Exit code 1 where there is
    nothing about it.
    """
    approval_id, namespace = named(approval_id, namespace)
    key = record_key(approval_id, namespace)

    def about(event: dict[str, Any] | None) -> bool:
        return event is not None and (
            (event.get("id"), event.get("namespace", "default")) == (approval_id, namespace)
        )

    async def work(store: Store) -> tuple[list[AuditEntry], list[dict[str, Any]], Approval | None]:
        sealed: list[AuditEntry] = []
        number = store.bucket_of(key)
        [chain] = chains_of(store, only=number, archive=None)
        async for line in chain.stored():
            try:
                entry = read_audit_entry(line)
            except ValueError:
                continue  # `verify` names it
            if about(entry.event) and len(sealed) < _SHOWN:
                sealed.append(entry)
        unsealed: list[dict[str, Any]] = []
        with contextlib.suppress(StoreCorrupt):  # a broken head; `verify` names it
            head = await chain.bucket.audit_head()
            waiting = [one.event for one in await chain.bucket.read(head.cursor, limit=_SHOWN)]
            unsealed = [wire for event in waiting if about(wire := event.to_wire())]
        return sealed, unsealed, (await records_of(store, [key])).get(key)

    sealed, unsealed, record = _with_store(work)
    rules = read_masking(os.environ, directory=Path.cwd())  # noqa: TID251  (a composition root)
    masking = Masking(keys=rules.keys, shapes=rules.shapes)
    if as_json:
        print_json(
            {
                "approval": key,
                "record": masking.wire(record) if record is not None else None,
                "receiptKey": receipt_key(record),
                "sealed": [
                    {"n": entry.number, "hash": entry.hash, "event": entry.event}
                    for entry in sealed
                ],
                "unsealed": unsealed,
            }
        )
    elif sealed or unsealed:
        _print_story(key, sealed, unsealed, record, masking=masking)
    if not (sealed or unsealed):
        click.echo(f"signoff: nothing is on record about {visible(key)}", err=True)
        sys.exit(1)


def _print_story(
    key: str,
    sealed: list[AuditEntry],
    unsealed: list[dict[str, Any]],
    record: Approval | None,
    *,
    masking: Masking,
) -> None:
    console = Console(highlight=False)
    console.print(Text(visible(key), style="bold"))
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("entry", justify="right", style="dim", no_wrap=True)
    table.add_column("time", no_wrap=True)
    table.add_column("what", overflow="fold")
    # The chain keeps people's words as they are; on a screen they look as everywhere else.
    told = [(str(entry.number), entry.event or {}) for entry in sealed]
    for number, wire in [*told, *(("not sealed", wire) for wire in unsealed)]:
        at, words = tell(wire, record)
        table.add_row(
            number,
            at.isoformat(timespec="seconds") if at else "",
            Text(visible(masking.prose(words))),
        )
    console.print(table)
    if record is None:
        console.print("The record itself is gone, or cannot be read.", style="dim")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file that may be anything; of an overlong one only its beginning."""
    whole = True
    while part := file.readline(MAX_AUDIT_LINE + 2):
        ended = part.endswith(b"\n")
        if whole:
            yield part[:-1] if ended else part
        whole = ended


def _anchor(text: str) -> AuditAnchor:
    try:
        return AuditAnchor.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--head") from None


def _found(checked: Checked) -> str:
    report, unsealed = checked.report, checked.unsealed
    entries = f"{report.entries} {'entry' if report.entries == 1 else 'entries'}"
    said = f"{entries} whole"
    if report.fault is not None:
        said = f"BROKEN ({report.fault.why}): {report.fault}; {entries} before it whole"
    if report.unreadable:
        said += f"; {report.unreadable} of them stand for something unreadable"
    if unsealed:
        more = " or more" if unsealed >= COUNTED else ""
        said += f"; {unsealed}{more} not sealed yet"
    part = "" if checked.number is None else f"bucket {checked.number}: "
    return f"{part}{said}; head: {report.head}"


def _report_wire(checked: Checked) -> dict[str, Any]:
    report, fault = checked.report, checked.report.fault
    wire = {
        "whole": report.whole,
        "entries": report.entries,
        "head": {"number": report.head.number, "hash": report.head.hash},
        "unreadable": report.unreadable,
        "unsealed": checked.unsealed,
        "broken": None
        if fault is None
        else {"why": fault.why, "entry": fault.number, "line": fault.line, "message": str(fault)},
    }
    return wire if checked.number is None else {"bucket": checked.number, **wire}


def _of_part(target: Path | None, number: int | None) -> Path | None:
    """Return the file of one of several chains, beside *target*."""
    return None if target is None else target.with_name(f"{target.stem}.{number}{target.suffix}")


@contextlib.contextmanager
def _output(target: Path | None) -> Iterator[_Write]:
    """Give something that writes text as UTF-8, exactly as it is."""
    if target is None:
        out = sys.stdout.buffer

        def write(text: str) -> None:
            out.write(text.encode())

        yield write
        out.flush()
        return
    # Beside it first: an export that breaks off must not stand where a whole one stood.
    part = target.with_name(f"{target.name}.part")
    try:
        number = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise click.FileError(str(target), hint=error.strerror) from None
    try:
        with os.fdopen(number, "wb") as file:
            yield lambda text: file.write(text.encode())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _with_store(work: Callable[[Store], Awaitable[Any]]) -> Any:
    async def run() -> Any:
        async with open_store() as store:
            return await work(store)

    return asyncio.run(run())
