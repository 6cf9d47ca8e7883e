"""Owns the safety of foreign text: nothing hidden, nothing that Slack would act on, honest cuts.

Every character of a foreign text is either shown as itself or named as `⟨U+200B⟩`, a run of it as
`⟨U+200B*12⟩`; a tab is shown as `⇥`. The signs `⟨`, `⟩` and `⇥` are named too where a text holds
them, so that no text can write an escape of its own and every text can be read back; so are `⟦` and
`⟧`, between which stands what is told of a masked value (`bot.masking`).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Final, Literal

from gate import InvalidId

from .alphabets import mixed, words_of
from .ids import parse_principal

__all__ = [
    "AT_THE_COMMAND_LINE",
    "DATE_FORMATS",
    "DateStyle",
    "Finding",
    "clip",
    "clusters",
    "cut",
    "escape_mrkdwn",
    "fallback_time",
    "findings",
    "inert",
    "mention",
    "quoted",
    "units",
    "visible",
    "weight",
    "when",
]

MAX_SPACES: Final = 40
"""Spaces in a row that are shown as they are; more would push what follows out of sight."""
MAX_BREAKS: Final = 3
"""Line breaks in a row that are shown as they are."""
MAX_MARKS: Final = 4
"""Combining marks on one letter; living scripts need no more."""

# A piece without an end could not be cut, and a row of it could not be folded.
_MOST_IN_CLUSTER: Final = 8
_TAB: Final = "⇥"
_SIGNS: Final = frozenset("⟨⟩⟦⟧" + _TAB)

# Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties. The general category alone
# misses eleven of them that are letters or marks: fillers, joiners, variation selectors.
_IGNORABLE: Final = (
    (0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5),
    (0x180B, 0x180F), (0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164),
    (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF), (0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF),
)  # fmt: skip
# Assigned, not ignorable, and still nothing but blank on the screen.
_BLANK: Final = frozenset("\u2800\ufffc\U00016fe4\U0001d159\U00013441\U00013442")
_BIDI: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Marks that strike a letter out or draw across it.
_OVERLAYS: Final = (
    (0x0334, 0x0338), (0x20D2, 0x20D3), (0x20D8, 0x20DA), (0x20E5, 0x20EB),
)  # fmt: skip

_PLAIN_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/@#-]*[A-Za-z0-9])?", re.ASCII)
_INERT = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?", re.ASCII)
_LONG_SPACES = " " * (MAX_SPACES + 1)
_LONG_BREAKS = "\n" * (MAX_BREAKS + 1)
_UNIT = re.compile(r"⟨[^⟩]*⟩|⟦[^⟧]*⟧")


class Finding(StrEnum):
    """What kind of trick, or accident, a text holds."""

    INVISIBLE = "invisible"
    DIRECTION = "direction"
    CONTROL = "control"
    SPACE = "space"
    UNKNOWN = "unknown"
    MARK = "mark"
    PADDING = "padding"
    RIGHT_TO_LEFT = "right_to_left"
    LOOKALIKE = "lookalike"


AT_THE_COMMAND_LINE: Final = " (command line)"
"""After the login name of a person who has no name in Slack."""

DateStyle = Literal["time", "short"]
DATE_FORMATS: Final[dict[DateStyle, str]] = {
    "time": "{time}",
    "short": "{date_short_pretty} at {time}",
}
"""Slack's date tokens; each reader sees the own time zone."""


def visible(text: str, *, lines: bool = False) -> str:
    """Return *text* with every character visible, none lost.

    Args:
        text: Any text, lone surrogates included.
        lines: Keep line breaks as they are; without it they are named like other controls.
    """
    if _harmless(text, lines=lines):
        return text
    parts = []
    for unit, count, finding in _runs(text, lines=lines):
        if finding is None and unit not in _SIGNS:
            parts.append(unit * count)
        elif unit == "\t":
            parts.append(_TAB * count)
        else:
            times = f"*{count}" if count > 1 else ""
            parts.append(f"⟨U+{ord(unit):04X}{times}⟩")
    return "".join(parts)


