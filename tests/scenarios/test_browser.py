"""Seen by eyes: a person does all of it on the page, in light and dark, at a desk and a phone."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

import pytest
import pytest_asyncio

from bot.sandbox import SandboxClient
from tests.scenarios.reading import APPROVE, REJECT, card, fresh, until_thread
from tests.support.browser import Page, browser_page
from tests.support.eyes import faults_seen, tabbed_through
from tests.support.house import CHANNEL, Agent, House, running_house

pytestmark = pytest.mark.asyncio(loop_scope="module")

PHONE: Final = 390
DESK: Final = 1280
ROWS: Final = [f"row {number}: " + "r" * 50 for number in range(850)]
PAYLOAD: Final[dict[str, Any]] = {"rows": ROWS, "last": "drop everything"}
"""About 55 kB."""
APPROVE_ALL: Final = '#modal [data-testid="modal-submit"]'
"""On the last page of a review."""


ROUTES: Final = f"""\
[[routes]]
agent = "billing"
channel = "{CHANNEL}"
approvers = ["U0ANA", "U0BEN", "U0CHO", "U0DAN"]
"""


@dataclass(frozen=True)
class Look:
    """Who looks at the page, and how.

    Each is somebody else: a test is quicker than the clicks that one person may make.
    """

    width: int
    scheme: Literal["light", "dark"]
    user: str
    name: str

    def __str__(self) -> str:
        return f"{self.scheme}-{self.width}"


EVERYBODY: Final = "Waiting for @Ana Ferreira, @Ben Okafor, @Cho Min-ji or @Dan Novak"
"""Whom the bot knows by their ids alone until they click."""

LOOKS: Final = [
    Look(DESK, "light", "U0ANA", "Ana Ferreira"),
    Look(DESK, "dark", "U0BEN", "Ben Okafor"),
    Look(PHONE, "light", "U0CHO", "Cho Min-ji"),
    Look(PHONE, "dark", "U0DAN", "Dan Novak"),
]


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with running_house(routes=ROUTES) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def tab(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Page]:
    """One browser for all: it takes its time to start."""
    async with browser_page(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def slack(house: House) -> AsyncIterator[SandboxClient]:
    async with house.slack() as slack:
        yield slack


@pytest.fixture(params=LOOKS, ids=str)
def look(request: pytest.FixtureRequest) -> Look:
    found: Look = request.param
    return found


@pytest_asyncio.fixture(loop_scope="module")
async def page(tab: Page, house: House, slack: SandboxClient, look: Look) -> AsyncIterator[Page]:
    """The channel before a person; whatever the console says against the page fails the test."""
    tab.errors.clear()
    await tab.look(width=look.width, scheme=look.scheme)
    await tab.open(f"{house.url}/?as={look.user}")
    await tab.until("document.getElementById('live-text').textContent.includes('socket')")
    yield tab
    if await slack.views(look.user):  # of a test that failed
        await slack.close_view(look.user, everything=True)
    await tab.value("null")  # what the browser had still to say comes before the answer
    assert [] == tab.errors


def message(ts: str) -> str:
    """Return the selector of a message in the channel."""
    return f'#feed [data-testid="message-{ts}"]'


def control(within: str, action: str) -> str:
    """Return the selector of a button of the app."""
    return f'{within} [data-action-id="{action}"]'


async def read(page: Page, selector: str) -> str:
    """Return what a person reads there."""
    text = await page.value(f"document.querySelector({json.dumps(selector)})?.innerText || ''")
    return str(text)


async def until_read(page: Page, selector: str, *words: str) -> str:
    """Return what a person reads there as soon as all of *words* are in it."""
    node = f"document.querySelector({json.dumps(selector)})?.innerText || ''"
    await page.until(f"{json.dumps(words)}.every((word) => ({node}).includes(word))")
    return await read(page, selector)


async def actions(page: Page, within: str) -> list[str]:
    """Return the app's buttons there."""
    found = f"document.querySelectorAll({json.dumps(within + ' [data-action-id]')})"
    names: list[str] = await page.value(f"[...{found}].map((node) => node.dataset.actionId)")
    return names


async def modal_closed(page: Page) -> None:
    await page.until("!document.getElementById('modal').open")


async def go_to(page: Page, testid: str) -> None:
    """Choose a channel, or a person to be; on a phone they are behind a button."""
    phone = await page.value(f"innerWidth <= {PHONE}")
    if phone:
        await page.click_on("#menu")
        assert [] == await faults_seen(page)
    await page.click(testid)
    if phone:
        side = "document.getElementById('side')"
        await page.until(f"!{side}.checkVisibility({{visibilityProperty: true}})")


