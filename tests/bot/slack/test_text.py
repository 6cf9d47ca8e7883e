"""Foreign text: every character visible, nothing that Slack would act on, honest cuts."""

from __future__ import annotations

import sys
import unicodedata
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.slack.text import (
    Finding,
    clip,
    clusters,
    cut,
    escape_mrkdwn,
    findings,
    inert,
    mention,
    quoted,
    visible,
    weight,
    when,
)

from .checks import no_power, nothing_hidden
from .hostile import TRICKS, texts
from .notation import read_visible


@given(texts)
def test_visible_text_hides_nothing_and_loses_nothing(text: str) -> None:
    """Every character is shown or named, and the text can be read back exactly."""
    for lines in (False, True):
        shown = visible(text, lines=lines)
        nothing_hidden(shown)
        assert text == read_visible(shown)


def test_every_code_point_is_shown_or_named() -> None:
    """No code point of Unicode gets through that a screen would show as nothing."""
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        shown = visible(f"a{char}b")
        assert f"a{char}b" == read_visible(shown)
        if shown == f"a{char}b":
            kind = unicodedata.category(char)
            assert kind not in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Me"), f"U+{code:04X}"
            assert kind != "Zs" or char == " "


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain text, with (signs)", "plain text, with (signs)"),
        ("a\u200bb", "a⟨U+200B⟩b"),
        ("a" + "\u200b" * 12, "a⟨U+200B*12⟩"),
        ("⟨U+200B⟩", "⟨U+27E8⟩U+200B⟨U+27E9⟩"),
        ("a\tb", "a⇥b"),
        ("a\nb", "a⟨U+000A⟩b"),
        ("a ", "a⟨U+0020⟩"),
        ("a" + " " * 41 + "b", "a⟨U+0020*41⟩b"),
        ("a" + " " * 40 + "b", "a" + " " * 40 + "b"),
        ("e\u0301", "e\u0301"),
        ("\u0301e", "⟨U+0301⟩e"),
        ("o\u0336", "o⟨U+0336⟩"),
        ("e" + "\u0301" * 5, "e" + "\u0301" * 4 + "⟨U+0301⟩"),
        ("o\u0336\u0301", "o⟨U+0336⟩⟨U+0301⟩"),
        ("नमस्ते שלום ไทย", "नमस्ते שלום ไทย"),
        ("\ud800", "⟨U+D800⟩"),
    ],
)
def test_the_form_of_escapes(text: str, shown: str) -> None:
    """An escape names the character and how many, and text cannot write one of its own."""
    assert shown == visible(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("an ordinary line\nand\ta tab", {}),
        ("a\u200b\u200b", {Finding.INVISIBLE: 2}),
        ("a\u202eb", {Finding.DIRECTION: 1}),
        ("a\x1b[31m", {Finding.CONTROL: 1}),
        ("a\u00a0b", {Finding.SPACE: 1}),
        ("\ue000", {Finding.UNKNOWN: 1}),
        ("o\u0336", {Finding.MARK: 1}),
        ("a" + " " * 200 + "b", {Finding.PADDING: 200}),
        ("a" + "\n" * 50 + "b", {Finding.PADDING: 50}),
        ("\u05d0\u05d1", {Finding.RIGHT_TO_LEFT: 2}),
        ("p\u0430ypal", {Finding.LOOKALIKE: 1}),
        ("\uff41dmin", {Finding.LOOKALIKE: 1}),
        ("привет Ωmega 東京 naïve 1ª", {Finding.LOOKALIKE: 1}),
    ],
)
def test_findings_name_what_was_found(text: str, found: dict[Finding, int]) -> None:
    """A reader is told what kind of trick a text holds, and how much of it."""
    assert found == findings(text)


@given(texts)
def test_what_is_escaped_is_also_found(text: str) -> None:
    """Nothing is escaped without a warning, but for tabs, line ends and our own signs."""
    shown = visible(text, lines=True)
    named = set(read_visible(shown)) - set(shown) - set("\t \n⟨⟩⇥")
    assert not named or findings(text)


