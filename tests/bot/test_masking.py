"""What looks like a secret, what does not, and what stands in its place."""

from __future__ import annotations

import json
import random
import string
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.masking import Masking, Veiled, spots_of
from bot.secret_looks import SecretLooks
from gate import ApprovalVoted, Verdict, canonical_text
from tests.bot.slack.examples import ASKED, agreed, asked, cancelled, decided, edited
from tests.bot.slack.hostile import payloads

LOOKS = SecretLooks()
MASKING = Masking(secret=b"a secret of the tests, 32 bytes.")
RANDOM = "".join(random.Random(7).choices(string.ascii_letters + string.digits, k=40))
"""Looks like a key of no known kind."""
HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
UUID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
# In pieces, so that nothing here has the shape of a key that somebody must revoke.
SECRETS = {
    "slack": "xoxb" + "-123456789012-abcdefABCDEF",
    "slack app": "xapp" + "-1-A0123-456-abcdef",
    "webhook": "hooks.slack.com" + "/services/T0000/B0000/abcdefgh",
    "github": "ghp" + "_" + "a1B2c3D4" * 5,
    "github fine": "github" + "_pat_" + "a1B2c3D4" * 5,
    "gitlab": "glpat" + "-" + "a1B2c3D4" * 3,
    "aws": "AKIA" + "ABCDEFGH12345678",
    "google": "AIza" + "a1B2c3D4" * 5,
    "openai": "sk" + "-proj-" + "a1B2c3D4" * 4,
    "stripe": "sk" + "_live_" + "a1B2c3D4" * 3,
    "npm": "npm" + "_" + "a1B2c3D4" * 4,
    "jwt": "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLXg",
    "pem": "-----BEGIN RSA PRIVATE " + "KEY-----\nMIIB\nabc=\n-----END RSA PRIVATE KEY-----",
    "pem cut": "-----BEGIN PRIVATE " + "KEY-----\nMIIB",
    "random": RANDOM,
}
AROUND = {
    "authorization": ("Authorization: Bearer ", "abc.def-123", "\n"),
    "basic": ('curl -H "authorization: Basic ', "dXNlcjpwYXNz", '" x'),
    "bearer": ("Bearer ", "abcdef0123456789abcd", " "),
    "cookie": ("Cookie: ", "session=abcdef; theme=dark", "\n"),
    "address": ("postgres://bob:", "hunter2", "@db.example.com/x"),
    "assigned": ("PGPASSWORD=", "hunter2", " psql"),
    "quoted": ('export API_KEY="', "with a space", '"'),
    "flag": ("deploy --token ", "abcd1234", " now"),
    "flag with sign": ("deploy --client-secret=", "abcd1234", " now"),
    "json": ('{"user": "ana", "password": "', "hunter2", '"}'),
    "yaml": ("user: ana\npassword: ", "hunter2", "\nport: 1"),
}


@pytest.mark.parametrize(
    "name",
    ["password", "Password", "dbPassword", "DB_PASSWORD", "db-password", "api_key", "apiKey",
     "APIKey", "apikey", "X-Api-Key", "STRIPE_API_KEY_2", "access_token", "accessToken", "token",
     "client_secret", "private-key", "Authorization", "Set-Cookie", "cookie", "secrets",
     "password1",     "\uff50\uff41\uff53\uff53\uff57\uff4f\uff52\uff44"],
)  # fmt: skip
def test_a_name_of_a_secret(name: str) -> None:
    """Whole words at the end of a name, in every usual way of writing it."""
    assert LOOKS.names_secret(name)


@pytest.mark.parametrize(
    "name",
    ["", "passwordless", "tokenizer", "max_tokens", "tokens", "token_count", "password_policy",
     "secretName", "secretary", "key", "primary_key", "cookie_consent", "next_page_token",
     "nextToken", "author", "authorized", "user_id", "pwd", "keyboard", "access_key_id"],
)  # fmt: skip
def test_an_everyday_name(name: str) -> None:
    """What only contains such a word is shown."""
    assert not LOOKS.names_secret(name)


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize(("before", "after"), [("", ""), ("see ", " there"), ('"', '",')])
def test_a_shape_of_a_secret(secret: str, before: str, after: str) -> None:
    """It is found alone and in a text, and nothing beside it."""
    text = f"{before}{secret}{after}"
    if secret.endswith("MIIB"):  # without its end a key ends with the text
        after = ""
    assert [(len(before), len(text) - len(after))] == LOOKS.spans(text)


