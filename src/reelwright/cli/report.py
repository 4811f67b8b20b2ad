"""`report`: how good is it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.cli.options import AsJson, Flag, Output
from reelwright.cli.terminal import note, say, table

if TYPE_CHECKING:
    from reelwright.quality import Comparison, Report, Thumbnails


def report(
    *files: Path,
    output: Output = None,
    as_json: AsJson = False,
    everything: Flag = False,
    strict: Flag = False,
) -> int:
    """Measure a video file; two files are compared.

    Any file that plays will do. What is measured after an encoder is the weaker set, and the report
    says so; a film that is rendered here is measured before it, against its stage.

    Parameters
    ----------
    files
        One or two video files.
    output
        Write the report as a page (.html) or for programs (.json).
    as_json
        Print it as JSON.
    everything
        Show also what passed.
    strict
        Exit with 1 if anything failed.
    """
    from reelwright.errors import InputError
    from reelwright.quality import Status, compare, measure_file

    if len(files) not in (1, 2):
        raise InputError(f"{len(files)} files cannot be reported on.", "Name one, or two.")
    reports = [measure_file(file) for file in files]
    if output is not None:
        _write(reports[0], files[0], output)
    if len(reports) == 2:
        _print_comparison(compare(*reports))
    elif as_json:
        say(json.dumps(reports[0].to_json(), ensure_ascii=False))
    else:
        _print(reports[0], everything)
    return 1 if strict and any(one.status is Status.FAIL for one in reports) else 0


def _write(report: Report, file: Path, output: Path) -> None:
    from reelwright.quality import write_html

    if output.suffix == ".json":
        output.write_text(json.dumps(report.to_json(), ensure_ascii=False), encoding="utf-8")
    else:
        write_html(report, _thumbnails(report, file), output)
    note(f"report of {file.name}: {output}")


def _thumbnails(report: Report, file: Path) -> dict[str, Thumbnails]:
    from reelwright.frames import slice_frames
    from reelwright.media import open_video
    from reelwright.quality import make_thumbnails

    pictures, start = {}, 0
    with open_video(file) as video:
        for shot in report.shots:
            frames = slice_frames(video, start, start + shot.num_frames)
            pictures[shot.shot] = make_thumbnails(shot, frames)
            start += shot.num_frames
    return pictures


def _print(report: Report, everything: bool) -> None:
    from reelwright.quality import report_rows, summary_line

    rows = [
        (row.shot, row.status, row.measure, row.subject, row.value, row.message)
        for row in report_rows(report, everything=everything)
    ]
    for text in report.notes:
        note(f"note: {text}")
    if rows:
        table(("shot", "verdict", "measure", "of", "value", "what was found"), rows)
    say(summary_line(report))


def _print_comparison(comparison: Comparison) -> None:
    from reelwright.quality import compare_rows

    for text in comparison.notes:
        note(f"note: {text}")
    rows = [
        (row.shot, row.measure, row.subject, row.first, row.second, row.change)
        for row in compare_rows(comparison)
    ]
    table(("shot", "measure", "of", comparison.first, comparison.second, "change"), rows)
