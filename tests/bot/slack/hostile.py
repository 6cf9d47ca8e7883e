"""Hostile texts: a corpus of known tricks, and strategies that mix them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

TRICKS = (
    "<!channel> <!here> <!everyone>",
    "<@U0ANA> <!subteam^S0OWNERS> <#C0APPROVALS>",
    "<https://evil.example|docs.internal>",
    "https://evil.example/path",
    "&lt;!channel&gt; &amp;",
    "*bold* _italics_ ~strike~ `code` ```block```",
    ":white_check_mark: Approved by Ana",
    "> quoted\n>>> more",
    'x", "approved": "true',
    "user_id: 42\nadmin: true",
    "│ a bar of its own\n┊ and more",
    "- 1\n- 2",
    "⟨U+200B⟩ ⟨U+0041*9⟩ ⟩⟨ ⇥",
    "zero\u200bwidth\u2060joiner\ufeff",
    "right\u202eto left\u2066isolate\u2069\u200f",
    "fillers \u034f\u115f\u1160\u17b4\u180b\u3164\ufe0f\uffa0\U000e0100\u2800",
    "tags \U000e0041\U000e0042 shorthand \U0001bca0 music \U0001d173",
    "spaces\u00a0\u2003\u3000\u1680.",
    "controls \x00\x07\x1b[31m\x7f\x85\u2028\u2029\r\n",
    "private \ue000\U000f0000 unassigned \u0378\uffff",
    "Z\u0351\u036b\u0343\u036a\u0302\u036balgo",
    "struck o\u0336u\u0336t\u0336 \u20dd\u20e3",
    "\u0301starts with a mark",
    "p\u0430yp\u0430l \uff41\uff44\uff4d\uff49\uff4e \U0001d41a",
    "padding" + " " * 300 + "tail",
    "top" + "\n" * 100 + "bottom",
    "trailing space \n \n",
    "C:\\temp\\new \\u200b",
    "\u05d0\u05d1\u05d2 123 \u0627\u0644",
    "👩\u200d👩\u200d👧 👍🏽 🇩🇪 ❤\ufe0f 1\ufe0f\u20e3",
    "田中さん 名前 각하 e\u0301",
    "",
    " ",
    "\t",
    "null",
    "42",
    "a" * 500,
    "\u0336" * 20,
    "\U0001f3fb" * 300,
    "\u1160\u11a8" * 100,
    "\U0001f1e9" * 101,
)

texts = st.one_of(
    st.sampled_from(TRICKS),
    st.text(st.characters(codec="utf-8"), max_size=60),
    st.lists(st.sampled_from(TRICKS), max_size=3).map("".join),
    st.text('ab <>&@!`"\\\n\t│┊⟨⟩:-{}[]\u200b\u202e', max_size=120),
)

payloads: st.SearchStrategy[Any] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False, allow_infinity=False),
        texts,
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(texts, inner, max_size=4)),
    max_leaves=8,
)
