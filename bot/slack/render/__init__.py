"""Approvals in, Slack messages out: pure functions, no clock, no I/O, no Slack library.

Foreign text (the agent's names, payload and reason, people's notes and display names) is made
visible and stands only where Slack reads no markup: in `plain_text` without emoji and in the text
elements of `rich_text`. Where a text has to be mrkdwn (the notification), it is made inert first.
"""

from .card import card
from .direct import direct
from .modals import RejectForm, already_over, reject_modal
from .notices import applied, foreign_card, notice_for, stale_card
from .thread import reply

__all__ = [
    "RejectForm",
    "already_over",
    "applied",
    "card",
    "direct",
    "foreign_card",
    "notice_for",
    "reject_modal",
    "reply",
    "stale_card",
]
