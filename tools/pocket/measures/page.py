"""The page's generated parts: the table between its markers, contact sheets, curves of training."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageDraw, ImageFont
from tools.pocket.measures.maker import Maker, resized
from tools.pocket.measures.parts import CASES, MAIN
from tools.pocket.measures.scenes import SIZE, caption_of, drawn
from torch import Tensor

START, END = "<!-- measures: start -->", "<!-- measures: end -->"
SHOWN = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Where in a clip the frames of a sheet are taken."""

QUALITY = 82
MOST_LINES = 240
INK, PAPER, LIGHT = (38, 40, 46), (255, 255, 255), (226, 228, 232)
COLORS = ((32, 96, 168), (204, 92, 28), (60, 140, 72), (132, 84, 160), (120, 120, 124))

Point = tuple[float, float]


def put_table(page: Path, text: str) -> None:
    """Put a table between the page's markers; all else stays."""
    whole = page.read_text()
    if START not in whole or END not in whole:
        raise SystemExit(f"{page} has no place for the table: {START} and {END}.")
    before, rest = whole.split(START)
    page.write_text(f"{before}{START}\n\n{text}\n\n{END}{rest.split(END)[1]}")


def write_sheets(maker: Maker, seeds: Sequence[int], folder: Path) -> list[Path]:
    """A sheet for each clip: truth, depth, cross-fade, made, refined."""
    folder.mkdir(parents=True, exist_ok=True)
    maker.read([caption_of(seed) for seed in seeds])
    files = []
    for number, seed in enumerate(seeds, start=1):
        clip = drawn(seed)
        pixels = maker.pixels(maker.make_like(clip, CASES[MAIN], 0, caption_of(seed)))
        share = torch.linspace(0, 1, pixels.shape[1]).view(1, -1, 1, 1)
        fade = clip.pixels[:, :1] * (1 - share) + clip.pixels[:, -1:] * share
        rows = {"staged": clip.pixels, "depth": clip.depth_pixels, "cross-fade": fade}
        rows["made"] = pixels
        if maker.refiner is not None:
            rows["refined"] = resized(maker.refined(pixels), SIZE)
        files.append(folder / f"clip-{number}.jpg")
        sheet(rows).save(files[-1], quality=QUALITY, optimize=True)
    return files