@pytest.mark.parametrize(("before", "secret", "after"), AROUND.values(), ids=AROUND)
def test_a_secret_by_its_place(before: str, secret: str, after: str) -> None:
    """What stands where secrets stand is masked, and its surroundings are not."""
    text = before + secret + after
    assert [(len(before), len(before) + len(secret))] == LOOKS.spans(text)


@pytest.mark.parametrize(
    "text",
    ["", HEX, UUID, f"sha256-{RANDOM}", "/usr/local/lib/Python3/site-packages/SomeModule/File2.py",
     "https://example.com:8080/a@b", "the token: it has expired", "password reset for Ana",
     "token=$TOKEN", "password=${PASSWORD}", "api_key=None", "a basic understanding of the matter",
     "task-force-12345678901234567890", "key = get_token()", "x" * 300, "AKIA is a prefix",
     "src/components/Dashboard/widgets/Chart2D/indexOfEverything", "2026-11-22T14:00:00.000Z"],
)  # fmt: skip
def test_an_everyday_text(text: str) -> None:
    """Digests, ids, paths, variables and prose are shown."""
    assert [] == LOOKS.spans(text)


def test_what_the_operator_adds() -> None:
    """Further names and shapes count beside the others; of a shape with groups only these."""
    looks = SecretLooks(keys=["patient number", "nextToken"], shapes=[r"ACME-\d{6}", r"pin (\d+)"])
    assert looks.names_secret("patientNumber")
    assert looks.names_secret("next_token")
    assert looks.names_secret("password")
    assert [(2, 13)] == looks.spans("a ACME-123456 b")
    assert [(4, 8)] == looks.spans("pin 1234")


@pytest.mark.parametrize(
    "wrong", [{"keys": ["--"]}, {"shapes": ["("]}, {"shapes": ["x*"]}, {"keys": [""]}]
)
def test_what_cannot_be_added(wrong: dict[str, list[str]]) -> None:
    """A name without a word, and a pattern that is none or fits everywhere."""
    with pytest.raises(ValueError, match=r"secret|shape"):
        SecretLooks(**wrong)


def test_arguments() -> None:
    """Texts and numbers under such a name, in lists and pairs too; flags and null are shown."""
    payload = {
        "user": "ana",
        "password": "hunter2",
        "pin_token": 1234,
        "token": None,
        "secret": True,
        "secrets": {"a": ["b", 2.5, ""]},
        "env": [{"name": "DB_PASSWORD", "value": "x"}, {"name": "PORT", "value": "1"}],
        "argv": ["run", "--password", "y", "--verbose", "z"],
        SECRETS["github"]: 1,
    }
    found = [(spot.path, spot.value) for spot in spots_of(MASKING.payload(payload))]
    name = spots_of(MASKING.payload({SECRETS["github"]: 1}))
    assert [
        ("/password", "hunter2"),
        ("/pin_token", "1234"),
        ("/secrets/a/0", "b"),
        ("/secrets/a/1", "2.5"),
        ("/env/0/value", "x"),
        ("/argv/2", "y"),
        (f"/{next(name).mark}", SECRETS["github"]),
    ] == found


def test_a_fingerprint_needs_the_key() -> None:
    """The same value has the same one, another value or another key another; no plain hash."""
    one, two, other = (
        next(spots_of(masking.payload({"token": value})))
        for masking, value in (
            (MASKING, "abc"),
            (MASKING, "abd"),
            (Masking(secret=b"another secret of the tests, 32."), "abc"),
        )
    )
    assert next(spots_of(MASKING.payload({"x": {"password": "abc"}}))).fingerprint == (
        one.fingerprint
    )
    assert 3 == len({one.fingerprint, two.fingerprint, other.fingerprint})
    assert f"⟦masked, 3 characters, fingerprint {one.fingerprint}⟧" == one.mark
    assert next(spots_of(Masking().payload({"token": "abc"}))).mark == "⟦masked, 3 characters⟧"


def test_no_value_in_what_is_printed() -> None:
    """Neither a spot nor a veiled text shows its value in a log or an error."""
    veiled = MASKING.payload({"token": "hunter2", "x": f"a {SECRETS['github']} b"})
    assert "hunter2" not in repr(veiled) + str(list(spots_of(veiled)))
    assert SECRETS["github"] not in repr(veiled) + str(veiled["x"])


