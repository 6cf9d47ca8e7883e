"""Owns the seal on everything that comes back from Slack: who it was made for, and where.

Slack signs what it delivers, but not what a button of ours once said: a message can be copied, an
old card can be clicked, and another app in the workspace can post a button with any value. The
seal is a MAC (HMAC-SHA256, the key derived by HKDF, RFC 5869) over what must not be mixed up: the
installation, the surface, the place, the approval, its nonce and its digest.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gate import Approval, InvalidId

from .ids import ButtonValue

__all__ = ["Seal"]

_INFO: Final = b"signoff button v3"
_BYTES: Final = 16
"""Of the MAC on the wire: 128 bits, as RFC 2104 part 5 allows at the least."""


class Seal:
    """Seals button values, and opens those that it made.

    Args:
        secret: The bot's secret, of any length; replicas need the same one.
        installation: What names this app in this workspace: the team's id and the bot's id.
    """

    def __init__(self, secret: bytes, *, installation: str) -> None:
        self._key = HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(secret)
        self._installation = installation

    def value(self, approval: Approval, *, surface: str, place: str) -> str:
        """Return the value for a button of *approval*.

        Args:
            approval: What the button is about.
            surface: What the button is on: `card`, `direct`, `home`, `form`, `review:2/3`, ….
            place: The channel's id where everybody sees it, else the id of the one person whom it
                is shown to.

        Raises:
            InvalidId: The record has an id, nonce or digest that no gate makes.
        """
        value = ButtonValue.of(approval)
        return f"{value}|{self._mac(value, surface, place)}"

    def open(self, text: object, *, surface: str, place: str) -> ButtonValue:
        """Return what the value says, if `value` made it for this surface and this place.

        Raises:
            InvalidId: Anything else. The error does not repeat the text.
        """
        return self.find(text, among=((surface, place),))[1]

    def find(self, text: object, *, among: Iterable[tuple[str, str]]) -> tuple[str, ButtonValue]:
        """Return which of some surfaces the value was made for, and what it says.

        Args:
            text: What came back.
            among: Surfaces and places where it may have been used.

        Raises:
            InvalidId: `value` made it for none of them. The error does not repeat the text.
        """
        if not isinstance(text, str) or not text.isascii():
            raise InvalidId(field="button value", reason="it is not a text of ours")
        head, _, mac = text.rpartition("|")
        value = ButtonValue.parse(head)
        for surface, place in among:
            if hmac.compare_digest(mac, self._mac(value, surface, place)):
                return surface, value
        raise InvalidId(field="button value", reason="its seal is not ours")

    def _mac(self, value: ButtonValue, surface: str, place: str) -> str:
        parts = (self._installation, surface, place, str(value))
        # With its length before each part, no two lists of parts are one text.
        text = b"".join(len(part.encode()).to_bytes(4, "big") + part.encode() for part in parts)
        mac = hmac.new(self._key, text, hashlib.sha256).digest()[:_BYTES]
        return base64.urlsafe_b64encode(mac).decode().rstrip("=")
