"""The messenger: what is sent, and what each failure of Slack means."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from bot.messenger import DeliveryFailed, Mark, Message, Posted
from bot.slack.messenger import SlackMessenger
from bot.slack.workspace import Workspace
from tests.bot.slack.edge import Edge, client_of, slack_edge

HELLO = Message("hello", [{"type": "divider", "block_id": "a"}])
WHERE = Posted("C1", "1.0001")
HERE = Workspace("T1", "Team", bot_user="U9", bot_id="B1")


@pytest.fixture
async def edge() -> AsyncIterator[Edge]:
    async with slack_edge() as running:
        yield running


@pytest.fixture
async def messenger(edge: Edge) -> AsyncIterator[SlackMessenger]:
    async with client_of(edge.url) as client:
        yield SlackMessenger(client)


async def failing(call: Any) -> DeliveryFailed:
    with pytest.raises(DeliveryFailed) as caught:
        await call
    return caught.value


async def test_what_is_posted(edge: Edge, messenger: SlackMessenger):
    """A post says where it goes and what it holds; nothing in it unfolds."""
    assert WHERE == await messenger.post("C1", HELLO, thread="9.9")
    [(method, given)] = edge.calls
    assert "chat.postMessage" == method
    assert {
        "channel": "C1",
        "thread_ts": "9.9",
        "text": "hello",
        "blocks": [{"type": "divider", "block_id": "a"}],
        "unfurl_links": False,
        "unfurl_media": False,
    } == given


async def test_what_is_updated(edge: Edge, messenger: SlackMessenger):
    """An update names the message and repeats its blocks: without them Slack removes them."""
    await messenger.update(WHERE, HELLO)
    [(method, given)] = edge.calls
    assert "chat.update" == method
    assert {"channel": "C1", "ts": "1.0001", "text": "hello", "blocks": list(HELLO.blocks)} == given


async def test_a_private_answer(edge: Edge, messenger: SlackMessenger):
    """One person is told in the channel, and only that person."""
    await messenger.tell("C1", "U1", HELLO)
    [(method, given)] = edge.calls
    assert "chat.postEphemeral" == method
    assert ("C1", "U1") == (given["channel"], given["user"])


async def test_a_private_answer_where_the_channel_does_not_reach(
    edge: Edge, messenger: SlackMessenger
):
    """Somebody who is not in the channel gets a direct message instead."""
    edge.answers["chat.postEphemeral"] = b'{"ok":false,"error":"user_not_in_channel"}'
    await messenger.tell("C1", "U1", HELLO)
    assert ["chat.postEphemeral", "chat.postMessage"] == [method for method, _ in edge.calls]
    assert "U1" == edge.calls[1][1]["channel"]


async def test_a_private_answer_is_not_doubled_by_an_outage(edge: Edge, messenger: SlackMessenger):
    """Where it is not known whether the answer arrived, it is not sent in another way too."""
    edge.status, edge.body = 503, b""
    await failing(messenger.tell("C1", "U1", HELLO))
    assert ["chat.postEphemeral"] == [method for method, _ in edge.calls]


@pytest.mark.parametrize(
    ("body", "link"),
    [
        (b'{"ok":true,"permalink":"https://a.example/1"}', "https://a.example/1"),
        (b'{"ok":true,"permalink":"http://127.0.0.1:1/1"}', "http://127.0.0.1:1/1"),
        (b'{"ok":true,"permalink":"javascript:alert(1)"}', None),
        (b'{"ok":true}', None),
        (b'{"ok":false,"error":"message_not_found"}', None),
    ],
)
async def test_a_link(edge: Edge, messenger: SlackMessenger, body: bytes, link: str | None):
    """A message's address, or none; never an error."""
    edge.body = body
    assert link == await messenger.link(WHERE)


@pytest.mark.parametrize(
    ("word", "permanent", "gone", "unfit"),
    [
        ("channel_not_found", True, False, False),
        ("not_in_channel", True, False, False),
        ("is_archived", True, False, False),
        ("invalid_auth", True, False, False),
        ("token_revoked", True, False, False),
        ("missing_scope", True, False, False),
        ("message_not_found", True, True, False),
        ("cant_update_message", True, True, False),
        ("thread_not_found", True, True, False),
        ("invalid_blocks", True, False, True),
        ("msg_blocks_too_long", True, False, True),
        ("msg_too_long", True, False, True),
        ("internal_error", False, False, False),
        ("fatal_error", False, False, False),
        ("service_unavailable", False, False, False),
        ("request_timeout", False, False, False),
        ("ratelimited", False, False, False),
    ],
)
async def test_slacks_words(
    edge: Edge, messenger: SlackMessenger, word: str, permanent: bool, gone: bool, unfit: bool
):
    """Each word of Slack's is for good or not, and says whether it is about the message."""
    edge.says(word)
    error = await failing(messenger.update(WHERE, HELLO))
    assert (word, permanent, gone, unfit) == (
        error.reason,
        error.permanent,
        error.gone,
        error.unfit,
    )


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": "0"}, 0.0),
        ({"Retry-After": "86400"}, 300.0),
        ({"Retry-After": "soon"}, 1.0),
        ({"Retry-After": "-5"}, 1.0),
        ({"Retry-After": "nan"}, 1.0),
        ({"Retry-After": "²"}, 1.0),
        ({}, 1.0),
    ],
)
@pytest.mark.parametrize("body", [b'{"ok":false,"error":"ratelimited"}', b"", b"slow down"])
async def test_a_rate_limit(
    edge: Edge,
    messenger: SlackMessenger,
    header: Mapping[str, str],
    seconds: float,
    body: bytes,
):
    """A 429 is no refusal; its pause is kept, within reason, whatever the header holds."""
    edge.status, edge.headers, edge.body = 429, header, body
    error = await failing(messenger.post("C1", HELLO))
    assert ("ratelimited", False, seconds) == (error.reason, error.permanent, error.retry_after)


