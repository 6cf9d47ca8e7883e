"""Owns the agent loop: model, proposed calls, policy, people, tools; and going on after a stop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, Self, Unpack

from ..canonical import canonical_text
from ..run_errors import RunNotFound, RunUnfinished
from .approving import ApprovalRequest, Ended, ToolDecision
from .configuration import Configuration, LoopOptions
from .driving import Driver
from .events import LoopEvent, LoopWarning, RunFinished, RunResult
from .execution import Runner
from .gate_asking import GateAsking
from .judging import finished, tripped
from .keeping import Keeping
from .model import Model, UserMessage
from .observing import Observers
from .snapshot import AgentLoopSnapshot, PendingToolCall, Phase, RunReport, RunState, entry
from .state import LoopState
from .words import CallOutcome, FinishReason
from .workplace import answered

__all__ = ["AgentLoop"]

_MAX_EVENTS = 256
_MAX_PROMPT = 1024 * 1024


class AgentLoop:
    """Lets a model work with tools, asks people where that is due, and survives its process.

    With a *checkpoint* each change is saved before what it allows is done. A new process makes the
    loop with the same configuration and calls `resume`: no completed model step is asked for again,
    no call has its effect twice, and nobody is asked twice.

    Args:
        model: One async function; see `Model`.
        options: What is not given has the default.

            - `id`: the agent's, 1 to 200 characters; its checkpoint is `agent-loop:<id>`. A fresh
              one by default.
            - `tools`: `Tool`s, or functions for `define_tool`.
            - `policy`: rules on each call. Without one, every call is asked about where there is an
              approver, and none where there is not.
            - `approve`: the gate, or an async function that gets an `ApprovalRequest` and returns a
              `ToolDecision`.
            - `terms`: of the gate's approvals, such as `expires_in`.
            - `system`, `context`: what the model is told first.
            - `guardrails`, `tool_guardrails`: look at the user's input, and at each call.
            - `max_steps`: answers of the model in one run; 16.
            - `tool_timeout`: seconds for one tool; 30. `tool_grace`: seconds to end then; 1.
            - `parallel_tool_calls`: whether the calls of one answer go at once; yes.
            - `on_pending`: `wait` for decisions, or `exit`: end as paused once nothing else can be
              done, after `exit_after` seconds; 0.
            - `checkpoint`: where to save; nowhere by default.
            - `hooks`: a `HookBus`. `metadata`: strict JSON of your own, kept in the snapshot.
            - `store_patience`: seconds for which stores that are away are waited for; 30.
            - `on_tool_collision`: `error`, or `warn` and keep the first.
            - `clock`, `ids`: time and fresh ids, for tests.

    Raises:
        ConfigError: An option that cannot be.

    Attributes:
        id: The agent's id.
    """

    def __init__(self, model: Model, /, **options: Unpack[LoopOptions]) -> None:
        self._config = Configuration(options)
        self.id = self._config.agent_id
        self._model = model
        self._observers = Observers(self._config.hooks, agent_id=self.id)
        self._runner = Runner(clock=self._config.clock, grace=self._config.tool_grace)
        self._keeping = Keeping(self._config, self._observers)
        self._driver: Driver | None = None

    @classmethod
    def restore(
        cls,
        snapshot: AgentLoopSnapshot | dict[str, Any] | str,
        model: Model,
        /,
        **options: Unpack[LoopOptions],
    ) -> Self:
        """Return the loop of a snapshot. The configuration is that of construction, all of it.

        What the snapshot's loop had and this one lacks is among the `warnings`.

        Args:
            snapshot: As `dump` gave it, or its JSON.
            model: See `AgentLoop`.
            options: See `AgentLoop`; the id is the snapshot's.

        Raises:
            SnapshotUnsupported: A snapshot of another version.
            StoreCorrupt: Not a snapshot.
            ConfigError: An option that cannot be.
        """
        if isinstance(snapshot, str):
            read = AgentLoopSnapshot.from_text(snapshot)
        elif isinstance(snapshot, dict):
            read = AgentLoopSnapshot.from_wire(snapshot)
        else:
            read = snapshot
        settings: LoopOptions = {**options, "id": read.agent_id}
        loop = cls(model, **settings)
        loop._keeping.restore(read)
        return loop

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End what is left of tools and writes. Gate and stores are the caller's."""
        await self._runner.aclose()
        await self._keeping.journal.settle()

    async def complete(self, prompt: str) -> RunResult:
        """Begin a run with the user's words, and return when it ends or stands still.

        Raises:
            RunUnfinished: The last run has not ended: `resume` or `abandon` it.
            PayloadNotCanonical, LimitExceeded: The prompt cannot be kept; nothing was begun.
            ModelFailed: The model raised; `resume` asks it again.
            RunTaken: Another worker goes on with the agent's run.
            StoreUnavailable, Unconfirmed: The state could not be saved; `resume` goes on.
        """
        with self._work() as driver:
            await self._keeping.open()
            if self._state.unfinished:
                raise self._unfinished()
            stopped = await self._guarded(prompt)
            if stopped is not None:
                return stopped
            canonical_text(prompt, max_size=_MAX_PROMPT)
            now = self._config.clock.now()
            self._state.entries.append(entry(UserMessage(content=prompt), now))
            self._state.run = RunState(id=self._config.ids(), started_at=now)
            self._keeping.journal.note()
            return await self._drive(driver)

    async def resume(self) -> RunResult:
        """Go on with the unfinished run, in whatever process it was begun.

        Who resumes takes the run over: a worker that is still at it gets `RunTaken` before its next
        step. Of an ended run the result is returned again.

        Raises:
            RunNotFound: There is no run.
            RunTaken: Another worker was quicker.
            ModelFailed, StoreUnavailable, Unconfirmed: See `complete`.
        """
        with self._work() as driver:
            await self._keeping.open()
            run = self._state.run
            if run is None:
                raise RunNotFound(self.id)
            if not self._state.unfinished:
                return self._last(run)
            self._state.change_run(status="running", reason=None)
            self._keeping.journal.note()
            return await self._drive(driver)

    async def stream(self, prompt: str | None = None) -> AsyncIterator[LoopEvent]:
        """Do as `complete`, or without *prompt* as `resume`, and yield what happens as it does.

        Leaving the iteration early cancels the run, which can be resumed.
        """
        if self._observers.sink is not None:
            raise self._unfinished()
        queue: asyncio.Queue[LoopEvent] = asyncio.Queue(_MAX_EVENTS)

        async def tell(event: LoopEvent) -> None:
            await queue.put(event)

        self._observers.sink = tell
        task = asyncio.create_task(
            self.resume() if prompt is None else self.complete(prompt), name="signoff-agent-loop"
        )
        next_event = asyncio.ensure_future(queue.get())
        try:
            while True:
                await asyncio.wait({next_event, task}, return_when=asyncio.FIRST_COMPLETED)
                if not next_event.done():
                    break
                event, next_event = next_event.result(), asyncio.ensure_future(queue.get())
                yield event
            yield RunFinished(await task)
        finally:
            self._observers.sink = None
            next_event.cancel()
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled():
                task.exception()  # whoever reads on was told; whoever left does not want to know

    async def abandon(self, *, reason: str = "the run was abandoned") -> RunResult:
        """End the unfinished run: open questions are withdrawn, open calls do not run.

        Raises:
            RunNotFound: There is no unfinished run.
            RunTaken, StoreUnavailable, Unconfirmed: See `complete`.
        """
        with self._work() as driver:
            await self._keeping.open()
            if not self._state.unfinished:
                raise RunNotFound(self.id)
            asked = [call for call in self._state.calls if call.phase is Phase.ASKED]
            for index, call in enumerate(self._state.calls):
                if call.phase is Phase.EXECUTING:
                    self._state.change_call(index, **finished(CallOutcome.UNCONFIRMED))
                elif call.phase is not Phase.DONE:
                    ended = finished(CallOutcome.CANCELLED, detail=f"({reason})")
                    self._state.change_call(index, **ended)
            driver.close_turn()
            result = await self._keeping.watched(driver.finish(FinishReason.ABORTED, text=reason))
            for call in asked:
                if self._config.asking is not None and call.approval_id is not None:
                    await self._config.asking.withdraw(call, reason=reason[:1000])
            return result

    def stop(self) -> None:
        """Let the run stand still as soon as nothing is half done; open questions stay open."""
        if self._driver is not None:
            self._driver.stop()

    async def unfinished(self) -> bool:
        """Say whether there is a run to resume, here or in the checkpoint."""
        await self._keeping.open()
        return self._state.unfinished

    @property
    def pending_approvals(self) -> tuple[PendingToolCall, ...]:
        """The calls that wait for a decision."""
        return self._state.pending

    @property
    def warnings(self) -> tuple[LoopWarning, ...]:
        """The latest warnings, oldest first."""
        return tuple(self._observers.warnings)

    @property
    def reports(self) -> tuple[RunReport, ...]:
        """The reports of the ended runs, oldest first."""
        return tuple(self._state.reports)

    @property
    def metadata(self) -> dict[str, Any]:
        """Yours; strict JSON. It is saved with the next change."""
        return self._state.metadata

    def dump(self) -> AgentLoopSnapshot:
        """Return everything as it is now."""
        return self._state.snapshot(self._config.clock.now()).model_copy(deep=True)

    async def resume_with_approval(self, call_id: str, decision: ToolDecision | str) -> bool:
        """Bring the answer to a pending call, as trusted code.

        Through a gate it becomes the approval's decision, which with public keys only the
        operator's side can make. Otherwise it is saved with the call: for that call of that run
        with those arguments, and for nothing else.

        Returns:
            Whether there is such a call; an unknown one is a warning.

        Raises:
            AlreadyDecided: The approval has another decision.
            RunTaken, StoreUnavailable, Unconfirmed: The answer was not saved, or may not be.
        """
        given = decision if isinstance(decision, ToolDecision) else ToolDecision(decision)
        await self._keeping.open()
        index = next(
            (i for i, call in enumerate(self._state.calls)
             if call.phase is Phase.ASKED and call.call_id == call_id), None,
        )  # fmt: skip
        if index is None:
            count = len(self._state.pending)
            why = f"no pending call has this id; {count} are pending"
            warning = LoopWarning("approval_callid_not_found", why, call_id=call_id)
            self._observers.warn(warning)
            await self._observers.warned(warning)
            return False
        call, asking = self._state.calls[index], self._config.asking
        if isinstance(asking, GateAsking) and call.approval_id is not None:
            await self._decide(index, asking, given)
        else:
            await self._bring(index, answered(given.record(), operation_id=self._config.ids()))
        return True

    async def _decide(self, index: int, asking: GateAsking, decision: ToolDecision) -> None:
        call, run_id = self._state.calls[index], self._state.current.id
        tool = self._config.judge.tools.get(call.tool_name)
        if await asking.ask(call, tool, run_id=run_id) is None:
            await asking.decide(call, decision)
        if self._driver is not None:
            return  # the run itself is waiting for it
        request = ApprovalRequest(
            call.call_id, call.tool_name, {}, None, call.step,
            self._observers.trace(call, run_id), run_id,
        )  # fmt: skip
        heard = await asking.answer(call, request, timeout=0)
        if isinstance(heard, Ended):
            await self._bring(index, finished(heard.outcome, detail=heard.detail))
        elif heard is not None:
            await self._bring(index, answered(heard, operation_id=self._config.ids()))

    async def _bring(self, index: int, changes: dict[str, Any]) -> None:
        call = self._state.change_call(index, **changes)
        self._keeping.journal.note()
        await self._keeping.watched(self._keeping.journal.flush())
        await self._observers.resolved(call, self._state.current.id)
        if self._driver is not None:
            self._driver.ring(index)

    @contextmanager
    def _work(self) -> Iterator[Driver]:
        """Give the one driver there may be at a time."""
        if self._driver is not None:
            raise self._unfinished(running=True)
        config = self._config
        self._driver = Driver(self._model, config=config, keeping=self._keeping,
                              observers=self._observers, runner=self._runner)  # fmt: skip
        try:
            yield self._driver
        finally:
            self._driver = None

    async def _drive(self, driver: Driver) -> RunResult:
        try:
            return await self._keeping.watched(driver.drive())
        finally:
            await self._keeping.journal.settle()

    async def _guarded(self, prompt: str) -> RunResult | None:
        """Return the result of a run that a guardrail stops before it begins; nothing is kept."""
        for guardrail in self._config.guardrails:
            why = await tripped(guardrail, prompt)
            if why is not None:
                run_id, now = self._config.ids(), self._config.clock.now()
                reason = FinishReason.GUARDRAIL
                report = RunReport(
                    run_id=run_id, finish_reason=reason, steps=0, started_at=now, ended_at=now
                )
                return RunResult(why, reason, run_id, 0, report)
        return None

    def _unfinished(self, *, running: bool = False) -> RunUnfinished:
        run = self._state.run
        return RunUnfinished(
            self.id,
            run_id=run.id if run is not None else "",
            pending=tuple(call.call_id for call in self._state.pending),
            running=running,
        )

    def _last(self, run: RunState) -> RunResult:
        report = self._state.reports[-1]
        return RunResult(run.text, run.reason or FinishReason.DONE, run.id, run.step, report)

    @property
    def _state(self) -> LoopState:
        return self._keeping.state