def test_words() -> None:
    """In people's and agents' words shapes are masked, everywhere in a record and in its events."""
    said = f"use {SECRETS['github']} please, password reset"
    masked = "use [masked, 44 characters, fingerprint "
    made = decided(Verdict.DENY, note=said, reason=said, run=said, name=said, agent=said)
    veiled = MASKING.veil(made)
    assert veiled.decision is not None
    for text in (veiled.reason, veiled.run, veiled.name, veiled.agent, veiled.votes[0].note,
                 veiled.decision.note):  # fmt: skip
        assert str(text).startswith(masked)
        assert str(text).endswith("] please, password reset")
    ended = MASKING.veil(cancelled(by="billing", reason=said)).cancellation
    assert str(ended and ended.reason).startswith(masked)
    event = ApprovalVoted(id="x", at=ASKED, principal="p", verdict=Verdict.DENY, note=said)
    assert SECRETS["github"] not in str(MASKING.event(event))
    assert (veiled.digest, veiled.nonce, veiled.key) == (made.digest, made.nonce, made.key)


def test_the_record_for_scripts() -> None:
    """Marks stand in place of secrets, and their paths are listed."""
    approval = asked({"token": "hunter2", "a": 1}, reason=SECRETS["github"])
    wire = MASKING.wire(approval)
    assert "hunter2" not in json.dumps(wire)
    assert SECRETS["github"] not in json.dumps(wire)
    assert (["/token"], 1) == (wire["masked"], wire["payload"]["a"])
    assert approval.model_copy(update={"payload": {"a": 1}}).to_wire() == MASKING.wire(
        approval.model_copy(update={"payload": {"a": 1}, "reason": approval.reason})
    ) | {"reason": approval.reason}


@given(payloads)
def test_veiling_loses_nothing(payload: Any) -> None:
    """Whatever is masked, the value behind it is the one that was asked; twice is as once."""
    veiled = MASKING.payload(payload)
    assert canonical_text(payload) == canonical_text(_behind(veiled))
    assert canonical_text(payload) == canonical_text(_behind(MASKING.payload(veiled)))
    if not any(spots_of(veiled)):
        assert payload == veiled


@given(st.text())
def test_spans_are_in_order(text: str) -> None:
    """They lie in the text, one behind the other."""
    at = 0
    for start, end in LOOKS.spans(f'{text} password="{text}" {text}'):
        assert at <= start < end
        at = end + 1


@pytest.mark.parametrize(
    "text",
    ["a" * 250_000, "a=" * 125_000, "://" * 80_000, "-----BEGIN PRIVATE KEY-----" * 9000,
     "eyJ" * 80_000, "password: " * 25_000, "Bearer " * 35_000, "aB3-" * 60_000, " \t" * 125_000,
     "authorization:" * 17_000, "--a " * 60_000],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_the_time_is_bounded(text: str) -> None:
    """No text of the largest size makes the search slow."""
    begun = time.process_time()
    LOOKS.spans(text)
    assert time.process_time() - begun < 2


def _behind(value: Any) -> Any:
    match value:
        case Veiled():
            return value.value
        case dict():
            return {_behind(name): _behind(item) for name, item in value.items()}
        case list():
            return [_behind(item) for item in value]
    return value


@pytest.mark.parametrize(
    "part",
    [
        "sk-a-",
        "eyJ",
        "-eyJ",
        "-eyJaaaaaaaa.",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN ",
        "Bearer a",
        "cookie:a=",
        "a://a:",
        'a="',
        "--a ",
        " \t",
        "a: ",
    ],
)
def test_no_text_keeps_the_bot_busy(part: str):
    """A text of 1 MB that nearly fits, again and again, is read within seconds, not hours.

    In a process of its own: one that does not come back can be ended.
    """
    code = (
        "import sys; from bot.secret_looks import SecretLooks\n"
        "SecretLooks().spans(sys.argv[1] * (1_000_000 // len(sys.argv[1])))"
    )
    subprocess.run([sys.executable, "-c", code, part], check=True, timeout=20)


@pytest.mark.parametrize("made", ["amended", "decided"])
def test_what_a_person_made_of_it_is_veiled(made: str) -> None:
    """Edited arguments, a result, the policy's words and the schema: none is shown raw."""
    token = SECRETS["github"]
    schema = {"properties": {"user": {"default": token}, "password": {"const": "hunter2"}}}
    approval = edited(
        {"user": token, "password": "hunter2"},
        payload={"user": "ana", "password": "before-it"},
        result=f"use {token}",
        policy=f"rule {token}",
        arguments_schema=schema,
    )
    if made == "decided":
        approval = agreed(approval)
    for shown in (repr(MASKING.veil(approval)), json.dumps(MASKING.wire(approval))):
        assert [] == [word for word in (token, "hunter2", "before-it") if word in shown]
    assert approval.proposed_digest == MASKING.veil(approval).proposed_digest
    assert MASKING.wire(approval) == MASKING.wire(MASKING.veil(approval))
