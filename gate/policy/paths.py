"""Owns paths as text: their normal spelling, and globs over them. No file system is looked at.

All rules here are lexical. A link can lead out of any folder, and only the tool that opens the file
can see that; a rule about paths is no replacement for a tool that opens them safely.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from ..errors import PolicyError
from .fit import Fit
from .globs import SegmentGlob, check_pattern

__all__ = ["LexicalPath", "PathGlob", "normal_path", "read_path"]

MAX_PATH: Final = 4096
"""Characters of a path that is matched, as in Linux (PATH_MAX)."""

_UNCLEAR: Final = re.compile(
    # What some program or file system reads as something else: separators of another system,
    # escapes, variables, wildcards; short names; endings that Windows drops.
    r"[\\%$*?`\"<>|]|~[0-9]|[. ]$"
)
_ELSEWHERE: Final = re.compile(r"~|[A-Za-z]:")
"""How a path begins that leads to a home folder or to a drive."""
_NOT_IN_PATTERNS: Final = re.compile(r"[\\%$`\"<>|\[\]{}]|^[~!]|^[A-Za-z]:|^//")


@dataclass(frozen=True)
class LexicalPath:
    """A path in its parts. `up` counts the `..` that a relative one begins with."""

    absolute: bool
    up: int
    parts: tuple[str, ...]

    def __str__(self) -> str:
        if self.absolute:
            return "/" + "/".join(self.parts)
        return "/".join((*(("..",) * self.up), *self.parts)) or "."

    def under(self, root: LexicalPath) -> LexicalPath:
        """Return the path as it is when *root* is where relative ones begin."""
        if self.absolute:
            return self
        kept = root.parts[: max(0, len(root.parts) - self.up)]
        return LexicalPath(absolute=True, up=0, parts=(*kept, *self.parts))


def normal_path(text: str) -> str | None:
    """Return the normal spelling of a path, or `None` where it has no single reading.

    Repeated slashes, `.` and a slash at the end go. A `..` after a name has no reading without the
    file system, since the name may be a link; at the beginning of a relative path it stays.
    """
    found = read_path(text)
    return None if found is None else str(found)


def read_path(text: object) -> LexicalPath | None:
    """Return the parts of a path, or `None` where it has no single reading."""
    if not isinstance(text, str) or not text or len(text) > MAX_PATH:
        return None
    if not text.isprintable() or unicodedata.normalize("NFKC", text) != text:
        return None
    if re.match(r"//(?!/)", text):
        # It means another machine on some systems; POSIX leaves it open.
        return None
    absolute, up = text.startswith("/"), 0
    parts: list[str] = []
    for part in text.split("/"):
        if part in ("", "."):
            continue
        if part != "..":
            parts.append(part)
        elif parts:
            return None
        elif not absolute:
            up += 1
    if any(_UNCLEAR.search(part) for part in parts) or (parts and _ELSEWHERE.match(parts[0])):
        return None
    return LexicalPath(absolute=absolute, up=up, parts=tuple(parts))


class PathGlob:
    """One pattern over paths.

    `*` and `?` stay within a segment, `**` is any number of whole segments, also none: `src/**` is
    `src` and everything below. Letters count as written; a difference in case only may fit.

    Args:
        pattern: Relative or absolute.
        root: The folder in which relative paths and patterns begin. Without one, an absolute path
            may fit a relative pattern that its end fits; a relative path is taken to lie outside
            of every absolute pattern.

    Raises:
        PolicyError: The pattern is empty, too long, climbs after a name or holds what stands for
            something else elsewhere (brackets, braces, backslashes, variables).
    """

    def __init__(self, pattern: str, root: LexicalPath | None = None) -> None:
        self.pattern = check_pattern(pattern)
        self.root = root
        if _NOT_IN_PATTERNS.search(pattern):
            raise PolicyError(
                "a path pattern knows only *, ? and **; other special characters are not allowed"
            )
        plain = _pattern_path(pattern)
        self._path = plain if root is None else plain.under(root)
        self._floats = not plain.absolute and (root is None or plain.parts[:1] == ("**",))
        self._glob = SegmentGlob(self._path.parts)
        self._tail = SegmentGlob(("**", *plain.parts))

    def fits(self, text: object) -> Fit:
        """Say whether a path fits; `None` where it has no single reading, or may fit."""
        path = read_path(text)
        if path is None:
            return None
        if self.root is not None:
            path = path.under(self.root)
        fit: Fit = False
        if (path.absolute, path.up) == (self._path.absolute, self._path.up):
            fit = self._glob.fits(path.parts)
        if fit is not False:
            return fit
        if path.up:
            # Where it climbs to is not known.
            return None
        if path.absolute and self._floats and self._tail.fits(path.parts) is not False:
            # Where the pattern begins is not known.
            return None
        return False

    def covers(self, other: PathGlob) -> bool:
        """Say whether whatever fits *other* surely fits this one, and whatever may, may."""
        if self.root != other.root:
            return False
        if self.pattern == other.pattern:
            return True
        mine, theirs = self._path, other._path
        same = (mine.absolute, mine.up) == (theirs.absolute, theirs.up)
        floats = self._floats or not other._floats
        return same and floats and self._glob.covers(other._glob)


def _pattern_path(pattern: str) -> LexicalPath:
    absolute, up = pattern.startswith("/"), 0
    parts: list[str] = []
    for part in pattern.split("/"):
        if part in ("", "."):
            continue
        if part != "..":
            parts.append(part)
        elif parts or absolute:
            raise PolicyError("a path pattern may climb with .. only at its beginning")
        else:
            up += 1
    return LexicalPath(absolute=absolute, up=up, parts=tuple(parts))
