"""Owns the tests of `gate.ApprovalStore`: the three methods that every store has."""

# ruff: noqa: S101  (tests assert)

from __future__ import annotations

import asyncio
import math
from typing import Any, ClassVar

import pytest

from gate import (
    Approval,
    ApprovalStore,
    AuditLog,
    Bounded,
    Bucketed,
    BulkRead,
    BulkVersions,
    Cards,
    Confirmation,
    ConsumeOnce,
    EventLog,
    Leases,
    Listing,
    Patched,
    StoreClock,
    TimedRead,
    Watch,
)

from .samples import FAR_FUTURE, LONG_AGO, consumption, decided, pending, requested, routed

__all__ = ["ApprovalStoreContract"]

_CAPABILITIES = (
    StoreClock,
    Watch,
    BulkRead,
    BulkVersions,
    TimedRead,
    EventLog,
    AuditLog,
    Bounded,
    Listing,
    Confirmation,
    ConsumeOnce,
    Leases,
    Cards,
    Bucketed,
)
_TASKS = 50

_PAYLOADS: dict[str, Any] = {
    "nothing": None,
    "true": True,
    "text": "plain",
    "empty": {},
    "big integer": {"n": 123456789012345678901234567890123456789012345678901234567890},
    "numbers": [0, -1, 2**53 + 1, 0.1, 1e300, 5e-324, 1.0, -0.0],
    "unicode": {"ключ": "☃ ü 🦊 \u202e‮ \u0000 \u2028 \x7f"},
    "quotes": {'"': "\\ \" ' / \r\n\t"},
    "like ours": {"version": 7, "status": "approved", "consumption": {}},
    "large": ["x" * 1000] * 200,
}


