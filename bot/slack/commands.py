"""Owns the slash command, and the shortcut that says who can decide what a message asks for.

What is typed is somebody's text: it names a request, or is shown back as it is. Nobody learns here
of a request that was asked of others, in another channel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from gate import (
    Approval,
    ApprovalNotFound,
    InvalidId,
    LimitExceeded,
    NotAllowed,
    SignoffError,
    StoreUnavailable,
    Verdict,
    record_key,
)

from ..answering import principals_of
from ..deciding import Answer, Answers, Attempt, Voter, why_not
from ..directory import CachedDirectory, LookupFailed, Names
from ..inbox import Inboxes
from ..masking import Masking
from ..messenger import Message
from .forms import Forms
from .ids import is_key
from .parse import ShortcutUse, SlashCall
from .reception import Reception, Use
from .render import MASKING, details, listing, unknown_id, usage, who_can_decide
from .render.line import Words, message
from .review import Reviews, wants_review
from .seal import Seal

__all__ = ["Commands"]

_NOT_OURS: Final = message(
    [Words("🔍 This message is none of the requests that are answered here.")]
)
_VERDICTS: Final = {
    "approve": Verdict.APPROVE,
    "reject": Verdict.DENY,
    "skip": Verdict.SKIP,
}
_WITH_REASON: Final = ("reject", "skip")
_MAX_NOTE: Final = 3000
_SECONDS: Final = 1.5
"""For a list; Slack waits 3 s for the answer."""

Reply = Mapping[str, Any]


class Commands:
    """Answers what is typed.

    Args:
        answers: Takes people's answers.
        inboxes: What is pending, and for whom.
        directory: Names that are known.
        reception: Tells what no event tells.
        reviews: Opens what has to be seen first.
        forms: Opens the forms that a command asks for.
        seal: Recognises our own messages.
        own: Says whether a message is ours.
        masking: Masks what looks like a secret.
    """

    def __init__(
        self,
        answers: Answers,
        *,
        inboxes: Inboxes,
        directory: CachedDirectory,
        reception: Reception,
        reviews: Reviews,
        forms: Forms,
        seal: Seal,
        own: Callable[[Mapping[str, Any]], bool],
        masking: Masking = MASKING,
    ) -> None:
        self._answers = answers
        self._inboxes = inboxes
        self._directory = directory
        self._reception = reception
        self._reviews = reviews
        self._forms = forms
        self._seal = seal
        self._own = own
        self._masking = masking

    async def slash(self, call: SlashCall) -> Reply:
        """Do what was typed; return what Slack shows to the person who typed it."""
        word, _, rest = call.text.strip().partition(" ")
        verb, rest = word.lower(), rest.strip()
        shown, _, note = rest.partition(" ")
        if verb == "list" and not rest:
            return await self._list(call)
        if verb not in (*_VERDICTS, "show", "edit", "answer") or not shown:
            return _private(usage())
        if note and verb not in _WITH_REASON:
            return _private(usage())
        if not is_key(shown):
            return _private(unknown_id(shown))
        namespace, _, name = shown.rpartition("/")
        key = record_key(name, namespace) if namespace else name
        if verb == "show":
            return await self._show(call, key)
        if verb in _VERDICTS:
            return await self._answer(call, key, _VERDICTS[verb], note=note.strip() or None)
        return await self._form(call, key, verb)

    def who(self, use: ShortcutUse) -> None:
        """Say who can decide what a message asks for, by the way."""
        self._reception.later(self._who(use), name="private-answer")

    async def _list(self, call: SlashCall) -> Reply:
        try:
            async with asyncio.timeout(_SECONDS):
                pending = await self._inboxes.pending()
                inbox = await self._inboxes.of(call.voter, pending)
        except LookupFailed:
            return _private(self._reception.words(NotAllowed("", reason="not_checked")))
        except (SignoffError, TimeoutError):
            late = StoreUnavailable("list", cause="no answer in time")
            return _private(self._reception.words(late))
        total = len(inbox.needs_you) + inbox.more
        return _private(
            listing(inbox.needs_you, total=total, now=pending.now, masking=self._masking)
        )

    async def _show(self, call: SlashCall, key: str) -> Reply:
        found = await self._look(key)
        if not isinstance(found, Approval):
            return _private(unknown_id(key) if found is None else self._reception.words(found))
        may = await self._may(call.voter, found)
        terms = found.asking()
        if not may and (terms is None or terms.channel != call.channel):
            return _private(unknown_id(key))
        if may and not found.final:
            self._reviews.open(self._use(call, found), trigger=call.trigger)
        return _private(details(found, names=self._names(found), masking=self._masking))

    async def _answer(
        self, call: SlashCall, key: str, verdict: Verdict, *, note: str | None
    ) -> Reply:
        if note is not None and len(note) > _MAX_NOTE:
            error = LimitExceeded(field="reason characters", value=len(note), limit=_MAX_NOTE)
            return _private(self._reception.words(error))
        found = await self._named(call, key)
        if not isinstance(found, Approval):
            return found
        answer = await self._answers.answer(found, self._attempt(call), verdict, note=note)
        if wants_review(answer):
            self._reviews.open(self._use(call, found), trigger=call.trigger)
            return {}
        return self._reply(answer)

    async def _form(self, call: SlashCall, key: str, verb: str) -> Reply:
        """Open a form, under the rules of the card's buttons; nothing stood beside a command."""
        found = await self._named(call, key)
        if not isinstance(found, Approval):
            return found
        opened = self._forms.edit if verb == "edit" else self._forms.answer
        await opened(self._use(call, found), trigger=call.trigger)
        return {}

    async def _named(self, call: SlashCall, key: str) -> Approval | Reply:
        """Return what somebody wants to answer, or what to show in place of it."""
        found = await self._look(key)
        attempt = self._attempt(call)
        if found is None:
            quiet = Attempt(call.voter, "slash", id=call.attempt)
            await self._answers.refuse(key, quiet, reason="approval_not_found")
            return _private(unknown_id(key))
        if not isinstance(found, Approval):
            return _private(self._reception.words(found))
        terms = found.asking()
        if terms is None or terms.channel != call.channel:
            reason = await self._why_not(call.voter, found)
            if reason is not None:
                # On record, and told nobody: the answer is that to an id which does not exist.
                await self._answers.refuse(key, replace(attempt, place=None), reason=reason)
                return _private(unknown_id(key))
        return found

    def _reply(self, answer: Answer) -> Reply:
        """Return what to show; nothing where an event is told."""
        if answer.recorded or answer.refused is None:
            return {}
        return _private(self._reception.words(answer.refused, approval=answer.approval))

    async def _look(self, key: str) -> Approval | SignoffError | None:
        try:
            return await self._answers.look(key)
        except ApprovalNotFound:
            return None
        except SignoffError as error:
            return error

    async def _may(self, voter: Voter, approval: Approval) -> bool | None:
        """Say whether *voter* may answer, ended or not; `None` where that cannot be checked."""
        reason = await self._why_not(voter, approval)
        return None if reason == "not_checked" else reason is None

    async def _why_not(self, voter: Voter, approval: Approval) -> str | None:
        """Return the word of the refusal that *voter* would get, `None` if they may answer."""
        try:
            groups = await self._answers.check(approval, voter)
        except NotAllowed as error:
            return error.reason
        return why_not(approval, voter.principal, groups)

    async def _who(self, use: ShortcutUse) -> None:
        key = self._key_of(use)
        found = await self._look(key) if key is not None else None
        if isinstance(found, Approval):
            may = await self._may(use.voter, found)
            shown = who_can_decide(
                found, names=self._names(found), you_may=may, masking=self._masking
            )
        else:
            shown = _NOT_OURS if found is None else self._reception.words(found)
        self._reception.tell(use.voter, use.posted.channel, shown)

    def _key_of(self, use: ShortcutUse) -> str | None:
        """Return the key of the approval that a message of ours is about."""
        if not self._own(use.message):
            return None
        user = use.voter.user or ""
        among = (("card", use.posted.channel), ("direct", user))
        for value in _values(use.message.get("blocks")):
            try:
                return self._seal.find(value, among=among)[1].key
            except InvalidId:
                continue
        # A card without buttons; its metadata is ours, as the message is.
        metadata = use.message.get("metadata")
        payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
        key = payload.get("approval") if isinstance(payload, dict) else None
        return key if is_key(key) else None

    def _names(self, approval: Approval) -> Names:
        return self._directory.names(principals_of(approval))

    def _attempt(self, call: SlashCall) -> Attempt:
        return Attempt(call.voter, "slash", call.channel, call.attempt)

    def _use(self, call: SlashCall, approval: Approval) -> Use:
        return Use(approval, self._attempt(call), "slash", call.voter.user or "", call.channel)


def _private(shown: Message) -> Reply:
    return {"response_type": "ephemeral", "text": shown.text, "blocks": list(shown.blocks)}


def _values(blocks: object) -> Iterator[object]:
    """Yield the values of the buttons in *blocks*, whatever else is in there."""
    for block in blocks if isinstance(blocks, list) else ():
        elements = block.get("elements") if isinstance(block, dict) else None
        for element in elements if isinstance(elements, list) else ():
            if isinstance(element, dict) and "value" in element:
                yield element["value"]
