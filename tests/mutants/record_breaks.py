"""Owns the breaks of what is believed of a record that others can write to."""

from __future__ import annotations

from typing import Final

from .change import Break

__all__ = ["RECORD_BREAKS"]

_CHANGED: Final = "tests/gate/test_changed_records.py"

RECORD_BREAKS: Final = (
    Break(
        "a gate runs what it asked with a yes to something else",
        "gate/receipts.py",
        "if meant.digest != approval.digest:",
        "if False:",
        (_CHANGED,),
    ),
    Break(
        "a gate takes an edit that it did not allow",
        "gate/receipts.py",
        "if approval.effective_digest != meant.digest and not meant.editable:",
        "if False:",
        (_CHANGED,),
    ),
    Break(
        "a gate hands out a result that it did not allow",
        "gate/receipts.py",
        "if approval.proposed_result is not None and not meant.allow_override:",
        "if False:",
        (_CHANGED,),
    ),
    Break(
        "anybody is named as who approved",
        "gate/receipts.py",
        "if receipt.votes and receipt.votes[-1].principal != approval.approver:",
        "if False:",
        (_CHANGED,),
    ),
    Break(
        "metadata is believed that nobody signed",
        "gate/receipts.py",
        "if receipt.metadata_hash != _found_metadata_hash(approval):",
        "if False:",
        (_CHANGED,),
    ),
    Break(
        "metadata without a hash passes for what was signed",
        "gate/receipts.py",
        "receipt.metadata_hash != _found_metadata_hash(approval)",
        "receipt.metadata_hash not in (None, _found_metadata_hash(approval))",
        (_CHANGED,),
    ),
    Break(
        "what is no name passes for the approver's",
        "gate/receipts.py",
        '(said.keys() == {"approver"} and approval.approver is not None)',
        'said.keys() == {"approver"}',
        (_CHANGED,),
    ),
    Break(
        "what is written into an ended record is believed",
        "gate/notary.py",
        "        if approval.decision is None:\n            try:",
        "        if approval.decision is None and approval.final:\n            return None\n"
        "        if approval.decision is None:\n            try:",
        (_CHANGED,),
    ),
    Break(
        "an alarm raises the next one",
        "bot/story.py",
        "await self._vouching.raise_alarm(approval, Proof(flaw=part), told=told)\n"
        "        with contextlib",
        "await self._desk.alarm(approval, part=part)\n        with contextlib",
        ("tests/bot/test_vouching.py::test_what_never_got_a_card_is_one_alarm",),
    ),
    Break(
        "words are put into the mouth of who answered",
        "bot/bearing.py",
        "said == (vote.principal, vote.at, vote.verdict, vote.note)",
        "(said[0], said[2]) == (vote.principal, vote.verdict)",
        ("tests/bot/test_bearing.py",),
    ),
    Break(
        "an amendment bears out every answer",
        "bot/bearing.py",
        "changed is not None and event.at < changed",
        "changed is not None",
        ("tests/bot/test_bearing.py",),
    ),
    Break(
        "an answer that nobody can vouch for is told in somebody's name",
        "bot/story.py",
        "if found is Bearing.GONE",
        "if False",
        ("tests/bot/test_vouching.py",),
    ),
    Break(
        "whoever said yes to an edit has made it",
        "bot/bearing.py",
        "first = min(yeses, key=lambda vote: vote.at, default=None)",
        "first = next((each for each in yeses if each.principal == event.principal), None)",
        ("tests/bot/test_bearing.py",),
    ),
    Break(
        "an end is told that never came",
        "bot/bearing.py",
        "return ended is not None and (event.by,",
        "return ended is None or (event.by,",
        ("tests/bot/test_bearing.py",),
    ),
    Break(
        "a form that shows arguments is a yes to a result",
        "bot/slack/forms.py",
        "says = edited.changed or use.approval.proposed_result is not None",
        "says = edited.changed",
        ("tests/bot/slack/test_further_answers.py",),
    ),
    Break(
        "the audit's story shows what is masked",
        "bot/cli/audit.py",
        '"record": masking.wire(record)',
        '"record": record.to_wire()',
        ("tests/bot/cli/test_audit.py::test_a_story_as_json",),
    ),
)