def sheet(rows: dict[str, Tensor]) -> Image.Image:
    """Rows of frames, each with its name.

    Args:
        rows: Pixels [3, F, H, W] in [-1, 1] by name.
    """
    _, frames, height, width = next(iter(rows.values())).shape
    places = [round(share * (frames - 1)) for share in SHOWN]
    left, gap = 74, 3
    size = (left + len(places) * (width + gap), len(rows) * (height + gap))
    picture = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(13)
    for row, (name, pixels) in enumerate(rows.items()):
        top = row * (height + gap)
        pen.text((4, top + height // 2 - 8), name, INK, font)
        for column, place in enumerate(places):
            levels = ((pixels[:, place].clamp(-1, 1) + 1) * 127.5).round().byte()
            frame = Image.fromarray(levels.permute(1, 2, 0).contiguous().numpy())
            picture.paste(frame, (left + column * (width + gap), top))
    return picture


def keep_curves(sources: Sequence[Path], target: Path) -> list[dict[str, Any]]:
    """Thin the curves of training, stage after stage, and write them down; what was kept."""
    kept: list[dict[str, Any]] = []
    for source in sources:
        if source.exists():
            lines = [json.loads(text) for text in source.read_text().splitlines()]
            kept += [{"stage": source.parent.name, **line} for line in _thinned(lines)]
    if kept:
        target.write_text("".join(json.dumps(line) + "\n" for line in kept))
    elif target.exists():
        kept = [json.loads(text) for text in target.read_text().splitlines()]
    return kept


def _thinned(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """All judgements, and losses averaged over neighbours where they are many."""
    known = _not_taken_back(lines)
    judged = [line for line in known if "held_out" in line]
    losses = [line for line in known if "loss" in line]
    width = -(-len(losses) // MOST_LINES) or 1
    means = []
    for start in range(0, len(losses), width):
        group = losses[start : start + width]
        middle = group[len(group) // 2]
        loss = sum(line["loss"] for line in group) / len(group)
        means.append({"step": middle["step"], "seconds": middle["seconds"], "loss": round(loss, 4)})
    return sorted([*means, *judged], key=lambda line: (line["step"], "held_out" in line))


def _not_taken_back(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what a stopped run did after the checkpoint that it was gone on from."""
    kept: list[dict[str, Any]] = []
    for line in lines:
        while kept and kept[-1]["step"] > line["step"]:
            kept.pop()
        kept.append(line)
    return kept


def draw_curves(kept: Sequence[dict[str, Any]], path: Path) -> None:
    """Loss, and held-out PSNR beside the cross-fade's, against hours of training."""
    stages = list(dict.fromkeys(line["stage"] for line in kept))
    panels: list[tuple[str, dict[str, list[Point]]]] = []
    for stage in stages:
        own = [line for line in kept if line["stage"] == stage]
        panels.append((f"{stage}: loss", {"loss": _points(own, lambda line: line.get("loss"))}))
        named = {
            "whole picture": "all", "cross-fade": "fade", "where things move": "moving",
            "cross-fade there": "fade_moving", "last frame": "last",
        }  # fmt: skip
        judged = {name: _points(own, _held(key)) for name, key in named.items()}
        panels.append((f"{stage}: held-out PSNR, dB", judged))
    panels = [panel for panel in panels if any(panel[1].values())]
    width, height = 860, 250
    picture = Image.new("RGB", (width, height * len(panels)), PAPER)
    for number, (title, series) in enumerate(panels):
        _panel(ImageDraw.Draw(picture), (0, number * height, width, height), title, series)
    picture.save(path, optimize=True)


def _points(
    lines: Sequence[dict[str, Any]], pick: Callable[[dict[str, Any]], float | None]
) -> list[Point]:
    found = [(line["seconds"] / 3600, pick(line)) for line in lines]
    return [(x, float(y)) for x, y in found if y is not None]


def _held(key: str) -> Callable[[dict[str, Any]], float | None]:
    def pick(line: dict[str, Any]) -> float | None:
        tables = list(line.get("held_out", {}).values())
        return tables[0].get(key) if tables else None

    return pick


def _panel(
    pen: ImageDraw.ImageDraw,
    box: tuple[int, int, int, int],
    title: str,
    series: dict[str, list[Point]],
) -> None:
    """One plot: a frame, four levels, lines with their names at the right."""
    font = ImageFont.load_default(12)
    left, top, right, bottom = box[0] + 52, box[1] + 26, box[0] + box[2] - 150, box[1] + box[3] - 26
    points = [point for line in series.values() for point in line]
    xs, ys = [x for x, _ in points], sorted(y for _, y in points)
    low, high = ys[0], ys[min(len(ys) - 1, int(len(ys) * 0.985))]
    high = high if high > low else low + 1.0
    span = max(max(xs) - min(xs), 1e-6)

    def at(point: Point) -> tuple[float, float]:
        x = left + (point[0] - min(xs)) / span * (right - left)
        return x, bottom - (min(point[1], high) - low) / (high - low) * (bottom - top)

    pen.text((box[0] + 8, box[1] + 6), title, INK, font)
    for k in range(4):
        level = low + (high - low) * k / 3
        y = at((min(xs), level))[1]
        pen.line((left, y, right, y), LIGHT)
        pen.text((box[0] + 8, y - 7), f"{level:.3g}", INK, font)
    pen.text((left, bottom + 6), f"{min(xs):.1f} h", INK, font)
    pen.text((right - 30, bottom + 6), f"{max(xs):.1f} h", INK, font)
    named = [(name, line) for name, line in series.items() if line]
    for number, (name, line) in enumerate(named):
        color = COLORS[number % len(COLORS)]
        places = [at(point) for point in line]
        if len(places) > 1:
            pen.line(places, color, 2)
        for x, y in places if len(places) < 60 else ():
            pen.ellipse((x - 2, y - 2, x + 2, y + 2), color)
        pen.text((right + 10, top + 16 * number), name, color, font)
