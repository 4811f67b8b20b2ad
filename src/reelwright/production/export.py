"""Results put where a person can open them: staged shots and keyframes.

The files are copies: a person may well change them, and a result must stay what it is. An export of
the same shot takes the place of the one before it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from reelwright.plan import StageKind

if TYPE_CHECKING:
    from reelwright.production.job import RenderResult
    from reelwright.stage import StagedShot

CONTACT_SHEET = "contact_sheet.png"
PREVIEW = "preview.mp4"
_MARKER = "camera.json"
_PREVIEW_CRF = 20


def export_stage(result: RenderResult, folder: Path) -> tuple[Path, ...]:
    """Put every staged shot of a render into a folder of its own.

    Args:
        result: Of a render that went at least as far as the stage.
        folder: Where to; `folder/<shot>/` gets `depth/%06d.exr`, `motion/%06d.exr`, `mask.mkv`,
            `color.mkv`, `camera.json`, `contact_sheet.png` and `preview.mp4`.

    Returns:
        The shots' folders, in the film's order.

    Raises:
        MediaError: Something that is no export of ours lies in the way.
        ResourceError: The disk is full.
    """
    from reelwright.media.atomic import atomic_folder
    from reelwright.stage import StagedShot, contact_sheet

    made = []
    for name, source in _results(result, StageKind.STAGE):
        target = folder / name
        with atomic_folder(target, _MARKER) as part:
            shutil.copytree(source, part, dirs_exist_ok=True)
            staged = StagedShot.load(part)
            contact_sheet(staged, part / CONTACT_SHEET)
            _write_preview(name, staged, part / PREVIEW)
        made.append(target)
    return tuple(made)


def export_keyframes(result: RenderResult, folder: Path) -> tuple[Path, ...]:
    """Put every keyframe of a render into a folder.

    Args:
        result: Of a render that went at least as far as the keyframes.
        folder: Where to; pictures are called `<shot>-<frame>.png`.

    Returns:
        The pictures, in the film's order.
    """
    from reelwright.keyframes import load_keyframes

    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, source in _results(result, StageKind.KEYFRAMES):
        for keyframe in load_keyframes(source):
            target = folder / f"{name}-{keyframe.frame:04d}.png"
            _replace(keyframe.image, target)
            made.append(target)
    return tuple(made)


def _results(result: RenderResult, kind: StageKind) -> Iterator[tuple[str, Path]]:
    for stage in result.plan.of_kind(kind):
        if stage.id in result.folders:
            yield stage.id.partition("/")[2].replace("#", "-take"), result.folders[stage.id]


def _replace(source: Path, target: Path) -> None:
    from reelwright.media.atomic import atomic_file

    with atomic_file(target) as part:
        shutil.copyfile(source, part)


def _write_preview(name: str, staged: StagedShot, target: Path) -> None:
    from reelwright.media import FilmMetadata, FilmSpan, OutputSettings, write_film

    write_film(
        [FilmSpan(name, staged.color)],
        None,
        target,
        settings=OutputSettings(frame_rate=staged.frame_rate, crf=_PREVIEW_CRF),
        metadata=FilmMetadata(title=f"{name} (staged)"),
    )
