"""How good is it: measures of a shot, a film or any file, with verdicts, limits and remedies.

Measured on raw frames and float sound where they are to hand; against the stage where it is known.
A measure that could not be taken says so; it is never called passed. Names are loaded when they are
first used, so that naming this room costs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwright.quality.comparison import Change, ComparedRow, Comparison, compare
    from reelwright.quality.depth_estimate import DepthEstimate
    from reelwright.quality.file import ShotStage, measure_file
    from reelwright.quality.film import FilmShot, FilmSound, measure_film
    from reelwright.quality.group_pops import latent_groups
    from reelwright.quality.guards import (
        GUARDS,
        badness,
        broken_guards,
        broken_words,
        guard_verdicts,
        remedies_of,
    )
    from reelwright.quality.page import write_html
    from reelwright.quality.remedy import Remedy
    from reelwright.quality.report import (
        Report,
        Series,
        ShotReport,
        Status,
        Transition,
        Try,
        Verdict,
    )
    from reelwright.quality.report_json import shot_report_from_json, shot_report_to_json
    from reelwright.quality.rows import (
        CompareRow,
        ReportRow,
        compare_rows,
        report_rows,
        summary_line,
    )
    from reelwright.quality.seams import SeamLine
    from reelwright.quality.shot import Decode, ShotSound, measure_clip
    from reelwright.quality.steps import Staged
    from reelwright.quality.threshold import Needs, Threshold
    from reelwright.quality.thresholds import THRESHOLDS
    from reelwright.quality.thumbnails import Thumbnails, make_thumbnails

__all__ = [
    "GUARDS",
    "THRESHOLDS",
    "Change",
    "CompareRow",
    "ComparedRow",
    "Comparison",
    "Decode",
    "DepthEstimate",
    "FilmShot",
    "FilmSound",
    "Needs",
    "Remedy",
    "Report",
    "ReportRow",
    "SeamLine",
    "Series",
    "ShotReport",
    "ShotSound",
    "ShotStage",
    "Staged",
    "Status",
    "Threshold",
    "Thumbnails",
    "Transition",
    "Try",
    "Verdict",
    "badness",
    "broken_guards",
    "broken_words",
    "compare",
    "compare_rows",
    "guard_verdicts",
    "latent_groups",
    "make_thumbnails",
    "measure_clip",
    "measure_file",
    "measure_film",
    "remedies_of",
    "report_rows",
    "shot_report_from_json",
    "shot_report_to_json",
    "summary_line",
    "write_html",
]

_HOMES = {
    "comparison": ("Change", "ComparedRow", "Comparison", "compare"),
    "depth_estimate": ("DepthEstimate",),
    "file": ("ShotStage", "measure_file"),
    "film": ("FilmShot", "FilmSound", "measure_film"),
    "group_pops": ("latent_groups",),
    "guards": (
        "GUARDS",
        "badness",
        "broken_guards",
        "broken_words",
        "guard_verdicts",
        "remedies_of",
    ),
    "page": ("write_html",),
    "remedy": ("Remedy",),
    "report": ("Report", "Series", "ShotReport", "Status", "Transition", "Try", "Verdict"),
    "report_json": ("shot_report_from_json", "shot_report_to_json"),
    "rows": ("CompareRow", "ReportRow", "compare_rows", "report_rows", "summary_line"),
    "seams": ("SeamLine",),
    "shot": ("Decode", "ShotSound", "measure_clip"),
    "steps": ("Staged",),
    "threshold": ("Needs", "Threshold"),
    "thresholds": ("THRESHOLDS",),
    "thumbnails": ("Thumbnails", "make_thumbnails"),
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
