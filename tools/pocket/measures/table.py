"""The table: made of lines, written down, and compared with one that was written before."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tools.pocket.measures.lines import Lines
from tools.pocket.measures.rows import FLOORS, ROWS, Row
from tools.pocket.measures.statistics import standard_error, tolerance


@dataclass(frozen=True, slots=True)
class Cell:
    """What a row found.

    Attributes:
        value: The number.
        error: Its standard error over clips; NaN for one clip.
        clips: How many.
        lines: Of these clips, all seeds.
    """

    value: float
    error: float
    clips: int
    lines: int


Table = dict[str, Cell]

EXPECTED = 3
"""Clips of a row that a run of fewer clips should have, before it must have the row."""

HEAD = ("| | | ± | clips | aim |", "|---|---:|---:|---:|---:|")


def table_of(lines: Lines) -> Table:
    """The rows that there are lines for."""
    own = {clip: records[0] for clip, records in lines.by_clip("staged").items()}
    found = {row.key: _cell(row, lines, own) for row in ROWS}
    return {key: cell for key, cell in found.items() if cell is not None}


def _cell(row: Row, lines: Lines, own: Mapping[int, Mapping[str, Any]]) -> Cell | None:
    clips = []
    for clip, records in sorted(lines.by_clip(row.part).items()):
        picked = [row.pick(record, own.get(clip, {})) for record in records]
        if kept := [value for value in picked if value is not None]:
            clips.append(kept)
    if not clips or math.isnan(found := row.summary(clips)):
        return None
    error = standard_error(clips, row.summary)
    return Cell(found, error, len(clips), sum(map(len, clips)))


def differences(committed: Table, fresh: Table) -> list[str]:
    """What of a fresh table does not match a committed one within its noise; words for people."""
    units = {row.key: row.unit for row in ROWS}
    share = _share(committed, fresh)
    found = [
        f"{key}: not measured now"
        for key, old in committed.items()
        if key not in fresh
        and FLOORS.get(units.get(key, "")) is not None
        and old.clips * share >= EXPECTED
    ]
    for key, cell in fresh.items():
        floor = FLOORS.get(units[key])
        if floor is None:
            continue
        if key not in committed:
            found.append(f"{key}: {cell.value:.3f}, not in the committed table")
            continue
        old = committed[key]
        most = tolerance(old.error, old.clips, cell.clips, floor)
        if abs(cell.value - old.value) > most:
            found.append(
                f"{key}: {cell.value:.3f} of {cell.clips} clips, committed {old.value:.3f} of "
                f"{old.clips}; {abs(cell.value - old.value):.3f} apart, noise {most:.3f}"
            )
    return found


def _share(committed: Table, fresh: Table) -> float:
    """How many of the committed table's staged clips were measured again."""
    shares = [
        fresh[row.key].clips / committed[row.key].clips
        for row in ROWS
        if row.part == "staged" and row.key in fresh and row.key in committed
    ]
    return min(1.0, max(shares, default=1.0))


def write_table(path: Path, table: Table, weights: str) -> None:
    """Write a table as JSON."""
    rows = {key: _plain(asdict(cell)) for key, cell in table.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"weights": weights, "rows": rows}, indent=1) + "\n")


def read_table(path: Path) -> tuple[Table, str]:
    """Read a table, and the digest of the weights that it is of."""
    held = json.loads(path.read_text())
    rows = {key: _cell_of(held_cell) for key, held_cell in held["rows"].items()}
    return rows, held["weights"]


def _cell_of(held: Mapping[str, Any]) -> Cell:
    error = math.nan if held["error"] is None else float(held["error"])
    return Cell(float(held["value"]), error, int(held["clips"]), int(held["lines"]))


def _plain(cell: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: None if isinstance(v, float) and math.isnan(v) else round(v, 4)
        for name, v in cell.items()
    }


def markdown(table: Table) -> str:
    """The table for people, a heading for each section."""
    text, section = [], ""
    for row in ROWS:
        if row.key not in table:
            continue
        if row.section != section:
            section = row.section
            text += [
                "",
                f"**{section}**",
                "",
                "| | | ± | clips | aim |",
                "|---|---:|---:|---:|---:|",
            ]
        text.append(_line(row, table[row.key]))
    return "\n".join(text[1:])


def _line(row: Row, cell: Cell) -> str:
    digits = {"dB": 2, "px": 2, "": 2, "s": 1}.get(row.unit, 0)
    shown = f"{cell.value:.{digits}f} {row.unit}".strip()
    error = "" if math.isnan(cell.error) else f"{cell.error:.{max(digits, 1)}f}"
    count = f"{cell.clips}" if cell.lines == cell.clips else f"{cell.clips} ({cell.lines})"
    return f"| {row.name} | {shown} | {error} | {count} | {row.aim} |"
