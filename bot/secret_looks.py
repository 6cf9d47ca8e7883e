"""Owns what looks like a secret: by the name that it goes under, or by its own shape. Pure.

Neither is proof. What is missed is shown, so secrets belong into references and not into requests;
what is taken for a secret and is none costs its reader one click.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

__all__ = ["KEYS", "NO_KEYS", "SHAPES", "SecretLooks", "words_of_name"]

Span = tuple[int, int]

KEYS: Final = (
    "password", "passwords", "passwd", "db pwd", "pg password", "mysql pwd", "sshpass",
    "passphrase", "passcode",
    "secret", "secrets", "credential", "credentials", "token", "jwt", "otp", "totp",
    "access token", "auth token", "refresh token", "client secret", "api secret",
    "api key", "api keys", "access key", "secret key", "private key", "private keys", "signing key",
    "encryption key", "master key", "auth key", "account key", "ssh key",
    "authorization", "proxy authorization", "basic auth", "bearer",
    "cookie", "cookies", "set cookie", "session key", "connection string", "dsn",
)  # fmt: skip
"""Names of values that are masked, as words: `api key` stands for `apiKey`, `API_KEY`, `api-key`
and `apikey`, and for names that end like that, such as `STRIPE_API_KEY_2`."""

NO_KEYS: Final = ("page token", "next token", "continuation token", "sync token", "cancel token")
"""Names that end like one of `KEYS` and are everyday parts of calls."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_A-Za-z]+")
_NAME_END: Final = 100
"""Characters of the end of a name that are looked at."""

_START: Final = r"(?<![A-Za-z0-9])"

SHAPES: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "Slack token": (
        ("xox", "xapp-"),
        _START + r"(?:xox[a-z](?:\.xox[a-z])?|xapp)-[A-Za-z0-9-]{10,}",
    ),
    "Slack webhook": (
        ("hooks.slack.com/",),
        r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9/_-]{16,}",
    ),
    "GitHub token": (
        ("gh", "github_pat_"),
        _START + r"(?:gh[oprsu]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,})",
    ),
    "GitLab token": (("gl",), _START + r"gl(?:pat|dt|rt|ptt|agent)-[A-Za-z0-9_-]{16,}"),
    "AWS key id": (("AKIA", "ASIA"), _START + r"(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Za-z0-9])"),
    "Google key": (
        ("AIza", "ya29.", "GOCSPX-"),
        _START + r"(?:AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,})",
    ),
    "sk- key": (
        ("sk-", "sk_", "rk_", "whsec_"),
        _START
        + r"(?:sk-(?=[A-Za-z_-]{0,100}[0-9])[A-Za-z0-9_-]{20,}|[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"
        + r"|whsec_[A-Za-z0-9+/=]{16,})",
    ),
    "package registry token": (
        ("npm_", "pypi-", "hf_", "dckr_pat_"),
        _START
        + r"(?:npm_[A-Za-z0-9]{30,}|pypi-[A-Za-z0-9_-]{40,}|hf_[A-Za-z0-9]{30,}"
        + r"|dckr_pat_[A-Za-z0-9_-]{20,})",
    ),
    "JSON web token": (
        ("eyJ",),
        _START + r"eyJ[A-Za-z0-9_-]{8,1000}+\.[A-Za-z0-9_-]{8,}(?:\.[A-Za-z0-9_-]*)*",
    ),
    "private key": (
        ("PRIVATE KEY",),
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?s:.*?)(?:-----END [A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\Z)",
    ),
    "authorization": (
        ("earer ", "uthorization", "UTHORIZATION"),
        r"(?i:(?:authorization)[\"']?\s{0,4}[:=]\s{0,4}[\"']?"
        r"(?:basic|bearer|token|digest|apikey)\s{1,4}([^\s\"',]{6,}))"
        r"|(?:B|b)earer\s{1,4}((?=[^\s\"']*[0-9])[A-Za-z0-9._~+/=-]{16,})",
    ),
    "cookie": (
        ("ookie:", "OOKIE:"),
        r"(?i:" + _START + r"(?:set-)?cookie:\s{0,4}([^\s=;]{1,100}=[^\r\n\"']{4,}))",
    ),
    "password in an address": (
        ("://",),
        r"(?<![A-Za-z0-9+.-])[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s/:@]{0,200}:([^\s/@]{1,500})@",
    ),
}
"""Name → texts of which one has to be there, and a pattern. Where the pattern has groups, only what
they match is the secret. What may have to be read in vain from many places is bounded: an agent
must not be able to keep the bot busy with a text that it chose."""

