"""Owns the agent's side of the gate: request, wait, require, guard, consume, report.

The gate asks and verifies; it holds nothing that could approve. What a record says releases a run
only through `consume`, for exactly what was decided, once.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final, ParamSpec, Self, TypeVar, Unpack, overload

from .answers import Verdict
from .approval import (
    DEFAULT_NAMESPACE,
    MAX_NAME,
    Approval,
    ApprovalStatus,
    check_id,
    check_text,
    record_key,
)
from .asking import Ask, AskTerms, Question, Questions, same_question, seconds_of
from .canonical import MAX_SIZE, action_digest
from .clock import Clock, SystemClock, new_id
from .commands import Consume
from .decorator import guarded
from .desk import Desk
from .hooks import HookBus
from .keys import PublicKey
from .levels import announce, find_verifier
from .logs import get_logger
from .protocols import ApprovalStore
from .records import Records
from .reporting import Reports
from .standing import as_of, refusal
from .telling import Told, asked_event
from .waiting import WaitingRoom

__all__ = ["ApprovalGate"]

P = ParamSpec("P")
R = TypeVar("R")

DAY: Final = 24 * 3600.0
"""Seconds that people have to answer, where nothing else is said."""


class ApprovalGate:
    """Asks before an action runs, and releases it once, when people have said yes.

    Args:
        store: Where approvals are kept, usually from `stores.open_store`.
        agent: Who asks: 1 to 200 characters. Part of every digest.
        namespace: Keeps deployments on one store apart; part of every digest.
        expires_in: Seconds that people have by default; a day.
        store_patience: Seconds for which `wait` outlasts a store that is away.
        sweep, poll: Seconds between re-reads of all waiting records, with and without wake-ups.
        max_payload: Bytes of canonical text that a payload may have, up to 256 KiB.
        public_keys: The operator's keys, as `PublicKey` or its text. With keys nothing runs without
            a receipt by one of them. By default what `SIGNOFF_PUBLIC_KEYS` lists, else the file
            `SIGNOFF_PUBLIC_KEYS_FILE`, else the embedded server's own; an empty list means none.
        hooks: Who in this process hears what the gate does, without a say in it.
        clock, ids: Time and fresh ids, for tests.

    Raises:
        InvalidId: *agent* or *namespace* is not usable.
        ConfigError: The keys cannot be read.
    """

    def __init__(
        self,
        store: ApprovalStore,
        *,
        agent: str,
        namespace: str = DEFAULT_NAMESPACE,
        expires_in: float | timedelta = DAY,
        store_patience: float = 30.0,
        sweep: float = 60.0,
        poll: float = 0.5,
        max_payload: int = MAX_SIZE,
        public_keys: Sequence[PublicKey | str] | None = None,
        hooks: HookBus | None = None,
        clock: Clock | None = None,
        ids: Callable[[], str] = new_id,
    ) -> None:
        self.agent = check_text(agent, field="agent", limit=MAX_NAME)
        self.namespace = check_id(namespace, field="namespace")
        self._clock = clock or SystemClock()
        self._desk = Desk(store, clock=self._clock)
        self._records: Records = self._desk.records
        self._room = WaitingRoom(self._desk, sweep=sweep, poll=poll, patience=store_patience)
        self._questions = Questions(
            namespace=namespace, agent=agent, max_payload=min(max_payload, MAX_SIZE), ids=ids
        )
        self._expires_in = seconds_of(expires_in)
        self._ids = ids
        self._log = get_logger("signoff.gate")
        self._reports = Reports(self._records, log=self._log)
        self._verifier = find_verifier(store, public_keys)
        self._announced = False
        self._told = Told(hooks, namespace=self.namespace, now=self._clock.now)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End the gate's tasks and its waiters. The store is the caller's."""
        await self._room.aclose()

    async def request(
        self, *, name: str, payload: Any = None, **terms: Unpack[AskTerms]
    ) -> Approval:
        """Ask, and return the approval; ask again with the same *id* and get the same approval.

        Args:
            name: The action, 1 to 200 characters.
            payload: What it will be given: strict JSON, at most 256 KiB, 64 levels.
            id: Unique in the namespace. Without it every call asks anew.
            run: Derives the id from this run, the digest and how many times the run has asked for
                the same, so that a resumed run finds its approvals.
            reason: The agent's own words, at most 3,000 characters; shown as a claim, and not part
                of the digest.
            expires_in: Seconds until it expires; the operator's route may shorten it. At most 90
                days.
            editable: Whether a person may change the payload.
            allow_override: Whether a person may answer with a result instead of a run.
            not_by: Principals who must not decide this one.
            policy: Why the agent's own policy asks, at most 1,000 characters; shown as a claim.
            arguments_schema: A JSON Schema of the payload, at most 16 KiB, so that people who may
                edit it are offered a form.

        Raises:
            ApprovalConflict: *id* stands for another action or other terms; nothing was changed.
            InvalidId: *id*, *run* or *name* is not usable.
            PayloadNotCanonical: *payload* is not strict JSON.
            LimitExceeded: Something is too large, or this agent has asked for too much.
            StoreUnavailable: Nothing was stored.
            Unconfirmed: It is not known whether it was stored. With an *id* or a *run*, ask again.
        """
        lasting = terms.get("expires_in")
        given: dict[str, Any] = {
            **terms,
            "expires_in": self._expires_in if lasting is None else seconds_of(lasting),
        }
        question = Question(name=name, payload=payload, **given)
        approval = self._questions.record(question, await self._records.about_now())
        self._announce()
        try:
            stored = await self._records.create(approval, asked_event(approval))
            same_question(stored, approval)
        except BaseException:
            # Asked again, the run must come to the same id: this one may have been stored.
            self._questions.forget(approval)
            raise
        await self._told.asked(stored, new=stored.nonce == approval.nonce)
        return as_of(stored, approval.created_at)

    async def get(self, id: str) -> Approval:  # noqa: A002
        """Return the approval as it counts now.

        Raises:
            ApprovalNotFound: There is none with this id.
            InvalidId: *id* is not an id.
            StoreUnavailable: The store cannot be reached.
        """
        return await self._records.get(self._key(id))

    async def wait(self, id: str, *, timeout: float | timedelta | None = None) -> Approval:  # noqa: A002
        """Return the final record: approved, rejected, cancelled or expired.

        Cancelling the awaiting task leaves the approval pending, and so does *timeout* seconds
        without a decision; either way it can be waited for again. A timeout of 0 looks once.

        Raises:
            ApprovalNotFound: There is none with this id.
            ApprovalTimeout: The caller's *timeout* ended.
            ReceiptInvalid: The record holds a decision, and no receipt that verifies: a yes would
                run, and a no with its note would be told to a model as a person's word.
            StoreUnavailable: The store stayed away for longer than the gate's patience.
            StoreCorrupt: The record cannot be read.
        """
        self._announce()
        seconds = timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
        approval = await self._room.wait(self._key(id), approval_id=id, timeout=seconds)
        return await self._told.ended(await self._proved(approval))

    async def require(
        self, *, timeout: float | timedelta | None = None, **request: Unpack[Ask]
    ) -> Approval:
        """Ask and wait; return the approved approval, or raise what came instead.

        It is not consumed yet: call `consume` right before the action runs, or use `guard`, which
        does all of it.

        Args:
            timeout: See `wait`.
            request: The arguments of `request`.

        Raises:
            Refused: Denied, skipped, expired, cancelled or undeliverable, each its own class.
            SignoffError: Whatever `request` and `wait` raise.
        """
        asked = await self.request(**request)
        final = asked if asked.final else await self.wait(asked.id, timeout=timeout)
        approval = await self._told.ended(await self._proved(final, asked))
        if (refused := refusal(approval)) is not None:
            raise refused
        return approval

    @asynccontextmanager
    async def guard(
        self, *, timeout: float | timedelta | None = None, **request: Unpack[Ask]
    ) -> AsyncIterator[Approval]:
        """Ask, wait, consume, run the block, report how it ended.

        The block runs only with an approved, consumed approval, for exactly the payload that was
        asked for or, where a person edited it, for `approval.effective_payload`.

        Args:
            timeout: See `wait`.
            request: The arguments of `request`.

        Raises:
            Refused: The block does not run.
            NotAllowed: A person gave a result in place of the run (`overridden`); whoever asks with
                `allow_override` uses `require`, looks for `proposed_result`, and else `release`.
            SignoffError: Whatever `request`, `wait` and `consume` raise; the block does not run.
        """
        approval = await self.require(timeout=timeout, **request)
        async with self.release(approval) as released:
            yield released

    @asynccontextmanager
    async def release(self, approval: Approval) -> AsyncIterator[Approval]:
        """Consume an approved *approval*, run the block, report how it ended; see `guard`."""
        consumed = await self.consume(approval, payload=approval.effective_payload)
        started = self._clock.monotonic()
        try:
            yield consumed
        except BaseException as error:
            await self._reports.attempt(
                consumed, seconds=self._clock.monotonic() - started, error=error
            )
            raise
        await self._reports.attempt(consumed, seconds=self._clock.monotonic() - started, error=None)

    async def consume(
        self, approval: Approval | str, *, payload: Any, operation_id: str | None = None
    ) -> Approval:
        """Take the one run that an approval releases, for exactly *payload*.

        Args:
            approval: The approval or its id. The stored record counts, not this object.
            payload: What is about to run.
            operation_id: Names the run; the same name may repeat the call, any other is refused.
                Without it every call is another run.

        Returns:
            The record with its consumption.

        Raises:
            DigestMismatch: *payload* is not what was decided, or another agent asked.
            AlreadyConsumed: Another run has it.
            NotAllowed: It is still pending (`not_approved`), or a person gave a result in place of
                the run (`overridden`).
            ReceiptInvalid: No receipt that verifies, or its use has ended.
            Refused: Denied, skipped, expired, cancelled or undeliverable.
            Unconfirmed: It is not known whether it was taken: do not run; repeat with the same
                *operation_id*.
            ApprovalNotFound: There is no such approval.
            StoreUnavailable: The store cannot be reached: do not run.
        """
        key = self._key_of(approval)
        operation = check_id(
            self._ids() if operation_id is None else operation_id, field="operation_id"
        )
        self._announce()
        stored = await self._records.get(key)
        # Our own agent and namespace: an approval of somebody else's action has another digest.
        digest = action_digest(
            namespace=self.namespace, agent=self.agent, name=stored.name, payload=payload
        )
        meant = approval if isinstance(approval, Approval) else None
        command = Consume(operation_id=operation, digest=digest, by=self.agent)

        def prove(current: Approval, now: datetime) -> None:
            if current.status is ApprovalStatus.APPROVED:
                self._prove(current, now, meant=meant, digest=digest)

        async with self._told.refusals(stored.id, stored):
            return await self._told.consumed(await self._records.consume(key, command, prove=prove))

    async def report(
        self, approval: Approval | str, *, seconds: float, error: str | None = None
    ) -> Approval:
        """Tell how the run ended: done, or failed with the class of the *error*.

        Args:
            approval: The consumed approval or its id.
            seconds: How long the run took.
            error: The error's class name, never its text.

        Raises:
            NotAllowed: Nothing was consumed, or another end is on record.
            StoreUnavailable: Nothing was written.
        """
        return await self._reports.report(self._key_of(approval), seconds=seconds, error=error)

    async def decide(
        self,
        id: str,  # noqa: A002
        verdict: Verdict | str,
        metadata: Mapping[str, Any] | None = None,
        **answer: Any,
    ) -> Approval:
        """Record an answer as trusted code: a test, a script of the operator. See `Desk.decide`."""
        async with self._told.refusals(id):
            return await self._desk.decide(self._key(id), verdict, metadata=metadata, **answer)

    async def cancel(
        self,
        id: str,  # noqa: A002
        *,
        by: str | None = None,
        reason: str | None = None,
    ) -> Approval:
        """Withdraw an approval before it is decided. See `Desk.cancel`."""
        return await self._desk.cancel(self._key(id), by=by or self.agent, reason=reason)

    @overload
    def requires_approval(
        self, function: Callable[P, Coroutine[Any, Any, R]], /
    ) -> Callable[P, Coroutine[Any, Any, R]]: ...

    @overload
    def requires_approval(
        self,
        function: None = None,
        /,
        *,
        name: str | None = None,
        timeout: float | timedelta | None = None,
        **terms: Unpack[AskTerms],
    ) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], Callable[P, Coroutine[Any, Any, R]]]: ...

    def requires_approval(
        self,
        function: Callable[..., Any] | None = None,
        /,
        *,
        name: str | None = None,
        timeout: float | timedelta | None = None,
        **terms: Unpack[AskTerms],
    ) -> Any:
        """Let an async function run only with an approval of its arguments; see `guarded`.

        Args:
            function: The function, when used without arguments.
            name: The action's name; the function's own by default.
            timeout: See `wait`.
            terms: Further arguments of `request`.

        Raises:
            TypeError: The function is not async, or a partial one.
        """

        def wrap(inner: Callable[..., Any]) -> Callable[..., Any]:
            return guarded(self, inner, name=name, timeout=timeout, terms=terms)

        return wrap if function is None else wrap(function)

    def _key(self, approval_id: str) -> str:
        return record_key(check_id(approval_id, field="id"), self.namespace)

    def _key_of(self, approval: Approval | str) -> str:
        return approval.key if isinstance(approval, Approval) else self._key(approval)

    async def _proved(self, stored: Approval, meant: Approval | None = None) -> Approval:
        """Return *stored* if it has its proof, or none is due; *meant* is the one asked for."""
        if self._verifier is not None:
            self._prove(stored, await self._records.about_now(), meant=meant)
        return stored

    def _prove(self, stored: Approval, now: datetime, **known: Any) -> None:
        if self._verifier is not None and stored.decision is not None:
            self._verifier.verify(stored, now=now, **known)

    def _announce(self) -> None:
        if not self._announced:
            self._announced = True
            announce(self._records.store, self._log, signed=self._verifier is not None)
