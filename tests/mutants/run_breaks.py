"""Owns the breaks of what releases a run, and of when: receipts, consumption, time, proofs."""

from __future__ import annotations

from typing import Final

from .change import Break

__all__ = ["RUN_BREAKS"]

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
        "if current.status is ApprovalStatus.APPROVED:",
        "if False:",
        ("tests/gate/test_executor.py",),
    ),
    Break(
        "a request's own votes get the bot's mark",
        "gate/notary.py",
        "if part.mac is not None or part in found:",
        "if part.mac is not None:",
        ("tests/gate/test_notary.py",),
    ),
    Break(
        "an answer counts for whatever stands there by now",
        "gate/voting.py",
        "if shown is not None and shown != Shown.of(current):",
        "if False:",
        ("tests/gate/test_notary.py",),
    ),
    Break(
        "a no completes what others said yes to",
        "gate/voting.py",
        "if verdict is Verdict.APPROVE and command.verdict is not Verdict.APPROVE:",
        "if False:",
        ("tests/gate/test_notary.py",),
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
    Break(
        "a receipt has several spellings",
        "gate/wire.py",
        "if to_base64url(data) != text:",
        "if False:",
        ("tests/gate/test_receipts.py::test_a_receipt_has_one_spelling",),
    ),
    Break(
        "keys are read from a file that others may write",
        "gate/keys.py",
        "if found.st_uid not in (0, os.getuid()) or found.st_mode & 0o022:",
        "if False:",
        ("tests/gate/test_keys.py",),
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
        ("tests/gate/policy/test_permission.py::test_the_stricter_reading_counts",),
    ),
    Break(
        "what a person gave the result of runs all the same",
        "gate/transitions.py",
        "if current.decision.override_result is not None:",
        "if False:",
        ("tests/gate/test_consume.py",),
    ),
    Break(
        "the digest does not hold the agent",
        "gate/canonical.py",
        "return canonical_text([namespace, agent, name])",
        "return canonical_text([namespace, name])",
        ("tests/gate/test_consume.py::test_another_agent_cannot_use_it",),
    ),
    Break(
        "another action under the same id is no conflict",
        "gate/asking.py",
        'for field in ("digest", "expires_in",',
        'for field in ("expires_in",',
        ("tests/gate/test_request.py::test_the_same_id_for_anything_else_is_a_conflict",),
    ),
    Break(
        "no replica is waited for",
        "stores/redis/link.py",
        "if replicas and not await _replicated(wire, replicas, seconds=wait, end=end):",
        "if False:",
        ("tests/stores/test_redis_faults.py::test_a_consumption_waits_for_its_replicas",),
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
        "if missed:",
        "if False:",
        ("tests/stores/test_redis_watch.py::test_watchers_outlive_the_server",),
    ),
    Break(
        "the sweep finds no lost wake-up",
        "gate/waiting.py",
        "or version != self.version",
        "",
        (
            "tests/gate/test_waiting.py::test_a_shortened_end_that_nobody_told_of_is_found_by_the_sweep",
        ),
    ),
    Break(
        "what was consumed meanwhile is forgotten",
        "stores/redis/lua/forget.lua",
        "if not ended or now - tonumber(ended) < tonumber(ARGV[2]) then return 0 end",
        "",
        ("tests/stores/test_redis_bounds.py::test_a_late_consumption_is_kept_as_long",),
    ),
    Break(
        "the memory for answers is given to requests",
        "stores/redis/lua/put.lua",
        "if used and limit and limit > 0 and used > SHARE * limit then return {-3} end",
        "",
        ("tests/stores/test_redis_bounds.py::test_the_last_fifth_of_the_memory_is_for_answers",),
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
    Break(
        "votes without a MAC are built upon",
        "gate/notary.py",
        'if not self._same(vote.mac, self._part_mac(approval, "vote", vote)):',
        "if False:",
        ("tests/gate/test_notary.py",),
    ),
    Break(
        "views without a MAC are built upon",
        "gate/notary.py",
        'if not self._same(view.mac, self._part_mac(approval, "view", view)):',
        "if False:",
        ("tests/gate/test_notary.py",),
    ),
    Break(
        "a desk without keys writes into signed records",
        "gate/records.py",
        "if signed and isinstance(command, (CastVote, RecordView, Reveal)):",
        "if False:",
        ("tests/gate/test_notary.py",),
    ),
    Break(
        "a chain that was cut off is whole",
        "gate/audit.py",
        "if self._fault is None and self._open:",
        "if False:",
        ("tests/gate/test_audit.py::test_any_removal_is_found_and_named",),
    ),
)

RUN_BREAKS: Final = (*_RECEIPTS, *_RUNS, *_TIME, *_PROOFS)
