"""Owns one turn: the calls of one answer of the model, each from proposed to done.

::

    proposed ─► allowed ─────────────► executing ─► done
        │  └──► asked ─► approved ──────┘             ▲
        └────────┴───────────┴────────────────────────┘

Each arrow is saved before what it allows is done, and the run of an approval is taken before
`executing` is saved: whatever dies in between, a call has its effect at most once. Who comes later
and finds `executing` cannot know what happened; only a tool that says it may is run again.
"""

from __future__ import annotations

import asyncio
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from ..approval import Approval
from ..errors import LimitExceeded
from ..logs import get_logger
from ..run_errors import RunTaken
from .approving import UNKNOWN_OUTCOME, ApprovalRequest, Asking, ChannelAway, Ended
from .events import ApprovalPending, CallFinished, LoopWarning
from .judging import finished
from .snapshot import AnswerRecord, CallRecord, Phase, pending_of, report_of
from .tools import Cancellation, Tool, ToolContext, faults
from .words import CallOutcome
from .workplace import Workplace, answered, numbers, with_notice

__all__ = ["Turn"]

Settled = Literal["done", "waits", "away"]


class Turn:
    """Works on the calls of the state's current step."""

    def __init__(self, place: Workplace) -> None:
        self._at = place

    async def settle(self) -> Settled:
        """Bring every call as far as it comes.

        Returns:
            `done`; `waits` where decisions are missing or a halt was called; `away` where the store
            of the approvals is.

        Raises:
            RunTaken: Another worker goes on with the run.
            StoreUnavailable, Unconfirmed: The state could not be saved.
        """
        await self._judge()
        calls = range(len(self._at.state.calls))
        if self._at.parallel:
            ends = await asyncio.gather(*map(self._guarded, calls), return_exceptions=True)
        else:
            ends = await self._one_after_the_other(calls)
        troubles = [end for end in ends if isinstance(end, BaseException)]
        # Who has lost the run has nothing else to say.
        worst: list[BaseException] = [e for e in troubles if isinstance(e, RunTaken)]
        worst += [each for each in troubles if not isinstance(each, ChannelAway)]
        if worst:
            raise worst[0]
        if troubles:
            codes = [each.error.code for each in troubles if isinstance(each, ChannelAway)]
            get_logger("signoff.loop").warning("loop.channel_away", codes=codes)
            return "away"
        return "done" if all(c.phase is Phase.DONE for c in self._at.state.calls) else "waits"

    async def _one_after_the_other(self, calls: range) -> list[BaseException | None]:
        for index in calls:
            try:
                await self._guarded(index)
            except Exception as error:  # noqa: BLE001  (told by `settle`, as in parallel)
                return [error]
            if self._call(index).phase is not Phase.DONE:
                break
        return []

    async def _judge(self) -> None:
        """Judge what is proposed: all of it, then one write, and only then anybody hears."""
        at = self._at
        proposed = [i for i, call in enumerate(at.state.calls) if call.phase is Phase.PROPOSED]
        for index in proposed:
            call = await self._change(index, save=False, **await at.judge.judge(self._call(index)))
            if call.phase is Phase.ASKED:
                await self._change(index, save=False, **self._question(call))
        if not proposed:
            return
        await at.journal.flush()
        for index in proposed:
            call = self._call(index)
            await at.observers.started(call, self._run_id)
            if call.tool_name not in at.tools:
                warning = LoopWarning(
                    "tool_not_found", "the model asked for a tool that is not there",
                    tool_name=call.tool_name, call_id=call.call_id,
                )  # fmt: skip
                at.observers.warn(warning)
                await at.observers.warned(warning)
            if call.phase is Phase.DONE:
                await self._told(call)
            elif call.phase is Phase.ASKED:
                await self._asks(call)

    def _question(self, call: CallRecord) -> dict[str, Any]:
        """Return the changes that make an asked call a question of its own."""
        at = self._at
        changes: dict[str, Any] = {"phase": Phase.ASKED, "requested_at": at.clock.now()}
        if at.asking is not None:
            named = at.asking.name(call, agent_id=at.state.agent_id, run_id=self._run_id)
            if named is not None:
                changes |= {"approval_id": named[0], "namespace": named[1]}
        return changes

    async def _asks(self, call: CallRecord) -> None:
        await self._at.observers.requested(call, self._run_id)
        [pending] = pending_of(self._at.state.current, (call,))
        await self._at.observers.tell(ApprovalPending(pending))

    async def _guarded(self, index: int) -> None:
        try:
            await self._go(index)
        except BaseException:
            # The others start nothing more; what they have started they bring to its end.
            self._at.halt.call()
            raise

    async def _go(self, index: int) -> None:
        while True:
            call = self._call(index)
            match call.phase:
                case Phase.DONE:
                    await self._report(index)
                    return
                case Phase.ASKED:
                    if self._at.halt.called or not await self._hear(index):
                        return
                case Phase.ALLOWED | Phase.APPROVED:
                    if self._at.halt.called:
                        return
                    await self._release(index)
                case Phase.EXECUTING:
                    await self._recover(index)
                case Phase.PROPOSED:
                    raise AssertionError("a call was not judged")

    async def _hear(self, index: int) -> bool:
        """Ask, and wait for the answer; return whether there is one."""
        at, call = self._at, self._call(index)
        heard: AnswerRecord | Ended | None = Ended(CallOutcome.NO_APPROVER)
        if at.asking is not None:
            heard = await at.asking.ask(call, at.tools.get(call.tool_name), run_id=self._run_id)
            if heard is None:
                heard = await self._answer(at.asking, call, index)
        if self._call(index).phase is not Phase.ASKED:
            return True  # somebody brought the answer, and it is saved
        if heard is None:
            return False
        changes = (
            finished(heard.outcome, detail=heard.detail)
            if isinstance(heard, Ended)
            else answered(heard, operation_id=at.ids())
        )
        waited = self._waited(call)
        call = await self._change(index, waited=waited, **changes)
        await at.observers.resolved(call, self._run_id)
        if call.phase is Phase.DONE:
            await self._told(call)
        return True

    async def _answer(
        self, asking: Asking, call: CallRecord, index: int
    ) -> AnswerRecord | Ended | None:
        """Wait for the answer, unless a halt is called or one is brought from outside."""
        at = self._at
        request = ApprovalRequest(
            call_id=call.call_id,
            tool_name=call.tool_name,
            arguments=call.model_copy(deep=True).arguments,
            reason=call.policy.reason if call.policy is not None else None,
            step=call.step,
            trace=at.observers.trace(call, self._run_id),
            run_id=self._run_id,
        )
        answer = asyncio.ensure_future(asking.answer(call, request, timeout=at.exit_after))
        bells = [
            asyncio.ensure_future(at.halt.wait()),
            asyncio.ensure_future(at.bell(index).wait()),
        ]
        try:
            await asyncio.wait({answer, *bells}, return_when=asyncio.FIRST_COMPLETED)
            if answer.cancelled():
                # From inside: a run is only cancelled by whoever awaits it.
                return Ended(CallOutcome.APPROVER_FAILED, "It was cancelled.")
            return answer.result() if answer.done() else None
        finally:
            for task in (answer, *bells):
                task.cancel()
            await asyncio.gather(answer, *bells, return_exceptions=True)

    async def _release(self, index: int) -> None:
        """Check once more, take the run, save that it begins, and run."""
        at, call = self._at, self._call(index)
        tool = at.tools.get(call.tool_name)
        valid = await self._fit(index, tool)
        if valid is None or tool is None:
            return
        if not await self._still_allowed(index, tool):
            return
        taken: Approval | Ended | None = None
        if call.phase is Phase.APPROVED:
            taken = (
                Ended(CallOutcome.NO_APPROVER) if at.asking is None else await at.asking.take(call)
            )
        if isinstance(taken, Ended):
            await self._end(index, **finished(taken.outcome, detail=taken.detail))
            return
        await self._change(index, phase=Phase.EXECUTING, ran=True)
        await self._execute(index, tool, valid, taken)

    async def _fit(self, index: int, tool: Tool | None) -> BaseModel | None:
        """Return what the tool takes, if what may run still fits it; else the call is done."""
        call = self._call(index)
        if tool is None:
            why = f"Tool {call.tool_name!r} is not available any more."
            await self._end(index, **finished(CallOutcome.INVALID, detail=why))
            return None
        try:
            valid = tool.validate(call.effective_arguments)
        except ValidationError as error:
            why = faults(error)
            if call.edited:
                why = f"A person changed the arguments, and they do not fit the tool: {why}"
            await self._end(index, **finished(CallOutcome.INVALID, detail=why))
            return None
        if call.edited:
            blocked = await self._at.judge.blocked(tool.name, call.effective_arguments)
            if blocked is not None:
                await self._end(index, **blocked)
                return None
        return valid

    async def _still_allowed(self, index: int, tool: Tool) -> bool:
        """Ask the policy again: it may have become stricter; it never makes a no into a yes."""
        call = self._call(index)
        now = self._at.judge.ruling(tool, call.effective_arguments)
        if now.effect == "deny":
            ended = finished(CallOutcome.NOT_ALLOWED, detail=now.reason)
            await self._end(index, policy=now, **ended)
            return False
        if now.effect == "ask" and call.phase is Phase.ALLOWED:
            if self._at.asking is None:
                await self._end(index, policy=now, **finished(CallOutcome.NO_APPROVER))
                return False
            judged = call.model_copy(update={"policy": now})
            call = await self._change(index, policy=now, **self._question(judged))
            await self._asks(call)
            return False
        return True

    async def _execute(
        self, index: int, tool: Tool, arguments: BaseModel, approval: Approval | None
    ) -> None:
        at, call = self._at, self._call(index)
        context = ToolContext(
            step=call.step,
            call_id=call.call_id,
            agent_id=at.state.agent_id,
            run_id=self._run_id,
            trace=at.observers.trace(call, self._run_id),
            cancellation=Cancellation(),
            idempotency_key=f"{self._run_id}:{call.step}:{call.index}",
            approval=approval,
        )
        limit = at.tool_timeout if tool.timeout is None else tool.timeout
        ran = await at.runner.run(tool, arguments, context, timeout=limit)
        await self._end(
            index,
            phase=Phase.DONE,
            outcome=ran.outcome,
            result=with_notice(call, ran.text),
            error=ran.error,
            executed=round(ran.seconds, 6),
            metrics=numbers(context.metrics),
        )

    async def _recover(self, index: int) -> None:
        """Go on with a call that was found `executing`: whoever ran it is gone."""
        at, call = self._at, self._call(index)
        tool = at.tools.get(call.tool_name)
        if tool is not None and tool.idempotent and await self._may_run_again(call, tool):
            taken = None
            if call.answer is not None and at.asking is not None:
                # What a checkpoint says proves nothing: the gate has to say so again.
                taken = await at.asking.take(call)
            if not isinstance(taken, Ended):
                await self._execute(index, tool, tool.validate(call.effective_arguments), taken)
                return
        await self._end(index, error=UNKNOWN_OUTCOME, **finished(CallOutcome.UNCONFIRMED))

    async def _may_run_again(self, call: CallRecord, tool: Tool) -> bool:
        try:
            tool.validate(call.effective_arguments)
        except ValidationError:
            return False
        now = self._at.judge.ruling(tool, call.effective_arguments).effect
        if call.answer is not None:
            return now != "deny" and self._at.asking is not None
        return now == "allow"

    async def _end(self, index: int, **changes: Any) -> None:
        """Save the end of a call, then tell it."""
        try:
            call = await self._change(index, **changes)
        except LimitExceeded:
            # It has ended all the same, and that must be on record before anything else.
            call = await self._change(index, result="It ended. Its result is too large to keep.")
        await self._told(call)

    async def _told(self, call: CallRecord) -> None:
        await self._at.observers.ended(call, self._run_id)
        await self._at.observers.tell(CallFinished(report_of(call)))

    async def _report(self, index: int) -> None:
        """Tell the gate how a run ended: also one whose end an earlier process could not tell."""
        call = self._call(index)
        if call.reported or not call.ran or call.approval_id is None or self._at.asking is None:
            return
        await self._at.asking.report(call, seconds=call.executed or 0.0, error=call.error)
        await self._change(index, save=False, reported=True)

    async def _change(self, index: int, *, save: bool = True, **changes: Any) -> CallRecord:
        call = self._at.state.change_call(index, **changes)
        self._at.journal.note()
        if save:
            await self._at.journal.flush()
        return call

    def _call(self, index: int) -> CallRecord:
        return self._at.state.calls[index]

    def _waited(self, call: CallRecord) -> float:
        since = call.requested_at or self._at.clock.now()
        return max(0.0, round((self._at.clock.now() - since).total_seconds(), 6))

    @property
    def _run_id(self) -> str:
        return self._at.state.current.id
