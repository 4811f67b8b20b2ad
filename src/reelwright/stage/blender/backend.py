"""Shots staged by Blender: one process for all of them, so that its start is paid once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from reelwright.assets.mesh import Mesh
from reelwright.disk import disk_error
from reelwright.errors import StageError
from reelwright.progress import NO_PROGRESS, Progress
from reelwright.stage.blender.find import Blender
from reelwright.stage.blender.gather import gather, read_cameras
from reelwright.stage.blender.job import BlendScene, Json, Look
from reelwright.stage.blender.run import RENDERED, make_job, run_jobs
from reelwright.stage.camera import View, scene_view
from reelwright.stage.staged_shot import (
    CAMERA,
    COLOR,
    DEPTH,
    MASK,
    MOTION,
    StagedShot,
    write_camera,
    write_cameras,
)

if TYPE_CHECKING:
    from reelwright.storyboard.scene import Scene

_NOT_THE_DRIVER = {3, -2, -9, -15, 130, 137, 143}
"""Exit codes of a script that failed and of a Blender that somebody stopped."""

_SAME = 1e-5  # Blender holds float32


@dataclass(frozen=True, slots=True, eq=False)
class BlenderShot:
    """One shot to stage.

    Attributes:
        scene: The storyboard's scene, or a .blend made by hand.
        out: The staged shot's folder; what an earlier run left there is replaced.
        meshes: By name of the prop in the storyboard; a .blend needs none.
    """

    scene: Scene | BlendScene
    out: Path
    meshes: Mapping[str, Mesh] = field(default_factory=dict)


def stage_shots(
    shots: Sequence[BlenderShot],
    work: Path,
    blender: Blender,
    look: Look | None = None,
    progress: Progress = NO_PROGRESS,
) -> list[StagedShot]:
    """Stage shots in one run of Blender.

    Args:
        shots: What is staged, each into its own folder.
        work: Where Blender's files lie until a shot is whole. The same shots with the same work
            folder go on where an earlier run was cut short.
        blender: From `find_blender`.
        look: Of the colour pictures; 16 samples in Cycles by default.
        progress: Told of every frame; may cancel at any time.

    Returns:
        The staged shots, open on disk, in the order of `shots`.

    Raises:
        AssetError: A mesh cannot be read.
        Cancelled: The person asked to stop.
        MediaError: A file cannot be read or written.
        ResourceError: The disk is full, or Blender cannot be started.
        StageError: Blender cannot stage a shot; what is wrong and the mend are said.
    """
    jobs = _rendered(shots, work.resolve(), blender, look or Look(), progress)
    staged = []
    for number, (shot, job) in enumerate(zip(shots, jobs, strict=True)):
        share = (1 - RENDERED) / len(shots)
        staged.append(_staged(shot, job, _Part(progress, RENDERED + number * share, share)))
    for job in jobs:
        shutil.rmtree(job["out"], ignore_errors=True)
    return staged


def save_blend(
    scene: Scene,
    meshes: Mapping[str, Mesh],
    target: Path,
    work: Path,
    blender: Blender,
    progress: Progress = NO_PROGRESS,
) -> None:
    """Build a storyboard's scene in Blender and save it as a .blend, for a person to go on with.

    Args:
        scene: Its props, camera, light and ground.
        meshes: By name of the prop in the storyboard.
        target: The .blend; replaced at once or not at all. Pictures are packed into it.
        work: For Blender's files.
        blender: From `find_blender`.
        progress: May cancel.

    Raises:
        AssetError: A mesh cannot be read.
        Cancelled: The person asked to stop.
        ResourceError: The disk is full, or Blender cannot be started.
        StageError: Blender cannot build the scene.
    """
    work = work.resolve()
    job = make_job(scene, meshes, work, blender, Look(), progress)
    job["save"] = str(target.resolve())
    run_jobs([job], [scene.shot], work, blender, progress)
    shutil.rmtree(job["out"], ignore_errors=True)
    if not target.is_file():
        raise StageError("Blender saved no file.", "Run it again.", where=scene.shot)


def _rendered(
    shots: Sequence[BlenderShot], work: Path, blender: Blender, look: Look, progress: Progress
) -> list[Json]:
    """Have every frame rendered; without a graphics driver, the colours by Cycles."""
    jobs = [make_job(shot.scene, shot.meshes, work, blender, look, progress) for shot in shots]
    try:
        run_jobs(jobs, [shot.scene.shot for shot in shots], work, blender, progress)
    except StageError as error:
        # A missing driver aborts the whole program; being killed is somebody's wish.
        if look.engine == "cycles" or error.facts.get("exit_code", 3) in _NOT_THE_DRIVER:
            raise
        progress.warn(
            f"Blender ended in {look.engine}, which needs a graphics driver; Cycles draws the "
            "colours instead, with one sample a pixel."
        )
        return _rendered(shots, work, blender, Look("cycles", 1), progress)
    return jobs


class _Part:
    """A share of somebody's progress."""

    def __init__(self, whole: Progress, start: float, share: float) -> None:
        self._whole, self._start, self._share = whole, start, share

    def step(self, fraction: float, note: str = "") -> None:
        self._whole.step(self._start + fraction * self._share, note)

    def warn(self, message: str) -> None:
        self._whole.warn(message)

    def preview(self, picture: NDArray[Any]) -> None:
        self._whole.preview(picture)


