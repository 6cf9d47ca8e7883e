"""Everything may be killed at any point, any number of times: `make chaos`."""

from __future__ import annotations

import os
import random
from collections import Counter

from stores import open_store
from tests.chaos.storm import Storm
from tests.scenarios.reading import buttons, full_text
from tests.support.house import CHANNEL, running_house

SECONDS = float(os.environ.get("CHAOS_SECONDS", "60"))
SEED = int(os.environ.get("CHAOS_SEED", random.SystemRandom().randrange(10**6)))

FINAL = {
    "approved": ("Approved by", "Run failed"),
    "rejected": ("Rejected by",),
    "expired": ("Expired undecided",),
    "cancelled": ("Cancelled", "Could not be delivered"),
}


async def test_nothing_runs_twice_or_without_a_yes_and_every_card_ends_final():
    """Bots, agents and the server are killed, frozen and cut off while people answer.

    A side effect happens at most once for each approval and never without one; every question
    ends; every card that was ever posted shows the end that the store knows.
    """
    rng = random.Random(SEED)
    print(f"CHAOS_SEED={SEED} CHAOS_SECONDS={SECONDS:g}")  # noqa: T201  (shown with a failure)
    with running_house(bots=2, quick=True, appendonly=True) as house:
        async with house.slack() as slack:
            storm = Storm(house, slack, rng=rng)
            await storm.rage(SECONDS)
            state = await slack.state(log=False)
        ends = {}
        async with open_store(house.redis.url) as store:
            for job in storm.jobs.values():
                record = await store.get(job.id)
                assert record is not None, f"{job.id} is there"
                ends[job.id] = record
                runs = house.runs(job.id)
                assert runs <= 1, f"{job.id} ran {runs} times, seed {SEED}"
                if runs:
                    assert "approved" == record.status, f"{job.id} ran, seed {SEED}"
                    assert record.consumption is not None
                if job.plan == "reject":
                    assert "rejected" == record.status, job
                assert record.final, job
        messages = [m for m in state.messages(CHANNEL) if "do-chaos-" in str(m["text"])]
        for message in messages:
            assert [] == buttons(message), full_text(message)
            name = str(message["text"]).partition("do-")[2].split(".")[0].split(" ")[0]
            words = FINAL[ends[name.strip("`")].status]
            assert any(word in full_text(message) for word in words), full_text(message)
        kinds = Counter(job.end for job in storm.jobs.values())
        print(f"{dict(kinds)}; {len(messages)} cards; {dict(storm.done)}")  # noqa: T201
        assert {"done", "approval_denied"} <= set(kinds), kinds
        assert len(storm.jobs) > SECONDS, "there was something going on"
        copies = len(messages) - len(storm.jobs)
        assert copies <= storm.done["bot"] + storm.done["freeze"] + storm.done["redis"] + 5
