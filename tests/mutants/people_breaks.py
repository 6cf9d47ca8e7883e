"""Owns the breaks of who may answer, and of what goes to and from Slack."""

from __future__ import annotations

from typing import Final

from .change import Break

__all__ = ["PEOPLE_BREAKS"]

_PEOPLE: Final = (
    Break(
        "a person counts twice",
        "gate/quorum.py",
        "return list(latest.values())",
        "return list(votes)",
        ("tests/gate/test_quorum.py",),
    ),
    Break(
        "who is in two groups is two people",
        "gate/quorum.py",
        "sitting.append(vote)\n                return True",
        "sitting.append(vote)\n                continue",
        ("tests/gate/test_quorum.py",),
    ),
    Break(
        "a no is not enough",
        "gate/quorum.py",
        "if len(against) >= terms.deny_threshold:",
        "if len(against) > terms.deny_threshold:",
        ("tests/gate/test_quorum.py",),
    ),
    Break(
        "anybody may vote",
        "gate/voting.py",
        "elif who is None or not may_vote(terms, principal=who, groups=groups):",
        "elif who is None:",
        ("tests/gate/test_transitions.py",),
    ),
    Break(
        "those who are excluded may vote",
        "gate/voting.py",
        "elif is_among(who, terms.excluded):",
        "elif False:",
        ("tests/bot/test_deciding.py::test_whose_agent_it_is_may_not_decide",),
    ),
    Break(
        "those whom the request forbids may vote",
        "gate/voting.py",
        "if current.not_by and (who is None or is_among(who, current.not_by)):",
        "if False:",
        ("tests/gate/test_transitions.py",),
    ),
    Break(
        "people decide what nobody has routed",
        "gate/voting.py",
        "        if require_route:",
        "        if False:",
        ("tests/bot/test_deciding.py",),
    ),
    Break(
        "what was not shown is approved",
        "gate/voting.py",
        "if command.verdict is Verdict.APPROVE and unseen:",
        "if False:",
        ("tests/gate/test_transitions.py",),
    ),
    Break(
        "who cannot be checked is let through",
        "bot/deciding.py",
        'raise NotAllowed(approval.id, reason="not_checked", principal=voter.principal) from None',
        "return ()",
        ("tests/bot/test_deciding.py",),
    ),
    Break(
        "whether somebody is a member is not asked",
        "bot/deciding.py",
        "if not person.may_answer_in(approval.terms.teams if approval.terms is not None else ()):",
        "if False:",
        ("tests/bot/test_deciding.py",),
    ),
    Break(
        "guests count as members",
        "bot/slack/directory.py",
        'user.get("is_restricted") or user.get("is_ultra_restricted")',
        "False",
        ("tests/bot/slack/test_directory.py",),
    ),
    Break(
        "strangers may answer everywhere",
        "bot/directory.py",
        "return self.live and self.human and self.member",
        "return self.live and self.human",
        ("tests/bot/test_directory.py",),
    ),
    Break(
        "who submits a form is not looked up anew",
        "bot/deciding.py",
        "anew=attempt.surface in _SUBMITTED",
        "anew=False",
        ("tests/bot/test_deciding.py::test_who_left_while_a_form_was_open_is_refused",),
    ),
    Break(
        "groups of another workspace count",
        "bot/deciding.py",
        'and of.startswith("slack:" if terms.teams else f"slack:{voter.team}:")',
        "",
        ("tests/bot/test_deciding.py::test_groups_of_another_team_are_not_looked_into",),
    ),
    Break(
        "whose agent it is does not come into the terms",
        "bot/routing.py",
        "own = () if rule.self_approval else (whose.owner, whose.principal)",
        "own = ()",
        ("tests/bot/test_routing.py",),
    ),
    Break(
        "a route that reveals nothing reveals",
        "gate/voting.py",
        "if current.terms is not None and not current.terms.reveal:",
        "if False:",
        ("tests/bot/slack/test_revealing.py::test_a_route_that_reveals_nothing",),
    ),
    Break(
        "one agent floods people past the gate",
        "bot/story.py",
        "if self._crowding is not None and await self._crowding.too_many(approval):",
        "if False:",
        ("tests/bot/test_crowding.py",),
    ),
)

