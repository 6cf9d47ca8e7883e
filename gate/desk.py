"""Owns the trusted side of the gate: routing, deciding, withdrawing and ending approvals.

The bot, the command line and tests sit at this desk. It knows records by their key, in every
namespace, and it is the place where a decision is made final.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from .answers import Verdict
from .approval import DEFAULT_NAMESPACE, MAX_NAME, MAX_NOTE, Approval, check_text
from .canonical import canonical_text, parse_json
from .clock import Clock, SystemClock
from .commands import Cancel, CastVote, Climb, Expire, RecordView, Reveal, Route, Shown
from .errors import InvalidId, InvalidVerdict, LimitExceeded, PayloadNotCanonical, Tampered
from .events import ApprovalAlarm, ApprovalRefused
from .notary import Notary
from .protocols import ApprovalStore
from .records import Records
from .terms import Terms

__all__ = ["UNCHANGED", "Desk"]

_ALIASES: Final = {
    "approved": Verdict.APPROVE,
    "rejected": Verdict.DENY,
}
_MAX_METADATA: Final = 16 * 1024
_MAX_GROUPS: Final = 1000
_MAX_PATHS: Final = 1000
_MAX_PATH: Final = 1000


class _Unchanged:
    """The payload as it was asked; `None` is a payload too."""

    def __repr__(self) -> str:
        return "UNCHANGED"


UNCHANGED: Final = _Unchanged()


class Desk:
    """Where approvals are routed, decided, withdrawn and ended.

    Args:
        store: Where the approvals are.
        clock: Time for stores without a clock.
        notary: Signs decisions, and vouches for what this side will read back. Without one the
            desk works at level 0: whoever can write to the store can approve.
        refusals: Takes refusals to put them on record; by default each becomes an event at once.
    """

    def __init__(
        self,
        store: ApprovalStore,
        *,
        clock: Clock | None = None,
        notary: Notary | None = None,
        refusals: Callable[[ApprovalRefused], Awaitable[None]] | None = None,
    ) -> None:
        self.records = Records(store, clock=clock or SystemClock(), notary=notary)
        self._put_refusal = refusals or self.records.tell

    async def get(self, key: str) -> Approval:
        """Return the record as it counts now; see `Records.get`."""
        return await self.records.get(key)

    async def route(self, key: str, terms: Terms) -> Approval:
        """Fix who is asked and who may answer. The first route stays; see `Records.commit`."""
        return await self.records.commit(key, Route(terms=terms))

    async def decide(
        self,
        key: str,
        verdict: Verdict | str,
        *,
        approver: str | None = None,
        groups: Sequence[str] = (),
        note: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        override_result: str | None = None,
        payload: Any = UNCHANGED,
        surface: str = "api",
        seen: bool = False,
        require_route: bool = False,
        place: str | None = None,
        attempt: str | None = None,
        shown: Approval | None = None,
    ) -> Approval:
        """Record an answer, and with it the decision where that is enough.

        Repeating one's own answer changes nothing and is no error.

        With a *place*, every outcome but `Unconfirmed` and `StoreUnavailable` leaves an event that
        names it, from which the person is told. Refusals are put on record by `refuse`.

        Args:
            key: The record's key.
            verdict: `approve`, `deny` or `skip`; `approved` and `rejected` are aliases.
            approver: The principal, as the transport proved it; at most 200 characters.
            groups: Groups of the route in which the caller found the approver just now.
            note: The person's reason, at most 3,000 characters.
            metadata: Kept with the decision, strict JSON of at most 16 KiB. *approver* overrules
                an `approver` in it.
            override_result: A result instead of running, where request and route allow one.
            payload: Edited arguments, where request and route allow them. With either, a yes is to
                that, and more people who are needed are asked about it anew.
            surface: Where the answer was given (`card`, `modal`, `cli`, …).
            seen: Whether the surface showed all of the request beside the button. Approving a
                routed approval needs it, or a view on record (`view`).
            require_route: Refuse while no route is fixed.
            place: Where in the chat the approver is told; at most 200 characters.
            attempt: An id of the click, at most 200 characters: one that comes twice is told once.
            shown: The record as the approver saw it; of another one it is refused (`stale_card`).

        Raises:
            InvalidVerdict: Not one of the words.
            AlreadyDecided: The approval is final; the error carries the winning record.
            NotAllowed: This person or this answer is not allowed. Nothing changed.
            LimitExceeded: Too long.
            PayloadNotCanonical: *metadata* or *payload* is not strict JSON.
            Tampered: Somebody else wrote into the record; nothing is signed, an alarm is on record.
            ApprovalNotFound: There is no such record.
            StoreUnavailable: Nothing was written.
            Unconfirmed: It is not known whether it was written; repeating is safe.
        """
        answer = _verdict(verdict)
        _check_groups(groups)
        for field, text, least, limit in (
            ("approver", approver, 1, MAX_NAME),
            ("surface", surface, 1, MAX_NAME),
            ("place", place, 1, MAX_NAME),
            ("attempt", attempt, 1, MAX_NAME),
            ("note", note, 0, MAX_NOTE),
            ("override_result", override_result, 0, MAX_NOTE * 10),
        ):
            if text is not None:
                check_text(text, field=field, limit=limit, least=least)
        edited, digest = await self._edit(key, payload)
        change = await self.records.change(
            key,
            CastVote(
                verdict=answer,
                principal=approver,
                groups=tuple(groups),
                note=note,
                override_result=override_result,
                edited=edited,
                edited_digest=digest,
                metadata=_metadata(metadata),
                surface=surface,
                seen=seen,
                require_route=require_route,
                place=place,
                attempt=attempt,
                shown=Shown.of(shown),
            ),
        )
        if place is not None and not change.written:
            await self.refuse(
                key,
                reason="already_answered",
                principal=approver,
                surface=surface,
                place=place,
                attempt=attempt,
            )
        return change.approval

    async def _edit(self, key: str, payload: Any) -> tuple[Any, str | None]:
        """Return the payload that the answer brings along, as a copy, and its digest."""
        if payload is UNCHANGED:
            return None, None
        edited = parse_json(canonical_text(payload))
        asked = await self.records.get(key)
        return edited, asked.digest_of(edited)

    async def view(
        self,
        key: str,
        *,
        principal: str,
        groups: Sequence[str] = (),
        surface: str = "api",
        shown: Approval | None = None,
    ) -> Approval:
        """Put on record that *principal* was shown all of the request; once is enough.

        Args:
            key: The record's key.
            principal: The person, as the transport proved it.
            groups: Groups of the route in which the caller found the person just now.
            surface: Where it was shown.
            shown: The record as it was shown; see `decide`.

        Raises:
            NotAllowed: Not one of the people who may answer, or nobody is yet.
            AlreadyDecided: The approval is final; the error carries the record.
        """
        check_text(principal, field="principal", limit=MAX_NAME)
        check_text(surface, field="surface", limit=MAX_NAME)
        _check_groups(groups)
        of = Shown.of(shown)
        look = RecordView(principal=principal, groups=tuple(groups), surface=surface, shown=of)
        return await self.records.commit(key, look)

    async def reveal(
        self,
        key: str,
        *,
        principal: str,
        paths: Sequence[str],
        groups: Sequence[str] = (),
        surface: str = "api",
        shown: Approval | None = None,
    ) -> Approval:
        """Put on record that masked values are shown to *principal*: call it before showing them.

        Args:
            key: The record's key.
            principal: The person, as the transport proved it.
            paths: Which values, as JSON pointers of at most 1,000 characters; at most 1,000.
            groups: Groups of the route in which the caller found the person just now.
            surface: Where they are shown.
            shown: The record as it is shown; see `decide`.

        Raises:
            NotAllowed: Not one of the people who may answer, or the route reveals nothing
                (`reveal_forbidden`).
            Tampered: Somebody else wrote into the record; an alarm is on record.
            ApprovalNotFound: There is no such record.
            StoreUnavailable: Nothing is on record, and nothing may be shown.
            Unconfirmed: It is not known whether it is on record; nothing may be shown.
        """
        check_text(principal, field="principal", limit=MAX_NAME)
        check_text(surface, field="surface", limit=MAX_NAME)
        _check_groups(groups)
        if len(paths) > _MAX_PATHS:
            raise LimitExceeded(field="paths", value=len(paths), limit=_MAX_PATHS)
        for path in paths:
            check_text(path, field="paths", limit=_MAX_PATH, least=0)
        return await self.records.reveal(
            key,
            Reveal(
                principal=principal,
                paths=tuple(paths),
                groups=tuple(groups),
                surface=surface,
                shown=Shown.of(shown),
            ),
        )

    async def cancel(
        self,
        key: str,
        *,
        by: str | None = None,
        reason: str | None = None,
        undeliverable: str | None = None,
    ) -> Approval:
        """Withdraw an approval before it is decided; cancelling twice is no error.

        Raises:
            AlreadyDecided: It is final in another way; the error carries the record.
            LimitExceeded: *reason* is over 3,000 characters, *by* or *undeliverable* over 200.
        """
        if by is not None:
            check_text(by, field="by", limit=MAX_NAME)
        if undeliverable is not None:
            check_text(undeliverable, field="undeliverable", limit=MAX_NAME)
        if reason is not None:
            check_text(reason, field="reason", limit=MAX_NOTE, least=0)
        return await self.records.commit(
            key, Cancel(by=by, reason=reason, undeliverable=undeliverable)
        )

    async def climb(self, key: str) -> Approval:
        """Take the next rung of the ladder of an approval that nobody has decided in time.

        Raises:
            NotAllowed: Its time has not come (`not_due`).
            AlreadyDecided: The approval is final.
        """
        approval = await self.records.get(key)
        return await self.records.commit(key, Climb(rung=approval.climbed))

    async def expire(self, key: str) -> Approval:
        """End an approval whose end has come by the store's clock.

        Raises:
            NotAllowed: Its end has not come (`not_due`).
            AlreadyDecided: It is final in another way.
        """
        return await self.records.commit(key, Expire())

    def flaw(self, approval: Approval) -> str | None:
        """Return what of *approval* this side cannot vouch for, `None` where it can for all.

        Whoever shows people a record asks first: what somebody else wrote into the store is not
        told as a person's answer. Without a notary nothing is proved, and nothing asked for.
        """
        notary = self.records.notary
        return None if notary is None else notary.flaw(approval)

    async def vouch(self, approval: Approval) -> None:
        """Return if this side can vouch for what *approval* says.

        Raises:
            Tampered: It cannot; an alarm is on record.
            StoreUnavailable: It cannot, and the alarm could not be put on record.
        """
        part = self.flaw(approval)
        if part is not None:
            await self.alarm(approval, part=part)
            raise Tampered(approval.key, part=part)

    async def alarm(self, approval: Approval, *, part: str) -> None:
        """Put on record that somebody else wrote *part* of *approval*; see `ApprovalAlarm`."""
        await self.records.tell(
            ApprovalAlarm(
                id=approval.id,
                namespace=approval.namespace,
                at=await self.records.about_now(),
                part=part,
            )
        )

    async def confirmed(self, approval: Approval) -> bool:
        """Say whether how *approval* ended is as durable as the store is asked to make it.

        Raises:
            StoreUnavailable: The store cannot be reached.
            Unconfirmed: It does not answer.
        """
        return await self.records.confirmed(approval)

    async def refuse(
        self,
        key: str,
        *,
        reason: str,
        principal: str | None,
        surface: str,
        place: str | None = None,
        attempt: str | None = None,
    ) -> None:
        """Put on record that somebody tried to answer and was not allowed to.

        Args:
            key: The key that the answer named; there need not be a record.
            reason: A stable word.
            principal: Who, as the transport proved it.
            surface: Where the answer was given.
            place: Where in the chat the person is told.
            attempt: An id of the click.
        """
        namespace, slash, approval_id = key.rpartition("/")
        await self._put_refusal(
            ApprovalRefused(
                id=approval_id,
                namespace=namespace if slash else DEFAULT_NAMESPACE,
                at=await self.records.about_now(),
                principal=principal,
                reason=reason,
                surface=surface,
                place=place,
                attempt=attempt,
            )
        )


def _metadata(given: object) -> Any:
    """Return the caller's metadata as a copy."""
    if given is not None and not isinstance(given, Mapping):
        raise PayloadNotCanonical(path="/metadata", reason="it is no object")
    return parse_json(canonical_text(dict(given or {}), max_size=_MAX_METADATA))


def _check_groups(groups: Sequence[str]) -> None:
    if isinstance(groups, str) or not isinstance(groups, Sequence):
        # Text would be read as its letters.
        reason = f"it is {type(groups).__name__}, not a sequence of groups"
        raise InvalidId(field="groups", reason=reason)
    if len(groups) > _MAX_GROUPS:
        raise LimitExceeded(field="groups", value=len(groups), limit=_MAX_GROUPS)
    for group in groups:
        check_text(group, field="groups", limit=MAX_NAME)


def _verdict(word: Verdict | str) -> Verdict:
    if not isinstance(word, str):
        raise InvalidVerdict(type(word).__name__)
    try:
        return _ALIASES[word] if word in _ALIASES else Verdict(word)
    except ValueError:
        raise InvalidVerdict(word) from None
