"""Approvals in, Slack messages and views out: pure functions, no clock, no I/O, no Slack library.

Foreign text (the agent's names, payload and reason, people's notes and display names) is made
visible and stands only where Slack reads no markup: in `plain_text` without emoji and in the text
elements of `rich_text`. Where a text has to be mrkdwn (the notification), it is made inert first.
"""

from .buttons import Stamp
from .card import card
from .direct import direct
from .forms import RejectForm, ended_modal, reject_modal
from .home import home
from .lists import details, listing, unknown_id, usage, who_can_decide
from .notices import form_failed, notice, too_many, unrecorded
from .payload import REVIEW_LIMIT, review_pages, shows_all
from .review import ReviewForm, page_surface, review_modal
from .thread import reply

__all__ = [
    "REVIEW_LIMIT",
    "RejectForm",
    "ReviewForm",
    "Stamp",
    "card",
    "details",
    "direct",
    "ended_modal",
    "form_failed",
    "home",
    "listing",
    "notice",
    "page_surface",
    "reject_modal",
    "reply",
    "review_modal",
    "review_pages",
    "shows_all",
    "too_many",
    "unknown_id",
    "unrecorded",
    "usage",
    "who_can_decide",
]
