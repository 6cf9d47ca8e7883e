"""Owns the look of letters: which words could pass for others written in another alphabet."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

__all__ = ["lookalike", "mixed", "strangers", "words_of"]

# Letters of other alphabets that most fonts draw like an ASCII letter.
_DOUBLES: Final = frozenset(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0456\u0458\u0455\u0501\u051b\u051d"
    "\u04bb\u04cf\u0433\u043a\u043c\u043d\u0442\u0432\u0410\u0412\u0415\u041a\u041c"
    "\u041d\u041e\u0420\u0421\u0422\u0423\u0425\u0406\u0408\u0405\u03bf\u03c1\u03b1"
    "\u03bd\u03b9\u03ba\u03c5\u03c7\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c"
    "\u039d\u039f\u03a1\u03a4\u03a5\u03a7\u0585\u057d\u0570\u0578\u0131"
)
_NEAR_LATIN: Final = frozenset(("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC"))
_WORD = re.compile(r"\w+")


def words_of(text: str) -> Sequence[str]:
    """Return the words of *text*: runs of letters, digits and underscores."""
    return _WORD.findall(text)


def mixed(word: str) -> bool:
    """Say whether *word* could pass for another: alphabets mixed, or letters in fancy dress.

    It is odd in any text.
    """
    if word.isascii():
        return False
    scripts = {_script(char) for char in word}
    if "LATIN" in scripts and scripts & _NEAR_LATIN:
        return True
    return any(unicodedata.decomposition(char).startswith(("<font>", "<wide>")) for char in word)


def lookalike(name: str) -> bool:
    """Say whether a name that is meant for machines could pass for another.

    Stricter than `mixed`: a word of nothing but Cyrillic letters that look like ASCII ones is
    an ordinary word in a text, and a trap in the name of a tool or a host.
    """
    return any(
        mixed(word) or (not word.isascii() and all(_double(char) for char in word))
        for word in words_of(name)
    )


def strangers(name: str) -> list[str]:
    """Return the letters, each once, by which a `lookalike` is not what it looks like."""
    if not lookalike(name):
        return []
    return list(dict.fromkeys(char for char in name if not char.isascii() and char.isalnum()))


@lru_cache(maxsize=4096)
def _script(char: str) -> str:
    return unicodedata.name(char, "").partition(" ")[0] if char.isalpha() else ""


def _double(char: str) -> bool:
    return char.isascii() or char in _DOUBLES
