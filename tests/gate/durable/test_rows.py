"""What the rows of a log say about a step, row by row, and what no log of ours says."""

from __future__ import annotations

import pytest

from gate import PayloadNotCanonical, StepKind, StepRow, StoreCorrupt
from gate.durable.rows import Phase, Progress, StepState
from stores.conformance.steps import step_row

S, D, F, P, T, R = (
    StepKind.STARTED,
    StepKind.DONE,
    StepKind.FAILED,
    StepKind.PAUSED,
    StepKind.SETTLED,
    StepKind.REPEATED,
)


def told(*kinds: StepKind | str) -> StepState:
    """Return the state behind such rows; `final` is a failure for good."""
    progress, attempt = Progress(), 1
    for number, kind in enumerate(kinds):
        final = kind == "final"
        word = F if final else StepKind(kind)
        row = step_row(number, step_id="act", kind=word, attempt=attempt, final=final)
        progress.add(row)
        attempt = progress.state("act").attempt
    return progress.state("act")


@pytest.mark.parametrize(
    ("rows", "phase", "attempt", "tries"),
    [
        ((), Phase.OPEN, 1, 0),
        ((S,), Phase.IN_DOUBT, 1, 0),
        ((S, S), Phase.IN_DOUBT, 1, 0),
        ((S, D), Phase.DONE, 1, 0),
        ((S, P), Phase.OPEN, 1, 0),
        ((S, P, S, D), Phase.DONE, 1, 0),
        ((S, F), Phase.OPEN, 2, 1),
        ((S, F, S), Phase.IN_DOUBT, 2, 1),
        ((S, F, S, F), Phase.OPEN, 3, 2),
        ((S, "final"), Phase.FAILED, 1, 0),
        ((S, F, S, "final"), Phase.FAILED, 2, 1),
        ((S, T), Phase.DONE, 1, 0),
        ((S, R), Phase.OPEN, 2, 0),
        ((S, F, S, "final", R), Phase.OPEN, 3, 0),
        ((S, F, S, "final", R, S, D), Phase.DONE, 3, 0),
    ],
)
def test_what_rows_say(
    rows: tuple[StepKind | str, ...], phase: Phase, attempt: int, tries: int
) -> None:
    """The table of `gate.durable.rows`, with attempts and tries."""
    state = told(*rows)
    assert (phase, attempt, tries) == (state.phase, state.attempt, state.tries)


@pytest.mark.parametrize("end", [(S, D), (S, T), (S, "final")])
@pytest.mark.parametrize("more", [S, D, F, P, T, "final"])
def test_an_end_never_changes(end: tuple[StepKind | str, ...], more: StepKind | str) -> None:
    """A row behind the end of its step makes the log corrupt."""
    with pytest.raises(StoreCorrupt, match="behind the end"):
        told(*end, more)


def test_two_fingerprints_are_corrupt() -> None:
    """One step of one run is one thing."""
    progress = Progress([step_row(1, step_id="act")])
    with pytest.raises(StoreCorrupt, match="fingerprints"):
        progress.add(step_row(2, step_id="act", fingerprint="1" * 64))


def test_the_same_row_twice_is_one_row() -> None:
    """A worker may repeat a write whose fate it did not know."""
    progress = Progress([step_row(1), done := step_row(2, step_id="step-1", kind=D), done])
    assert (Phase.DONE, 2, "row-2") == (
        progress.state("step-1").phase,
        progress.size,
        progress.last,
    )


@pytest.mark.parametrize("kind", StepKind)
def test_rows_as_text(kind: StepKind) -> None:
    """Every row is one line of canonical JSON and comes back the same."""
    row = step_row(1, kind=kind, result={"b": ["\n", None]} if kind in (D, T) else None)
    text = row.to_text()
    assert "\n" not in text
    assert row == StepRow.from_text(text, run_id="job-7")
    with pytest.raises(StoreCorrupt, match="another run"):
        StepRow.from_text(text, run_id="job-8")


@pytest.mark.parametrize(
    "change",
    [
        ('"schemaVersion":1', '"schemaVersion":2'),
        ('"kind":"started"', '"kind":"begun"'),
        ('"attempt":1', '"attempt":0'),
        ('"attempt":1', '"attempt":"1"'),
        ('"worker":"ana"', '"worker":"a b"'),
        ('"worker":"ana"', '"worker":"ana","more":1'),
        ('"id":"row-1",', ""),
        ("2026-01-01T12:00:00.123456Z", "2026-01-01T12:00:00.123456"),
    ],
)
def test_rows_are_read_strictly(change: tuple[str, str]) -> None:
    """Anything that we never write is corrupt."""
    text = step_row(1).to_text()
    assert change[0] in text
    with pytest.raises(StoreCorrupt, match="never wrote"):
        StepRow.from_text(text.replace(*change), run_id="job-7")


def test_a_result_that_is_no_json_is_not_written() -> None:
    """The row has no text, so no log can hold it."""
    with pytest.raises(PayloadNotCanonical):
        step_row(1, kind=D, result={1: 2}).to_text()
