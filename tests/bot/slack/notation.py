"""A reader of the arguments' notation, written from its description and not from its writer.

What it reads back from a card is what an attentive person can know from it.
"""

from __future__ import annotations

import json
import re
from typing import Any

ESCAPE = re.compile(r"⟨U\+([0-9A-F]{4,6})(?:\*([0-9]+))?⟩|⇥")
CHANGES = re.compile(r"(\w+) → (\w+) \(changes: [0-9]+ out, [0-9]+ in\):")
PATCH = re.compile(r"(\w+) \(unified diff: [0-9]+ out, [0-9]+ in\):")
MARKED = re.compile(r"([ +@-])([│┊])(?: (.*))?")
LABEL = re.compile(r'(?:([A-Za-z_][A-Za-z0-9_.-]*)|"([^"]*)"):(?: |$)')


def read_visible(text: str) -> str:
    """Return the text that was made visible."""
    return ESCAPE.sub(
        lambda found: "\t" if found[0] == "⇥" else chr(int(found[1], 16)) * int(found[2] or 1),
        text,
    )


def read_arguments(text: str) -> Any:
    """Return the value that the notation spells."""
    value, rest = _read(text.split("\n"))
    assert rest == [], rest
    return value


def _read(rows: list[str]) -> tuple[Any, list[str]]:
    first = rows[0]
    if first.startswith("│"):
        return _barred(rows)
    if first == "-" or first.startswith("- "):
        return _listed(rows)
    if LABEL.match(first) or CHANGES.match(first) or PATCH.match(first):
        return _labelled(rows)
    if first.startswith('"'):
        assert '"' not in first[1:-1], first
        assert re.fullmatch(r'".*"', first), first
        return read_visible(first[1:-1]), rows[1:]
    return json.loads(first), rows[1:]


def _barred(rows: list[str]) -> tuple[str, list[str]]:
    lines: list[str] = []
    at = 0
    while at < len(rows) and rows[at][:1] in ("│", "┊"):
        if rows[at][0] == "│":
            lines.append(rows[at][2:])
        else:
            lines[-1] += rows[at][2:]
        at += 1
    return read_visible("\n".join(lines)), rows[at:]


def _nested(rows: list[str]) -> tuple[list[str], list[str]]:
    count = next((i for i, row in enumerate(rows) if not row.startswith("  ")), len(rows))
    return [row[2:] for row in rows[:count]], rows[count:]


def _listed(rows: list[str]) -> tuple[list[Any], list[str]]:
    items = []
    while rows and rows[0].startswith("- "):
        inner, rest = _nested(rows[1:])
        value, left = _read([rows[0][2:], *inner])
        assert left == [], left
        items.append(value)
        rows = rest
    return items, rows


def _labelled(rows: list[str]) -> tuple[dict[str, Any], list[str]]:
    found: dict[str, Any] = {}
    while rows:
        inner, rest = _nested(rows[1:])
        if changes := CHANGES.fullmatch(rows[0]):
            assert not {changes[1], changes[2]} & set(found)
            found[changes[1]] = "".join(text for sign, text in _marked(inner) if sign != "+")
            found[changes[2]] = "".join(text for sign, text in _marked(inner) if sign != "-")
        elif patch := PATCH.fullmatch(rows[0]):
            assert patch[1] not in found
            found[patch[1]] = "".join(
                ("" if sign == "@" else sign) + text for sign, text in _marked(inner)
            )
        elif label := LABEL.match(rows[0]):
            name = label[1] if label[1] is not None else read_visible(label[2])
            assert name not in found
            here = rows[0][label.end() :]
            found[name], left = _read([here, *inner] if here else inner)
            assert left == [], left
        else:
            break
        rows = rest
    return found, rows


def _marked(rows: list[str]) -> list[tuple[str, str]]:
    """Return the lines of a change with their signs, each with its line break if it has one."""
    lines: list[list[str]] = []
    for row in rows:
        if row == "\\ no line break at the end":
            lines[-1][2] = ""
            continue
        read = MARKED.fullmatch(row)
        assert read, row
        if read[2] == "│":
            lines.append([read[1], read[3] or "", "\n"])
        else:
            assert lines[-1][0] == read[1]
            lines[-1][1] += read[3] or ""
    return [(sign, read_visible(text) + end) for sign, text, end in lines]
