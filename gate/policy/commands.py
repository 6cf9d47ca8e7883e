"""Owns shell commands as text: which ones are plain, and globs over those.

A command is plain if a POSIX shell takes its words as they stand: nothing is substituted, expanded
or redirected. Whatever is not plain may be anything. Lists of forbidden commands cannot be complete
in a shell; lists of allowed ones can.
"""

from __future__ import annotations

import re
from typing import Final

from ..errors import PolicyError
from .fit import Fit, any_fit
from .globs import MAX_TEXT, TextGlob, check_pattern

__all__ = ["CommandGlob", "command_fit", "plain_parts"]

_PLAIN: Final = r"\w./:,+@%=^#~\-"
_TOKEN: Final = re.compile(
    # Each branch is one run of one class of characters: linear, nothing to go back to.
    rf"""(?P<space>[ \t]+)|'(?P<single>[^'\n\t]*)'|"(?P<double>[^"$`\\!\n\t]*)"
    |(?P<operator>&&|\|\||[;|&\n])|(?P<plain>[{_PLAIN}]+)""",
    re.VERBOSE,
)
_WORD: Final = re.compile(rf"[{_PLAIN}]+")
_PATTERN: Final = re.compile(rf"[{_PLAIN} *?]+")
_ASSIGNMENT: Final = re.compile(r"\w+\+?=")

RUNNERS: Final = {
    ".", "ash", "bash", "builtin", "busybox", "case", "chroot", "command", "coproc", "csh",
    "dash", "do", "doas", "else", "elif", "env", "eval", "exec", "find", "fish", "flock", "for",
    "function", "if", "ionice", "ksh", "nice", "nohup", "parallel", "select", "setsid", "sh",
    "source", "ssh", "stdbuf", "strace", "su", "sudo", "tcsh", "then", "time", "timeout",
    "toybox", "unshare", "until", "watch", "while", "xargs", "zsh",
}  # fmt: skip
"""Reserved words, and programs whose arguments are another command."""


def plain_parts(command: object) -> list[list[str]] | None:
    """Return the words of each simple command of a list, or `None` if any of it is not plain.

    Parts are separated by `;`, `&&`, `||`, `|`, `&` or a line break; an empty part is not plain.
    """
    if not isinstance(command, str) or len(command) > MAX_TEXT or not _visible(command):
        return None
    parts: list[list[str]] = [[]]
    word: str | None = None
    at = 0
    while at < len(command):
        found = _TOKEN.match(command, at)
        if found is None:
            return None
        at = found.end()
        kind, text = found.lastgroup, found[found.lastgroup or 0]
        if kind in ("space", "operator"):
            if word is not None:
                parts[-1].append(word)
                word = None
            if kind == "operator":
                parts.append([])
            continue
        if kind == "plain" and ((word is None and text[0] in "#~=") or re.search("[=:]~", text)):
            # A comment, a home folder, or a command's place (`=name` in zsh).
            return None
        word = (word or "") + text
    if word is not None:
        parts[-1].append(word)
    if any(not words or _ASSIGNMENT.match(words[0]) or not words[0] for words in parts):
        return None
    return parts


def _visible(command: str) -> bool:
    return command.replace("\n", " ").replace("\t", " ").isprintable()


def _spelled(words: list[str]) -> str:
    """Return the one spelling of a plain command: single spaces, quotes only where needed."""
    return " ".join(
        word if _WORD.fullmatch(word) else "'" + word.replace("'", "'\"'\"'") + "'"
        for word in words
    )


class CommandGlob:
    """One pattern over plain commands: `*` stands for any characters, `?` for one.

    It is compared with the command's one spelling (single spaces, no quotes where none are needed).

    Raises:
        PolicyError: The pattern is empty, too long, or holds characters that no plain command has:
            quotes, separators, redirections, substitutions.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = check_pattern(pattern)
        if not _PATTERN.fullmatch(pattern):
            raise PolicyError(
                "a command pattern describes one plain command: no quotes, separators, "
                "redirections or substitutions; use * or ? for what it may hold"
            )
        words = pattern.split()
        self._glob = TextGlob(" ".join(words))
        self._first = words[0]

    def fits(self, words: list[str]) -> Fit:
        """Say whether the words of one simple command fit."""
        fit = self._glob.fits(_spelled(words))
        if fit is not False:
            return fit
        name = words[0].rpartition("/")[2]
        if name != words[0] and self._glob.fits(_spelled([name, *words[1:]])) is not False:
            # The same program, by its place: or another one of that name.
            return None
        return None if name.lower() in RUNNERS and name != self._first else False

    def covers(self, other: CommandGlob) -> bool:
        """Say whether whatever fits *other* surely fits this one, and whatever may, may."""
        return self._glob.covers(other._glob)


def command_fit(command: object, globs: tuple[CommandGlob, ...], *, compound: bool) -> Fit:
    """Say whether a command fits one of *globs*.

    A list of several commands fits only with *compound*, if each of them fits; else, if any of them
    may fit, it may.
    """
    parts = plain_parts(command)
    if parts is None:
        return None
    fits = [any_fit(glob.fits(words) for glob in globs) for words in parts]
    if all(fit is True for fit in fits) and (compound or len(fits) == 1):
        return True
    return False if all(fit is False for fit in fits) else None
