"""How often the measures of generated clips find planted faults, and how often they cry wolf.

Run by `bench_quality.py --faults`. A fault is found where the clip's verdict is a warning or a
failure (for a join, a note or worse); rates are of clips, and after the bar those that failed.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

import quality_faults as planted
from card import machine_facts
from quality_faults import Clip
from reelwright.audio import Audio, AudioWriter
from reelwright.frames import ArrayFrames
from reelwright.quality import (
    DepthEstimate,
    FilmShot,
    ShotReport,
    Status,
    measure_clip,
    measure_film,
)

RATE = Fraction(24)
CODEC_DB = 33.0
BEGIN, END = "<!-- rates: begin -->", "<!-- rates: end -->"
CLEAN = (
    "not_finite", "black", "frozen", "flicker", "group_pop", "group_pop_staged", "motion_followed",
    "motion_direction", "speed", "depth_edges", "depth_order", "depth_estimate", "doubled",
    "prop_place", "prop_missing", "bad_frame", "keyframe_psnr", "keyframe_mean_ssim",
    "keyframe_shift", "keyframe_color", "keyframe_block", "keyframe_ssim", "av_length",
)  # fmt: skip


@dataclass(frozen=True)
class Key:
    """A keyframe as a measure takes it."""

    image: Path
    frame: int
    strength: float = 1.0


@dataclass(frozen=True)
class Row:
    """One fault, and the measures of which any may find it."""

    measures: tuple[str, ...]
    fault: str
    unit: str
    strengths: tuple[float, ...]
    plant: Callable[[int, float], Clip | None]
    codec: bool = False


def _rows() -> list[Row]:
    def on_clean(fault: planted.Fault) -> Callable[[int, float], Clip]:
        return lambda number, strength: fault(planted.clean(number), number, strength)

    def other_scene(number: int, _: float) -> Clip:
        return replace(planted.clean(number + 4), stage=planted.stage_of(number))

    look = ("keyframe_psnr", "keyframe_ssim", "keyframe_mean_ssim")
    keys = ("keyframe_psnr", "keyframe_shift", "keyframe_block", "keyframe_ssim")
    return [
        Row(
            ("not_finite",),
            "pixels that are no numbers",
            "pixels",
            (1,),
            on_clean(planted.not_numbers),
        ),
        Row(("black",), "black frames", "frames", (1, 2), on_clean(planted.black)),
        Row(("frozen",), "last frames repeat", "frames", (1, 3), on_clean(planted.frozen)),
        Row(("flicker",), "random gain a frame", "%", (0.6, 1.25), on_clean(planted.flicker)),
        Row(("group_pop",), "groups off by a pattern", "levels", (1, 2, 4), on_clean(planted.pops)),
        Row(
            ("group_pop_staged",),
            "groups off by a pattern",
            "levels",
            (1, 2, 4),
            on_clean(planted.pops),
        ),
        Row(
            ("group_pop",),
            "codec without smoothed borders",
            "dB",
            (CODEC_DB,),
            lambda number, db: planted.through_codec(planted.clean(number), db, cured=False),
        ),
        Row(
            ("motion_followed",),
            "cross-fade of the keyframes mixed in",
            "of the picture",
            (0.5, 0.75, 1),
            on_clean(planted.cross_fade),
        ),
        Row(("motion_followed",), "another scene's clip", "", (1,), other_scene),
        Row(
            ("motion_direction",),
            "a flat world slides another way",
            "degrees",
            (15, 30, 60, 180),
            planted.veered,
        ),
        Row(("depth_edges",), "another scene's clip", "", (1,), other_scene),
        Row(("depth_edges",), "whole picture aside", "px", (6, 12), on_clean(planted.displaced)),
        Row(
            ("depth_order",),
            "farther prop painted in front",
            "",
            (1,),
            lambda number, _: planted.swapped(number),
        ),
        Row(
            ("depth_order",),
            "the same, through the codec",
            "",
            (1,),
            lambda number, _: planted.swapped(number),
            codec=True,
        ),
        Row(
            ("depth_estimate",),
            "estimate with smooth errors",
            "%",
            (5, 20, 40),
            on_clean(planted.estimated),
        ),
        Row(
            ("depth_estimate",),
            "props seen at the far end",
            "props",
            (1, 3),
            on_clean(planted.estimate_of_another),
        ),
        Row(
            ("doubled",),
            "props left standing, opacity",
            "",
            (0.1, 0.25, 0.5),
            on_clean(planted.ghost),
        ),
        Row(
            ("doubled",),
            "the same, through the codec",
            "",
            (0.25, 0.5),
            on_clean(planted.ghost),
            codec=True,
        ),
        Row(look, "last frames blurred", "px", (1, 2, 4), on_clean(planted.soft)),
        Row(keys, "whole picture aside", "px", (1, 2, 4), on_clean(planted.displaced)),
        Row(
            ("keyframe_color",),
            "colour drifts to the last frame",
            "%",
            (2, 4, 8),
            on_clean(planted.tinted),
        ),
        Row(keys, "a prop gone", "", (1,), lambda number, _: planted.clean(number, missing=2)),
    ]


def measured(clip: Clip, folder: Path) -> ShotReport:
    """A generated clip's report, keyframes at both ends."""
    keys = []
    for picture, frame in zip(clip.keys, (0, len(clip.frames) - 1), strict=True):
        path = folder / f"key{frame}.png"
        Image.fromarray(picture).save(path)
        keys.append(Key(path, frame))
    depth = None if clip.estimate is None else DepthEstimate(ArrayFrames(clip.estimate))
    return measure_clip(
        ArrayFrames(clip.frames),
        RATE,
        staged=clip.stage,
        generated=True,
        keyframes=keys,
        depth=depth,
    )


