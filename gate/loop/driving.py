"""Owns the steps of a run: ask the model, save its answer, settle its calls, and again."""

from __future__ import annotations

from ..run_errors import ModelFailed
from .configuration import Configuration
from .events import CallFinished, CallProposed, RunResult, StepStarted, TextDelta
from .execution import Runner
from .journal import Journal
from .judging import cleaned
from .keeping import Keeping
from .model import AssistantMessage, Message, Model, StreamingModel, SystemMessage, ToolMessage
from .observing import Observers
from .snapshot import Phase, entry, report_of
from .state import LoopState
from .turn import Turn
from .words import CallOutcome, FinishReason, is_error
from .workplace import Workplace

__all__ = ["Driver"]


class Driver:
    """Takes one run as far as it comes.

    Args:
        model: Asked for each step.
        config: The loop's.
        keeping: The loop's state.
        observers: Hear what happens.
        runner: Runs tools.
    """

    def __init__(
        self,
        model: Model,
        *,
        config: Configuration,
        keeping: Keeping,
        observers: Observers,
        runner: Runner,
    ) -> None:
        self._model = model
        self._config = config
        self._keeping = keeping
        self._observers = observers
        self._place = Workplace(
            keeping=keeping,
            judge=config.judge,
            asking=config.asking,
            runner=runner,
            observers=observers,
            clock=config.clock,
            ids=config.ids,
            tool_timeout=config.tool_timeout,
            parallel=config.parallel,
            exit_after=None if config.waits else config.exit_after,
        )
        self.stopping = False

    @property
    def _state(self) -> LoopState:
        return self._keeping.state

    @property
    def _journal(self) -> Journal:
        return self._keeping.journal

    def ring(self, index: int) -> None:
        """Let a call that waits know that its answer was brought."""
        self._place.bell(index).set()

    def stop(self) -> None:
        """Stand still as soon as nothing is half done."""
        self.stopping = True
        self._place.halt.call()

    async def drive(self) -> RunResult:
        """Go on until the run ends or stands still.

        Raises:
            ModelFailed: The run is as it was before the model was asked.
            RunTaken: Another worker goes on with it.
            StoreUnavailable, Unconfirmed: The state could not be saved.
        """
        # Whoever begins or takes over says so first: of two workers one stops here.
        await self._journal.flush()
        while True:
            if self._state.current.calls:
                settled = await Turn(self._place).settle()
                if settled != "done":
                    return await self._stand_still()
                self.close_turn()
            if self.stopping:
                return await self._stand_still()
            limit = self._config.max_steps
            if self._state.current.step >= limit:
                return await self.finish(
                    FinishReason.MAX_STEPS, text=f"stopped: reached max_steps ({limit})"
                )
            message = await self._ask()
            ended = await self._keep(message)
            if ended is not None:
                return ended

    def close_turn(self) -> None:
        """Put the results of a turn into the conversation, each call's in its place."""
        now = self._place.clock.now()
        run = self._state.current
        for call in run.calls:
            outcome = call.outcome or CallOutcome.UNCONFIRMED
            told = ToolMessage(
                call_id=call.call_id,
                tool_name=call.tool_name,
                content=call.result,
                is_error=is_error(outcome),
                outcome=outcome.value,
            )
            self._state.entries.append(entry(told, now))
        reports = (*run.reports, *(report_of(call) for call in run.calls))
        self._state.change_run(calls=(), reports=reports)
        self._journal.note()

    async def finish(self, reason: FinishReason, *, text: str) -> RunResult:
        """End the run."""
        report = self._state.end(reason, text=text, now=self._place.clock.now())
        self._journal.note()
        await self._journal.flush()
        run = self._state.current
        return RunResult(text, reason, run.id, run.step, report)

    async def _stand_still(self) -> RunResult:
        reason = FinishReason.STOPPED if self.stopping else FinishReason.PAUSED
        self._state.change_run(status="paused", reason=reason)
        self._journal.note()
        await self._journal.flush()
        state, run = self._state, self._state.current
        done = tuple(report_of(call) for call in run.calls if call.phase is Phase.DONE)
        report = state.report(reason, self._place.clock.now())
        report = report.model_copy(update={"calls": (*report.calls, *done)})
        return RunResult(run.text, reason, run.id, run.step, report, state.pending)

    async def _ask(self) -> AssistantMessage:
        state = self._state
        step = state.current.step
        await self._observers.tell(StepStarted(step))
        told = "\n\n".join(part for part in (state.system, state.context) if part)
        messages: list[Message] = [SystemMessage(content=told)] if told else []
        messages += state.messages
        try:
            return cleaned(await self._answer(messages), step=step)
        except Exception as error:
            # Its text may hold anything; whoever wants it has the cause.
            name = type(error).__name__
            raise ModelFailed(state.current.id, step=step, error=name) from error

    async def _answer(self, messages: list[Message]) -> AssistantMessage:
        model = self._model
        specs = [tool.spec for tool in self._place.tools.values()]
        answer: object = None
        if self._observers.sink is not None and isinstance(model, StreamingModel):
            async for piece in model.stream(messages, specs):
                if isinstance(piece, str):
                    await self._observers.tell(TextDelta(piece))
                else:
                    answer = piece
        else:
            answer = await model(messages, specs)
        if not isinstance(answer, AssistantMessage):
            raise TypeError("the model gave no AssistantMessage")
        return answer

    async def _keep(self, message: AssistantMessage) -> RunResult | None:
        """Save the message and its calls in one write, before anything happens with them."""
        state, step = self._state, self._state.current.step
        now = self._place.clock.now()
        state.entries.append(entry(message, now))
        state.count(message.usage)
        calls = self._place.judge.proposals(message, step=step)
        state.change_run(step=step + 1, calls=calls, text=message.content)
        if not calls:
            return await self.finish(FinishReason.DONE, text=message.content)
        self._place.fed.clear()
        self._journal.note()
        await self._journal.flush()
        for call, record in zip(message.tool_calls, calls, strict=True):
            await self._observers.tell(CallProposed(step, call.model_copy(deep=True)))
            if record.phase is Phase.DONE:
                await self._observers.started(record, state.current.id)
                await self._observers.ended(record, state.current.id)
                await self._observers.tell(CallFinished(report_of(record)))
        return None
