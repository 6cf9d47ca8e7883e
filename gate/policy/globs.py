"""Owns globs over texts and over sequences of segments, matched in time linear in what is matched.

No regular expression is built from a pattern. A pattern is a row of positions; what has been read
so far is the set of positions where one may stand, kept as the bits of one integer. Each character
moves the whole set at once, so there is nothing to go back to and nothing that can explode.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from ..errors import PolicyError
from .fit import Fit, any_fit

__all__ = [
    "MAX_PATTERN",
    "MAX_TEXT",
    "NameGlob",
    "SegmentGlob",
    "TextGlob",
    "compile_globs",
    "fold",
]

MAX_PATTERN: Final = 500
"""Characters of one pattern."""
MAX_TEXT: Final = 16 * 1024
"""Characters of a text that is matched; of a longer one it cannot be told whether it fits."""


def compile_globs(*patterns: str) -> Callable[[str], Fit]:
    """Return a function that says whether a text fits any of *patterns*, as a whole.

    `*` stands for any characters, line breaks and slashes included, `?` for any one of them;
    everything else for itself. The function answers `None` where a text differs from a pattern only
    in case or in compatible forms of its characters, or is longer than 16,384 characters.

    Raises:
        PolicyError: No pattern, or one that is empty, not text or over 500 characters.
    """
    globs = _checked(patterns)
    return lambda text: any_fit(glob.fits(text) for glob in globs)


def _checked(patterns: Sequence[str]) -> tuple[TextGlob, ...]:
    if not patterns:
        raise PolicyError("a list of patterns is empty")
    return tuple(TextGlob(pattern) for pattern in patterns)


def fold(text: str) -> str:
    """Return *text* as a careless reader would see it: one case, compatible characters as one."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def check_pattern(pattern: str) -> str:
    """Return *pattern* if it can be one at all.

    Raises:
        PolicyError: Not text, empty, too long, or with control characters.
    """
    if not isinstance(pattern, str):
        raise PolicyError(f"a pattern is {type(pattern).__name__}, not text")
    if not pattern.strip():
        raise PolicyError("a pattern is empty")
    if len(pattern) > MAX_PATTERN:
        raise PolicyError(f"a pattern has {len(pattern)} characters, the limit is {MAX_PATTERN}")
    if not pattern.isprintable():
        raise PolicyError("a pattern holds characters that cannot be seen")
    return pattern


class _Row:
    """Positions of a pattern, as bits: where one may stay, and where the end is."""

    __slots__ = ("end", "stays")

    def __init__(self, stays: int, end: int) -> None:
        self.stays = stays
        self.end = end

    def accepts(self, steps: Iterable[int]) -> bool:
        """Say whether reading *steps* (which positions each lets go on) leads to the end."""
        at = 1
        for step in steps:
            at = (at & self.stays) | ((at & step) << 1)
            if not at:
                return False
        return bool(at >> self.end & 1)


class _Letters:
    """One spelling of a text glob."""

    __slots__ = ("any", "by_letter", "row", "tokens")

    def __init__(self, pattern: str) -> None:
        self.tokens: list[str] = []
        """`?` for any one, `*` for any number, else the letter."""
        stays = end = self.any = 0
        self.by_letter: dict[str, int] = {}
        for letter in pattern:
            if letter == "*":
                if not self.tokens or self.tokens[-1] != "*":
                    self.tokens.append("*")
                stays |= 1 << end
                continue
            self.tokens.append(letter)
            if letter == "?":
                self.any |= 1 << end
            else:
                self.by_letter[letter] = self.by_letter.get(letter, 0) | 1 << end
            end += 1
        self.row = _Row(stays, end)

    def accepts(self, text: str) -> bool:
        found, anything = self.by_letter, self.any
        return self.row.accepts(found.get(letter, 0) | anything for letter in text)

    def covers(self, other: _Letters) -> bool:
        """Say whether every text of *other* is surely one of ours."""
        at = 1
        for token in other.tokens:
            if token == "*":  # noqa: S105  (a star, not a secret)
                # Whatever it stands for, only a place where we may stay takes all of it.
                at &= self.row.stays
            else:
                step = self.any | (0 if token == "?" else self.by_letter.get(token, 0))  # noqa: S105
                at = (at & self.row.stays) | ((at & step) << 1)
        return bool(at >> self.row.end & 1)


class TextGlob:
    """One pattern over whole texts; see `compile_globs`."""

    __slots__ = ("_exact", "_folded", "pattern")

    def __init__(self, pattern: str) -> None:
        self.pattern = check_pattern(pattern)
        self._exact = _Letters(pattern)
        self._folded = _Letters(fold(pattern))

    def fits(self, text: object) -> Fit:
        """Say whether *text* fits; `None` for a near miss, for what is too long or no text."""
        if not isinstance(text, str) or len(text) > MAX_TEXT:
            return None
        if self._exact.accepts(text):
            return True
        return None if self._folded.accepts(fold(text)) else False

    def covers(self, other: TextGlob) -> bool:
        """Say whether whatever fits *other* surely fits this one, and whatever may, may."""
        if self.pattern == other.pattern:
            return True
        # Folding may lengthen what is not ASCII; then nothing is claimed.
        return other.pattern.isascii() and self._exact.covers(other._exact)


class NameGlob(TextGlob):
    """A pattern over names. Brackets and braces, which mean more elsewhere, are refused."""

    __slots__ = ()

    def __init__(self, pattern: str) -> None:
        super().__init__(pattern)
        if any(letter in "[]{}" for letter in pattern):
            raise PolicyError("a pattern of names knows only * and ?, no brackets and braces")


class SegmentGlob:
    """A pattern over a sequence of texts: `**` stands for any number of them, also for none.

    Args:
        segments: Each `**`, or a pattern for one segment with `*` and `?`.
    """

    __slots__ = ("_globs", "_row", "_segments")

    def __init__(self, segments: Sequence[str]) -> None:
        self._segments = tuple(segments)
        self._globs: list[TextGlob | None] = []
        stays = end = 0
        for segment in segments:
            if segment == "**":
                stays |= 1 << end
                continue
            if "**" in segment:
                raise PolicyError("** stands for whole segments: put slashes round it")
            # An empty segment stands in an address that ends with a slash.
            self._globs.append(TextGlob(segment) if segment else None)
            end += 1
        self._row = _Row(stays, end)

    def fits(self, segments: Sequence[str]) -> Fit:
        """Say whether the whole sequence fits; `None` if only nearly."""
        exact: list[int] = []
        near: list[int] = []
        for segment in segments:
            sure = maybe = 0
            for place, glob in enumerate(self._globs):
                fit: Fit = (not segment) if glob is None else glob.fits(segment)
                if fit is not False:
                    maybe |= 1 << place
                    sure |= (1 << place) if fit else 0
            exact.append(sure)
            near.append(maybe)
        if self._row.accepts(exact):
            return True
        return None if self._row.accepts(near) else False

    def covers(self, other: SegmentGlob) -> bool:
        """Say whether whatever fits *other* surely fits this one, and whatever may, may."""
        at, place = 1, 0
        for segment in other._segments:
            if segment == "**":
                at &= self._row.stays
                continue
            theirs = other._globs[place]
            place += 1
            step = 0
            for mine, glob in enumerate(self._globs):
                same = glob is theirs is None
                if same or (glob is not None and theirs is not None and glob.covers(theirs)):
                    step |= 1 << mine
            at = (at & self._row.stays) | ((at & step) << 1)
        return bool(at >> self._row.end & 1)
