"""What is to be done, carried out by one run of Blender, and where it was cut short."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.assets.load import load_geometry
from reelwright.assets.mesh import Mesh
from reelwright.disk import disk_error
from reelwright.progress import Progress
from reelwright.stage.blender.blend_file import blend_version
from reelwright.stage.blender.find import SCRIPT, Blender
from reelwright.stage.blender.gather import frame_file
from reelwright.stage.blender.job import (
    BlendScene,
    Json,
    Look,
    job_of_hand,
    job_of_scene,
    missing_mesh,
)
from reelwright.stage.blender.mends import ended_error, newer_error, refusal_error
from reelwright.stage.blender.named_glb import write_named_glb
from reelwright.stage.blender.process import run_blender

if TYPE_CHECKING:
    from reelwright.storyboard.scene import Scene

RENDERED = 0.9
"""Share of the work that is Blender's; the rest is reading its files."""


def make_job(
    scene: Scene | BlendScene,
    meshes: Mapping[str, Mesh],
    work: Path,
    blender: Blender,
    look: Look,
    progress: Progress,
) -> Json:
    """A shot's job with its folder, which is named by all that decides what comes to lie in it.

    Raises:
        AssetError: A mesh cannot be read.
        StageError: A prop has no mesh; the .blend is none, or of a newer Blender.
    """
    if isinstance(scene, BlendScene):
        made_with = blend_version(scene.blend, scene.shot)
        if made_with is not None and made_with > blender.version[:2]:
            raise newer_error(scene.blend.name, ".".join(map(str, made_with)), scene.shot, blender)
        job, read = job_of_hand(scene, look), [_digest(scene.blend)]
    else:
        error = missing_mesh(scene, meshes)
        if error is not None:
            raise error
        job, read = _built_job(scene, meshes, work, look, progress)
    parts = [json.dumps(job, sort_keys=True), blender.version_text, _digest(SCRIPT), *read]
    name = hashlib.sha256("\n".join(parts).encode("utf-8")).hexdigest()[:24]
    return {**job, "out": str(work / name)}


def _built_job(
    scene: Scene, meshes: Mapping[str, Mesh], work: Path, look: Look, progress: Progress
) -> tuple[Json, list[str]]:
    folder = work / "props"
    geometries, glbs = {}, {}
    for name in sorted({placed.prop_name for placed in scene.props}):
        progress.step(0.0, f"loading {name}")
        geometries[name] = load_geometry(meshes[name])
        glbs[name] = folder / f"{_digest(meshes[name].path)[:24]}.glb"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            note = write_named_glb(meshes[name].path, glbs[name])
        except OSError as error:
            raise disk_error(error, glbs[name]) from error
        if note:
            progress.warn(f"{name}: {note}")
    return job_of_scene(scene, geometries, glbs, look), [path.name for path in glbs.values()]


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _missing(job: Json) -> list[int]:
    """Frames of a job that are not rendered yet."""
    folder = Path(job["out"])
    return [i for i in range(job["num_frames"]) if not frame_file(folder, i).is_file()]


def run_jobs(
    jobs: Sequence[Json], names: Sequence[str], work: Path, blender: Blender, progress: Progress
) -> None:
    """Have Blender do what is not done yet.

    Args:
        jobs: From `make_job`.
        names: The shots' ids.
        work: Where the job and the result lie.
        blender: Who does it.
        progress: Told of every frame.

    Raises:
        Cancelled: The person asked to stop.
        ResourceError: The disk is full, or Blender cannot be started.
        StageError: Blender refused a shot, or was ended.
    """
    if not any("save" in job or _missing(job) for job in jobs):
        return
    file, result = work / "job.json", work / "result.json"
    try:
        work.mkdir(parents=True, exist_ok=True)
        result.unlink(missing_ok=True)
        file.write_text(json.dumps({"shots": list(jobs), "result": str(result)}), "utf-8")
    except OSError as error:
        raise disk_error(error, file) from error
    follow = _Follow(jobs, names, progress)
    exit_code, tail = run_blender(blender, file, follow.heard)
    refusal = _refusal(result)
    if refusal is not None:
        where = names[refusal["shot"]]
        raise refusal_error(refusal["code"], refusal["facts"], where, blender)
    if exit_code or not result.is_file():
        raise ended_error(exit_code, tail, follow.shot, follow.frame, blender)


def _refusal(result: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(result.read_text("utf-8"))["refusal"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, dict) else None


class _Follow:
    """Where Blender is, told to whoever waits."""

    def __init__(self, jobs: Sequence[Json], names: Sequence[str], progress: Progress) -> None:
        self._counts = [int(job["num_frames"]) for job in jobs]
        self._names = names
        self._progress = progress
        self._done, self._note = 0.0, "starting Blender"
        self.shot, self.frame = names[0], 0

    def heard(self, message: dict[str, Any] | None) -> None:
        """Take a message; None is a moment to be cancelled in."""
        if message is not None:
            number, self.frame = int(message["shot"]), int(message["frame"])
            self.shot = self._names[number]
            done = sum(self._counts[:number]) + self.frame
            self._done = RENDERED * done / sum(self._counts)
            shown = min(self.frame + 1, self._counts[number])
            self._note = f"{self.shot}: frame {shown} of {self._counts[number]} in Blender"
        self._progress.step(self._done, self._note)
