"""Ids that go to Slack and come back: exact, opaque, never repeated in an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.masking import Masking
from bot.slack.ids import (
    ButtonValue,
    Principal,
    claimed_key,
    cli_principal,
    group_principal,
    is_channel,
    is_key,
    is_message,
    is_user,
    parse_principal,
    slack_principal,
)
from gate import InvalidId, new_id

from .examples import answered, asked, edited
from .hostile import texts

MASKING = Masking(secret=b"a secret of the tests, 32 bytes.")
VALUE = "v3|delete-42|n0nce|" + "0123456789abcdef" * 4
ids = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}", fullmatch=True)


@given(ids, st.none() | ids)
def test_a_button_value_comes_back_as_it_went(approval_id: str, namespace: str | None) -> None:
    """Every key that a gate can make comes back from Slack, within 2,000 characters."""
    key = approval_id if namespace is None else f"{namespace}/{approval_id}"
    value = ButtonValue(key=key, nonce=new_id(), digest="0" * 64)
    assert value == ButtonValue.parse(str(value))
    assert len(str(value)) <= 2000


@pytest.mark.parametrize(
    "text",
    [
        None, 42, "", "v3", VALUE + "|mac", VALUE.replace("v3", "v2"), VALUE.replace("v3", "V3"),
        VALUE + "\n", " " + VALUE, VALUE.replace("abcdef", "ABCDEF"), VALUE.replace("f", "g"),
        VALUE[:-1], VALUE.replace("delete-42", ""), VALUE.replace("delete-42", "a/b/c"),
        VALUE.replace("delete-42", "/etc/passwd"), VALUE.replace("delete-42", "../x"),
        VALUE.replace("n0nce", ""), VALUE.replace("n0nce", "n" * 129),
        VALUE.replace("42", "\u0664\u0662"), "v3|" + "a" * 3000 + "|n|" + "0" * 64,
        "v2|delete-42|n0nce|0123456789abcdef", "v3|delete-42|n0nce|0123456789abcdef",
    ],
)  # fmt: skip
def test_other_values_are_refused_without_echo(text: object) -> None:
    """A value of another form is an error that repeats nothing of it."""
    with pytest.raises(InvalidId) as caught:
        ButtonValue.parse(text)
    assert isinstance(caught.value, ValueError)
    assert "delete-42" not in str(caught.value)
    assert "passwd" not in str(caught.value)


@given(texts)
def test_foreign_text_is_no_button_value(text: str) -> None:
    """Nothing but our own form is read."""
    with pytest.raises(InvalidId):
        ButtonValue.parse(f"v3|{text}|n|{'0' * 63}X")


def test_a_value_fits_one_approval_only() -> None:
    """Another id, nonce or payload makes the button stale."""
    value = ButtonValue.of(asked())
    assert value.fits(asked())
    assert not value.fits(asked(id="delete-43"))
    assert not value.fits(asked(namespace="prod"))
    assert not value.fits(asked(nonce="other"))
    assert not value.fits(asked({"user_id": 43}))
    for change in (edited(), answered()):
        assert not value.fits(change)
        assert ButtonValue.of(change).fits(change)
    assert not ButtonValue.of(answered("one")).fits(answered("other"))


def test_a_masked_result_is_the_one_that_a_button_binds() -> None:
    """What is drawn is veiled; what a yes is said to is not."""
    secret = "ghp" + "_" + "a1B2c3D4" * 5
    proposed = answered(f"use {secret}")
    veiled = MASKING.veil(proposed)
    assert secret not in repr(veiled)
    assert ButtonValue.of(veiled).fits(proposed)
    assert ButtonValue.of(MASKING.veil(veiled)).fits(proposed)
    assert ButtonValue.of(MASKING.veil(edited())).fits(edited())


def test_principals_come_back_as_they_went() -> None:
    """What one function builds the other reads."""
    assert Principal("user", "U0ANA", "T0SANDBOX") == parse_principal(
        slack_principal("T0SANDBOX", "U0ANA")
    )
    assert Principal("group", "S0OWNERS", "T0SANDBOX") == parse_principal(
        group_principal("T0SANDBOX", "S0OWNERS")
    )
    assert Principal("cli", "ana") == parse_principal(cli_principal("ana"))
    for text in ("slack:T1:U1", "slack:E1:W1", "slack:T1:S1", "cli:ana"):
        assert text == str(parse_principal(text))


@pytest.mark.parametrize(
    "text",
    ["", "U0ANA", "slack:T1", "slack:T1:X1", "slack:T1:u1", "slack:T1:U1:x", "slack:U1:T1",
     "cli:", "cli:a b", "cli:a:b", "slack:T1:U1\n", "slack:T1:U\u0661", "SLACK:T1:U1"],
)  # fmt: skip
def test_other_principals_are_refused(text: str) -> None:
    """A principal of another form is nobody."""
    with pytest.raises(InvalidId):
        parse_principal(text)


@pytest.mark.parametrize(
    ("build", "parts"),
    [
        (slack_principal, ("T1", "S1")), (slack_principal, ("", "U1")),
        (slack_principal, ("T1:U2", "U1")), (group_principal, ("T1", "U1")),
        (cli_principal, ("a:b",)), (cli_principal, ("",)),
    ],
)  # fmt: skip
def test_principals_are_built_from_ids_only(build, parts) -> None:
    """What the transport did not prove in Slack's form makes no principal."""
    with pytest.raises(InvalidId):
        build(*parts)


def test_channels_and_timestamps() -> None:
    """The two other forms of Slack's ids that come back in a form."""
    assert is_channel("C0APPROVALS")
    assert is_channel("D0ANA")
    assert not is_channel("U0ANA")
    assert not is_channel(None)
    assert is_message("1795318458.864560")
    assert not is_message("1795318458")
    assert not is_message(1.5)


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_a_value_of_any_version_names_its_key(version: str) -> None:
    """Who used an old or foreign button is put on record beside the request that it names."""
    assert "ns/x" == claimed_key(f"{version}|ns/x|n|whatever")
    assert claimed_key(f"{version}|../x|n|whatever") is None


@given(st.none() | st.integers() | texts)
def test_what_names_nothing_has_no_key(text: object) -> None:
    """Other text names no request."""
    assert claimed_key(text) is None


def test_keys_and_people() -> None:
    """The two forms of ids that people may type, or that stand for one."""
    assert is_key("delete-42")
    assert is_key("prod/delete-42")
    for text in ("", "a b", "/x", "a/b/c", "<@U0ANA>", "x\n", None):
        assert not is_key(text)
    assert is_user("U0ANA")
    assert is_user("W0ANA")
    assert not is_user("S0OWNERS")
    assert not is_user(None)