def _deep(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.asyncio
class ApprovalStoreContract:
    """What every store fulfils. Subclasses give a fixture `store`, empty for each test."""

    capability: ClassVar[type] = ApprovalStore

    async def test_it_claims_what_it_is_tested_for(self, store: Any) -> None:
        """Capabilities are found by isinstance; each has its class of tests here."""
        tested = {
            vars(kind)["capability"] for kind in type(self).__mro__ if "capability" in vars(kind)
        }
        claimed = {kind for kind in _CAPABILITIES if isinstance(store, kind)}
        assert isinstance(store, ApprovalStore)
        assert {kind.__name__ for kind in tested - {ApprovalStore}} == {
            kind.__name__ for kind in claimed
        }

    async def test_put_creates_and_returns_what_is_stored(self, store: ApprovalStore) -> None:
        """Create the record if its key is free, and return what is stored under the key."""
        asked = pending(payload={"user_id": 42})
        assert asked == await store.put(asked, [requested(asked)])
        assert asked == await store.get(asked.key)

    async def test_put_on_a_taken_key_returns_the_standing_record(
        self, store: ApprovalStore
    ) -> None:
        """If the key is taken nothing is written, and the stored record comes back."""
        first = pending(payload={"user_id": 42})
        await store.put(first)
        assert first == await store.put(pending(payload={"user_id": 43}))
        assert first == await store.get(first.key)

    async def test_put_on_a_decided_record_returns_the_decision(self, store: ApprovalStore) -> None:
        """The stored record comes back whatever its content, also long after its decision."""
        asked = pending()
        await store.put(asked)
        await store.patch(asked.key, 1, decided(asked))
        stored = await store.put(asked)
        assert decided(asked).model_copy(update={"version": 2}) == stored

    async def test_get_of_an_unknown_key_is_none(self, store: ApprovalStore) -> None:
        """Return the record under *key*, or None."""
        assert await store.get("nobody-put-this") is None

    @pytest.mark.parametrize("name", sorted(_PAYLOADS))
    async def test_every_payload_comes_back_exactly(self, store: ApprovalStore, name: str) -> None:
        """What is stored is the record: type, sign and size of every value included."""
        asked = pending(payload=_PAYLOADS[name])
        await store.put(asked)
        stored = await store.get(asked.key)
        assert stored is not None
        assert asked == stored
        assert asked.digest == stored.digest_of(stored.payload)
        assert _spelled(asked.payload) == _spelled(stored.payload)

    async def test_the_deepest_payload_comes_back(self, store: ApprovalStore) -> None:
        """The limit of a payload's depth is the gate's, not the store's."""
        asked = pending(payload=_deep(64))
        await store.put(asked)
        assert asked == await store.get(asked.key)

    async def test_every_part_of_a_record_comes_back(self, store: ApprovalStore) -> None:
        """A record is stored whole: terms, votes, decision, metadata, receipt, consumption."""
        asked = pending(payload={"user_id": 42})
        await store.put(asked)
        full = decided(routed(asked, expires_at=FAR_FUTURE))
        full = full.model_copy(update={"consumption": consumption(asked)})
        assert await store.patch(asked.key, 1, full) is Patched.APPLIED
        assert full.model_copy(update={"version": 2}) == await store.get(asked.key)

    async def test_namespaces_are_apart(self, store: ApprovalStore) -> None:
        """Two namespaces may use one id: the key is what names a record."""
        ours, theirs = pending("job:1"), pending("job:1", namespace="other")
        await store.put(ours)
        await store.put(theirs)
        assert ours == await store.get("job:1")
        assert theirs == await store.get("other/job:1")

    async def test_what_is_stored_is_a_copy(self, store: ApprovalStore) -> None:
        """Later changes of objects inside the approval do not reach the store."""
        payload = {"to": ["ana"]}
        asked = pending(payload=payload)
        returned = await store.put(asked)
        payload["to"].append("mallory")
        returned.payload["to"].append("mallory")
        stored = await store.get(asked.key)
        assert stored is not None
        assert stored.payload == {"to": ["ana"]}

    async def test_what_is_read_is_a_copy(self, store: ApprovalStore) -> None:
        """The result of get shares nothing with the store."""
        asked = pending(payload={"to": ["ana"]})
        await store.put(asked)
        first = await store.get(asked.key)
        assert first is not None
        first.payload["to"].append("mallory")
        second = await store.get(asked.key)
        assert second is not None
        assert second.payload == {"to": ["ana"]}

    async def test_what_is_patched_is_a_copy(self, store: ApprovalStore) -> None:
        """Later changes of a patch's metadata do not reach the store."""
        asked = pending()
        await store.put(asked)
        metadata: dict[str, Any] = {"labels": ["a"]}
        await store.patch(
            asked.key, 1, decided(asked).model_copy(update={"decision_metadata": metadata})
        )
        metadata["labels"].append("b")
        stored = await store.get(asked.key)
        assert stored is not None
        assert stored.decision_metadata == {"labels": ["a"]}

    async def test_patch_applies_and_counts(self, store: ApprovalStore) -> None:
        """The stored record gets the version after the expected one, whatever the caller's has."""
        asked = pending()
        await store.put(asked)
        lying = routed(asked).model_copy(update={"version": 77})
        assert await store.patch(asked.key, 1, lying) is Patched.APPLIED
        assert routed(asked).model_copy(update={"version": 2}) == await store.get(asked.key)
        assert await store.patch(asked.key, 2, decided(routed(asked))) is Patched.APPLIED
        stored = await store.get(asked.key)
        assert stored is not None
        assert (stored.version, stored.status.value) == (3, "approved")

    @pytest.mark.parametrize("version", [0, 2, 3, 1000])
    async def test_patch_of_another_version_is_stale(
        self, store: ApprovalStore, version: int
    ) -> None:
        """STALE: the stored version is not the expected one; nothing is written."""
        asked = pending()
        await store.put(asked)
        assert await store.patch(asked.key, version, decided(asked)) is Patched.STALE
        assert asked == await store.get(asked.key)

    async def test_an_old_version_is_stale_after_a_patch(self, store: ApprovalStore) -> None:
        """STALE also for a version that stood once: a decision is never written over."""
        asked = pending()
        await store.put(asked)
        await store.patch(asked.key, 1, decided(asked))
        assert await store.patch(asked.key, 1, decided(asked, approve=False)) is Patched.STALE
        stored = await store.get(asked.key)
        assert stored is not None
        assert stored.status.value == "approved"

    async def test_patch_of_no_record_is_missing(self, store: ApprovalStore) -> None:
        """MISSING: there is no record to patch, and none is made."""
        asked = pending()
        assert await store.patch(asked.key, 1, decided(asked)) is Patched.MISSING
        assert await store.get(asked.key) is None

    async def test_patch_keeps_the_request(self, store: ApprovalStore) -> None:
        """The parts of the request, id to not_by, stay as put wrote them."""
        asked = pending(payload={"user_id": 42})
        await store.put(asked)
        other = pending("another", payload={"user_id": 43}, expires_at=LONG_AGO)
        other = other.model_copy(update={"editable": True, "not_by": ("cli:bob",), "run": "r"})
        assert await store.patch(asked.key, 1, routed(other)) is Patched.APPLIED
        assert routed(asked).model_copy(update={"version": 2}) == await store.get(asked.key)
        assert await store.get("another") is None

    async def test_patch_after_its_time_is_late(self, store: ApprovalStore) -> None:
        """With *before*, the write is refused as LATE when the clock is past it."""
        asked = pending()
        await store.put(asked)
        late = await store.patch(asked.key, 1, decided(asked), before=LONG_AGO)
        assert late is Patched.LATE
        assert asked == await store.get(asked.key)

    async def test_patch_before_its_time_applies(self, store: ApprovalStore) -> None:
        """With *before* in the future the write goes through."""
        asked = pending()
        await store.put(asked)
        applied = await store.patch(asked.key, 1, decided(asked), before=FAR_FUTURE)
        assert applied is Patched.APPLIED

    async def test_of_many_puts_one_creates(self, store: ApprovalStore) -> None:
        """Of many concurrent calls exactly one creates; all return its record."""
        asked = [pending(payload={"by": number}) for number in range(_TASKS)]
        returned = await asyncio.gather(*(store.put(approval) for approval in asked))
        stored = await store.get(asked[0].key)
        assert stored in asked
        assert [stored] * _TASKS == returned

    async def test_of_many_patches_one_applies(self, store: ApprovalStore) -> None:
        """Of many concurrent calls with one expected version at most one is APPLIED."""
        asked = pending()
        await store.put(asked)
        answers = [decided(asked, by=f"cli:{number}") for number in range(_TASKS)]
        became = await asyncio.gather(*(store.patch(asked.key, 1, one) for one in answers))
        assert became.count(Patched.APPLIED) == 1
        assert became.count(Patched.STALE) == _TASKS - 1
        winner = answers[became.index(Patched.APPLIED)]
        assert winner.model_copy(update={"version": 2}) == await store.get(asked.key)

    async def test_no_update_is_lost(self, store: ApprovalStore) -> None:
        """Readers that write back under the version they read lose nothing of each other."""
        asked = pending()
        await store.put(asked)

        async def add(name: str) -> None:
            for _ in range(_TASKS * 4):
                seen = await store.get(asked.key)
                assert seen is not None
                labels = [*(seen.decision_metadata or {}).get("labels", []), name]
                # Metadata is a decision's: without one the record would be no record.
                whole = seen if seen.decision is not None else decided(seen)
                changed = whole.model_copy(update={"decision_metadata": {"labels": labels}})
                if await store.patch(asked.key, seen.version, changed) is Patched.APPLIED:
                    return
            raise AssertionError("never applied")

        names = [f"writer-{number}" for number in range(10)]
        await asyncio.gather(*(add(name) for name in names))
        stored = await store.get(asked.key)
        assert stored is not None
        assert stored.version == 11
        assert names == sorted((stored.decision_metadata or {})["labels"])

    async def test_many_records_do_not_touch_each_other(self, store: ApprovalStore) -> None:
        """A record is reached by its key alone."""
        asked = [pending(f"id-{number}", payload=number) for number in range(_TASKS)]
        await asyncio.gather(*(store.put(approval) for approval in asked))
        await asyncio.gather(
            *(store.patch(one.key, 1, decided(one, by=f"cli:{one.id}")) for one in asked[::2])
        )
        stored = [await store.get(approval.key) for approval in asked]
        wanted: list[Approval | None] = [
            decided(one, by=f"cli:{one.id}").model_copy(update={"version": 2})
            if number % 2 == 0
            else one
            for number, one in enumerate(asked)
        ]
        assert wanted == stored


def _spelled(value: Any) -> str:
    """Tell 1 from 1.0 from True, and 0.0 from -0.0, which `==` does not."""
    if isinstance(value, float):
        return f"float {math.copysign(1, value)} {value!r}"
    if isinstance(value, list):
        return f"[{', '.join(map(_spelled, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{name!r}: {_spelled(one)}' for name, one in value.items())}}}"
    return f"{type(value).__name__} {value!r}"
