"""Approvals in, Slack messages and views out: pure functions, no clock, no I/O, no Slack library.

Foreign text (the agent's names, payload and reason, people's notes and display names) is made
visible and stands only where Slack reads no markup: in `plain_text` without emoji and in the text
elements of `rich_text`. Where a text has to be mrkdwn (the notification), it is made inert first.
"""

from .buttons import Stamp
from .card import card
from .direct import direct
from .forms import TOO_MANY, RejectForm, ended_modal, reject_modal, too_many_modal
from .gone import gone
from .home import home
from .ladder import moved, pointer
from .lists import details, listing, unknown_id, usage, who_can_decide
from .notices import form_failed, notice, too_many, unrecorded
from .payload import MASKING, REVIEW_LIMIT, pages_of, review_pages, shows_all
from .review import PageKind, ReviewForm, page_surface, read_surface, review_modal
from .thread import reply

__all__ = [
    "MASKING",
    "REVIEW_LIMIT",
    "TOO_MANY",
    "PageKind",
    "RejectForm",
    "ReviewForm",
    "Stamp",
    "card",
    "details",
    "direct",
    "ended_modal",
    "form_failed",
    "gone",
    "home",
    "listing",
    "moved",
    "notice",
    "page_surface",
    "pages_of",
    "pointer",
    "read_surface",
    "reject_modal",
    "reply",
    "review_modal",
    "review_pages",
    "shows_all",
    "too_many",
    "too_many_modal",
    "unknown_id",
    "unrecorded",
    "usage",
    "who_can_decide",
]
