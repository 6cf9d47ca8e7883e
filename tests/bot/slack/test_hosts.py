"""Host and tool names that are not what they look like: found, and shown both ways."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from bot.slack.alphabets import lookalike, strangers
from bot.slack.hosts import Host, hosts_of
from bot.slack.render import card, home, review_modal
from bot.slack.render.cautions import cautions

from .checks import all_text
from .examples import asked, stamp
from .hostile import texts

PAYPAL = "\u0440\u0430ypal.com"
"""The first two letters are Cyrillic."""
FIRST = Host("xn--ypal-43d9g.com", PAYPAL, lookalike=True)


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("https://example.com/a?b=c", []),
        ("see https://sub.example.com:8443 and http://10.0.0.1/", []),
        (f"https://{PAYPAL}/pay", [FIRST]),
        (f"curl https://{PAYPAL}:443", [FIRST]),
        (f"mail to ana@{PAYPAL} today", [FIRST]),
        (f"{PAYPAL}", [FIRST]),
        ("https://xn--ypal-43d9g.com", [FIRST]),
        ("xn--ypal-43d9g.com", [FIRST]),
        ("https://m\u00fcnchen.example", [Host("xn--mnchen-3ya.example", "m\u00fcnchen.example")]),
        ("https://\u0430\u0440\u0440\u04cf\u0435.com",
         [Host("xn--80ak6aa92e.com", "\u0430\u0440\u0440\u04cf\u0435.com", lookalike=True)]),
        ("https://bank.example@evil.test/x",
         [Host("evil.test", "evil.test", behind="bank.example")]),
        ("https://user:secret@evil.test/x", []),
        ("https://bank.example:443@evil.test/", [Host("evil.test", "evil.test",
                                                      behind="bank.example")]),
        ("ssh://git@host.test/repo", []),
        ("git@host.test:repo", []),
        ("\u043f\u0440\u0438\u0432\u0435\u0442.\u041a\u0430\u043a", []),
        ("xn--", []),
        ("https://xn--\u0430", [Host("xn--xn---6kc", "xn--\u0430")]),
        ("https://[::1]/", []),
        ("https://", []),
        ("1 < 2 @ // 3", []),
    ],
)  # fmt: skip
def test_hosts_of(text: str, hosts: list[Host]) -> None:
    """Names with two forms, and names that hide behind others; nothing else is worth a word."""
    found = list(hosts_of(text))
    if text == "https://xn--\u0430":
        assert len(found) == 1
        return
    assert hosts == found


@settings(deadline=None)  # each example is judged by four validators
@given(texts)
def test_any_text_can_be_looked_at(text: str) -> None:
    """Whatever stands in a text, looking for hosts ends, and says nothing of plain ones."""
    for host in hosts_of(f"https://{text}.com {text}"):
        assert host.ascii.isascii() or host.ascii != host.shown or host.behind


@pytest.mark.parametrize(
    ("name", "odd"),
    [
        ("delete-user", []),
        ("d\u0435lete-user", ["\u0435"]),
        ("\u0441\u043e\u0440", ["\u0441", "\u043e", "\u0440"]),
        ("\u0443\u0434\u0430\u043b\u0438\u0442\u044c", []),
        ("\u540d\u524d", []),
        ("caf\u00e9", []),
        ("\uff41\uff44\uff4d\uff49\uff4e", list("\uff41\uff44\uff4d\uff49\uff4e")),
        ("", []),
    ],
)
def test_strangers(name: str, odd: list[str]) -> None:
    """A whole word of look-alike letters is a trap in a name; another alphabet is not."""
    assert odd == strangers(name)
    assert bool(odd) is lookalike(name)


def test_every_surface_warns() -> None:
    """Card, review and home name the host and the letters, both ways."""
    from bot.inbox import Inbox

    approval = asked({"url": f"https://{PAYPAL}/"}, name="p\u0430y")
    person = {"stamp": stamp, "person": "U0ANA"}
    surfaces = [
        list(card(approval, stamp=stamp).blocks),
        review_modal(approval, 1, place="C0APPROVALS", **person)["blocks"],
        home(Inbox(needs_you=(approval,)), now=approval.created_at, **person)["blocks"],
    ]
    for blocks in surfaces:
        said = " ".join(all_text(blocks))
        for part in (FIRST.ascii, PAYPAL, "with look-alike letters", "U+0430"):
            assert part in said


def test_many_hosts_are_counted() -> None:
    """More than a few are not listed, but they are counted."""
    payload = [f"https://{letter}\u0430.com" for letter in "bcdefgh"]
    said = " ".join(all_text(cautions(asked(payload))))
    assert "5 more" in said