async def read_thread(page: Page, ts: str, *words: str) -> None:
    """Open a card's thread, and read one reply for each of *words*, in this order."""
    await page.click_on(f'{message(ts)} [data-testid="open-thread-{ts}"]')
    replies = "[...document.querySelectorAll('#thread-feed article')].slice(1)"
    await page.until(f"{replies}.length === {len(words)}")
    told: list[str] = await page.value(f"{replies}.map((node) => node.innerText)")
    for word, reply in zip(words, told, strict=True):
        assert word in reply
    assert [] == await faults_seen(page)
    await page.click("thread-close")
    await page.until("document.getElementById('thread').hidden")


async def ask(page: Page, agent: Agent, slack: SandboxClient, name: str, payload: Any) -> str:
    """Ask; return the card's timestamp when it is on the page."""
    agent.ask(name, payload, reason="Ticket 1873.")
    ts = await card(slack, name)
    await until_thread(slack, ts, "Asked")
    await until_read(page, message(ts), name, "1 reply")
    return ts


@pytest.mark.parametrize("look", [LOOKS[0], LOOKS[3]], ids=str)
async def test_the_keyboard_alone_is_enough(
    page: Page, look: Look, house: House, agent: Agent, slack: SandboxClient
):
    """Tab reaches every button of channel, thread, form and home, in sight; Enter approves."""
    name, other = fresh("delete-user"), fresh("delete-user")
    ts = await ask(page, agent, slack, name, {"user_id": 42})
    second = await ask(page, agent, slack, other, {"user_id": 43})
    assert [] == await tabbed_through(page)
    await page.click_on(f'{message(second)} [data-testid="open-thread-{second}"]')
    assert [] == await tabbed_through(page)
    await page.press("Escape")
    await page.until("document.getElementById('thread').hidden")
    await page.click_on(control(message(second), REJECT))
    await page.until("document.getElementById('modal').open")
    assert [] == await tabbed_through(page)
    await page.click("modal-submit")
    await agent.tells(other, "refused")

    wanted = f"document.querySelector({json.dumps(control(message(ts), APPROVE))})"
    for _ in range(200):
        if await page.value(f"document.activeElement === {wanted}"):
            break
        await page.press("Tab")
    await page.enter()
    done = await agent.tells(name, "done", "refused")
    assert ("done", 1) == (done["event"], house.runs(done["id"]))
    await until_read(page, message(ts), f"Approved by @{look.name}")
    await go_to(page, "channel-home")
    await until_read(page, ".home-view", name, "Decided lately")
    assert [] == await tabbed_through(page)


async def test_approve_and_read_on(
    page: Page, look: Look, house: House, agent: Agent, slack: SandboxClient
):
    """The card shows who asks for what and why; after the click, the end, and the whole story."""
    name = fresh("delete-user")
    ts = await ask(page, agent, slack, name, {"user_id": 42, "erase": False})
    shown = await read(page, message(ts))
    for part in (
        "billing asks to run",
        "user_id: 42",
        "erase: false",
        "Ticket 1873.",
        "@Ben Okafor",
    ):
        assert part in shown, part
    assert [APPROVE, REJECT] == await actions(page, message(ts))
    assert [] == await faults_seen(page)

    await page.click_on(control(message(ts), APPROVE))

    done = await agent.tells(name, "done", "refused")
    assert ("done", 1) == (done["event"], house.runs(done["id"]))
    await until_read(page, message(ts), f"Approved by @{look.name}", "done in", "4 replies")
    assert [] == await actions(page, message(ts))
    private = "#feed article.is-ephemeral:last-of-type"
    await until_read(page, private, "Only visible to you", "Your answer is recorded: approve")
    assert [] == await faults_seen(page)
    await read_thread(page, ts, "Asked", "Approved", "started", "done")


