"""Owns a line of text before it is Slack's: parts that know whose words they are, and two outputs.

The same line becomes elements of a `rich_text` block, which is what people see, and mrkdwn, which
is what notifications and screen readers get.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, assert_never

from gate import InvalidId

from ...directory import Names as NamesAtHome
from ...messenger import Message
from ..ids import Principal, parse_principal
from ..text import (
    AT_THE_COMMAND_LINE,
    DATE_FORMATS,
    DateStyle,
    cut,
    fallback_time,
    inert,
    mention,
    quoted,
    visible,
    when,
)

__all__ = [
    "QUOTE_LIMIT",
    "QUOTE_ROWS",
    "Channel",
    "Foreign",
    "Line",
    "Moment",
    "Names",
    "Part",
    "Person",
    "Words",
    "duration",
    "join",
    "message",
    "mrkdwn",
    "person",
    "quote",
    "rich",
    "rich_text",
    "section",
]

Names = Mapping[str, str]
"""Display names by principal. They are foreign text: people choose them.

Where they come as `bot.directory.Names`, a mention notifies nobody: the chat itself names people.
"""

QUOTE_LIMIT = 750
QUOTE_ROWS = 20
NAME_LIMIT = 40
"""Characters of a display name; Slack allows 80."""


@dataclass(frozen=True)
class Words:
    """Words of our own, from this source code or made of digits."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Foreign:
    """A short text of somebody else, shown on one line and quoted where it is not one word."""

    text: str
    limit: int = 200
    bold: bool = False
    """Only where people see it: in a notification it stands as it is."""


@dataclass(frozen=True)
class Person:
    """A principal: a mention, or where nobody is mentioned the name, or the bare id."""

    principal: str
    name: str | None = None
    ping: bool = True
    """Mention whoever it is, and so call them where a mention does."""
    home: str | None = None
    """The workspace whose people are mentioned even so, since it calls nobody there."""


@dataclass(frozen=True)
class Moment:
    """A time that each reader sees in the own time zone."""

    at: datetime
    style: DateStyle = "time"


@dataclass(frozen=True)
class Channel:
    """A channel, by an id that was checked."""

    id: str


Part = Words | Foreign | Person | Moment | Channel
Line = Sequence[Part]


def person(principal: str, names: Names | None, *, ping: bool) -> Person:
    """Return a principal as the names at hand tell how to show it.

    Args:
        principal: Whoever it is.
        names: Display names by principal.
        ping: Mention the person, whatever is known of the name.
    """
    home = names.home if isinstance(names, NamesAtHome) else None
    return Person(principal, (names or {}).get(principal), ping, home)


def join(lines: Iterable[Line], last: str) -> list[Part]:
    """Return the lines as one enumeration: `a, b or c` with *last* between the last two."""
    items = list(lines)
    parts: list[Part] = []
    for index, item in enumerate(items):
        if index:
            parts.append(Words(f" {last} " if index == len(items) - 1 else ", "))
        parts.extend(item)
    return parts


def mrkdwn(line: Line) -> str:
    """Return the line as mrkdwn."""
    return "".join(_mrkdwn(part) for part in line)


def rich(line: Line) -> list[dict[str, Any]]:
    """Return the line as elements of a `rich_text_section`."""
    return [_rich(part) for part in line]


def section(line: Line) -> dict[str, Any]:
    """Return the line as a `rich_text_section`."""
    return {"type": "rich_text_section", "elements": rich(line)}


def quote(text: str, *, limit: int = QUOTE_LIMIT, rows: int = QUOTE_ROWS) -> list[dict[str, Any]]:
    """Return somebody's words as a quotation, and where they are long, how much is missing.

    Args:
        text: Foreign text of any length and content.
        limit: Characters that are shown.
        rows: Lines that are shown.
    """
    shown, left = cut(visible(text, lines=True), limit, rows=rows)
    parts: list[dict[str, Any]] = [
        {"type": "rich_text_quote", "elements": [{"type": "text", "text": shown or "(empty)"}]}
    ]
    if left:
        parts.append(section([Words(f"… and {left:,} more characters of these words")]))
    return parts


def rich_text(*parts: dict[str, Any]) -> dict[str, Any]:
    """Return a `rich_text` block of sections, quotations and preformatted text."""
    return {"type": "rich_text", "elements": list(parts)}


def message(line: Line, *, note: str | None = None) -> Message:
    """Return a message of one line, with somebody's words under it where there are any."""
    parts = [section(line)]
    text = mrkdwn(line)
    if note:
        parts.extend(quote(note))
        text += f" · reason: {inert(note, 500)}"
    return Message(text=text, blocks=[rich_text(*parts)])


def duration(seconds: float) -> str:
    """Return a length of time as people say it: `0.4 s`, `12 s`, `4 min`, `2 h 5 min`."""
    if seconds < 0.05:
        return "under 0.1 s"
    if seconds < 9.95:
        return f"{seconds:.1f} s".replace(".0 s", " s")
    if seconds < 99.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours >= 48:
        return f"{hours // 24} days"
    return f"{hours} h {rest} min" if rest else f"{hours} h"


def _mrkdwn(part: Part) -> str:
    match part:
        case Words(text, bold):
            return f"*{text}*" if bold else text
        case Foreign(text, limit):
            return inert(text, limit)
        case Person(principal, name, ping):
            # A known name is read aloud and stands on a locked screen; an id is looked up first.
            if ping or (name is None and _mentioned(part)):
                return mention(principal)
            return _named(part, inert)
        case Moment(at, style):
            return when(at, style)
        case Channel(channel):
            return f"<#{channel}>"
    assert_never(part)


def _rich(part: Part) -> dict[str, Any]:
    match part:
        case Words(text, bold):
            return _text(text, bold=bold)
        case Foreign(text, limit, bold):
            return _text(quoted(text, limit), bold=bold)
        case Person():
            return _person(part)
        case Moment(at, style):
            return {
                "type": "date",
                "timestamp": int(at.timestamp()),
                "format": DATE_FORMATS[style],
                "fallback": fallback_time(at, style),
            }
        case Channel(channel):
            return {"type": "channel", "channel_id": channel}
    assert_never(part)


def _person(person: Person) -> dict[str, Any]:
    who = _mentioned(person)
    if who is None:
        known = not person.ping or _principal(person.principal) is not None
        return _text(_named(person, quoted), bold=known)
    if who.kind == "group":
        return {"type": "usergroup", "usergroup_id": who.id}
    return {"type": "user", "user_id": who.id}


def _mentioned(person: Person) -> Principal | None:
    """Return whom the chat is to name; `None` for those who are named in words."""
    who = _principal(person.principal)
    # Who is of another workspace may be nobody there, or somebody else.
    if who is None or who.team is None or not (person.ping or who.team == person.home):
        return None
    return who


def _named(person: Person, show: Callable[[str, int], str]) -> str:
    who = _principal(person.principal)
    shown = show(person.name or (who.id if who else person.principal), NAME_LIMIT)
    return shown + AT_THE_COMMAND_LINE if who is not None and who.kind == "cli" else shown


def _principal(text: str) -> Principal | None:
    try:
        return parse_principal(text)
    except InvalidId:
        return None


def _text(text: str, *, bold: bool = False) -> dict[str, Any]:
    element: dict[str, Any] = {"type": "text", "text": text}
    return element | {"style": {"bold": True}} if bold else element
