"""The table of limits: whole, consistent, and the only place that holds any."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from reelwright import quality
from reelwright.quality import THRESHOLDS, Status, Threshold

ROWS = list(THRESHOLDS.values())
ROOM = Path(quality.__file__).parent


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_row_is_whole(row: Threshold) -> None:
    assert row.title
    assert row.unit
    assert row.source
    assert not row.gated or (row.remedy and row.finds)


@pytest.mark.parametrize("row", [row for row in ROWS if row.gated], ids=lambda row: row.id)
def test_limits_grow_worse(row: Threshold) -> None:
    limits = [limit for limit in (row.note, row.warn, row.fail) if limit is not None]
    assert limits == sorted(limits, reverse=not row.above)
    for status, limit in (
        (Status.NOTE, row.note),
        (Status.WARN, row.warn),
        (Status.FAIL, row.fail),
    ):
        if limit is not None:
            assert row.status(limit) is status
            assert row.limit(status) == limit
    good = limits[0] - abs(limits[0]) - 1 if row.above else limits[0] * 2
    assert row.status(good) is Status.PASSED
    assert row.limit(Status.PASSED) == limits[0]


def test_limits_can_be_given_room() -> None:
    row = THRESHOLDS["keyframe_color"]
    assert row.status(1.2) is Status.WARN
    assert row.status(1.2, scale=1.5) is Status.PASSED
    assert row.limit(Status.PASSED, scale=1.5) == 1.5


def test_what_has_no_limit_is_not_judged() -> None:
    assert THRESHOLDS["psnr_y"].status(3.0) is Status.NOT_JUDGED


def test_every_measure_that_the_room_names_has_a_row_and_every_row_is_used() -> None:
    named: set[str] = set()
    for path in ROOM.glob("*.py"):
        if path.stem == "thresholds":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named.add(node.value)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                first = node.args[0] if node.args else None
                if node.func.id in ("judged", "not_judged") and isinstance(first, ast.Constant):
                    assert first.value in THRESHOLDS
    assert set(THRESHOLDS) <= named
