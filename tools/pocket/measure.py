"""Measures the shipped pocket weights on held-out staged scenes, and writes the page's table.

    python -m tools.pocket.measure                     # all of it; goes on where it was stopped
    python -m tools.pocket.measure --clips 6 --seeds 1 --dry
    python -m tools.pocket.measure --check --clips 40  # against the committed table

Clips are made by the product's own code with the files that lie in the package. `--check` measures
anew, compares with the committed table within its noise, and ends with 1 where they differ.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import torch
from tools.pocket.measures.lines import Lines
from tools.pocket.measures.maker import Maker
from tools.pocket.measures.page import draw_curves, keep_curves, put_table, write_sheets
from tools.pocket.measures.parts import Amounts, Measuring
from tools.pocket.measures.scenes import measured_seeds
from tools.pocket.measures.table import (
    Table,
    differences,
    markdown,
    read_table,
    table_of,
    write_table,
)

RUNS = Path("tools/pocket/runs")
PAGE, FOLDER = Path("docs/pocket.md"), Path("docs/pocket")
SHEETS = 4


def main() -> None:
    """Command line."""
    given = _options()
    torch.set_num_threads(given.threads)
    maker = Maker.installed(given.device)
    file = given.lines or RUNS / "measures" / ("check.jsonl" if given.check else "lines.jsonl")
    lines = Lines.open(file, maker.digest)
    measuring = Measuring(maker, lines, _amounts(given))
    whole = measuring.run(given.minutes, lambda text: print(text, flush=True))
    if not whole:
        print("time is up: the same command goes on", flush=True)
    table = table_of(lines)
    print(markdown(table))
    if given.check:
        sys.exit(_check(table, maker.digest, file if whole else None))
    if not given.dry:
        write(maker, given, table)


def write(maker: Maker, given: argparse.Namespace, table: Table) -> None:
    """Write table, page, sheets and curves."""
    write_table(FOLDER / "table.json", table, maker.digest)
    put_table(PAGE, markdown(table))
    write_sheets(maker, measured_seeds(SHEETS), FOLDER)
    kept = keep_curves(given.curves, FOLDER / "curves.jsonl")
    if kept:
        draw_curves(kept, FOLDER / "curves.png")
    print(f"written: {PAGE}, {FOLDER}/")


def _check(table: Table, weights: str, spent: Path | None) -> int:
    if not (FOLDER / "table.json").exists():
        print(f"no table is committed: {FOLDER / 'table.json'}")
        return 1
    committed, made_with = read_table(FOLDER / "table.json")
    if made_with != weights:
        print(f"the committed table is of other weights: {made_with}, here {weights}")
        return 1
    found = differences(committed, table)
    print("\n".join(found) if found else "the table matches the committed one within its noise")
    if spent is not None:
        spent.unlink(missing_ok=True)  # the next check measures anew
    return 1 if found or spent is None else 0


def _amounts(given: argparse.Namespace) -> Amounts:
    usual = Amounts()
    share = min(1.0, given.clips / usual.clips)
    return Amounts(
        clips=given.clips,
        seeds=given.seeds,
        seeded=usual.seeded if given.seeded is None else given.seeded,
        few=min(given.clips, usual.few),
        captions=usual.captions if share == 1 else max(4, round(usual.captions * share)),
        large=usual.large if share == 1 else max(1, round(usual.large * share)),
    )


def _options() -> argparse.Namespace:
    usual = Amounts()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=int, default=usual.clips, help="staged clips")
    parser.add_argument("--seeds", type=int, default=usual.seeds, help="of noise")
    parser.add_argument("--seeded", type=int, help="clips made from all seeds")
    parser.add_argument("--minutes", type=float, default=1e9, help="stop after so many")
    parser.add_argument("--check", action="store_true", help="compare with the committed table")
    parser.add_argument("--dry", action="store_true", help="print the table, write no page")
    parser.add_argument("--lines", type=Path, help="file of what was measured so far")
    parser.add_argument(
        "--curves",
        type=Path,
        nargs="*",
        default=[RUNS / stage / "curves.jsonl" for stage in ("transformer", "joint")],
        help="of the training, to be drawn",
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
