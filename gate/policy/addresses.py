"""Owns addresses (URLs) as text: their one reading, and patterns over scheme, host, port and path.

An address is read strictly (RFC 3986, with printable ASCII only). Where browsers and libraries read
one in different ways (user names, backslashes, dots that climb, odd spellings of numbers), it has
no single reading. Names are not looked up: what a host name leads to is not known here.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

from ..errors import PolicyError
from .fit import Fit, all_fit
from .globs import SegmentGlob, TextGlob, check_pattern

__all__ = ["Address", "UrlGlob", "read_address"]

MAX_URL: Final = 8192
"""Characters of an address that is matched."""

_PORTS: Final = {"http": "80", "https": "443", "ws": "80", "wss": "443", "ftp": "21"}
_PARTS: Final = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)(?P<path>[^?#]*)"
    r"(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?"
)
_AUTHORITY: Final = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]*))?"
)
_LABELS: Final = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ESCAPE: Final = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED: Final = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


@dataclass(frozen=True)
class Address:
    """An address in its parts, lower case where case does not count."""

    scheme: str
    host: str
    port: str
    path: tuple[str, ...]
    query: str

    @property
    def usual_port(self) -> bool:
        """Whether the port is the scheme's own."""
        return self.port == _PORTS.get(self.scheme, "")


def read_address(text: object) -> Address | None:
    """Return the parts of an address, or `None` where it has no single reading."""
    if not isinstance(text, str) or len(text) > MAX_URL or not re.fullmatch("[!-~]+", text):
        return None
    found = _PARTS.fullmatch(text)
    if found is None or "\\" in text:
        return None
    authority = _AUTHORITY.fullmatch(found["authority"])
    if authority is None or (not found["path"] and "@" in text):
        # Some readers take everything up to the last @ for a user's name.
        return None
    scheme = found["scheme"].lower()
    host = _host(authority["host"].lower())
    port = _port(authority["port"] or "", scheme)
    path = _path(found["path"] or "/")
    if host is None or port is None or path is None:
        return None
    return Address(scheme, host, port, path, _ESCAPE.sub(_plain, found["query"] or ""))


def _host(text: str) -> str | None:
    if text.startswith("["):
        try:
            six = ipaddress.IPv6Address(text[1:-1])
        except ValueError:
            return None
        # Addresses that carry an older one in them are two spellings of one place.
        carries = six.ipv4_mapped or six.sixtofour or six.teredo or 1 < int(six) < 1 << 32
        nat = int(six) >> 32 == 0x64FF9B << 64
        return None if carries or nat else f"[{six.compressed}]"
    name = text.removesuffix(".")
    if len(name) > 253 or not _LABELS.fullmatch(name):
        return None
    if _NUMBER.fullmatch(name.rpartition(".")[2]):
        # A number at the end makes it an IPv4 address, in any of several spellings.
        try:
            return str(ipaddress.IPv4Address(name)) if text == name else None
        except ValueError:
            return None
    return name


def _port(text: str, scheme: str) -> str | None:
    if not text:
        return _PORTS.get(scheme, "")
    if len(text) > 5 or int(text) > 65535:
        return None
    return str(int(text))


def _path(text: str) -> tuple[str, ...] | None:
    decoded = _decoded(text)
    if decoded is None:
        return None
    segments = decoded.split("/")[1:]
    if any(segment in (".", "..") or re.match(r"\.{1,2};", segment) for segment in segments):
        return None
    return None if "" in segments[:-1] else tuple(segments)


def _plain(found: re.Match[str]) -> str:
    """Return what an escape stands for if it was needless, else the escape in its one spelling."""
    letter = chr(int(found[1], 16))
    return letter if letter in _UNRESERVED else "%" + found[1].upper()


def _decoded(text: str) -> str | None:
    """Return *text* with needless escapes undone, or `None` with escapes that are read twice."""
    escapes = _ESCAPE.findall(text)
    letters = [chr(int(escape, 16)) for escape in escapes]
    if any(letter in "/\\%" or not letter.isprintable() for letter in letters):
        return None
    return _ESCAPE.sub(_plain, text) if text.count("%") == len(escapes) else None


class UrlGlob:
    """One pattern over addresses: `scheme://host[:port]/path[?query]`.

    The scheme is a word or `*`. The host is a name, `*.name` (any name below it, not itself), an IP
    address, or `*`. Without a port only the scheme's own fits; `:*` is any. In the path `*` stays
    within a segment, `**` is any number of segments, also none. Without a query any fits.

    Raises:
        PolicyError: The pattern is empty, too long, not ASCII, or has no scheme or path.
    """

    def __init__(self, pattern: str) -> None:
        self.pattern = check_pattern(pattern)
        found = re.fullmatch(
            r"(\*|[a-z][a-z0-9+.-]*)://(\*|(?:\*\.)?[a-z0-9_][a-z0-9._-]*|\[[0-9a-f:.]+\])"
            r"(?::(\*|[1-9][0-9]{0,4}))?(/[!->@-~]*)(?:\?([!-~]*))?",
            pattern,
        )
        if found is None or "\\" in pattern or "#" in pattern:
            raise PolicyError(
                "an address pattern is scheme://host/path in lower case up to the path; end it "
                "with /** for every path, and write other alphabets in their xn-- form"
            )
        self._scheme, host, self._port, path, query = found.groups()
        self._below = host.removeprefix("*") if host.startswith("*.") else None
        self._host = host if host == "*" or self._below else _host(host)
        segments = _path(path)
        if self._host is None or segments is None or not _is_name(self._below):
            raise PolicyError("an address pattern has a host or a path with no single reading")
        self._path = SegmentGlob(segments)
        self._query = TextGlob(query) if query else None
        self._no_query = query == ""

    def fits(self, text: object) -> Fit:
        """Say whether an address fits; `None` where it has no single reading, or may fit."""
        address = read_address(text)
        if address is None:
            return None
        if self._scheme not in ("*", address.scheme) or not self._fits_host(address.host):
            return False
        return all_fit(
            (self._fits_port(address), self._path.fits(address.path), self._fits_query(address))
        )

    def _fits_host(self, host: str) -> bool:
        if self._below is not None:
            # The dot is part of it: evil-example.com is not below example.com.
            return host.endswith(self._below) and len(host) > len(self._below)
        return self._host in ("*", host)

    def _fits_port(self, address: Address) -> Fit:
        if self._port is None:
            # Another port is another server, or the same: a rule that forbids means it too.
            return True if address.usual_port else None
        return self._port in ("*", address.port)

    def _fits_query(self, address: Address) -> Fit:
        if self._no_query:
            return not address.query
        fit: Fit = True if self._query is None else self._query.fits(address.query)
        # What an escape in a query stands for is up to the server.
        return None if fit is False and "%" in address.query else fit

    def covers(self, other: UrlGlob) -> bool:
        """Say whether whatever fits *other* surely fits this one; here, only if it is the same."""
        return self.pattern == other.pattern


def _is_name(below: str | None) -> bool:
    return below is None or _host(below[1:]) == below[1:]