def verdict_of(report: ShotReport, measures: Iterable[str]) -> Status | None:
    """The gravest verdict of some measures; None if nothing was judged."""
    found = [
        verdict.status
        for verdict in report.verdicts
        if verdict.measure in measures and verdict.status is not Status.NOT_JUDGED
    ]
    return max(found, key=lambda status: status.rank) if found else None


def rates(statuses: Sequence[Status | None], least: Status = Status.WARN) -> str:
    """`94 % (50 %) of 16`: found, and failed, of those that were judged."""
    judged = [status for status in statuses if status is not None]
    if not judged:
        return "none judged"
    found = sum(status.rank >= least.rank for status in judged) / len(judged)
    failed = sum(status is Status.FAIL for status in judged) / len(judged)
    return f"{100 * found:.0f} ({100 * failed:.0f}) of {len(judged)}"


def clean_rates(count: int, folder: Path) -> tuple[list[str], list[str]]:
    """False alarms of every measure on clean clips, raw and through the codec."""
    columns = []
    for codec in (False, True):
        statuses: dict[str, list[Status | None]] = {name: [] for name in CLEAN}
        other: Counter[str] = Counter()
        for number in range(count):
            clip = planted.estimated(planted.clean(number), number, 5)
            report = measured(planted.through_codec(clip, CODEC_DB) if codec else clip, folder)
            for name in CLEAN:
                statuses[name].append(verdict_of(report, (name,)))
            other.update({v.measure for v in report.verdicts if v.status.rank > 1} - set(CLEAN))
        columns.append((statuses, other))
    lines = [
        f"| {name} | {rates(columns[0][0][name])} | {rates(columns[1][0][name])} |"
        for name in CLEAN
        if any(status is not None for column in columns for status in column[0][name])
    ]
    notes = [f"{name} {count}" for name, count in (columns[0][1] + columns[1][1]).items()]
    return lines, notes