async def test_review_page_by_page(
    page: Page, look: Look, house: House, agent: Agent, slack: SandboxClient
):
    """Large arguments: no Approve on the card, all of them in the review, each page from its top.

    Approve is on the last page.
    """
    name = fresh("import-rows")
    ts = await ask(page, agent, slack, name, PAYLOAD)
    assert ["signoff_review", REJECT] == await actions(page, message(ts))
    assert [] == await faults_seen(page)
    await page.click_on(control(message(ts), "signoff_review"))
    seen, count = [], 1
    for number in itertools.count(1):
        title = await until_read(page, "#modal-title", f"page {number} of ")
        count = int(title.rpartition(" ")[2])
        assert 0 == await page.value("document.getElementById('modal-body').scrollTop")
        assert APPROVE not in await actions(page, "#modal")
        assert (number == 1) is (EVERYBODY in await read(page, "#modal-body"))
        seen += await page.value(
            "[...document.querySelectorAll('#modal pre')].map((n) => n.innerText)"
        )
        if number in (1, 2, count):
            assert [] == await faults_seen(page)
        if number == count:
            break
        assert "" == await read(page, APPROVE_ALL)
        await page.click_on(control("#modal", "signoff_page"))
    assert count >= 8
    text = "\n".join(seen)
    assert [] == [row for row in ROWS if f'"{row}"' not in text]
    assert "drop everything" in text
    assert "Approve" == await read(page, APPROVE_ALL)
    await page.click("modal-submit")
    ran = await agent.tells(name, "ran", "refused")
    assert ("ran", PAYLOAD) == (ran["event"], ran.get("payload"))
    await agent.tells(name, "done")
    await modal_closed(page)
    await until_read(page, message(ts), f"Approved by @{look.name}", "done in", "4 replies")
    assert [] == await faults_seen(page)
    assert 1 == house.runs(ran["id"])


async def test_reject_with_a_reason(
    page: Page, look: Look, house: House, agent: Agent, slack: SandboxClient
):
    """Somebody writes why not; the agent hears it, and card and thread tell it to everybody."""
    name, reason = fresh("refund"), "Not without a second look at the amount."
    ts = await ask(page, agent, slack, name, {"order": "A-1009", "amount": 1250})
    other = LOOKS[(LOOKS.index(look) + 1) % len(LOOKS)]
    await go_to(page, f"act-as-{other.user}")
    await page.click_on(control(message(ts), REJECT))
    await page.until("document.getElementById('modal').open")
    await page.until("document.activeElement.matches('#modal textarea, #modal input')")
    await page.type(reason)
    assert [] == await faults_seen(page)
    await page.click("modal-submit")
    refused = await agent.tells(name, "refused", "ran")
    assert ("approval_denied", reason) == (refused.get("code"), refused.get("note"))
    await modal_closed(page)
    await until_read(page, message(ts), f"Rejected by @{other.name}", reason, "2 replies")
    assert [] == await actions(page, message(ts))
    await read_thread(page, ts, "Asked", reason)


async def home_row(page: Page, name: str) -> str:
    """Return the selector of the buttons under *name* in the home."""
    await until_read(page, ".home-view", name)
    block = await page.value(
        "(() => { const blocks = [...document.querySelectorAll('.home-view > .block')];"
        f" const at = blocks.findIndex((one) => one.innerText.includes({json.dumps(name)}));"
        " const row = blocks.slice(at).find((one) => one.matches('.block-actions'));"
        " return row.dataset.blockId; })()"
    )
    return f'.home-view .block-actions[data-block-id="{block}"]'


async def test_the_home(page: Page, house: House, agent: Agent, slack: SandboxClient):
    """What waits for a person stands there with the same buttons; what they did stands below."""
    small, large, third = fresh("deploy"), fresh("import-rows"), fresh("refund")
    await ask(page, agent, slack, small, {"service": "checkout"})
    ts = await ask(page, agent, slack, large, PAYLOAD)
    await ask(page, agent, slack, third, {"amount": 5})
    await go_to(page, "channel-home")
    await until_read(page, ".home-view", "Needs you (3)", small, large, third, EVERYBODY)
    assert [APPROVE, REJECT] == await actions(page, await home_row(page, small))
    assert ["signoff_review", REJECT] == await actions(page, await home_row(page, large))
    assert [] == await faults_seen(page)

    await page.click_on(control(await home_row(page, small), APPROVE))
    done = await agent.tells(small, "done", "refused")
    assert ("done", 1) == (done["event"], house.runs(done["id"]))
    await until_read(page, ".home-view", "Needs you (2)", "Decided lately")
    await page.click_on(control(await home_row(page, third), REJECT))
    await page.until("document.getElementById('modal').open")
    await page.click("modal-submit")
    assert "approval_denied" == (await agent.tells(third, "refused", "ran")).get("code")
    await modal_closed(page)
    await until_read(page, ".home-view", "Needs you (1)")
    await page.click_on(control(await home_row(page, large), "signoff_review"))
    await until_read(page, "#modal-title", "page 1 of")
    await page.click_on(control("#modal", REJECT))
    await until_read(page, "#modal-title", "Reject")
    await page.click("modal-submit")
    await agent.tells(large, "refused")
    await modal_closed(page)
    await until_read(page, ".home-view", "Nothing waits for your answer.", small, large, third)
    assert [] == await faults_seen(page)
    await until_thread(slack, ts, "Asked", "Rejected")
