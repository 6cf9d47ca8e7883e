"""Owns what is decided about a proposed call without asking anybody: lookup, shape, rails, policy.

In this order, and before any person: a call that cannot run, or must not, is nobody's question.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from pydantic import ValidationError

from ..canonical import canonical_text, parse_json
from ..errors import LimitExceeded, PayloadNotCanonical
from ..logs import get_logger
from .model import AssistantMessage, ToolCall
from .snapshot import CallRecord, Phase, PolicyRecord
from .tools import Tool, faults
from .words import CallOutcome, sentence

__all__ = ["Guardrail", "Judge", "Policy", "ToolGuardrail", "cleaned", "finished", "tripped"]

MAX_CALLS: Final = 64
"""Calls in one answer of a model; those beyond are answered and not run."""

Guardrail = Callable[[str], str | Awaitable[str | None] | None]
"""Gets the user's input; returns why it must not go on, or `None`. Raising stops it too."""
ToolGuardrail = Callable[[str, dict[str, Any]], str | Awaitable[str | None] | None]
"""Gets a tool's name and a copy of the arguments; likewise."""


class PolicyAnswer(Protocol):
    """What a policy says to one call."""

    @property
    def effect(self) -> str:
        """`allow`, `ask` or `deny`."""
        ...

    @property
    def reason(self) -> str | None:
        """The rule's reason."""
        ...

    @property
    def matched_rule(self) -> int | None:
        """The rule's index."""
        ...

    @property
    def rule(self) -> str | None:
        """The rule's name."""
        ...

    @property
    def policy_version(self) -> str:
        """The policy's hash."""
        ...

    def sentence(self) -> str:
        """Return why, in one sentence for people."""
        ...


class Policy(Protocol):
    """What rules on tool calls: a `PermissionPolicy`, or anything that is asked the same way."""

    def check_tool(
        self, name: str, arguments: dict[str, Any] | None = None, *, source: str = "agent"
    ) -> PolicyAnswer:
        """Say whether *source* may call the tool *name* with *arguments*."""
        ...


def finished(outcome: CallOutcome, *, detail: str | None = None, **more: Any) -> dict[str, Any]:
    """Return the changes to a call that ends so, with what the model is told."""
    told = sentence(outcome, detail=detail).encode("utf-8", "replace").decode()
    return {"phase": Phase.DONE, "outcome": outcome, "result": told, **more}


def cleaned(message: AssistantMessage, *, step: int) -> AssistantMessage:
    """Return *message* as it can be kept: every part of it strict JSON, every call with an id.

    Arguments that are not are taken out, and the call says why.

    Raises:
        PayloadNotCanonical: The backend's own form is not strict JSON: it could not be given back.
        LimitExceeded: It is too large.
    """
    if message.raw is not None:
        canonical_text(message.raw, max_size=4 * 1024 * 1024)
    calls = tuple(
        _clean_call(call, fallback=f"call-{step}-{index}")
        for index, call in enumerate(message.tool_calls)
    )
    text = message.content.encode("utf-8", "replace").decode()
    return message.model_copy(update={"content": text, "tool_calls": calls})


def _clean_call(call: ToolCall, *, fallback: str) -> ToolCall:
    changes: dict[str, Any] = {
        "call_id": call.call_id.encode("utf-8", "replace").decode()[:200] or fallback,
        "tool_name": call.tool_name.encode("utf-8", "replace").decode()[:200],
    }
    try:
        changes["arguments"] = parse_json(canonical_text(call.arguments))
    except (PayloadNotCanonical, LimitExceeded) as error:
        changes |= {"arguments": {}, "unreadable": str(error)}
    if call.unreadable is not None:
        changes["unreadable"] = call.unreadable.encode("utf-8", "replace").decode()[:500]
    return call.model_copy(update=changes)


async def tripped(guardrail: Callable[..., Any], *given: Any) -> str | None:
    """Return why *guardrail* stops what it was given, or `None`. Failing, it stops it."""
    try:
        said = guardrail(*given)
        if inspect.isawaitable(said):
            said = await said
    except Exception as error:  # noqa: BLE001  (a guard that fails does not let anybody pass)
        get_logger("signoff.loop").warning("loop.guardrail_failed", error=type(error).__name__)
        return "The guardrail itself failed."
    if said is None:
        return None
    return said if isinstance(said, str) and said else "No reason was given."