def fault_rates(count: int, folder: Path) -> list[str]:
    """How often each planted fault is found, by strength."""
    lines = []
    for row in _rows():
        parts = []
        for strength in row.strengths:
            statuses = []
            for number in range(count):
                clip = row.plant(number, strength)
                if clip is not None:
                    clip = planted.through_codec(clip, CODEC_DB) if row.codec else clip
                    statuses.append(verdict_of(measured(clip, folder), row.measures))
            unit = f" {row.unit}" if row.unit else ""
            name = f"{strength:g}{unit}: " if unit or len(row.strengths) > 1 else ""
            parts.append(f"{name}{rates(statuses)}")
        lines.append(f"| {', '.join(row.measures)} | {row.fault} | {'; '.join(parts)} |")
        print(lines[-1], file=sys.stderr)
    return lines


def join_rates(count: int) -> list[str]:
    """Jumps of colour where one shot continues another: in L* by a gain, through `measure_film`."""
    parts = []
    for strength in (0.0, 1.0, 2.0, 4.0):
        statuses: list[Status | None] = []
        for number in range(count):
            world = replace(planted.world(number), num_frames=5)
            one = planted.worlds().render(world)
            two = planted.worlds().render(replace(world, start=5))
            moved = np.clip(np.rint(two.frames + strength * 2.55), 0, 255).astype(np.uint8)
            shots = []
            for name, made, frames in (("one", one, one.frames), ("two", two, moved)):
                report = measure_clip(ArrayFrames(frames), RATE, shot=name, generated=True)
                goes_on = "one" if name == "two" else None
                shots.append(FilmShot(report, ArrayFrames(frames), made.stage, continues=goes_on))
            film = measure_film("film", shots)
            found = [v.status for v in film.verdicts if v.measure.startswith("join_color")]
            statuses.append(found[0] if found and found[0] is not Status.NOT_JUDGED else None)
        parts.append(f"{strength:g} % of full scale: {rates(statuses, Status.NOTE)}")
    return [f"| join_color | next shot brighter (note or worse) | {'; '.join(parts)} |"]


def length_rates(folder: Path) -> list[str]:
    """Sound that ends with, before or after the picture."""
    clip, parts = planted.clean(0), []
    for off_ms in (0, 15, 25, -45):
        path = folder / f"sound{off_ms}.wav"
        count = round(48_000 * (len(clip.frames) / 24 + off_ms / 1000))
        with AudioWriter(path) as writer:
            writer.write(np.random.default_rng(0).normal(0, 0.1, (2, count)).astype(np.float32))
        report = measure_clip(
            ArrayFrames(clip.frames), RATE, audio=Audio.open(path), generated=True
        )
        status = verdict_of(report, ("av_length",))
        parts.append(f"{off_ms} ms: {status.value if status else 'not judged'}")
    return [f"| av_length | sound longer or shorter | {'; '.join(parts)} |"]


def measure_rates(count: int, page: Path | None) -> int:
    """Print the tables, and put them into a page between its marks."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        clean, notes = clean_rates(count, folder)
        found = fault_rates(count, folder) + join_rates(count) + length_rates(folder)
    size = f"{planted.SIZE[0]}x{planted.SIZE[1]}"
    text = "\n".join(
        [
            f"{count} clips of {planted.NUM_FRAMES} frames at {size}, 8 bit, before the encoder. "
            "Numbers are percent of clips that warned or failed, in brackets failed, of those "
            "judged.",
            "",
            f"| measure | clean | clean, through a codec of {CODEC_DB:g} dB |",
            "| --- | --- | --- |",
            *clean,
            "",
            f"Other measures that alarmed on these clips: {', '.join(notes) or 'none'}.",
            "",
            "| measure | planted fault | found |",
            "| --- | --- | --- |",
            *found,
        ]
    )
    print(text)
    print(json.dumps({"bench": "quality_faults", **machine_facts(), "clips": count, "ok": True}))
    if page is not None:
        before, rest = page.read_text("utf-8").split(BEGIN, 1)
        after = rest.split(END, 1)[1]
        page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", "utf-8", newline="\n")
    return 0
