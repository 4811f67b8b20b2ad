"""Real Blender: it agrees with the built-in stage, opens scenes made by hand, and goes on."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from reelwright.errors import Cancelled, StageError
from reelwright.stage import stage_shot
from reelwright.stage.blender import BlenderShot, Look, save_blend, stage_shots

from .conftest import hand_scene

pytestmark = pytest.mark.blender

FAST = Look(samples=1)


class Watch:
    """Progress that counts, and may stop or kill at a frame."""

    def __init__(self, at=None, act=None):
        self.notes, self.warnings, self._at, self._act = [], [], at, act

    def step(self, fraction, note=""):
        self.notes.append(note)
        if self._at is not None and self._at in note:
            self._act()

    def warn(self, message):
        self.warnings.append(message)

    def preview(self, picture):
        assert picture.dtype == np.uint8

    @property
    def rendered(self):
        return {note.split(" in Blender")[0] for note in self.notes if "in Blender" in note}


def away_from_edges(depth, mask):
    """Pixels whose 3x3 neighbours are of the same prop, or all sky."""
    kinds = np.where(np.isfinite(depth), mask.astype(int), -1)
    same = np.ones(mask.shape, bool)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            same &= np.roll(kinds, (dy, dx), (0, 1)) == kinds
    same[[0, -1]] = same[:, [0, -1]] = False
    return same


@pytest.fixture(scope="module")
def both(blender, small, tmp_path_factory):
    scene, meshes = small
    root = tmp_path_factory.mktemp("both")
    ours = stage_shot(scene, meshes, root / "ours")
    (theirs,) = stage_shots(
        [BlenderShot(scene, root / "theirs", meshes)], root / "work", blender, FAST
    )
    return ours, theirs


def test_depth_agrees_to_a_thousandth(both):
    ours, theirs = both
    for a, b, mask in zip(ours.depth, theirs.depth, ours.mask, strict=True):
        flat = away_from_edges(a, mask)
        assert flat.mean() > 0.8
        assert np.array_equal(np.isfinite(a)[flat], np.isfinite(b)[flat])
        solid = flat & np.isfinite(a)
        # Measured on 3.4: props 8e-5, ground 3.6e-4 near the horizon.
        assert (np.abs(a[solid] - b[solid]) / a[solid]).max() < 1e-3


def test_masks_agree(both):
    ours, theirs = both
    assert theirs.props == ours.props
    for depth, a, b in zip(ours.depth, ours.mask, theirs.mask, strict=True):
        assert set(np.unique(a)) == {0, 1, 2, 3}
        assert np.array_equal(a[away_from_edges(depth, a)], b[away_from_edges(depth, a)])


def test_motion_agrees_to_a_twentieth_of_a_pixel(both):
    ours, theirs = both
    for i, (a, b) in enumerate(zip(ours.motion, theirs.motion, strict=True)):
        flat = away_from_edges(ours.depth[i], ours.mask[i])
        # Measured on 3.4: 6e-4 px.
        assert np.abs(a - b)[flat].max() < 0.05
    assert np.abs(ours.motion[0]).max() > 5


def test_the_camera_is_the_storyboards(both):
    ours, theirs = both
    assert np.array_equal(ours.intrinsics, theirs.intrinsics)
    assert np.array_equal(ours.world_from_camera, theirs.world_from_camera)


def test_colour_shows_the_same_things(both):
    ours, theirs = both
    a, b = (np.asarray(shot.color[0], float).mean(-1).reshape(-1) for shot in both)
    assert np.corrcoef(a, b)[0, 1] > 0.6
    assert ours.color.shape == theirs.color.shape


def test_a_killed_blender_is_named_and_the_run_goes_on(blender, small, tmp_path):
    scene, meshes = small
    shot = BlenderShot(scene, tmp_path / "out", meshes)
    own = os.getpid()

    def kill():
        import psutil

        for child in psutil.Process(own).children():
            child.send_signal(signal.SIGKILL)

    with pytest.raises(StageError, match=r"ended at frame \d \(signal 9\)") as caught:
        stage_shots([shot], tmp_path / "work", blender, FAST, Watch("frame 3 of", kill))
    assert "goes on" in caught.value.mend
    assert not (tmp_path / "out").exists()
    again = Watch()
    (staged,) = stage_shots([shot], tmp_path / "work", blender, FAST, again)
    assert staged.num_frames == scene.frames.generated
    assert "shot: frame 1 of 9" not in again.rendered
    assert "shot: frame 9 of 9" in again.rendered


def test_it_can_be_cancelled_at_once(blender, small, tmp_path):
    scene, meshes = small

    def stop():
        raise Cancelled

    with pytest.raises(Cancelled):
        stage_shots([BlenderShot(scene, tmp_path / "out", meshes)], tmp_path / "work", blender,
                    FAST, Watch("frame 1 of", stop))  # fmt: skip


def test_a_scene_made_by_hand_drives_a_shot(blender, make_blend, tmp_path):
    ran = tmp_path / "ran"
    blend = make_blend(script=ran)
    (staged,) = stage_shots(
        [BlenderShot(hand_scene(blend), tmp_path / "out")], tmp_path / "work", blender, FAST
    )
    assert not ran.exists(), "a script inside the .blend was run"
    assert staged.props == ("boat", "tower")
    assert staged.frame_rate == 24
    focal = staged.intrinsics[:, 0, 0]
    assert focal[0] == pytest.approx(35 / 36 * 128, rel=1e-6)
    assert focal[-1] == pytest.approx(50 / 36 * 128, rel=1e-6)
    assert staged.world_from_camera[0, :3, 3] == pytest.approx([0.3, -6, 1.2], abs=1e-5)
    assert staged.world_from_camera[-1, :3, 3] == pytest.approx([0.3, -5, 1.2], abs=1e-5)
    # The middle of the boat's front, through the stated camera, is where its pixels are.
    from reelwright.stage import project_points

    for frame, x in ((0, 0.0), (8, 0.8)):
        (spot,), (depth,) = project_points(
            np.array([[x, -0.5, 0.5]]),
            staged.intrinsics[frame], staged.world_from_camera[frame],
        )  # fmt: skip
        column, row = int(spot[0]), int(spot[1])
        assert staged.mask[frame][row, column] == 1
        assert staged.depth[frame][row, column] == pytest.approx(depth, rel=2e-3)


def test_motion_of_a_hand_made_scene_leads_to_the_next_frame(blender, make_blend, tmp_path):
    blend = make_blend()
    (staged,) = stage_shots(
        [BlenderShot(hand_scene(blend), tmp_path / "out")], tmp_path / "work", blender, FAST
    )
    from reelwright.stage import project_points

    now, then = 3, 4
    depth, mask = staged.depth[now], staged.mask[now]
    rows, columns = np.nonzero(away_from_edges(depth, mask) & (mask == 2))  # the tower stands still
    at = np.stack([columns + 0.5, rows + 0.5, np.ones(len(rows))], -1)
    rays = at @ np.linalg.inv(staged.intrinsics[now]).T * depth[rows, columns][:, None]
    pose = staged.world_from_camera[now]
    ends, _ = project_points(
        rays @ pose[:3, :3].T + pose[:3, 3], staged.intrinsics[then], staged.world_from_camera[then]
    )
    moved = at[:, :2] + staged.motion[now][rows, columns]
    assert len(rows) > 100
    assert np.abs(moved - ends).max() < 0.05


def test_a_slower_film_stretches_the_scenes_time(blender, make_blend, tmp_path):
    blend = make_blend(fps=24, frames=9)
    scene = replace(hand_scene(blend, frames=3), frame_rate=Fraction(8))
    (staged,) = stage_shots(
        [BlenderShot(scene, tmp_path / "out")], tmp_path / "work", blender, FAST
    )
    lenses = staged.intrinsics[:, 0, 0] * 36 / 128
    one, three = lenses[0], lenses[1]
    assert one == pytest.approx(35, rel=1e-5)  # frame 1
    assert 36 < three < 43  # frame 4
    assert lenses[2] > three


def test_a_wider_generated_picture_keeps_the_directors_framing(blender, make_blend, tmp_path):
    from reelwright.shapes import GenerationSize

    blend = make_blend()
    scene = replace(hand_scene(blend, frames=1), size=GenerationSize((96, 64), (128, 64), "crop"))
    (staged,) = stage_shots(
        [BlenderShot(scene, tmp_path / "out")], tmp_path / "work", blender, FAST
    )
    assert staged.size == (128, 64)
    assert staged.intrinsics[0, 0, 0] == pytest.approx(35 / 36 * 96, rel=1e-5)
    assert staged.intrinsics[0, 0, 2] == pytest.approx(64, abs=1e-3)


def test_a_collection_alone_is_shown(blender, make_blend, tmp_path):
    scene = hand_scene(make_blend(), frames=1, collection="scenery")
    (staged,) = stage_shots(
        [BlenderShot(scene, tmp_path / "out")], tmp_path / "work", blender, FAST
    )
    assert staged.props == ("tower",)


@pytest.mark.parametrize(
    ("wish", "asked", "says"),
    [
        ({"camera": "no"}, {}, "has no camera"),
        ({}, {"camera": "Second"}, 'no camera "Second"'),
        ({}, {"collection": "crowd"}, 'no collection "crowd"'),
        ({"frames": 5}, {}, r"frames 1 to 5 last 0.21 s"),
        ({"camera_type": "ORTHO"}, {}, "is ortho"),
    ],
)
def test_a_scene_that_cannot_be_staged_says_why(blender, make_blend, tmp_path, wish, asked, says):
    scene = hand_scene(make_blend(**wish), **asked)
    with pytest.raises(StageError, match=says) as caught:
        stage_shots([BlenderShot(scene, tmp_path / "out")], tmp_path / "work", blender, FAST)
    assert caught.value.mend
    assert caught.value.where == "shot"


def test_a_damaged_blend_is_refused(blender, make_blend, tmp_path):
    blend = make_blend()
    cut = tmp_path / "cut.blend"
    cut.write_bytes(blend.read_bytes()[:5000])
    with pytest.raises(StageError, match=r"cannot open|no camera"):
        stage_shots([BlenderShot(hand_scene(cut), tmp_path / "out")], tmp_path / "work", blender)


def test_a_saved_scene_is_staged_the_same(blender, small, tmp_path):
    scene, meshes = small
    target = tmp_path / "for the director.blend"
    save_blend(scene, meshes, target, tmp_path / "work", blender)
    hand = replace(hand_scene(target, frames=9), frames=scene.frames, size=scene.size)
    (staged,) = stage_shots([BlenderShot(hand, tmp_path / "out")], tmp_path / "work", blender, FAST)
    assert np.allclose(
        staged.intrinsics, [scene.intrinsics(i) for i in range(9)], rtol=1e-5, atol=1e-3
    )
    assert np.allclose(
        staged.world_from_camera,
        [scene.camera_pose(i).world_from_camera for i in range(9)],
        atol=1e-5,
    )
    assert len(staged.props) == 3


@pytest.mark.skipif(os.name == "nt", reason="stands a shell script in for Blender")
def test_without_a_graphics_driver_cycles_draws_the_colours(blender, make_blend, tmp_path):
    aborts = tmp_path / "blender"
    job = tmp_path / "work" / "job.json"
    start = " ".join(f"'{word}'" for word in blender.command(job)[:-1])
    aborts.write_text(
        f"#!/bin/sh\nif grep -q workbench '{job}'; then kill -6 $$; fi\nexec {start} '{job}'\n"
    )
    aborts.chmod(0o755)
    watch = Watch()
    (staged,) = stage_shots(
        [BlenderShot(hand_scene(make_blend(), frames=1), tmp_path / "out")],
        tmp_path / "work",
        replace(blender, program=aborts),
        Look("workbench"),
        watch,
    )
    assert staged.num_frames == 1
    assert any("graphics driver" in each for each in watch.warnings)