@pytest.mark.parametrize("status", [200, 400, 403, 404, 500, 502, 503])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>no</html>", "text/html"),
        (b"no", "text/plain"),
        (b"{broken", "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"[]", "application/json"),
        (b'"text"', "application/json"),
        (b"null", "application/json"),
        (b"{}", "application/json"),
        (b"", "application/json"),
        (b'{"ok":false}', "application/json"),
        (b'{"ok":false,"error":{"a":1}}', "application/json"),
    ],
)
async def test_what_is_not_slacks_answer_is_an_outage(
    edge: Edge, messenger: SlackMessenger, status: int, body: bytes, kind: str
):
    """A proxy's page ends no approval: only Slack's own words are for good."""
    edge.status, edge.body, edge.kind = status, body, kind
    error = await failing(messenger.post("C1", HELLO))
    assert not error.permanent
    assert 1 == len(edge.calls)


async def test_a_5xx_is_an_outage(edge: Edge, messenger: SlackMessenger):
    """Whatever word comes with it."""
    edge.says("channel_not_found")
    edge.status = 500
    assert not (await failing(messenger.post("C1", HELLO))).permanent


async def test_a_word_of_another_form_is_not_repeated(edge: Edge, messenger: SlackMessenger):
    """What goes into records and logs is a word, not whatever came."""
    edge.says("no such <channel>\n" * 50)
    assert "unknown" == (await failing(messenger.post("C1", HELLO))).reason


async def test_a_taken_message_that_nobody_can_find(edge: Edge, messenger: SlackMessenger):
    """An `ok` without a place is not tried again: it would be posted again."""
    edge.body = b'{"ok":true}'
    assert (await failing(messenger.post("C1", HELLO))).permanent


async def test_a_connection_that_drops_after_the_message_was_taken(
    edge: Edge, messenger: SlackMessenger
):
    """One call is one post, whatever happens to the connection: the SDK repeats nothing."""
    edge.reset = True
    error = await failing(messenger.post("C1", HELLO))
    assert ("unreachable", False) == (error.reason, error.permanent)
    assert 1 == len(edge.calls)


async def test_no_answer_in_time(edge: Edge):
    """A Slack that never answers is left after the client's time, once."""
    edge.hang = True
    async with client_of(edge.url, seconds=0.05) as client:
        error = await failing(SlackMessenger(client).post("C1", HELLO))
    assert ("timeout", False) == (error.reason, error.permanent)
    assert 1 == len(edge.calls)


async def test_nobody_listens():
    """A refused connection is an outage."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    async with client_of(f"http://127.0.0.1:{port}/api/") as client:
        error = await failing(SlackMessenger(client).post("C1", HELLO))
    assert ("unreachable", False) == (error.reason, error.permanent)


@pytest.mark.parametrize(
    "message",
    [
        Message("x", [{"type": "divider"}] * 51),
        Message("x", [{"type": "video"}]),
        Message("", [{"type": "divider"}]),
        Message("text alone"),
    ],
)
@pytest.mark.parametrize("verb", ["post", "update", "tell"])
async def test_limits_are_checked_before_sending(
    edge: Edge, messenger: SlackMessenger, message: Message, verb: str
):
    """What Slack would refuse or cut is not sent, and it is known that the message is at fault."""
    call = {
        "post": lambda: messenger.post("C1", message),
        "update": lambda: messenger.update(WHERE, message),
        "tell": lambda: messenger.tell("C1", "U1", message),
    }[verb]
    error = await failing(call())
    assert (True, True) == (error.permanent, error.unfit)
    assert [] == edge.calls


MARK = Mark("card", "ns/x", "nonce-1", "card")
METADATA = {
    "event_type": "signoff_card",
    "event_payload": {"approval": "ns/x", "nonce": "nonce-1", "slot": "card"},
}
NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


def own(ts: str, **changes: Any) -> dict[str, Any]:
    """A message of ours, as Slack's history shows it."""
    return {"bot_id": "B1", "ts": ts, "text": "hello", "metadata": METADATA} | changes