_ASSIGNED = re.compile(
    r"(?<![A-Za-z0-9_-])(?P<name>-{0,2}[A-Za-z_][A-Za-z0-9_.-]{0,60})"
    r"(?:=|[\"']\s{0,4}:\s{0,4})"
    r"(?:\"(?P<double>[^\"\n]{1,2000})\"|'(?P<single>[^'\n]{1,2000})'"
    r"|(?P<bare>[^\s\"'&;,|<>(){}\[\]$\\`]{4,2000}))"
)
_LINE = re.compile(
    r"^[ \t]{0,40}(?:- )?(?P<name>[A-Za-z_][A-Za-z0-9_.-]{0,60}):[ \t]{1,10}"
    r"(?P<quote>[\"']?)(?P<bare>[^\s\"'#$<>{}\[\]()|]{4,2000})(?P=quote)[ \t\r]{0,10}$",
    re.MULTILINE,
)
_FLAG = re.compile(
    r"(?<!\S)(?P<name>--[A-Za-z][A-Za-z0-9-]{1,60})[ \t]{1,4}"
    r"(?:\"(?P<double>[^\"\n]{1,2000})\"|'(?P<single>[^'\n]{1,2000})'"
    r"|(?P<bare>[^\s\"'&;,|<>(){}\[\]$\\`-][^\s\"'&;,|<>(){}\[\]$\\`]{3,2000}))"
)
_NO_VALUES: Final = frozenset(
    ("none", "null", "true", "false", "undefined", "required", "optional")
)

_RUN = re.compile(r"(?<![A-Za-z0-9+/_=.-])[A-Za-z0-9+/_-]{32,200}={0,2}(?![A-Za-z0-9+/_=.-])")
_RANDOM_BITS: Final = 4.5
"""Bits of entropy for each character. 32 random characters of Base64 have about 4.6; hexadecimal
digits never more than 4, and words and paths hardly ever more than 4.3."""
_RANDOM_OF_EACH: Final = 3
"""Small letters, capitals and digits, at least so many of each."""


class SecretLooks:
    """Finds what looks like a secret.

    Args:
        keys: Further names, written in any of the usual ways.
        shapes: Further patterns. Of one with groups only what they match is the secret.

    Raises:
        ValueError: A name without a word, or a pattern that does not compile or fits everywhere.
    """

    def __init__(self, *, keys: Iterable[str] = (), shapes: Iterable[str] = ()) -> None:
        self._keys = frozenset(_joined(key) for key in (*KEYS, *keys))
        self._no_keys = frozenset(_joined(key) for key in NO_KEYS) - {_joined(key) for key in keys}
        known = [(hints, re.compile(pattern)) for hints, pattern in SHAPES.values()]
        self._shapes = [*known, *(((), _pattern(shape)) for shape in shapes)]

    def names_secret(self, name: str) -> bool:
        """Say whether a value under *name* is a secret by that name."""
        words = words_of_name(name)
        while words and words[-1].isdigit():
            words.pop()
        ends = ["".join(words[at:]) for at in range(len(words))]
        return any(end in self._keys for end in ends) and not any(
            end in self._no_keys for end in ends
        )

    def spans(self, text: str) -> list[Span]:
        """Return where secrets stand in *text*, in order, apart from each other."""
        found = [span for span in self._found(text) if span[0] < span[1]]
        merged: list[Span] = []
        for start, end in sorted(found):
            if merged and start <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
            else:
                merged.append((start, end))
        return merged

    def _found(self, text: str) -> Iterator[Span]:
        for hints, pattern in self._shapes:
            if not hints or any(hint in text for hint in hints):
                for match in pattern.finditer(text):
                    yield from _secret_spans(match)
        for sign, pattern in (("=", _ASSIGNED), (":", _ASSIGNED), (":", _LINE), ("--", _FLAG)):
            if sign in text:
                yield from self._assigned(pattern, text)
        for match in _RUN.finditer(text):
            digest = match[0].startswith(_INTEGRITY) or text.endswith(_INTEGRITY, 0, match.start())
            if not digest and _is_random(match[0]):
                yield match.span()

    def _assigned(self, pattern: re.Pattern[str], text: str) -> Iterator[Span]:
        for match in pattern.finditer(text):
            kind = match.lastgroup or ""
            if kind not in ("double", "single", "bare"):
                kind = "bare"
            if match[kind].lower() not in _NO_VALUES and self.names_secret(match["name"]):
                yield match.span(kind)


_INTEGRITY: Final = ("sha256-", "sha384-", "sha512-", "sha256:", "SHA256:")
"""Before a digest, which is no secret."""


def words_of_name(name: str) -> list[str]:
    """Return the words of a name such as `apiKey`, `API_KEY` or `x-api-key`, in small letters."""
    plain = unicodedata.normalize("NFKC", name[-_NAME_END:])
    return [word.casefold() for word in _WORD.findall(plain)]


def _joined(key: str) -> str:
    joined = "".join(words_of_name(key))
    if not joined:
        raise ValueError("the name of a secret has letters or digits")
    return joined


def _pattern(shape: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(shape)
    except (re.error, OverflowError, RecursionError):
        raise ValueError("a shape is a regular expression of Python's") from None
    if pattern.search(""):
        raise ValueError("a shape that fits an empty text would mask nothing, everywhere")
    return pattern


def _secret_spans(match: re.Match[str]) -> Iterator[Span]:
    groups = [match.span(number) for number in range(1, (match.re.groups or 0) + 1)]
    taken = [span for span in groups if span != (-1, -1)]
    yield from taken or [match.span()]


def _is_random(text: str) -> bool:
    kinds = (str.islower, str.isupper, str.isdigit)
    if any(sum(map(kind, text)) < _RANDOM_OF_EACH for kind in kinds):
        return False
    counts = Counter(text).values()
    bits = -sum(count / len(text) * math.log2(count / len(text)) for count in counts)
    return bits >= _RANDOM_BITS
