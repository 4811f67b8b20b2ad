"""Reports: JSON and back, rows for a terminal, one beside another."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reelwright.errors import QualityError
from reelwright.frames import ArrayFrames
from reelwright.quality import (
    Change,
    FilmShot,
    Report,
    Series,
    ShotReport,
    Status,
    Transition,
    Verdict,
    compare,
    compare_rows,
    measure_clip,
    measure_film,
    report_rows,
    shot_report_from_json,
    shot_report_to_json,
    summary_line,
)
from reelwright.quality.rows import limits_text, with_unit
from reelwright.quality.thresholds import THRESHOLDS

numbers = st.floats(-1e6, 1e6, allow_nan=False)
maybe = st.none() | numbers
verdicts = st.builds(
    Verdict,
    measure=st.sampled_from(sorted(THRESHOLDS)),
    status=st.sampled_from(Status),
    message=st.text(),
    value=maybe,
    limit=maybe,
    subject=st.text(),
    frames=st.none() | st.tuples(st.integers(0, 999), st.integers(0, 999)),
    time_s=maybe,
    remedy=st.text(),
)
series = st.builds(
    Series,
    name=st.text(),
    unit=st.text(),
    values=st.lists(maybe).map(tuple),
    start=st.integers(0, 99),
    step=st.integers(1, 9),
)
shots = st.builds(
    ShotReport,
    shot=st.text(),
    label=st.text(),
    num_frames=st.integers(1, 9999),
    frame_rate=st.fractions(1, 120),
    size=st.tuples(st.integers(32, 8192), st.integers(32, 8192)),
    measured_size=st.tuples(st.integers(32, 640), st.integers(32, 360)),
    raw=st.booleans(),
    staged=st.booleans(),
    start_s=numbers,
    verdicts=st.lists(verdicts, max_size=3).map(tuple),
    series=st.lists(series, max_size=2).map(tuple),
    worst=st.lists(
        st.builds(Transition, st.integers(0, 999), numbers, numbers, numbers), max_size=2
    ).map(tuple),
    notes=st.lists(st.text(), max_size=2).map(tuple),
)
reports = st.builds(
    Report,
    title=st.text(),
    label=st.text(),
    shots=st.lists(shots, max_size=2).map(tuple),
    verdicts=st.lists(verdicts, max_size=2).map(tuple),
    series=st.lists(series, max_size=1).map(tuple),
    notes=st.lists(st.text(), max_size=2).map(tuple),
    version=st.text(),
)


@settings(max_examples=25, deadline=None)
@given(reports)
def test_json_and_back(report: Report) -> None:
    text = json.dumps(report.to_json(), allow_nan=False)
    assert Report.from_json(json.loads(text)) == report
    assert json.dumps(Report.from_json(json.loads(text)).to_json()) == text


@settings(max_examples=25, deadline=None)
@given(shots)
def test_a_shots_json_and_back(report: ShotReport) -> None:
    text = json.dumps(shot_report_to_json(report), allow_nan=False)
    assert shot_report_from_json(json.loads(text)) == report


@settings(max_examples=25, deadline=None)
@given(reports)
def test_any_report_has_rows_and_a_summary(report: Report) -> None:
    assert summary_line(report)
    rows = report_rows(report, everything=True)
    count = sum(len(shot.verdicts) for shot in report.shots) + len(report.verdicts)
    assert len(rows) == count
    assert all(row.status is not Status.PASSED for row in report_rows(report))


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        {"format": "reelwright-report"},
        {"format": "reelwright-report", "format_version": 99},
        {"format": "reelwright-report", "format_version": 1, "title": "x"},
        {"format": "reelwright-report-shot", "format_version": 1},
    ],
)
def test_what_is_no_report_is_refused(data: object) -> None:
    with pytest.raises(QualityError) as caught:
        Report.from_json(data)
    assert caught.value.mend


def measured(made: Any, rate: Fraction, name: str = "a") -> Report:
    report = measure_clip(ArrayFrames(made.frames), rate, shot=name, staged=made.stage)
    return measure_film("film", [FilmShot(report)])


def test_rows_leave_out_what_is_no_news(shot: Callable[..., Any], rate: Fraction) -> None:
    made = shot("static")
    with_stage = report_rows(measured(made, rate))
    assert {row.measure for row in with_stage if row.shot == "a"} >= {
        THRESHOLDS["frozen"].title,
        THRESHOLDS["speed"].title,
    }
    assert THRESHOLDS["psnr_y"].title not in {row.measure for row in with_stage}
    alone = measure_film("film", [FilmShot(measure_clip(ArrayFrames(made.frames), rate, shot="a"))])
    assert [row for row in report_rows(alone) if row.shot == "a"] == []
    assert len(report_rows(alone, everything=True)) > 10


def test_a_real_report_goes_through_json(shot: Callable[..., Any], rate: Fraction) -> None:
    report = measured(shot("moving"), rate)
    text = json.dumps(report.to_json(), allow_nan=False)
    assert Report.from_json(json.loads(text)) == report


def test_comparing_finds_what_got_worse(shot: Callable[..., Any], rate: Fraction) -> None:
    made = shot("moving")
    frames = made.frames.copy()
    frames[12:15] = frames[11]
    good, bad = measured(made, rate), measured(made.with_frames(frames), rate)
    found = compare(good, bad)
    (row,) = [item for item in found.rows if item.measure == "frozen"]
    assert row.change is Change.WORSE
    (back,) = [item for item in compare(bad, good).rows if item.measure == "frozen"]
    assert back.change is Change.BETTER
    assert compare(good, good).count(Change.SAME) == len(compare(good, good).rows)
    assert "worse" in found.summary
    words = {item.measure: item for item in compare_rows(found)}
    assert words[THRESHOLDS["frozen"].title].second == "3 frames (fail)"


def test_comparing_reports_of_other_shape_says_so(shot: Callable[..., Any], rate: Fraction) -> None:
    made = shot("moving")
    one = measured(made, rate, "a")
    other = replace(measured(made, rate, "b"), label="animatic")
    renamed = compare(one, other)
    assert renamed.count(Change.ONLY_FIRST) == 0  # matched by place where no name is shared
    assert any("animatic" in note for note in renamed.notes)
    two = replace(one, shots=(*one.shots, replace(one.shots[0], shot="c", raw=False)))
    notes = compare(one, two).notes
    assert any("1 and 2 shots" in note for note in notes)
    assert any("before the encoder" in note for note in notes)
    assert compare(one, two).count(Change.ONLY_SECOND) > 0


def test_better_depends_on_which_way_is_bad() -> None:
    def report(measure: str, value: float) -> Report:
        return Report("x", "", (), (Verdict(measure, Status.PASSED, "", value=value),))

    def change(measure: str, first: float, second: float) -> Change:
        return compare(report(measure, first), report(measure, second)).rows[0].change

    assert change("flicker", 0.05, 0.15) is Change.WORSE
    assert change("prop_missing", 2.0, 3.0) is Change.BETTER
    assert change("flicker", 0.050, 0.0505) is Change.SAME


def test_numbers_are_said_plainly() -> None:
    assert with_unit(1.0, "frames") == "1 frame"
    assert with_unit(0.0021, "levels") == "0 levels"
    assert with_unit(-10.5, "dBTP") == "\N{MINUS SIGN}10.5 dBTP"
    assert with_unit(0.25, "log2") == "0.25 log2 (a factor of 1.19)"
    assert with_unit(1234.5, "ppm") == "1234 ppm"
    assert limits_text(THRESHOLDS["prop_missing"]) == "warns under 1.65, fails under 1.3"
    assert limits_text(THRESHOLDS["psnr_y"]) == ""