@pytest.fixture
async def finder(edge: Edge) -> AsyncIterator[SlackMessenger]:
    async with client_of(edge.url) as client:
        yield SlackMessenger(client, own=HERE.posted)


async def test_what_a_post_tells_programs(edge: Edge, messenger: SlackMessenger):
    """A mark is the message's metadata: opaque ids and nothing else."""
    await messenger.post("C1", HELLO, mark=MARK)
    assert METADATA == edge.calls[0][1]["metadata"]
    await messenger.update(WHERE, HELLO)
    assert "metadata" not in edge.calls[1][1], "an edit keeps what is there"


async def test_own_messages_are_found_again(edge: Edge, finder: SlackMessenger):
    """By the whole mark and by who wrote it: others may copy the metadata, but not be us."""
    reply = METADATA | {"event_type": "signoff_reply"}
    edge.body = json.dumps(
        {
            "ok": True,
            "messages": [
                own("9.2"),
                own("9.1"),
                own("9.3", bot_id="B2"),
                own("9.4", metadata=reply),
                own("9.5", metadata={"event_type": "signoff_card"}),
                own("nine"),
                {"ts": "9.6"},
                "x",
            ],
        }
    ).encode()
    assert [Posted("C1", "9.1"), Posted("C1", "9.2")] == await finder.find("C1", MARK, since=NOW)
    [(method, given)] = edge.calls
    assert "conversations.history" == method
    assert ("C1", "true") == (given["channel"], given["include_all_metadata"])
    assert float(given["oldest"]) < NOW.timestamp()


async def test_own_replies_are_looked_for_in_their_thread(edge: Edge, finder: SlackMessenger):
    """The thread is named, not the whole channel read."""
    edge.body = json.dumps({"ok": True, "messages": [own("9.1")]}).encode()
    assert [Posted("C1", "9.1")] == await finder.find("C1", MARK, since=NOW, thread="8.8")
    [(method, given)] = edge.calls
    assert ("conversations.replies", "8.8") == (method, given["ts"])


async def test_looking_has_an_end(edge: Edge, finder: SlackMessenger):
    """However much was written meanwhile, only some pages are read."""
    edge.body = json.dumps(
        {"ok": True, "messages": [], "response_metadata": {"next_cursor": "more"}}
    ).encode()
    assert [] == await finder.find("C1", MARK, since=NOW)
    assert [None, "more", "more"] == [given.get("cursor") for _, given in edge.calls]


@pytest.mark.parametrize("word", ["missing_scope", "not_in_channel", "channel_not_found"])
async def test_where_history_is_closed_nothing_is_found(
    edge: Edge, finder: SlackMessenger, word: str
):
    """The scope is optional: without it the search is empty and no error."""
    edge.says(word)
    assert () == await finder.find("C1", MARK, since=NOW)


async def test_a_search_that_fails_is_not_an_empty_one(edge: Edge, finder: SlackMessenger):
    """While Slack is away nobody knows what it has."""
    edge.says("internal_error")
    assert "internal_error" == (await failing(finder.find("C1", MARK, since=NOW))).reason


async def test_without_knowing_who_we_are_nothing_is_found(edge: Edge, messenger: SlackMessenger):
    """A message that may be anybody's is not taken for ours."""
    edge.body = json.dumps({"ok": True, "messages": [own("9.1")]}).encode()
    assert () == await messenger.find("C1", MARK, since=NOW)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ({"channel": {"is_member": True}}, None),
        ({"channel": {"is_member": False}}, "not_in_channel"),
        ({"channel": {"is_member": True, "is_archived": True}}, "is_archived"),
        ({"channel": None}, "malformed_answer"),
    ],
)
async def test_what_is_wrong_with_a_channel(
    edge: Edge, messenger: SlackMessenger, answer: Any, word: str | None
):
    """Asked without posting anything."""
    edge.body = json.dumps({"ok": True} | answer).encode()
    assert word == await messenger.trouble("C1")


async def test_a_channel_that_is_not_there(edge: Edge, messenger: SlackMessenger):
    """Slack's own word is the trouble."""
    edge.says("channel_not_found")
    assert "channel_not_found" == await messenger.trouble("C1")


async def test_whether_it_may_have_been_posted_all_the_same(edge: Edge, messenger: SlackMessenger):
    """A refusal is certain; an error of the server's, a cut line and silence are not."""
    edge.says("ratelimited")
    assert not (await failing(messenger.post("C1", HELLO))).uncertain
    edge.says("is_archived")
    assert not (await failing(messenger.post("C1", HELLO))).uncertain
    edge.says("internal_error")
    assert (await failing(messenger.post("C1", HELLO))).uncertain
    edge.status, edge.body = 503, b""
    assert (await failing(messenger.post("C1", HELLO))).uncertain
    edge.reset = True
    assert (await failing(messenger.post("C1", HELLO))).uncertain
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        async with client_of(f"http://127.0.0.1:{nobody.getsockname()[1]}/api/") as client:
            assert not (await failing(SlackMessenger(client).post("C1", HELLO))).uncertain
