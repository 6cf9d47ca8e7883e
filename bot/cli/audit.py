"""Owns `signoff audit`: hand the chain out, check it, tell one approval's part of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
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
    AuditReport,
    ConfigError,
    StoreCorrupt,
    configured_keys,
    read_audit_entry,
    record_key,
)
from stores import Store, key_folder, open_store

from ..agentack import Trace
from ..archive import Segment, segments
from ..audit_story import receipt_key, tell
from ..masking import Masking
from ..settings import read_masking
from ..slack.text import visible
from .named import checked_id
from .output import print_json

__all__ = ["audit"]

_PAGE: Final = 500
_COUNTED: Final = 10_000
_BROKEN: Final = 2
_SHOWN: Final = 1000
"""Events of one approval that are told; more can only be refusals."""

_Write = Callable[[str], object]
_archive = click.option(
    "--archive", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder with what the bot has moved out of the store (`audit_archive`).",
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
def export(*, form: str, target: Path | None, archive: Path | None) -> None:
    """Hand out the sealed events as JSON Lines: for an auditor, an archive, another tool.

    Exit code 2 where the chain is broken; its lines are handed out all the same, a trace is not.
    """
    archived = _segments(archive)

    async def work(store: Store, write: _Write) -> AuditReport:
        if form == "jsonl":
            return await _checked(store, lambda line: write(line + "\n"), archived=archived)
        trace = Trace()

        def take(line: str) -> None:
            with contextlib.suppress(ValueError):  # a broken chain makes no trace
                trace.take(read_audit_entry(line))

        report = await _checked(store, take, archived=archived)
        if report.whole:
            for part in trace.events(await _records(store, trace.keys)):
                write(json.dumps(part, sort_keys=True, separators=(",", ":")) + "\n")
        if trace.pending:
            click.echo(f"signoff: {trace.pending} still pending, left out", err=True)
        return report

    if target is None and sys.stdout.isatty():
        # Exact bytes are what the hashes are of; a terminal could be fooled by some of them.
        raise click.UsageError("give --out FILE, or send it through a pipe")
    with _output(target) as write:
        report, unsealed = _with_store(lambda store: _and_unsealed(store, work(store, write)))
    click.echo(f"signoff: {_found(report, unsealed)}", err=True)
    if not report.whole:
        sys.exit(_BROKEN)


@audit.command()
@click.argument("file", type=click.File("rb"), required=False)
@click.option(
    "--head", "heads", multiple=True, metavar="HEAD",
    help="A head that was told elsewhere, as the thread shows it (`audit 123 · 9f3a …`), or a hash;"
    " may be given several times.",
)  # fmt: skip
@_archive
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def verify(
    *, file: BinaryIO | None, heads: tuple[str, ...], archive: Path | None, as_json: bool
) -> None:
    """Check the chain in the store, or in an exported FILE (`-` is standard input).

    Names the first broken entry. That the end was cut off is seen only against a --head. Exit code
    0: whole; 1: whole, and some events are not sealed yet or were unreadable when they were sealed,
    or it could not be checked; 2: broken, or a wrong argument or setting.
    """
    anchors = [_anchor(text) for text in heads]
    archived = _segments(archive)
    if file is not None and archived:
        raise click.UsageError("an exported FILE is whole by itself: leave out --archive")
    if file is not None:
        check = AuditCheck(anchors)
        for line in _lines(file):
            check.take(line)
        report, unsealed = check.finish(), None
    else:
        report, unsealed = _with_store(
            lambda store: _and_unsealed(
                store, _checked(store, lambda _: None, archived=archived, anchors=anchors)
            )
        )
    if as_json:
        print_json(_report_wire(report, unsealed))
    else:
        click.echo(_found(report, unsealed))
    if not report.whole:
        sys.exit(_BROKEN)
    sys.exit(1 if unsealed or report.unreadable else 0)


@audit.command()
@click.argument("approval_id", metavar="ID", callback=checked_id)
@click.option("--namespace", default="default", show_default=True, callback=checked_id)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
def show(*, approval_id: str, namespace: str, as_json: bool) -> None:
    """Tell what happened to one approval: who asked, who was asked, who said what, what ran.

    Told from the sealed events, and from those that are not sealed yet. Exit code 1 where there is
    nothing about it.
    """
    key = record_key(approval_id, namespace)

    def about(event: dict[str, Any] | None) -> bool:
        return event is not None and (
            (event.get("id"), event.get("namespace", "default")) == (approval_id, namespace)
        )

    async def work(store: Store) -> tuple[list[AuditEntry], list[dict[str, Any]], Approval | None]:
        sealed: list[AuditEntry] = []
        async for line in _stored(store):
            try:
                entry = read_audit_entry(line)
            except ValueError:
                continue  # `verify` names it
            if about(entry.event) and len(sealed) < _SHOWN:
                sealed.append(entry)
        unsealed: list[dict[str, Any]] = []
        with contextlib.suppress(StoreCorrupt):  # a broken head; `verify` names it
            head = await store.audit_head()
            waiting = [one.event for one in await store.read(head.cursor, limit=_SHOWN)]
            unsealed = [wire for event in waiting if about(wire := event.to_wire())]
        return sealed, unsealed, (await _records(store, [key])).get(key)

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


async def _checked(
    store: Store,
    each: Callable[[str], Any],
    *,
    archived: Sequence[Segment],
    anchors: Sequence[AuditAnchor] = (),
) -> AuditReport:
    """Check the archived and the stored chain; give *each* line, also those behind a broken one."""
    check = AuditCheck([*anchors, *(AuditAnchor.of(segment.end) for segment in archived)])
    for segment in archived:
        for old in segment.lines():
            check.take(old)
            each(old.decode(errors="replace"))
    async for line in _stored(store, after=archived[-1].end.number if archived else 0):
        check.take(line)
        each(line)
    return check.finish()


async def _stored(store: Store, *, after: int = 0) -> AsyncIterator[str]:
    """Yield the lines of the chain as they lie in the store, from behind a number."""
    while page := await store.sealed(after, limit=_PAGE):
        for number, line in page:
            after = number
            yield line


async def _and_unsealed(store: Store, checking: Awaitable[AuditReport]) -> tuple[AuditReport, int]:
    report = await checking
    try:
        return report, await store.unsealed_count(limit=_COUNTED)
    except StoreCorrupt:
        return report, 0  # the head itself is broken, and the report says so


async def _records(store: Store, keys: list[str]) -> dict[str, Approval]:
    found: dict[str, Approval] = {}
    for start in range(0, len(keys), _PAGE):
        chunk = keys[start : start + _PAGE]
        records = zip(chunk, await store.get_many(chunk), strict=True)
        found |= {key: record for key, record in records if isinstance(record, Approval)}
    return found


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a file that may be anything; of an overlong one only its beginning."""
    whole = True
    while part := file.readline(MAX_AUDIT_LINE + 2):
        ended = part.endswith(b"\n")
        if whole:
            yield part[:-1] if ended else part
        whole = ended


