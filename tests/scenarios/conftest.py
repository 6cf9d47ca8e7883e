"""Houses that the tests of one module share, and the processes' own words beside a failure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from bot.sandbox import SandboxClient
from stores import Store, open_store
from tests.support.house import Agent, House, open_houses, running_house


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Show what the processes of open houses wrote, where a test failed."""
    report = yield
    if report.failed:
        for house in open_houses:
            for name, text in house.logs().items():
                report.sections.append((f"the end of what {name} wrote", text))
    return report


@pytest.fixture(autouse=True)
def all_that_houses_send_is_good(all_that_goes_to_slack_is_good: None) -> Iterator[None]:
    """Note what the sandboxes of open houses got, for the judges at the end of the test."""
    yield
    for house in open_houses:
        house.note_emitted()


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One `signoff run` over Socket Mode, for the whole module."""
    with running_house() as house:
        yield house


@pytest.fixture(scope="module", params=["socket", "http"])
def any_house(request: pytest.FixtureRequest) -> Iterator[House]:
    """One `signoff run`, over each of the two ways in."""
    with running_house(transport=request.param) as house:
        yield house


@pytest.fixture(scope="module")
def agent(house: House) -> Agent:
    """An agent process for the whole module."""
    return house.agent


@pytest.fixture(scope="module")
def any_agent(any_house: House) -> Agent:
    """An agent process for the whole module, once for each way in."""
    return any_house.agent


@pytest.fixture
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    """The people of `house`."""
    async with house.slack() as slack:
        yield slack


@pytest.fixture
async def any_slack(any_house: House) -> AsyncIterator[SandboxClient]:
    """The people of `any_house`."""
    async with any_house.slack() as slack:
        yield slack


@pytest.fixture
async def store(house: House) -> AsyncIterator[Store]:
    """The store of `house`, seen from outside."""
    async with open_store(house.redis.url) as store:
        yield store
