"""Owns what stands in place of a secret wherever people look: where, how long, a fingerprint. Pure.

A veiled approval is one that may be drawn: every text in it that looks like a secret has become a
`Spot`, or in prose a few words of ours. Nothing else changes, the digest least of all: what is
decided, and what runs, is the real thing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import Field

from gate import Amendment, Approval, ApprovalEvent, Decision, Vote

from .secret_looks import SecretLooks

__all__ = [
    "MARK_END",
    "MARK_START",
    "MASKED",
    "PROSE_MARK",
    "Masking",
    "Spot",
    "Veiled",
    "spots_of",
]

_INFO: Final = b"signoff mask v1"
_FINGERPRINT: Final = 8
"""Hexadecimal digits: enough to see whether two values are the same one."""
_MAX_PATH: Final = 500

MARK_START, MARK_END = "⟦", "⟧"
"""Around what stands in place of a secret. `bot.slack.text.visible` names these two signs where a
text of others holds them, so no text can write such a mark."""

PROSE_MARK: Final = "[masked, "
"""How what stands in place of a secret begins in people's and agents' words. Anybody can write it,
and gains nothing by it."""

MASKED: Final = "masked"
"""What stands for a secret where texts are only looked through."""

_NAMES: Final = ("name", "key", "header")
"""Members of an object that name the value beside them."""

M = TypeVar("M", Approval, Amendment, Decision, Vote)


@dataclass(frozen=True)
class Spot:
    """One masked text."""

    path: str
    """A JSON pointer (RFC 6901) into the arguments; secrets in it are masked too."""
    length: int
    fingerprint: str | None
    """A keyed one; `None` where there is no key."""
    value: str = field(repr=False)
    """The text itself."""

    @property
    def mark(self) -> str:
        """What stands in its place."""
        return f"{MARK_START}{self.words}{MARK_END}"

    @property
    def words(self) -> str:
        """What is told of it."""
        unit = "character" if self.length == 1 else "characters"
        said = f"masked, {self.length:,} {unit}"
        return said if self.fingerprint is None else f"{said}, fingerprint {self.fingerprint}"


@dataclass(frozen=True, eq=False)
class Veiled:
    """A text or a number of which at least a part is masked."""

    parts: tuple[str | Spot, ...] = field(repr=False)
    value: str | int | float = field(repr=False)
    """All of it, for a page that reveals it."""

    @property
    def spots(self) -> tuple[Spot, ...]:
        """The masked parts."""
        return tuple(part for part in self.parts if isinstance(part, Spot))

    def __str__(self) -> str:
        return "".join(part.mark if isinstance(part, Spot) else part for part in self.parts)


def spots_of(value: Any) -> Iterator[Spot]:
    """Yield the masked parts of a veiled JSON value, in order."""
    if isinstance(value, Veiled):
        yield from value.spots
    elif isinstance(value, list):
        for item in value:
            yield from spots_of(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            yield from spots_of(name)
            yield from spots_of(item)


class Masking:
    """Veils what is shown to people.

    Args:
        keys: Names of secret values, beside `bot.secret_looks.KEYS`.
        shapes: Patterns of secret texts, beside `bot.secret_looks.SHAPES`.
        secret: The bot's; fingerprints are made with a key of their own that is derived from it
            (HKDF, RFC 5869). `None`: there are no fingerprints.

    Raises:
        ValueError: See `bot.secret_looks.SecretLooks`.
    """

    def __init__(
        self,
        *,
        keys: Iterable[str] = (),
        shapes: Iterable[str] = (),
        secret: bytes | None = None,
    ) -> None:
        self._looks = SecretLooks(keys=keys, shapes=shapes)
        self._key = secret and HKDF(algorithm=SHA256(), length=32, salt=None, info=_INFO).derive(
            secret
        )

    def veil(self, approval: Approval) -> Approval:
        """Return *approval* as it may be drawn; veiling it twice is no harm.

        Its payloads then hold `Veiled` in place of texts: it is for drawing and for nothing else.
        """
        changes: dict[str, Any] = {"payload": self.payload(approval.payload)}
        if approval.arguments_schema is not None:
            changes["arguments_schema"] = self.payload(approval.arguments_schema)
        if approval.amendment is not None:
            amendment = self._prose(approval.amendment, "override_result")
            payload = self.payload(amendment.payload)
            changes["amendment"] = amendment.model_copy(update={"payload": payload})
        if approval.decision is not None:
            decision = self._prose(approval.decision, "note", "override_result")
            payload = self.payload(decision.payload)
            changes["decision"] = decision.model_copy(update={"payload": payload})
        if approval.votes:
            changes["votes"] = tuple(
                self._prose(vote, "note", "override_result") for vote in approval.votes
            )
        if approval.cancellation is not None and approval.cancellation.reason is not None:
            reason = self.prose(approval.cancellation.reason)
            changes["cancellation"] = approval.cancellation.model_copy(update={"reason": reason})
        veiled = approval.model_copy(update=changes)
        veiled = self._prose(veiled, "reason", "policy", "name", "agent", "run")
        return _with_digest(veiled, approval.proposed_digest)

    def event(self, event: ApprovalEvent) -> ApprovalEvent:
        """Return *event* as it may be drawn: without what looks like a secret in people's words."""
        fields = type(event).model_fields
        changes: dict[str, Any] = {
            name: self.prose(said)
            for name in ("note", "reason", "agent", "name", "error")
            if name in fields and isinstance(said := getattr(event, name), str)
        }
        return event.model_copy(update=changes)

    def prose(self, text: str) -> str:
        """Return somebody's words with each text in them masked that has the shape of a secret."""
        parts = self._parts(text, path="")
        return "".join(f"[{part.words}]" if isinstance(part, Spot) else part for part in parts)

    def payload(self, value: Any) -> Any:
        """Return a JSON value in which what looks like a secret is `Veiled`."""
        return self._veiled(value, "", secret=False)

    def plain(self, value: Any) -> Any:
        """Return a JSON value in which marks stand in place of what looks like a secret."""
        return _unveiled(self.payload(value))

    def wire(self, approval: Approval) -> dict[str, Any]:
        """Return the record for scripts, masked, with the paths of what is masked in `masked`."""
        veiled = self.veil(approval)
        paths = [spot.path for spot in spots_of(veiled.effective_payload)]
        changes: dict[str, Any] = {"payload": _unveiled(veiled.payload)}
        if veiled.arguments_schema is not None:
            changes["arguments_schema"] = _unveiled(veiled.arguments_schema)
        if veiled.amendment is not None:
            payload = _unveiled(veiled.amendment.payload)
            changes["amendment"] = veiled.amendment.model_copy(update={"payload": payload})
        if veiled.decision is not None:
            payload = _unveiled(veiled.decision.payload)
            changes["decision"] = veiled.decision.model_copy(update={"payload": payload})
        if veiled.decision_metadata is not None:
            changes["decision_metadata"] = self.plain(veiled.decision_metadata)
        wire = veiled.model_copy(update=changes).to_wire()
        return wire | {"masked": paths} if paths else wire

    def _prose(self, model: M, *fields: str) -> M:
        changes = {
            name: self.prose(said) for name in fields if (said := getattr(model, name)) is not None
        }
        return model.model_copy(update=changes)

    def _veiled(self, value: Any, path: str, *, secret: bool) -> Any:
        match value:
            case str():
                return self._text(value, path, secret=secret)
            case dict():
                return dict(self._members(value, path, secret=secret))
            case list():
                return list(self._items(value, path, secret=secret))
            case int() | float() if secret and not isinstance(value, bool):
                return Veiled((self._spot(json.dumps(value), path),), value)
        return value

    def _members(
        self, value: dict[Any, Any], path: str, *, secret: bool
    ) -> Iterator[tuple[Any, Any]]:
        named = any(
            isinstance(name := value.get(member), str) and self._looks.names_secret(name)
            for member in _NAMES
        )
        for name, item in value.items():
            if isinstance(name, Veiled):
                yield name, item  # veiled already
                continue
            shown = self._text(name, path, secret=False)
            where = _under(path, str(shown))
            if isinstance(shown, Veiled):
                shown = self._text(name, where, secret=False)
            hidden = secret or self._looks.names_secret(name) or (named and name == "value")
            yield shown, self._veiled(item, where, secret=hidden)

    def _items(self, value: list[Any], path: str, *, secret: bool) -> Iterator[Any]:
        flag = False
        for index, item in enumerate(value):
            hidden = secret or (flag and isinstance(item, str))
            yield self._veiled(item, _under(path, str(index)), secret=hidden)
            # As programs are called: `--password`, and the secret as the next argument.
            flag = isinstance(item, str) and item[:1] == "-" and self._looks.names_secret(item)

    def _text(self, text: str, path: str, *, secret: bool) -> str | Veiled:
        if not text:
            return text
        parts = (self._spot(text, path),) if secret else tuple(self._parts(text, path))
        return Veiled(parts, text) if any(isinstance(part, Spot) for part in parts) else text

    def _parts(self, text: str, path: str) -> Iterator[str | Spot]:
        at = 0
        for start, end in self._looks.spans(text):
            if at < start:
                yield text[at:start]
            yield self._spot(text[start:end], path)
            at = end
        if at < len(text):
            yield text[at:]

    def _spot(self, text: str, path: str) -> Spot:
        return Spot(path=path, length=len(text), fingerprint=self._fingerprint(text), value=text)

    def _fingerprint(self, text: str) -> str | None:
        if not self._key:
            return None
        mac = hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return mac.hexdigest()[:_FINGERPRINT]


class _Hiding(Approval, frozen=True):
    """A veiled approval whose proposed result is masked: a yes is said to the real one."""

    real: str = Field(exclude=True)

    @property
    def proposed_digest(self) -> str:
        return self.real


def _with_digest(veiled: Approval, proposed: str) -> Approval:
    """Return *veiled* with the digest that its buttons bind, whatever of it is masked."""
    if veiled.proposed_digest == proposed:
        return veiled
    fields = {name: getattr(veiled, name) for name in Approval.model_fields}
    return _Hiding.model_construct(veiled.model_fields_set, **fields, real=proposed)


def _under(path: str, name: str) -> str:
    return f"{path}/{name.replace('~', '~0').replace('/', '~1')}"[:_MAX_PATH]


def _unveiled(value: Any) -> Any:
    match value:
        case Veiled():
            return str(value)
        case dict():
            plain: dict[str, Any] = {}
            for name, item in value.items():
                shown = str(name)
                while shown in plain:
                    shown += "'"  # two names that look alike once they are masked
                plain[shown] = _unveiled(item)
            return plain
        case list():
            return [_unveiled(item) for item in value]
    return value
