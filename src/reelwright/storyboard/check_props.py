"""Props that are exactly one thing, and an output that fits its format."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from reelwright.storyboard.problems import Finding
from reelwright.storyboard.table import Table
from reelwright.storyboard.words import shown

_SOURCES = ("file", "shape", "prompt", "image")
_SUFFIXES = {"mp4": (".mp4",), "mov": (".mov",), "mkv": (".mkv",), "wav": (".wav",)}


def check_props(whole: Table) -> Iterator[Finding]:
    """What is wrong with each prop by itself."""
    for name, prop in whole.named("props"):
        given = [source for source in _SOURCES if source in prop]
        if len(given) != 1:
            what = f"It has {' and '.join(given)}." if given else "It is nothing yet."
            yield Finding(
                prop.path,
                f"A prop is one of file, shape, prompt or image. {what}",
                "Keep one of them."
                if given
                else f"Add one, e.g. file = {shown(f'{name[:50]}.glb')}.",
            )
        if "dimensions" in prop and given and "shape" not in prop:
            yield Finding(
                prop.at("dimensions"),
                "`dimensions` are those of a built-in shape, and this prop is none.",
                "Use `size_m` or `scale`.",
            )
        if "up" in prop and (prop.text("file") or "").lower().endswith((".glb", ".gltf")):
            yield Finding(
                prop.at("up"),
                "In glTF y is always up.",
                "Take `up` out; use `turn_deg` to turn it.",
            )


def check_output(whole: Table) -> Iterator[Finding]:
    """What is wrong with `[output]` and `[finish]`."""
    output, finish = whole.table("output"), whole.table("finish")
    if output is not None:
        kind = output.text("format") if "format" in output else "mp4"
        suffix = PurePosixPath(output.text("file") or "").suffix.lower()
        wanted = _SUFFIXES.get(kind or "", (suffix,))
        if suffix and suffix not in wanted:
            yield Finding(
                output.at("file"),
                f"A file ending in {shown(suffix)} is not what format {shown(kind)} writes.",
                f'End it in "{wanted[0]}", or set `format`.',
            )
    upscale = finish.table("upscale") if finish else None
    if upscale is not None and "quality" in upscale and upscale.text("with") != "rtx-vsr":
        yield Finding(
            upscale.at("quality"),
            "`quality` is a setting of rtx-vsr alone.",
            'Take it out, or set with = "rtx-vsr".',
        )
