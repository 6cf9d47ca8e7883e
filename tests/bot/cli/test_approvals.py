"""The verbs over approvals: who answers is the system's word, and output fools nobody."""

from __future__ import annotations

import json
import os
import pwd
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from bot.keyring import Keyring, open_keyring
from gate import (
    Approval,
    ApprovalGate,
    ApprovalRefused,
    ApprovalStatus,
    Decision,
    Desk,
    Quorum,
    Terms,
    Verdict,
)
from stores import Store
from tests.support.stores import at

ME = f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
HOSTILE = "delete\x1b[2J\u202e\u200b[bold]x[/bold]\r\n✅ approved"


def ask(url: str, approval_id: str = "x", *, who: str | None = ME, **fields: Any) -> Approval:
    async def work(store: Store) -> Approval:
        gate = ApprovalGate(store, agent=fields.pop("agent", "billing"))
        asked = await gate.request(
            id=approval_id, **({"name": "delete-user", "payload": {"user_id": 42}} | fields)
        )
        if who is None:
            return asked
        terms = Terms(channel="C1", quorums=(Quorum(of=(who,)),))
        return await Desk(store).route(asked.key, terms)

    approval: Approval = at(url, work)
    return approval


def run(url: str, *arguments: str, typed: str | None = None) -> Result:
    environ = {"SIGNOFF_REDIS_URL": url, "COLUMNS": "200", "NO_COLOR": "1"}
    return CliRunner().invoke(main, arguments, input=typed, env=environ)


def status(url: str) -> ApprovalStatus:
    found: Approval = at(url, lambda store: Desk(store).get("x"))
    return found.status


def test_an_empty_list(url: str):
    """Nothing is said in words, and as JSON in brackets."""
    assert (0, "Nothing is pending.\n") == (run(url, "list").exit_code, run(url, "list").output)
    assert [] == json.loads(run(url, "list", "--json").stdout)


def test_a_list(url: str):
    """Oldest first, with what is needed to look closer; `--limit` says how many are left."""
    ask(url, "first")
    ask(url, "second", who=None, agent="ops")
    shown = run(url, "list").stdout
    assert shown.index("first") < shown.index("second")
    assert "billing" in shown
    assert "C1" in shown
    assert "not routed" in shown
    assert "1 more" in run(url, "list", "--limit", "1").stdout
    assert ["first", "second"] == [
        each["id"] for each in json.loads(run(url, "list", "--json").stdout)
    ]


def test_show(url: str):
    """The whole of what was asked, in words and as the record's JSON."""
    asked = ask(url, payload={"user_id": 42, "why": "a" * 5000}, reason="because")
    shown = run(url, "show", "x").stdout
    for part in ("billing", "delete-user", "42", "because", asked.digest, ME, "pending"):
        assert part in shown
    assert 5000 <= shown.count("a")
    again = Approval.from_wire(json.loads(run(url, "show", "x", "--json").stdout))
    assert [(ME, asked.digest)] == [(view.principal, view.digest) for view in again.views]
    assert asked == again.model_copy(update={"views": (), "version": asked.version})


def test_show_to_somebody_else(url: str):
    """Who may not answer sees it too, and leaves no view."""
    ask(url, who="cli:somebody-else")
    assert 0 == run(url, "show", "x").exit_code
    assert () == at(url, lambda store: Desk(store).get("x")).views


def test_approve(url: str):
    """Shown, asked for once more, and decided as the system's user."""
    ask(url)
    done = run(url, "approve", "x", typed="y\n")
    assert 0 == done.exit_code
    assert "user_id" in done.stdout
    found = at(url, lambda store: Desk(store).get("x"))
    assert (ApprovalStatus.APPROVED, ME, "cli") == (
        found.status,
        found.approver,
        found.votes[0].surface,
    )


