"""A contact sheet of a rendered film: staged colour, staged depth, and the clip made from them.

    python -m tools.contact_sheet examples/lighthouse docs/pictures/lighthouse.jpg

One column a shot, from half-way through it.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reelwright.frames import open_frames
from reelwright.generate.ltx.depth_control import depth_grey, depth_range
from reelwright.stage import StagedShot

WIDTH = 384


def results(project: Path) -> dict[str, Path]:
    """Folder of each stage's newest result."""
    found: dict[str, Path] = {}
    manifests = project.glob(".reelwright/artifacts/*/manifest.json")
    for path in sorted(manifests, key=lambda path: path.stat().st_mtime):
        said = json.loads(path.read_text())
        found[said["stage"]] = path.parent / said["attempt"]
    return found


def column(staged: StagedShot, clip: Path) -> NDArray[np.uint8]:
    """A shot, from above: as staged, its depth, as made."""
    frames = open_frames(clip / "frames.mkv")
    frame = frames.shape[0] // 2
    height, width = staged.depth.shape[1:]
    grey = depth_grey(staged.depth[frame], *depth_range(staged.depth))
    cells = [staged.color[frame], np.stack([grey] * 3, axis=-1), frames[frame]]
    size = (WIDTH, round(WIDTH * height / width))
    return np.concatenate([np.asarray(Image.fromarray(cell).resize(size)) for cell in cells])


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("project", type=Path, help="folder of the storyboard")
    parser.add_argument("out", type=Path)
    given = parser.parse_args()
    found = results(given.project)
    shots = [name.removeprefix("decode/") for name in found if name.startswith("decode/")]
    kept = sorted(
        (shot for shot in shots if "+" not in shot and not shot.endswith("-draft")),
        key=lambda shot: found[f"decode/{shot}"].stat().st_mtime,
    )
    columns = []
    for shot in kept:
        stage = next(name for name in (shot, shot.split("#")[0]) if f"stage/{name}" in found)
        staged = StagedShot.load(found[f"stage/{stage}"])
        columns.append(column(staged, found[f"decode/{shot}"]))
    given.out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.concatenate(columns, axis=1)).save(given.out, quality=88)


if __name__ == "__main__":
    main()