def _segments(folder: Path | None) -> Sequence[Segment]:
    """Return what is archived in *folder*.

    Raises:
        ConfigError: An anchor is missing or not signed by a key of ours, or there are no keys.
    """
    if folder is None:
        return ()
    environ = os.environ  # noqa: TID251  (a composition root)
    keys = configured_keys(environ, own=key_folder(environ, create=False) / "public_keys")
    if not keys:
        raise ConfigError("SIGNOFF_PUBLIC_KEYS", "the anchors in --archive need the bot's keys")
    try:
        return segments(folder, keys)
    except (ValueError, OSError) as error:
        raise ConfigError("--archive", str(error)) from None


def _anchor(text: str) -> AuditAnchor:
    try:
        return AuditAnchor.parse(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--head") from None


def _found(report: AuditReport, unsealed: int | None) -> str:
    entries = f"{report.entries} {'entry' if report.entries == 1 else 'entries'}"
    said = f"{entries} whole"
    if report.fault is not None:
        said = f"BROKEN ({report.fault.why}): {report.fault}; {entries} before it whole"
    if report.unreadable:
        said += f"; {report.unreadable} of them stand for something unreadable"
    if unsealed:
        more = " or more" if unsealed >= _COUNTED else ""
        said += f"; {unsealed}{more} not sealed yet"
    return f"{said}; head: {report.head}"


def _report_wire(report: AuditReport, unsealed: int | None) -> dict[str, Any]:
    fault = report.fault
    return {
        "whole": report.whole,
        "entries": report.entries,
        "head": {"number": report.head.number, "hash": report.head.hash},
        "unreadable": report.unreadable,
        "unsealed": unsealed,
        "broken": None
        if fault is None
        else {"why": fault.why, "entry": fault.number, "line": fault.line, "message": str(fault)},
    }


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
