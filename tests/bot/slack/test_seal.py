"""The seal: what comes back counts only where, and for what, it was made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.ids import ButtonValue
from bot.slack.render.forms import hidden
from bot.slack.seal import Seal
from gate import Approval, InvalidId
from tests.bot.slack.examples import answered, asked, edited

SECRET = b"a secret of thirty-two characters"
SEAL = Seal(SECRET, installation="T1 B1")
VALUE = SEAL.value(asked(), surface="card", place="C1")


def test_it_opens_where_it_was_made_for():
    """The value comes back as it went, within what Slack's buttons hold."""
    assert ButtonValue.of(asked()) == SEAL.open(VALUE, surface="card", place="C1")
    assert ("card", ButtonValue.of(asked())) == SEAL.find(
        VALUE, among=(("direct", "U1"), ("card", "C1"))
    )
    longest = asked(id="i" * 128, namespace="n" * 128, nonce="a" * 128)
    value = SEAL.value(longest, surface="review:20/20 revealed", place="U1")
    assert len(value) <= 2000
    assert len(hidden(value, "C" + "0" * 30, p=20, n=20)) <= 3000


@pytest.mark.parametrize(
    ("seal", "surface", "place"),
    [
        (SEAL, "card", "C2"),
        (SEAL, "direct", "C1"),
        (SEAL, "car", "dC1"),
        (Seal(SECRET, installation="T1 B2"), "card", "C1"),
        (Seal(SECRET, installation="T2 B1"), "card", "C1"),
        (Seal(b"another one", installation="T1 B1"), "card", "C1"),
    ],
)
def test_it_opens_nowhere_else(seal: Seal, surface: str, place: str):
    """Another surface, place, installation or secret is another seal."""
    with pytest.raises(InvalidId):
        seal.open(VALUE, surface=surface, place=place)


@pytest.mark.parametrize(
    "other", [{"id": "other"}, {"namespace": "prod"}, {"nonce": "other"}, {"payload": {"a": 1}}]
)
def test_it_seals_what_the_button_says(other: dict[str, object]):
    """The MAC of one request, nonce or payload is none of another's."""
    _is_not_sealed(asked(**other))


@pytest.mark.parametrize("changed", [edited(), answered()], ids=["edited", "answered"])
def test_it_seals_what_is_asked_now(changed: Approval):
    """The MAC of the request as asked is none of what a person made of it."""
    _is_not_sealed(changed)


def _is_not_sealed(other: Approval):
    forged = f"{ButtonValue.of(other)}|{VALUE.rpartition('|')[2]}"
    with pytest.raises(InvalidId):
        SEAL.open(forged, surface="card", place="C1")


@given(at=st.integers(0, len(VALUE) - 1), letter=st.characters(codec="utf-8"))
def test_no_character_may_change(at: int, letter: str):
    """Every character counts, and nothing of the text is repeated in the error."""
    changed = VALUE[:at] + letter + VALUE[at + 1 :]
    if changed == VALUE:
        return
    with pytest.raises(InvalidId) as caught:
        SEAL.open(changed, surface="card", place="C1")
    assert "delete-42" not in str(caught.value)


@given(st.none() | st.integers() | st.text() | st.lists(st.text(), max_size=2))
def test_other_things_are_no_values(value: object):
    """Whatever comes back is opened or refused, never another error."""
    with pytest.raises(InvalidId):
        SEAL.open(value, surface="card", place="C1")


def test_the_values_of_before_are_refused():
    """A value without a MAC, and one of an earlier version, open nothing."""
    head = VALUE.rpartition("|")[0]
    key, nonce, digest, mac = VALUE.removeprefix("v3|").split("|")
    shorter = "|".join(("v2", key, nonce, digest[:16], mac))
    for old in (head, head.replace("v3|", "v1|"), VALUE.replace("v3|", "v2|"), shorter):
        with pytest.raises(InvalidId):
            SEAL.open(old, surface="card", place="C1")
