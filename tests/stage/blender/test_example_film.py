"""The example film's shots, staged by real Blender and by the built-in stage: the same numbers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reelwright.assets import build_mesh
from reelwright.shapes import GenerationSize, ShotFrames
from reelwright.stage import stage_shot
from reelwright.stage.blender import BlenderShot, Look, stage_shots
from reelwright.storyboard import load_film, resolve_scenes

pytestmark = pytest.mark.blender

FILM = Path(__file__).parents[3] / "examples" / "lighthouse" / "storyboard.toml"
SHOTS = ("approach", "rising", "bell", "lamp")
FRAMES = 3


@pytest.fixture(scope="module")
def film(blender, tmp_path_factory):
    """Both ways' staged shots, by id; the first frames of each shot, small."""
    root = tmp_path_factory.mktemp("film")
    film = load_film(FILM).film
    size = GenerationSize((160, 90), (192, 128), "crop")
    scenes = {
        name: replace(scene, frames=ShotFrames(FRAMES, FRAMES), size=size)
        for name, scene in resolve_scenes(film).items()
        if scene is not None
    }
    meshes = {name: build_mesh(prop, FILM.parent, root / name) for name, prop in film.props.items()}
    theirs = stage_shots(
        [BlenderShot(scene, root / "b" / name, meshes) for name, scene in scenes.items()],
        root / "work",
        blender,
        Look(samples=1),
    )
    ours = [stage_shot(scene, meshes, root / "o" / name) for name, scene in scenes.items()]
    return dict(zip(scenes, zip(ours, theirs, strict=True), strict=True))


def smooth(depth, mask):
    """Pixels that no silhouette is near, of a prop or of one part of it before another.

    The nearness (1 / depth) of a plane is linear over the picture; it bends where one thing ends.
    """
    nearness = np.where(np.isfinite(depth), 1 / depth, 0).astype(np.float64)
    kinds = np.where(np.isfinite(depth), mask.astype(int), -1)
    kept = np.ones(depth.shape, bool)
    for dy, dx in ((0, 1), (1, 0), (1, 1), (1, -1)):
        before, after = (np.roll(a, (dy, dx), (0, 1)) for a in (nearness, kinds))
        beyond, later = (np.roll(a, (-dy, -dx), (0, 1)) for a in (nearness, kinds))
        bend = np.abs(before + beyond - 2 * nearness)
        kept &= (bend <= 0.002 * nearness) & (after == kinds) & (later == kinds)
    kept[[0, -1]] = kept[:, [0, -1]] = False
    return kept


@pytest.mark.parametrize("shot", SHOTS)
def test_depth_mask_and_motion_agree(film, shot):
    ours, theirs = film[shot]
    assert ours.props == theirs.props
    assert np.array_equal(ours.world_from_camera, theirs.world_from_camera)
    depths, motions = [], []
    for frame in range(FRAMES):
        a, b, mask = ours.depth[frame], theirs.depth[frame], ours.mask[frame]
        # In both: what is thinner than a pixel may be met by one way and just missed by the other.
        kept = smooth(a, mask) & smooth(b, theirs.mask[frame])
        assert kept.mean() > 0.7
        assert np.array_equal(mask[kept], theirs.mask[frame][kept])
        solid = kept & np.isfinite(a)
        assert np.isfinite(b[solid]).all()
        depths.append(np.abs(a[solid] - b[solid]) / a[solid])
        if frame + 1 < FRAMES:
            motions.append(np.abs(ours.motion[frame] - theirs.motion[frame]).max(-1)[kept])
    depth, motion = np.concatenate(depths), np.concatenate(motions)
    print(f"{shot}: depth {depth.max():.1e}, motion {motion.max():.1e} px, {kept.mean():.2f}")  # noqa: T201
    assert depth.max() < 1e-3
    assert motion.max() < 0.05