@dataclass(frozen=True)
class Judge:
    """Judges calls by one configuration.

    Attributes:
        tools: By name.
        policy: `None` where there is none.
        guardrails: In order.
        approver: Whether there is a way to ask people.
    """

    tools: Mapping[str, Tool]
    policy: Policy | None
    guardrails: Sequence[ToolGuardrail]
    approver: bool

    def proposals(self, message: AssistantMessage, *, step: int) -> tuple[CallRecord, ...]:
        """Return the records of a message's calls; those that can never run are done."""
        seen: set[str] = set()
        records = []
        for index, call in enumerate(message.tool_calls):
            why = None
            if call.unreadable is not None:
                why = f"Its arguments cannot be read: {call.unreadable}"
            elif call.call_id in seen:
                why = "Its id was used twice in one answer."
            elif index >= MAX_CALLS:
                why = f"There are more than {MAX_CALLS} calls in one answer."
            seen.add(call.call_id)
            record = CallRecord(
                step=step,
                index=index,
                call_id=call.call_id,
                tool_name=call.tool_name,
                arguments=call.arguments,
            )
            ended = finished(CallOutcome.INVALID, detail=why) if why else {}
            records.append(record.model_copy(update=ended))
        return tuple(records)

    async def judge(self, call: CallRecord) -> dict[str, Any]:
        """Return the changes to a proposed call: done, allowed, or to be asked for."""
        tool = self.tools.get(call.tool_name)
        if tool is None:
            names = ", ".join(sorted(self.tools)) or "none"
            why = f"Tool {call.tool_name!r} is not available. Available tools: {names}"
            return finished(CallOutcome.INVALID, detail=why)
        try:
            arguments = tool.complete(call.arguments)
        except ValidationError as error:
            return finished(CallOutcome.INVALID, detail=faults(error))
        blocked = await self.blocked(tool.name, arguments)
        if blocked is not None:
            return {"arguments": arguments, **blocked}
        ruling = self.ruling(tool, arguments)
        changes = {"arguments": arguments, "policy": ruling}
        if ruling.effect == "deny":
            return changes | finished(CallOutcome.NOT_ALLOWED, detail=ruling.reason)
        if ruling.effect == "allow":
            return changes | {"phase": Phase.ALLOWED}
        if not self.approver:
            return changes | finished(CallOutcome.NO_APPROVER)
        return changes | {"phase": Phase.ASKED}

    async def blocked(self, name: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
        """Return the changes to a call that a guardrail stops, or `None`."""
        for guardrail in self.guardrails:
            why = await tripped(guardrail, name, _copy(arguments))
            if why is not None:
                return finished(CallOutcome.BLOCKED, detail=why)
        return None

    def ruling(self, tool: Tool, arguments: dict[str, Any]) -> PolicyRecord:
        """Return what counts for a call now: the policy, and what the tool says of itself."""
        if self.policy is None:
            asks = self.approver if tool.needs_approval is None else tool.needs_approval
            return PolicyRecord(effect="ask" if asks else "allow")
        try:
            answer = self.policy.check_tool(tool.name, _copy(arguments))
            record = PolicyRecord(
                effect=_effect(answer.effect),
                reason=answer.reason,
                sentence=answer.sentence(),
                rule=answer.rule,
                matched_rule=answer.matched_rule,
                policy_version=answer.policy_version,
            )
        except Exception as error:  # noqa: BLE001  (a policy that cannot answer allows nothing)
            get_logger("signoff.loop").error("loop.policy_failed", error=type(error).__name__)
            return PolicyRecord(effect="deny", reason="The policy could not be asked.")
        if record.effect == "allow" and tool.needs_approval:
            why = "The tool asks for approval itself."
            return record.model_copy(update={"effect": "ask", "reason": why, "sentence": why})
        return record


def _effect(word: str) -> Any:
    return str(getattr(word, "value", word))


def _copy(arguments: dict[str, Any]) -> Any:
    return parse_json(canonical_text(arguments))
