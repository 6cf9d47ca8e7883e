"""The breaks: each takes one safety away, and names the tests that must turn red without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["BREAKS", "Break"]


@dataclass(frozen=True)
class Break:
    """One safety that is taken away by changing one place."""

    name: str
    """What the broken code does."""
    file: str
    old: str
    """Stands in the file exactly once."""
    new: str
    tests: tuple[str, ...]
    """Files, or `file::test`: as few as show it."""

    def applied_to(self, text: str) -> str:
        """Return the file's *text* with the break in it.

        Raises:
            ValueError: `old` does not stand in it exactly once: the list is behind the code.
        """
        found = text.count(self.old)
        if found != 1:
            raise ValueError(f"{self.name}: its text stands {found} times in {self.file}")
        return text.replace(self.old, self.new)


_RECEIPTS: Final = (
    Break(
        "the gate asks for no receipt",
        "gate/approval_gate.py",
        "if self._verifier is not None and stored.status is ApprovalStatus.APPROVED:",
        "if False:",
        ("tests/gate/test_notary.py",),
    ),
    Break(
        "the executor asks for no receipt",
        "gate/executor.py",
        "if stored.status is ApprovalStatus.APPROVED:",
        "if False:",
        ("tests/gate/test_executor.py",),
    ),
    Break(
        "any signature will do",
        "gate/receipts.py",
        "if not key.verifies(signature, _PREFIX + receipt.text().encode()):",
        "if False:",
        ("tests/gate/test_receipts.py",),
    ),
    Break(
        "a retired key counts",
        "gate/receipts.py",
        "if key.retired_at is not None and now >= key.retired_at:",
        "if False:",
        ("tests/gate/test_receipts.py",),
    ),
    Break(
        "a key of low order counts",
        "gate/keys.py",
        "if len(self.raw) != 32 or y in _SMALL_ORDER:",
        "if len(self.raw) != 32:",
        ("tests/gate/test_keys.py",),
    ),
    Break(
        "the use of a receipt never ends",
        "gate/receipts.py",
        "if now >= receipt.use_until:",
        "if False:",
        ("tests/gate/test_notary.py::test_the_use_of_a_receipt_ends",),
    ),
    Break(
        "the nonce of a receipt is not compared",
        "gate/receipts.py",
        '"nonce": approval.nonce,',
        "",
        ("tests/gate/test_receipts.py", "tests/gate/test_notary.py"),
    ),
    Break(
        "another approval of the same id is taken for the one that was asked for",
        "gate/receipts.py",
        "if meant is not None and meant.nonce != approval.nonce:",
        "if False:",
        ("tests/gate/test_notary.py",),
    ),
    Break(
        "a receipt of a no releases a run",
        "gate/receipts.py",
        "if receipt.verdict is not Verdict.APPROVE or receipt.result_hash is not None:",
        "if False:",
        ("tests/gate/test_receipts.py",),
    ),
    Break(
        "the signature is made after the write",
        "gate/records.py",
        "key, current.version, written, transition.events, transition.before",
        "key, current.version, transition.approval.model_copy("
        'update={"version": written.version}), transition.events, transition.before',
        ("tests/gate/test_notary.py::test_a_decision_of_people_runs_once",),
    ),
    Break(
        "a private key that others can read is used",
        "bot/keyring.py",
        "if found.st_mode & 0o077:",
        "if False:",
        ("tests/bot/test_keyring.py",),
    ),
)

_RUNS: Final = (
    Break(
        "what is about to run is not compared with what was decided",
        "gate/transitions.py",
        "if command.digest != current.effective_digest:",
        "if False:",
        ("tests/gate/test_consume.py",),
    ),
    Break(
        "what is about to run is not compared with the receipt",
        "gate/receipts.py",
        "if digest is not None and digest != approval.effective_digest:",
        "if False:",
        ("tests/gate/test_receipts.py",),
    ),
    Break(
        "what nobody has decided counts as approved",
        "gate/transitions.py",
        "if current.status is ApprovalStatus.PENDING or current.decision is None:\n"
        '        raise NotAllowed(current.id, reason="not_approved")\n'
        "    if current.decision.override_result is not None:",
        "if current.decision is not None and current.decision.override_result is not None:",
        ("tests/gate/test_transitions.py", "tests/gate/test_consume.py"),
    ),
    Break(
        "what has expired releases a run",
        "gate/standing.py",
        "case ApprovalStatus.PENDING | ApprovalStatus.APPROVED:",
        "case ApprovalStatus.PENDING | ApprovalStatus.APPROVED | ApprovalStatus.EXPIRED:",
        ("tests/gate/test_consume.py", "tests/gate/test_guard.py"),
    ),
    Break(
        "a run is taken twice",
        "gate/transitions.py",
        "if taken.operation_id != command.operation_id:",
        "if False:",
        ("tests/gate/test_consume.py",),
    ),
    Break(
        "a consumption is written over another",
        "stores/redis/lua/consume_once.lua",
        "if standing then",
        "if false then",
        ("tests/stores/test_redis.py::TestRedisStore::test_the_first_one_stands",),
    ),
    Break(
        "a write without an answer counts as done",
        "gate/records.py",
        "doubt = _Doubt(current, written)",
        "return Change(written, written=True)",
        ("tests/gate/test_unconfirmed.py",),
    ),
    Break(
        "the policy allows what no rule fits",
        "gate/policy/permission.py",
        "PermissionDecision(effect=Effect.DENY, reason=_DEFAULT",
        "PermissionDecision(effect=Effect.ALLOW, reason=_DEFAULT",
        ("tests/gate/policy/test_permission.py",),
    ),
    Break(
        "the policy allows what it cannot read for certain",
        "gate/policy/permission.py",
        "if fit is False or (fit is None and rule.effect is Effect.ALLOW):",
        "if fit is False:",
        ("tests/gate/policy/test_permission.py",),
    ),
)

_TIME: Final = (
    Break(
        "nothing expires",
        "gate/standing.py",
        "if approval.final or now < approval.deadline:",
        "if True:",
        ("tests/gate/test_transitions.py",),
    ),
    Break(
        "a decision may be written after the end",
        "gate/voting.py",
        "(ApprovalResolved(verdict=verdict, **told),),\n        before=current.deadline,",
        "(ApprovalResolved(verdict=verdict, **told),),\n        before=None,",
        ("tests/gate/test_transitions.py", "tests/gate/test_desk.py"),
    ),
    Break(
        "the store takes what comes too late",
        "stores/redis/lua/patch.lua",
        "if now >= tonumber(ARGV[3]) then return 'late' end",
        "",
        ("tests/stores/test_redis.py::TestRedisStore::test_patch_after_its_time_is_late",),
    ),
    Break(
        "a lost race is written all the same",
        "stores/redis/lua/patch.lua",
        "if version ~= ARGV[1] then return 'stale' end",
        "",
        ("tests/stores/test_redis.py::TestRedisStore::test_of_many_patches_one_applies",),
    ),
    Break(
        "a decision that outlived its request joins a new one",
        "stores/redis/lua/put.lua",
        "if redis.call('EXISTS', KEYS[2], KEYS[3]) > 0 then",
        "if false then",
        ("tests/stores/test_redis_layout.py::test_a_left_over_decision_never_joins_a_new_request",),
    ),
    Break(
        "at the end the record is not read again",
        "gate/records.py",
        "return as_of(await self._read(key), now)",
        "return as_of(current, now)",
        ("tests/gate/test_desk.py::test_an_answer_in_time_is_seen_by_whoever_looks_late",),
    ),
    Break(
        "a new connection wakes nobody to read again",
        "stores/redis/subscriptions.py",
        "if entry.stood:",
        "if False:",
        ("tests/stores/test_redis_watch.py::test_watchers_outlive_the_server",),
    ),
)

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
        "elif who in terms.excluded:",
        "elif False:",
        ("tests/bot/test_deciding.py::test_whose_agent_it_is_may_not_decide",),
    ),
    Break(
        "those whom the request forbids may vote",
        "gate/voting.py",
        "if current.not_by and (who is None or who in current.not_by):",
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
        'and not user.get("is_restricted")',
        "",
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
)

_PROOFS: Final = (
    Break(
        "what bears no MAC is trusted",
        "gate/notary.py",
        "return found is not None and hmac.compare_digest(",
        "return found is None or hmac.compare_digest(",
        ("tests/gate/test_notary.py",),
    ),
    Break(
        "votes of anybody's are built upon",
        "gate/records.py",
        "self.notary.check(current)",
        "pass",
        ("tests/gate/test_notary.py",),
    ),
    Break(
        "the terms do not hold the request",
        "gate/notary.py",
        'include={*Approval.request_fields(), "terms"}',
        'include={"terms"}',
        ("tests/gate/test_notary.py",),
    ),
    Break(
        "a click on a forged record is answered",
        "bot/deciding.py",
        "await self._desk.vouch(approval)",
        "pass",
        ("tests/bot/test_vouching.py",),
    ),
    Break(
        "terms of somebody else choose the channel",
        "bot/story.py",
        "part = self._desk.flaw(approval)",
        "part = None",
        ("tests/bot/test_vouching.py",),
    ),
    Break(
        "what may yet be lost is told as confirmed",
        "bot/vouching.py",
        "confirmed = name in self._confirmed or await self._desk.confirmed(approval)",
        "confirmed = True",
        ("tests/bot/test_vouching.py",),
    ),
    Break(
        "a forged event is told",
        "bot/story.py",
        "if not _is_borne_out(approval, event, proof):",
        "if False:",
        ("tests/bot/test_vouching.py",),
    ),
    Break(
        "the audit chain may fork",
        "stores/redis/lua/seal.lua",
        "if id ~= ARGV[1] or (last and hash ~= ARGV[2]) then return 0 end",
        "",
        ("tests/stores/test_redis.py::TestRedisStore::test_another_head_seals_nothing",),
    ),
    Break(
        "an edited audit entry is none",
        "gate/audit.py",
        "if _hash(prev, content) != said:",
        "if False:",
        ("tests/gate/test_audit.py::test_any_edit_is_found_and_named",),
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
        ("tests/bot/slack/test_seal.py",),
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
        "what is not on record is revealed",
        "bot/slack/review.py",
        "if not await self._may_reveal(use, pages[page - 1]):",
        "if False:",
        ("tests/bot/slack/test_revealing.py",),
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
        ("tests/bot/test_story.py",),
    ),
    Break(
        "a reply is written without a note of the intent",
        "bot/replies.py",
        "if note != self._intent.note:",
        "if False:",
        ("tests/bot/test_story.py",),
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
)

BREAKS: Final = (*_RECEIPTS, *_RUNS, *_TIME, *_PEOPLE, *_PROOFS, *_SLACK)
