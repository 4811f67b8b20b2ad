"""A whole shot, frame by frame, onto disk; what it holds does not grow with the shot's length."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from reelwright.assets.geometry import Geometry
from reelwright.assets.load import load_geometry
from reelwright.assets.mesh import Mesh
from reelwright.errors import ResourceError, SettingError, StageError
from reelwright.progress import NO_PROGRESS, Progress
from reelwright.stage.crew import drawn_frames
from reelwright.stage.render import Renderer
from reelwright.stage.sink import FrameSink
from reelwright.stage.staged_shot import (
    CAMERA,
    COLOR,
    DEPTH,
    MASK,
    MOTION,
    StagedShot,
    write_camera,
)

if TYPE_CHECKING:
    from reelwright.storyboard.scene import Scene

_PREVIEW_EVERY = 8


def stage_shot(
    scene: Scene,
    meshes: Mapping[str, Mesh],
    out: Path,
    device: str = "cpu",
    progress: Progress = NO_PROGRESS,
) -> StagedShot:
    """Draw every frame of a scene into a folder.

    Args:
        scene: What is staged.
        meshes: By name of the prop in the storyboard; those that the scene does not place are
            left alone.
        out: The folder; what an earlier run left there is replaced.
        device: A torch device: `cpu`, `cuda`, `cuda:1`, `mps`.
        progress: Told of every frame; may cancel between two.

    Returns:
        The staged shot, open on disk.

    Raises:
        AssetError: A mesh cannot be read.
        Cancelled: The person asked to stop.
        ResourceError: Not enough memory or disk.
        SettingError: There is no such device.
        StageError: A placed prop has no mesh, or the scene has too many triangles.
    """
    target = _device(device)
    _emptied(out)
    names = {placed.prop_name for placed in scene.props}
    count = scene.frames.generated
    with _memory(scene):
        renderer = Renderer(scene, _geometries(names, meshes, scene, progress), target)
        frames = drawn_frames(renderer)
        with FrameSink(out, scene.size.generated, moving=count > 1) as sink, closing(frames):
            for number, frame in enumerate(frames):
                sink.write(frame)
                if number % _PREVIEW_EVERY == 0 or number == count - 1:
                    progress.preview(frame.color)
                progress.step((number + 1) / count, f"frame {number + 1} of {count}")
    write_camera(scene, out / CAMERA)
    return StagedShot.load(out)


def _geometries(
    names: set[str], meshes: Mapping[str, Mesh], scene: Scene, progress: Progress
) -> dict[str, Geometry]:
    missing = sorted(names - set(meshes))
    if missing:
        raise StageError(
            f'The prop "{missing[0]}" has no mesh.',
            "Run the assets stage for it first.",
            where=scene.shot,
        )
    geometries = {}
    for name in sorted(names):
        progress.step(0.0, f"loading {name}")
        geometries[name] = load_geometry(meshes[name])
    return geometries


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise SettingError(
            f'The stage cannot run on "{name}": torch has no such device here.',
            'Use "cpu", or install a torch that was built for the device (`reelwright doctor`).',
            device=name,
        ) from error
    return device


def _emptied(out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for name in (COLOR, MASK, CAMERA):
        (out / name).unlink(missing_ok=True)
    for name in (DEPTH, MOTION):
        if (out / name).is_dir():
            shutil.rmtree(out / name)


@contextmanager
def _memory(scene: Scene) -> Iterator[None]:
    """Say plainly when memory runs out."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _too_large(scene) from error
    except RuntimeError as error:
        if "not enough memory" in str(error) or "can't allocate memory" in str(error):
            raise _too_large(scene) from error
        raise


def _too_large(scene: Scene) -> ResourceError:
    width, height = scene.size.generated
    return ResourceError(
        f"There is not enough memory to stage {width}x{height} pixels of this shot.",
        "Close other programs, stage on the CPU, or make the film or its meshes smaller.",
        where=scene.shot,
    )