@pytest.mark.parametrize("typed", ["n\n", "\n", "", "maybe\n"])
def test_approve_without_a_yes(url: str, typed: str):
    """Anything but a yes, also no answer at all, decides nothing."""
    ask(url)
    assert 1 == run(url, "approve", "x", typed=typed).exit_code
    assert ApprovalStatus.PENDING is status(url)


def test_approve_in_a_script(url: str):
    """`--yes` asks nothing once it was shown, `--json` prints the record and nothing else."""
    ask(url)
    unseen = run(url, "approve", "x", "--yes", "--json")
    assert 3 == unseen.exit_code
    assert "signoff show" in unseen.stderr
    assert ApprovalStatus.PENDING is status(url)
    assert 0 == run(url, "show", "x").exit_code
    done = run(url, "approve", "x", "--yes", "--json", "--note", "fine")
    assert (0, "approved", "fine") == (
        done.exit_code,
        json.loads(done.stdout)["status"],
        json.loads(done.stdout)["decision"]["note"],
    )


def test_reject_and_cancel(url: str):
    """No needs no second question; neither does a withdrawal."""
    ask(url)
    done = run(url, "reject", "x", "--reason", "no\x1b[2J")
    assert (0, True) == (done.exit_code, "deny" in done.stdout)
    assert "\x1b" not in done.stdout
    ask(url, "y")
    done = run(url, "cancel", "y", "--json")
    assert ("cancelled", ME) == (
        json.loads(done.stdout)["status"],
        json.loads(done.stdout)["cancellation"]["by"],
    )


@pytest.mark.parametrize("verb", ["approve", "reject"])
@pytest.mark.parametrize("who", ["cli:somebody-else", "slack:T1:U1", None])
def test_not_an_approver(url: str, verb: str, who: str | None):
    """Who is not listed as `cli:<login>` is refused with code 3, and it is on record."""
    ask(url, who=who)
    flags = ["--yes"] if verb == "approve" else []
    done = run(url, verb, "x", *flags)
    assert 3 == done.exit_code
    assert done.stderr.splitlines()[-1].startswith("signoff: not allowed")
    assert ApprovalStatus.PENDING is status(url)
    events = at(url, lambda store: store.read(""))
    [refused] = [each.event for each in events if isinstance(each.event, ApprovalRefused)]
    assert (ME, "cli") == (refused.principal, refused.surface)


@pytest.mark.parametrize(
    ("who", "flags", "why"),
    [
        ("cli:somebody-else", [], "does not list you"),
        (ME, ["--answer", "done by hand"], "takes no answer in place"),
    ],
)
def test_who_may_not_approve_is_not_asked_for_a_yes(url: str, who: str, flags: list[str], why: str):
    """The refusal comes first, once on record: nobody reads it all and confirms for nothing."""
    ask(url, who=who)
    done = run(url, "approve", "x", *flags, typed="y\n")
    assert (3, "") == (done.exit_code, done.stdout)
    assert why in done.stderr
    assert "Approve exactly this?" not in done.stderr
    events = at(url, lambda store: store.read(""))
    assert 1 == sum(isinstance(each.event, ApprovalRefused) for each in events)
    assert ApprovalStatus.PENDING is status(url)


def test_what_has_ended_is_not_asked_about(url: str):
    """Nor is anybody asked for a yes that comes too late."""
    ask(url)
    assert 0 == run(url, "reject", "x").exit_code
    done = run(url, "approve", "x", typed="y\n")
    assert (1, "") == (done.exit_code, done.stdout)
    assert "Approve exactly this?" not in done.stderr


def test_nobody_can_be_named(url: str):
    """No variable and no flag makes the answer somebody else's."""
    ask(url, who="cli:boss")
    for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER"):
        environ = {"SIGNOFF_REDIS_URL": url, name: "boss"}
        done = CliRunner().invoke(main, ["approve", "x", "--yes"], env=environ)
        assert 3 == done.exit_code
    for flag in ("--as", "--by", "--user", "--approver"):
        assert 2 == run(url, "approve", "x", "--yes", flag, "boss").exit_code
    assert ApprovalStatus.PENDING is status(url)