_SLACK: Final = (
    Break(
        "what Slack did not sign is taken",
        "bot/slack/endpoint.py",
        "if not self._signed(request, body):",
        "if False:",
        ("tests/bot/slack/test_endpoint.py::test_what_slack_did_not_sign",),
    ),
    Break(
        "a foreign seal opens",
        "bot/slack/seal.py",
        "if hmac.compare_digest(mac, self._mac(value, surface, place)):",
        "if True:",
        ("tests/bot/slack/test_seal.py::test_it_opens_nowhere_else",),
    ),
    Break(
        "a stale card decides",
        "bot/slack/reception.py",
        "if not value.fits(approval):",
        "if False:",
        ("tests/bot/slack/test_handlers.py::test_a_stale_button",),
    ),
    Break(
        "a click is answered twice",
        "bot/slack/reception.py",
        "self._uses[attempt] = future",
        "",
        ("tests/bot/slack/test_endpoint.py::test_the_same_request_twice",),
    ),
    Break(
        "Slack is answered before the decision stands",
        "bot/slack/handlers.py",
        "await self._take(click.voter, presented.attempt, presented.told_at, take)",
        "self._reception.later(self._take(click.voter, presented.attempt, presented.told_at, take),"
        ' name="click")',
        ("tests/bot/slack/test_handlers.py::test_the_decision_stands_before_slack_is_answered",),
    ),
    Break(
        "a button beside a part of the payload approves",
        "bot/slack/handlers.py",
        "Verdict.APPROVE, seen=seen)",
        "Verdict.APPROVE, seen=True)",
        ("tests/bot/slack/test_handlers.py", "tests/bot/slack/test_revealing.py"),
    ),
    Break(
        "masked pages approve",
        "bot/slack/review.py",
        "if len(pages) != form.pages or not shown_all:",
        "if len(pages) != form.pages:",
        ("tests/bot/slack/test_revealing.py",),
    ),
    Break(
        "a page before the last leads to a form",
        "bot/slack/review.py",
        "whole = kind is PageKind.WHOLE and",
        "whole =",
        ("tests/bot/slack/test_leading_on.py",),
    ),
    Break(
        "a command opens a form for what was not seen",
        "bot/slack/forms.py",
        "if not self._seen(use):",
        "if False:",
        ("tests/bot/slack/test_typed_answers.py",),
    ),
    Break(
        "what is not on record is revealed",
        "bot/slack/review.py",
        "if not await self._may_reveal(use, pages[page - 1]):",
        "if False:",
        ("tests/bot/slack/test_revealing.py::test_what_is_not_on_record_is_not_shown",),
    ),
    Break(
        "nothing is masked",
        "bot/masking.py",
        "return Veiled(parts, text) if any(isinstance(part, Spot) for part in parts) else text",
        "return text",
        ("tests/bot/test_masking.py",),
    ),
    Break(
        "a card is posted without a note of the intent",
        "bot/showing.py",
        "if noted != intent and not await",
        "if False and not await",
        (
            "tests/bot/test_story.py"
            "::test_a_crash_at_any_message_doubles_nothing_where_history_may_be_read",
        ),
    ),
    Break(
        "a reply is written without a note of the intent",
        "bot/replies.py",
        "if note != self._intent.note:",
        "if False:",
        (
            "tests/bot/test_story.py"
            "::test_a_crash_at_any_message_doubles_nothing_where_history_may_be_read",
        ),
    ),
    Break(
        "an event counts as told before it is",
        "bot/lanes.py",
        "self._under_way[cursor] = False",
        "self._under_way[cursor] = True",
        ("tests/bot/test_notifier.py::test_the_place_moves_only_behind_what_is_told",),
    ),
    Break(
        "who lost the lease goes on",
        "stores/redis/lua/advance.lua",
        "if ARGV[2] ~= '' and redis.call('GET', KEYS[2]) ~= ARGV[2] then return 0 end",
        "",
        ("tests/stores/test_redis.py::TestRedisStore::test_only_the_newest_fence_moves",),
    ),
    Break(
        "what a failover took back is noted as told",
        "stores/redis/lua/advance.lua",
        "if #redis.call('XRANGE', KEYS[3], ARGV[1], ARGV[1]) == 0 then return 1 end",
        "",
        ("tests/stores/test_redis.py::TestRedisStore::test_a_place_without_an_event_is_not_noted",),
    ),
    Break(
        "a reader goes on behind what a failover took back",
        "stores/redis/event_stream.py",
        "if known is not None and [known] != [self._readable(entry) for entry in place]:",
        "if False:",
        (
            "tests/stores/test_redis.py::TestRedisStore"
            "::test_nothing_follows_an_event_that_is_not_there",
        ),
    ),
    Break(
        "a reader goes on at a place that a failover took back",
        "bot/outbox_place.py",
        "self._last = events[-1]",
        "pass",
        ("tests/bot/test_rewound.py::test_answers_after_a_failover_are_told",),
    ),
    Break(
        "one person is looked at without end",
        "bot/slack/handlers.py",
        "if self._reception.admits(voter, told_at=place) else turned_away",
        "",
        ("tests/bot/slack/test_reception.py",),
    ),
    Break(
        "foreign text can mention people",
        "bot/slack/text.py",
        "`{escape_mrkdwn(shown)}`",
        "`{shown}`",
        ("tests/bot/slack/test_text.py",),
    ),
    Break(
        "two replicas hold one lease",
        "stores/redis/lua/hold.lua",
        "if holder then return nil end",
        "",
        ("tests/stores/test_redis.py::TestRedisStore::test_one_holds_and_the_others_do_not",),
    ),
)

PEOPLE_BREAKS: Final = (*_PEOPLE, *_SLACK)