@given(texts)
def test_inert_text_has_no_power(text: str) -> None:
    """In mrkdwn, foreign text mentions, links and formats nothing."""
    no_power(inert(text))
    no_power(inert(text, 50))


@given(texts)
def test_a_bare_name_is_one_word(text: str) -> None:
    """Without quotation marks there is nothing that could go on with words like ours."""
    shown = quoted(text, 60)
    nothing_hidden(shown)
    assert len(shown) <= 62
    if not shown.startswith('"'):
        assert " " not in shown.partition("…")[0]
    else:
        assert shown.count('"') == 2


def test_escape_mrkdwn_covers_the_three_characters() -> None:
    """The three characters that mrkdwn gives a meaning, in the order that escapes once."""
    assert escape_mrkdwn("<!channel> &amp;") == "&lt;!channel&gt; &amp;amp;"


@given(texts, st.integers(40, 200))
def test_a_clip_keeps_the_limit_and_counts_what_is_missing(text: str, limit: int) -> None:
    """A shortened text says by how much, and never ends inside a character or an escape."""
    shown = visible(text)
    short = clip(shown, limit)
    assert len(short) <= limit
    if short != shown:
        kept, _, notice = short.rpartition("… ")
        assert f"{len(shown) - len(kept):,} more character" in notice
        pieces = list(clusters(shown))
        assert kept in {"".join(pieces[:count]) for count in range(len(pieces) + 1)}


@given(texts, st.integers(1, 80), st.integers(1, 5))
def test_a_cut_keeps_characters_rows_and_weight(text: str, limit: int, rows: int) -> None:
    """The beginning fits, and what is left is counted to the character."""
    shown = visible(text, lines=True)
    kept, left = cut(shown, limit, rows=rows)
    assert shown.startswith(kept)
    assert len(shown) - len(kept) == left
    assert len(kept) <= limit
    assert kept.count("\n") < rows
    assert weight(kept) <= 6 * limit


@pytest.mark.parametrize("piece", ["e\u0301", "🇩🇪", "👍🏽", "각", "⟨U+200B*12⟩", "ก็"])
def test_clusters_stay_together(piece: str) -> None:
    """What people see as one character is never cut."""
    assert ["a", piece, "b"] == list(clusters(f"a{piece}b"))


@pytest.mark.parametrize(
    ("principal", "markup"),
    [
        ("slack:T0SANDBOX:U0ANA", "<@U0ANA>"),
        ("slack:T0SANDBOX:W0ANA", "<@W0ANA>"),
        ("slack:T0SANDBOX:S0OWNERS", "<!subteam^S0OWNERS>"),
        ("cli:ana", "ana (command line)"),
        ("slack:T0SANDBOX:U0ANA> <!channel", "`slack:T0SANDBOX:U0ANA&gt; &lt;!channel`"),
        ("slack:T0SANDBOX:!channel", "`slack:T0SANDBOX:!channel`"),
        ("here", "here"),
    ],
)
def test_only_ids_are_mentioned(principal: str, markup: str) -> None:
    """A mention needs an id of Slack's form; everything else is inert text."""
    assert markup == mention(principal)


def test_a_time_has_a_fallback_in_utc() -> None:
    """Each reader sees the own time zone, and clients without dates see UTC."""
    at = datetime(2026, 11, 22, 15, 2, tzinfo=timezone(timedelta(hours=1)))
    assert when(at, "time") == "<!date^1795356120^{time}|14:02 UTC>"
    assert when(at) == when(at.astimezone(UTC))
    assert "2026-11-22 14:02 UTC" in when(at)


def test_the_corpus_is_worth_its_name() -> None:
    """Every kind of finding is in the corpus, so that the properties above meet it."""
    assert set(Finding) == {kind for text in TRICKS for kind in findings(text)}
