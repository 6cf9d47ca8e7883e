"""Routing: the operator decides who is asked; what the agent sends chooses nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.routing import AgentRule, Demand, RouteRule, Step, find_route, terms_for
from gate import Quorum, Rung
from tests.support.factories import pending


def rule(**fields: Any) -> RouteRule:
    """Return a rule; Ana is asked in C1 where nothing else is said."""
    return RouteRule(**({"channel": "C1", "approvers": ("U0ANA",)} | fields))


def test_the_first_rule_that_matches_wins():
    """Order decides, also where a later rule fits more closely."""
    rules = [
        rule(agents=("ops",), channel="C1"),
        rule(agents=("bill*",), channel="C2"),
        rule(agents=("billing",), channel="C3"),
    ]
    found = find_route(rules, pending())
    assert found is not None
    assert "C2" == found.channel


def test_no_rule_means_nobody_is_asked():
    """Where no rule matches there is no default."""
    assert find_route([rule(agents=("ops",))], pending()) is None
    assert find_route([], pending()) is None


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("delete-user", "delete-user", True),
        ("delete", "delete-user", False),
        ("Delete-user", "delete-user", False),
        ("delete-*", "delete-user", True),
        ("delete-*", "please-delete-user", False),
        ("delete-?", "delete-1", True),
        ("delete-?", "delete-12", False),
        ("v[12]", "v2", True),
        ("v[!12]", "v2", False),
        ("*", "a\nb", True),
        ("delete-user", "delete-user\n", False),
        ("*", "", True),
        ("a[b", "a[b", True),
    ],
)
def test_patterns_are_whole_and_case_sensitive(pattern: str, name: str, fits: bool):
    """A pattern stands for the whole name; `*`, `?` and `[…]` are the only signs."""
    assert fits == rule(names=(pattern,)).matches(pending(name=name))


def test_agent_name_and_namespace_must_all_match():
    """A rule fits only if each of its three lists does."""
    fit = rule(agents=("x", "billing"), names=("delete-*",), namespaces=("prod",))
    assert fit.matches(pending(namespace="prod"))
    assert not fit.matches(pending())
    assert not fit.matches(pending(namespace="prod", agent="ops"))
    assert not fit.matches(pending(namespace="prod", name="refund"))


def test_approvers_become_principals_of_the_operators_workspace():
    """User and group ids belong to the bot's workspace; login names are nobody's there."""
    made = terms_for(
        rule(approvers=("U0ANA", "W0BEN", "S0SEC", "cli:ana")), pending(), team="T0HOME"
    )
    assert (
        Quorum(of=("slack:T0HOME:U0ANA", "slack:T0HOME:W0BEN", "slack:T0HOME:S0SEC", "cli:ana")),
    ) == made.quorums


@pytest.mark.parametrize(
    ("asked", "routed", "seconds"),
    [(3600.0, 60.0, 60.0), (60.0, 3600.0, None), (60.0, 60.0, None), (60.0, None, None)],
)
def test_a_route_only_shortens(asked: float, routed: float | None, seconds: float | None):
    """The route's expiry counts where it is earlier than what the agent asked for."""
    approval = pending(expires_in=asked)
    made = terms_for(rule(expires_in=routed), approval, team="T1")
    ends = None if seconds is None else approval.created_at + timedelta(seconds=seconds)
    assert ends == made.expires_at
    assert approval.model_copy(update={"terms": made}).deadline <= approval.deadline


def test_channel_and_notices_come_from_the_rule():
    """What is noted in the record is what the operator wrote."""
    made = terms_for(rule(channel="C9", notify=("dm",)), pending(), team="T1")
    assert ("C9", ("dm",)) == (made.channel, made.notify)


def test_quorums_ladder_and_whose_the_agent_is_become_terms():
    """Ids get the workspace of the rule; the owner and the principal are kept out."""
    whole = rule(
        quorums=(
            Demand(name="security", of=("S0SEC",)),
            Demand(name="owners", of=("U0BEN", "T2:U0EXT", "cli:ana"), needed=2),
        ),
        deny_threshold=2,
        teams=("T2",),
        ladder=(
            Step(after=60, action="widen", also=("S0LEADS",)),
            Step(after=90, action="move", channel="C2"),
        ),
    )
    agents = {"billing": AgentRule(owner="U0ANA", principal="cli:ben")}
    made = terms_for(whole, pending(), team="T1", agents=agents)
    assert (
        Quorum(name="security", of=("slack:T1:S0SEC",)),
        Quorum(name="owners", of=("slack:T1:U0BEN", "slack:T2:U0EXT", "cli:ana"), needed=2),
    ) == made.quorums
    assert (2, ("T2",)) == (made.deny_threshold, made.teams)
    assert ("slack:T1:U0ANA", "cli:ben") == made.excluded
    assert (
        Rung(after=60, action="widen", also=("slack:T1:S0LEADS",)),
        Rung(after=90, action="move", channel="C2"),
    ) == made.ladder
    theirs = terms_for(rule(self_approval=True), pending(), team="T1", agents=agents)
    assert () == theirs.excluded
    others = terms_for(whole, pending(agent="shipping"), team="T1", agents=agents)
    assert () == others.excluded


def test_further_answers_are_the_routes():
    """Edits and answers in place of a run by default, skips only where the operator lists them."""
    assert ("edit", "override") == terms_for(rule(), pending(), team="T1").answers
    assert () == terms_for(rule(answers=()), pending(), team="T1").answers
    assert ("skip",) == terms_for(rule(answers=("skip",)), pending(), team="T1").answers