def findings(text: str) -> dict[Finding, int]:
    """Return what *text* holds that a reader should be told of, and how many of each.

    Tabs, line breaks and single trailing spaces are shown but are nothing to warn about.
    """
    if _harmless(text, lines=True):
        return {}
    found: dict[Finding, int] = {}
    for unit, count, finding in _runs(text, lines=True):
        if unit == "\t" or (finding is Finding.SPACE and unit == " "):
            continue
        if finding is not None:
            found[finding] = found.get(finding, 0) + count
        elif unicodedata.bidirectional(unit) in ("R", "AL"):
            found[Finding.RIGHT_TO_LEFT] = found.get(Finding.RIGHT_TO_LEFT, 0) + count
    words = sum(mixed(word) for word in words_of(text))
    if words:
        found[Finding.LOOKALIKE] = words
    return {kind: found[kind] for kind in Finding if kind in found}


def escape_mrkdwn(text: str) -> str:
    """Return *text* with the three characters replaced that Slack's mrkdwn gives a meaning.

    After it no mention, link, channel or date can come about; bold and the like still can:
    foreign text goes through `inert`.
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def inert(text: str, limit: int = 200) -> str:
    """Return foreign *text* for a mrkdwn text: visible, on one line, with no power at all.

    Plain words stay bare; everything else stands in a code span, where Slack reads no formatting,
    no emoji and no bare link. About *limit* characters at most before escaping (40 or more), a cut
    announced.
    """
    if len(text) <= limit and _INERT.fullmatch(text):
        return text
    if not text:
        return "(empty)"
    shown, left = _within(visible(text).replace("`", "⟨U+0060⟩"), limit)
    return f"`{escape_mrkdwn(shown)}`" + _announced(left)


def quoted(text: str, limit: int = 200) -> str:
    """Return foreign *text* for a plain text of ours: bare if it is one plain word, else quoted.

    A bare word has no spaces, so no name can go on with words that look like ours. At most *limit*
    characters (40 or more) beside the marks, a cut announced behind the quotation.
    """
    shown, left = _within(visible(text).replace('"', "⟨U+0022⟩"), limit)
    return (shown if _PLAIN_NAME.fullmatch(shown) else f'"{shown}"') + _announced(left)


def clip(text: str, limit: int) -> str:
    """Return visible *text* in at most *limit* characters, saying how many are missing.

    Args:
        text: What `visible` returned.
        limit: Characters, 40 or more.
    """
    shown, left = _within(text, limit)
    return shown + _announced(left)


def cut(text: str, limit: int, *, rows: int | None = None) -> tuple[str, int]:
    """Return the beginning of visible *text* and how many characters are left out.

    The cut falls between characters as people see them, never inside an escape.

    Args:
        text: What `visible` returned.
        limit: Characters, counted as `units` does; the beginning also weighs at most six bytes for
            each (`weight`).
        rows: Lines at most.
    """
    if rows is None and units(text) <= limit and weight(text) <= 6 * limit:
        return text, 0
    at = length = heavy = breaks = 0
    for piece in clusters(text):
        length += units(piece)
        heavy += weight(piece)
        breaks += piece == "\n"
        if length > limit or heavy > 6 * limit or (rows is not None and breaks >= rows):
            return text[:at], len(text) - at
        at += len(piece)
    return text, 0


def clusters(text: str) -> Iterator[str]:
    """Yield visible *text* in the smallest pieces that may be told apart on a screen.

    An escape is one piece, and so is a mark in place of a secret; so are a letter with its marks, a
    flag, a hand with its skin tone and a Hangul syllable written in parts. (Joiners never get here:
    `visible` names them.)
    """
    at = 0
    while at < len(text):
        escape = _UNIT.match(text, at)
        end = escape.end() if escape else at + 1
        if escape is None:
            if _is_flag(text[at]) and _is_flag(text[end : end + 1]):
                end += 1
            while end < len(text) and end - at < _MOST_IN_CLUSTER and _extends(text[end]):
                end += 1
        yield text[at:end]
        at = end


def units(text: str) -> int:
    """Return the length of *text* in UTF-16 units.

    Slack does not say what it counts; this is the larger of the two possibilities.
    """
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def weight(text: str) -> int:
    """Return the bytes of *text* in a JSON body as Slack's client sends it, ASCII only."""
    return len(json.dumps(text)) - 2