def _staged(shot: BlenderShot, job: Json, progress: Progress) -> StagedShot:
    """Turn a finished folder of Blender's into the staged shot."""
    scene, folder, out = shot.scene, Path(job["out"]), shot.out
    _emptied(out)
    facts = _shot_facts(folder, scene.shot)
    for note in facts["notes"]:
        progress.warn(f"{scene.shot}: {note}")
    intrinsics, places, lenses = read_cameras(folder, scene.frames.generated)
    found = [
        View(scene.size.generated, inner, place)
        for inner, place in zip(intrinsics, places, strict=True)
    ]
    if isinstance(scene, BlendScene):
        gather(folder, out, found, progress)
        write_cameras(
            out / CAMERA,
            size=scene.size,
            frames=scene.frames,
            frame_rate=scene.frame_rate,
            start_s=0.0,
            sensor_mm=float(facts["sensor_mm"]),
            props=[str(name) for name in facts["props"]],
            cameras=zip(lenses, intrinsics, places, strict=True),
        )
    else:
        views = [scene_view(scene, frame) for frame in range(scene.frames.generated)]
        _check_cameras(found, views, scene.shot)
        gather(folder, out, views, progress)
        write_camera(scene, out / CAMERA)
    return StagedShot.load(out)


def _shot_facts(folder: Path, shot: str) -> dict[str, Any]:
    try:
        facts = json.loads((folder / "shot.json").read_text("utf-8"))
        return {name: facts[name] for name in ("props", "notes", "sensor_mm")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StageError(
            "Blender's facts of the shot are lost.", "Stage it again.", where=shot
        ) from error


def _check_cameras(found: Sequence[View], views: Sequence[View], shot: str) -> None:
    """Blender must have seen the shot through the storyboard's camera."""
    for frame, (blender, ours) in enumerate(zip(found, views, strict=True)):
        far = 1 + float(np.abs(ours.place).max())
        same = np.allclose(blender.intrinsics, ours.intrinsics, rtol=_SAME, atol=1e-3)
        same &= np.allclose(blender.turn, ours.turn, atol=_SAME)
        same &= np.allclose(blender.place, ours.place, atol=_SAME * far)
        if not same:
            raise StageError(
                f"Blender's camera is not the storyboard's at frame {frame + 1}.",
                "Please report it; the built-in stage does the same work.",
                where=shot,
            )


def _emptied(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name in (COLOR, MASK, CAMERA):
            (out / name).unlink(missing_ok=True)
        for name in (DEPTH, MOTION):
            if (out / name).is_dir():
                shutil.rmtree(out / name)
    except OSError as error:
        raise disk_error(error, out) from error