def test_late(url: str):
    """An answer to something that is over is an error, with the winner's status."""
    ask(url)
    run(url, "reject", "x")
    done = run(url, "approve", "x", "--yes")
    assert (1, True) == (done.exit_code, "already rejected" in done.stderr)


@pytest.mark.parametrize("verb", ["show", "approve", "reject", "cancel"])
def test_what_is_not_there(url: str, verb: str):
    """An unknown id is one sentence, whatever it holds, and no traceback."""
    done = run(url, verb, "no\x1b[2J\u202ewhere")
    assert 1 == done.exit_code
    assert 1 == len(done.stderr.splitlines())
    assert "\x1b" not in done.stderr
    assert "\u202e" not in done.stderr


def test_namespaces(url: str):
    """An id is looked for in its namespace."""

    async def work(store: Store) -> None:
        await ApprovalGate(store, agent="a", namespace="prod").request(id="x", name="n")

    at(url, work)
    assert 1 == run(url, "show", "x").exit_code
    assert 0 == run(url, "show", "x", "--namespace", "prod").exit_code


@pytest.mark.parametrize("arguments", [["list"], ["show", "x"], ["approve", "x"]])
def test_hostile_text(url: str, arguments: list[str]):
    """Names, reasons and payloads move no cursor, turn no line around and draw no frame."""
    ask(
        url,
        agent=HOSTILE,
        name=HOSTILE,
        reason=HOSTILE,
        run="r",
        payload={HOSTILE: [HOSTILE], "long": "a\u202e" * 3000},
    )
    shown = run(url, *arguments, typed="n\n").output
    for sign in ("\x1b", "\u202e", "\u200b", "\r"):
        assert sign not in shown
    assert not any(line.startswith("✅") for line in shown.splitlines())
    assert "[bold]" in shown


def test_a_hostile_channel(url: str):
    """Also what the bot wrote is shown as text: whoever can write to the store can change it."""

    async def work(store: Store) -> None:
        terms = Terms(channel="[red]C1\x1b[2J", quorums=(Quorum(of=(ME,)),))
        await Desk(store).route("x", terms)

    ask(url, who=None)
    at(url, work)
    shown = run(url, "list").stdout
    assert "[red]C1" in shown
    assert "\x1b" not in shown


def test_a_store_that_is_away():
    """No store is one sentence and code 1; a wrong address is a setting, code 2."""
    done = run("redis://127.0.0.1:1/0", "list")
    assert (1, 1) == (done.exit_code, len(done.stderr.splitlines()))
    done = run("http://s3cret@127.0.0.1", "list")
    assert (2, True) == (done.exit_code, "SIGNOFF_REDIS_URL" in done.stderr)
    assert "s3cret" not in done.output


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keyring:
    """The keys that the bot and this command share."""
    folder = tmp_path / "keys"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("SIGNOFF_KEYS", str(folder))
    return open_keyring(folder, create=True)


def signed(url: str, keys: Keyring) -> None:
    async def route(store: Store) -> None:
        await ApprovalGate(store, agent="billing").request(id="x", name="delete-user", payload=1)
        terms = Terms(channel="C1", quorums=(Quorum(of=(ME,)),))
        await Desk(store, notary=keys.notary()).route("x", terms)

    at(url, route)


def test_where_the_keys_are_the_answer_is_signed(url: str, keys: Keyring):
    """`show` leaves a view that verifies, and what is approved then has a receipt for the gates."""
    signed(url, keys)
    assert 0 == run(url, "show", "x").exit_code
    assert 0 == run(url, "approve", "x", "--yes").exit_code

    async def consume(store: Store) -> Approval:
        gate = ApprovalGate(store, agent="billing", public_keys=[keys.key.public])
        return await gate.consume("x", payload=1)

    assert at(url, consume).consumption is not None


