"""Owns the executor's side: what holds the dangerous credential verifies and consumes by itself.

A gate inside a hostile agent can be skipped. Where the tool server, or whatever hands out the
credential, asks for the approval's id and calls `verify_and_consume` before it acts, skipping gains
nothing (level 3).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from .approval import (
    DEFAULT_NAMESPACE,
    MAX_NAME,
    Approval,
    ApprovalStatus,
    check_id,
    check_text,
    record_key,
)
from .canonical import action_digest
from .clock import Clock, SystemClock, new_id
from .commands import Consume
from .errors import ConfigError, InvalidId, NotAllowed
from .keys import PublicKey
from .levels import find_verifier
from .protocols import ApprovalStore
from .records import Records

__all__ = ["Executor"]


class Executor:
    """Releases runs to agents that it does not trust.

    Args:
        store: Where the approvals are.
        agents: Whose approvals count here; by default anybody's.
        namespace: The approvals'.
        public_keys: The operator's keys; see `ApprovalGate`.
        clock: Time, for tests.

    Raises:
        InvalidId: *agents* is one text, or *namespace* is no id.
        ConfigError: There are no keys: an executor that cannot verify must not run.
    """

    def __init__(
        self,
        store: ApprovalStore,
        *,
        agents: Collection[str] | None = None,
        namespace: str = DEFAULT_NAMESPACE,
        public_keys: Sequence[PublicKey | str] | None = None,
        clock: Clock | None = None,
    ) -> None:
        if isinstance(agents, str):
            # It would be read as its letters, and a part of the name would pass for it.
            raise InvalidId(field="agents", reason="it is str, not a collection of names")
        verifier = find_verifier(store, public_keys)
        if verifier is None:
            raise ConfigError("SIGNOFF_PUBLIC_KEYS", "an executor needs the operator's public keys")
        self._verifier = verifier
        self._agents = agents
        self._namespace = check_id(namespace, field="namespace")
        self._records = Records(store, clock=clock or SystemClock())

    async def verify_and_consume(
        self,
        id: str,  # noqa: A002  (the seeds' word, and the field's)
        *,
        agent: str,
        name: str,
        payload: Any,
        operation_id: str | None = None,
    ) -> Approval:
        """Take the one run that an approval releases, for exactly this action of this agent.

        Args:
            id: The approval's.
            agent: Who asks to act, as the caller knows it.
            name: The action that is about to run.
            payload: What it is about to be given.
            operation_id: Names the run; the same name may repeat the call, any other is refused.

        Returns:
            The record with its consumption.

        Raises:
            ReceiptInvalid: No decision of the operator's side that verifies, or its use has ended.
            DigestMismatch: What was decided is another action, agent or payload.
            NotAllowed: It is still pending, was overridden, or the agent does not count here.
            AlreadyConsumed: Another run has it.
            Refused: Denied, skipped, expired, cancelled or undeliverable.
            Unconfirmed: It is not known whether it was taken: do not run; repeat with the same
                *operation_id*.
            StoreUnavailable: The store cannot be reached: do not run.
        """
        key = record_key(check_id(id, field="id"), self._namespace)
        check_text(agent, field="agent", limit=MAX_NAME)
        operation = check_id(
            new_id() if operation_id is None else operation_id, field="operation_id"
        )
        if self._agents is not None and agent not in self._agents:
            raise NotAllowed(id, reason="agent")
        digest = action_digest(namespace=self._namespace, agent=agent, name=name, payload=payload)

        def prove(current: Approval, now: datetime) -> None:
            if current.status is ApprovalStatus.APPROVED:
                self._verifier.verify(current, now=now, digest=digest)

        command = Consume(operation_id=operation, digest=digest, by=agent)
        return await self._records.consume(key, command, prove=prove)
