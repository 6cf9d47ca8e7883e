"""Owns the storm: a house in which everything is killed at random while questions go on."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bot.sandbox import SandboxClient, SandboxRefusal
from tests.scenarios.reading import APPROVE, REASON, REJECT, buttons
from tests.support.house import CHANNEL, Agent, House, Process

__all__ = ["Job", "Storm"]

_PASSING = {"store_unavailable", "unconfirmed", "approval_timeout"}
"""Refusals after which an agent asks again."""
_AT_ONCE = 25
"""Questions that are open at once."""


@dataclass
class Job:
    """One question: what people will answer, and what became of it."""

    id: str
    plan: str
    agent: Agent
    attempt: int = 0
    end: str | None = None

    @property
    def name(self) -> str:
        """The name that the agent tells it under, another one each time it is asked."""
        return f"{self.id}#{self.attempt}"


class Storm:
    """Asks, answers and kills until it is told to stop.

    Args:
        house: Where; it has two bots.
        slack: The people.
        rng: Makes the run repeatable, as far as processes allow.
    """

    def __init__(self, house: House, slack: SandboxClient, *, rng: random.Random) -> None:
        self._house = house
        self._slack = slack
        self._rng = rng
        self._agents = [house.start_agent(sweep=1.0, patience=5.0) for _ in range(2)]
        self._bots = list(house.bots)
        self._seen: Counter[Agent] = Counter()
        self.jobs: dict[str, Job] = {}
        self.done: Counter[str] = Counter()

    async def rage(self, seconds: float) -> None:
        """Do it for so long, then let everything calm down and end."""
        work = [self._ask, self._answer, self._destroy]
        tasks = [asyncio.create_task(self._repeat(each)) for each in work]
        try:
            await asyncio.sleep(seconds)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception):
                raise result
        await self._calm()

    async def _repeat(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            await step()

    async def _ask(self) -> None:
        await self._revive()
        self._listen()
        open_jobs = [job for job in self.jobs.values() if job.end is None]
        if len(open_jobs) < _AT_ONCE:
            plan = self._rng.choices(["approve", "reject", "expire", "both"], [6, 2, 1, 2])[0]
            job = Job(f"chaos-{len(self.jobs)}", plan, self._rng.choice(self._agents))
            self.jobs[job.id] = job
            self._tell(job)
        await asyncio.sleep(0.03)

    def _tell(self, job: Job) -> None:
        job.attempt += 1
        terms = {"expires_in": 4.0} if job.plan == "expire" else {}
        # One that came up while Redis was away has ended: whoever replaces it is told again.
        with contextlib.suppress(BrokenPipeError):
            job.agent.ask(f"do-{job.id}", {"job": job.id}, id=job.id, job=job.name, **terms)

    def _listen(self) -> None:
        """Note what agents told; ask again where a store was away, or where an agent is new."""
        for agent in self._agents:
            told = agent.said()
            for line in told[self._seen[agent] :]:
                job = self.jobs.get(str(line.get("job")).partition("#")[0])
                if job is None or line["job"] != job.name:
                    continue
                if line["event"] == "done":
                    job.end = "done"
                elif line["event"] == "refused" and line["code"] in _PASSING:
                    self._tell(job)
                elif line["event"] == "refused":
                    job.end = line["code"]
            self._seen[agent] = len(told)

    async def _answer(self) -> None:
        """Let people click on everything that has buttons, each as planned, maybe twice."""
        state = await self._slack.state(log=False)
        open_cards = [message for message in state.messages(CHANNEL) if buttons(message)]
        self._rng.shuffle(open_cards)
        for message in open_cards[:4]:
            job = next((j for j in self.jobs.values() if f"do-{j.id} " in _text(message)), None)
            if job is not None and (job.plan != "expire" or job.end is not None):
                await self._press(job, str(message["ts"]))
        await asyncio.sleep(0.02)

    async def _press(self, job: Job, ts: str) -> None:
        verdicts = {"approve": [APPROVE], "reject": [REJECT], "both": [APPROVE, REJECT]}
        try:
            await asyncio.gather(
                *(
                    self._click(user, ts, action)
                    for user, action in zip(
                        ("U0ANA", "U0BEN"), verdicts.get(job.plan, [APPROVE]), strict=False
                    )
                )
            )
        except SandboxRefusal:
            return  # the card was redrawn just now

    async def _click(self, user: str, ts: str, action: str) -> None:
        clicked = await self._slack.click(user, channel=CHANNEL, ts=ts, action_id=action)
        if clicked.ok and action == REJECT and await self._slack.views(user):
            await self._slack.submit(user, values={REASON: "no"})

    async def _destroy(self) -> None:
        await asyncio.sleep(self._rng.uniform(0.2, 1.2))
        what = self._rng.choices(["bot", "agent", "redis", "freeze", "cut"], [5, 4, 2, 2, 2])[0]
        self.done[what] += 1
        match what:
            case "bot":
                at = self._rng.randrange(len(self._bots))
                self._bots[at].kill()
                self._bots[at] = self._house.start_bot(quick=True)
            case "agent":
                await self._replace_agent(self._rng.randrange(len(self._agents)))
            case "redis":
                await self._house.redis.kill()
                await asyncio.sleep(self._rng.uniform(0, 0.7))
                await self._house.redis.start()
            case "freeze":
                victim: Process = self._rng.choice([*self._bots, *self._agents])
                victim.freeze()
                try:
                    await asyncio.sleep(self._rng.uniform(0.2, 1.6))
                finally:
                    victim.thaw()
            case "cut":
                self._house.redis.ask(
                    "CLIENT", "KILL", "TYPE", self._rng.choice(["normal", "pubsub"])
                )

    async def _revive(self) -> None:
        for at, agent in enumerate(self._agents):
            if agent.returncode is not None:
                await self._replace_agent(at)

    async def _replace_agent(self, at: int) -> None:
        old = self._agents[at]
        old.kill()
        self._listen()  # its last words
        new = self._house.start_agent(sweep=1.0, patience=5.0)
        self._agents[at] = new
        for job in self.jobs.values():
            if job.agent is old:
                job.agent = new
                if job.end is None:
                    self._tell(job)

    async def _calm(self) -> None:
        """Bring everything back, and go on answering until nothing is left to answer."""
        if not self._house.redis.ask("PING"):
            await self._house.redis.restart()
        for at, bot in enumerate(self._bots):
            if bot.returncode is not None:  # it came up while Redis was away, and said so
                assert "signoff: " in bot.complaints(), bot.printed()
                bot.kill()
                self._bots[at] = self._house.start_bot(quick=True)
            await self._bots[at].up()
        end = asyncio.get_running_loop().time() + 60
        while True:
            await self._revive()
            self._listen()
            await self._answer()
            waiting = [job.id for job in self.jobs.values() if job.end is None]
            state = await self._slack.state(log=False)
            live = [m for m in state.messages(CHANNEL) if buttons(m)]
            if not waiting and not live:
                return
            assert asyncio.get_running_loop().time() < end, (
                f"still waiting: {waiting}; still with buttons: {[_text(m) for m in live]}"
            )


def _text(message: dict[str, object]) -> str:
    return f"{message.get('text')} ".replace(".", " ").replace(",", " ")