def mention(principal: str) -> str:
    """Return mrkdwn that names *principal*: a mention if it is one of Slack's, else inert text."""
    try:
        who = parse_principal(principal)
    except InvalidId:
        return inert(principal, 40)
    match who.kind:
        case "user":
            return f"<@{who.id}>"
        case "group":
            return f"<!subteam^{who.id}>"
        case "cli":
            return inert(who.id) + AT_THE_COMMAND_LINE


def when(at: datetime, style: DateStyle = "short") -> str:
    """Return mrkdwn for a time that each reader sees in the own time zone; the fallback is UTC."""
    return f"<!date^{int(at.timestamp())}^{DATE_FORMATS[style]}|{fallback_time(at, style)}>"


def fallback_time(at: datetime, style: DateStyle = "short") -> str:
    """Return *at* in UTC for clients that cannot show dates."""
    return at.astimezone(UTC).strftime("%H:%M UTC" if style == "time" else "%Y-%m-%d %H:%M UTC")


def _within(text: str, limit: int) -> tuple[str, int]:
    """Return a beginning of *text* that has at most *limit* characters together with the notice."""
    if units(text) <= limit and weight(text) <= 6 * limit:
        return text, 0
    return cut(text, limit - len(_announced(len(text))))


def _announced(left: int) -> str:
    return f"… {left:,} more character{'' if left == 1 else 's'}" if left else ""


def _harmless(text: str, *, lines: bool) -> bool:
    plain = text.replace("\n", "") if lines else text
    return (
        plain.isascii()
        and plain.isprintable()
        and _LONG_SPACES not in text
        and _LONG_BREAKS not in text
        and not text.endswith(" ")
        and " \n" not in text
    )


def _runs(text: str, *, lines: bool) -> Iterator[tuple[str, int, Finding | None]]:
    """Yield characters with the length of their run and why they are named, `None` for shown."""
    at, marks = 0, -1
    while at < len(text):
        char = text[at]
        end = at + 1
        finding = _nature(char)
        if char == " " or (char == "\n" and lines) or finding is not None:
            while end < len(text) and text[end] == char:
                end += 1
        count = end - at
        if char == " ":
            ends_line = end == len(text) or text[end] == "\n"
            if count > MAX_SPACES:
                finding = Finding.PADDING
            elif ends_line:
                finding = Finding.SPACE
        elif char == "\n" and lines:
            finding = Finding.PADDING if count > MAX_BREAKS else None
        elif finding is None and unicodedata.category(char)[0] == "M":
            # A mark without a letter of its own would sit on our frame.
            if marks < 0 or marks >= MAX_MARKS or _in(ord(char), _OVERLAYS):
                finding = Finding.MARK
            marks = -1 if finding else marks + 1
            yield char, 1, finding
            at = end
            continue
        marks = 0 if finding is None and char.isalpha() else -1
        yield char, count, finding
        at = end


@lru_cache(maxsize=4096)
def _nature(char: str) -> Finding | None:
    """Return why *char* is never shown as itself, whatever stands around it."""
    if " " <= char <= "~":
        return None
    if char in _BIDI:
        return Finding.DIRECTION
    if char in _BLANK or _in(ord(char), _IGNORABLE):
        return Finding.INVISIBLE
    match unicodedata.category(char):
        case "Cc" | "Zl" | "Zp":
            return Finding.CONTROL
        case "Cf":
            return Finding.INVISIBLE
        case "Zs":
            return Finding.SPACE
        case "Cs" | "Co" | "Cn":
            return Finding.UNKNOWN
        case "Me":
            return Finding.MARK
    return None


def _in(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)


def _is_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff" if char else False


def _extends(char: str) -> bool:
    return (
        unicodedata.category(char)[0] == "M"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or "\u1160" <= char <= "\u11ff"
        or "\ud7b0" <= char <= "\ud7fb"
    )