def forge(url: str) -> None:
    """Approve as somebody with the store's password does, who has no key."""

    async def write(store: Store) -> None:
        current = await store.get("x")
        assert current is not None
        forged = current.model_copy(
            update={
                "status": ApprovalStatus.APPROVED,
                "decision": Decision(verdict=Verdict.APPROVE),
                "decided_at": current.created_at,
                "decision_metadata": {"approver": ME},
            }
        )
        assert "applied" == await store.patch("x", current.version, forged)

    at(url, write)


def test_what_the_bot_has_written_is_shown_as_the_bots(url: str, keys: Keyring):
    """Each state says what of it was verified with the bot's keys."""
    signed(url, keys)
    assert "the answers, are the bot's own" in run(url, "show", "x").stdout
    assert "verified" not in run(url, "list").stdout
    assert 0 == run(url, "approve", "x", "--yes").exit_code
    assert "the decision is signed by the bot" in run(url, "show", "x").stdout
    assert "" == run(url, "show", "x", "--json").stderr


def test_what_somebody_else_has_written_is_shown_as_that(url: str, keys: Keyring):
    """A forged decision is no decision on the screen either: exit code 1, and no view."""
    signed(url, keys)
    forge(url)
    done = run(url, "show", "x")
    assert 1 == done.exit_code
    assert "says approved, but not by the bot" in done.stdout
    assert "FORGED: somebody else wrote its receipt" in done.stdout
    done = run(url, "show", "x", "--json")
    assert (1, "approved") == (done.exit_code, json.loads(done.stdout)["status"])
    assert "signoff: x: FORGED: somebody else wrote its receipt" in done.stderr


def test_a_forged_route_is_listed_as_that(url: str, keys: Keyring):
    """Whom somebody else wants to be asked is not listed as if the bot asked them."""
    ask(url)
    listed = run(url, "list").stdout
    assert "FORGED: somebody else wrote its terms" in " ".join(listed.split())
    done = run(url, "list", "--json")
    assert ["x"] == [each["id"] for each in json.loads(done.stdout)]
    assert "signoff: x: FORGED: somebody else wrote its terms" in done.stderr
    assert 1 == run(url, "show", "x").exit_code


def test_where_the_keys_are_not_it_says_so(url: str):
    """What cannot be verified is not shown as if it were."""
    ask(url)
    for arguments in (("list",), ("show", "x")):
        assert "not verified: the bot's keys are not here" in run(url, *arguments).stdout
        done = run(url, *arguments, "--json")
        assert "not verified" not in done.stdout
        assert "signoff: not verified: the bot's keys are not here" in done.stderr


def test_where_the_keys_are_not_nothing_is_decided(
    url: str, keys: Keyring, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """The sentence says where to run it; with other keys it is an alarm and no signature."""
    signed(url, keys)
    monkeypatch.delenv("SIGNOFF_KEYS")
    answer = run(url, "reject", "x")
    assert 3 == answer.exit_code
    assert "SIGNOFF_KEYS" in answer.stderr
    other = tmp_path / "other"
    other.mkdir(mode=0o700)
    open_keyring(other, create=True)
    monkeypatch.setenv("SIGNOFF_KEYS", str(other))
    assert 1 == run(url, "reject", "x").exit_code
    assert ApprovalStatus.PENDING is status(url)


def test_approving_needs_to_have_seen_it(url: str):
    """P13: `--yes` counts only after `show` by the same person; rejecting never needs it."""
    ask(url)
    answer = run(url, "approve", "x", "--yes")
    assert 3 == answer.exit_code
    assert "signoff show" in answer.stderr
    assert ApprovalStatus.PENDING is status(url)
    run(url, "show", "x")
    assert 0 == run(url, "approve", "x", "--yes").exit_code
    assert ApprovalStatus.APPROVED is status(url)
