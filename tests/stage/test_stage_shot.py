"""A whole shot on disk."""

from __future__ import annotations

import json
import shutil
import weakref
from fractions import Fraction

import numpy as np
import pytest
import torch

from reelwright.assets import Mesh, build_mesh
from reelwright.errors import AssetError, Cancelled, SettingError, StageError
from reelwright.frames import open_frames
from reelwright.stage import StagedShot, contact_sheet, stage_shot
from reelwright.stage import crew as crew_module
from reelwright.stage import sink as sink_module
from reelwright.stage.crew import drawn_frames
from reelwright.stage.estimate import crew_size, estimate_stage

CAMERA = {"at": [0, -4, 1.2], "look_at": [0, 0, 0.5], "move": "truck-left", "sensor": "super-35"}
SMALL = (64, 64)


class _Watch:
    """Progress that remembers, and stops at a frame if asked."""

    def __init__(self, stop_after=None):
        self.notes, self.fractions, self.previews, self.stop_after = [], [], [], stop_after

    def step(self, fraction, note=""):
        self.notes.append(note)
        self.fractions.append(fraction)
        if self.stop_after is not None and len(self.notes) == self.stop_after:
            raise Cancelled

    def warn(self, message):
        raise AssertionError(message)

    def preview(self, picture):
        self.previews.append(picture.shape)


@pytest.fixture(scope="module")
def scene(kit):
    place = [
        {"prop": "ball", "name": "moon", "at": [0.5, 0, 0]},
        {"prop": "ball", "at": [-0.6, 1, 0]},
    ]
    return kit.scene(place, size=(60, 40), frames=7, camera=CAMERA)


@pytest.fixture(scope="module")
def meshes(scene, tmp_path_factory):
    folder = tmp_path_factory.mktemp("assets")
    prop = scene.props[0].prop.model_copy(update={"shape": "sphere"})
    return {"ball": build_mesh(prop, folder, folder / "ball")}


@pytest.fixture(scope="module")
def ready(scene, meshes, tmp_path_factory):
    """A folder with a staged shot: look, do not touch."""
    folder = tmp_path_factory.mktemp("ready")
    stage_shot(scene, meshes, folder)
    return folder


def test_a_shot_is_written_and_read_back(scene, meshes, tmp_path):
    watch = _Watch()
    staged = stage_shot(scene, meshes, tmp_path / "out", progress=watch)
    assert scene.size.generated == SMALL
    assert staged.num_frames == 9
    assert staged.size == SMALL
    assert staged.color.shape == (9, 64, 64, 3)
    assert staged.color.dtype == "uint8"
    assert staged.depth.shape == staged.mask.shape == (9, 64, 64)
    assert (staged.depth.dtype, staged.mask.dtype) == ("float32", "uint16")
    assert staged.motion.shape == (8, 64, 64, 2)
    assert staged.props == ("moon", "ball")
    assert staged.frame_rate == Fraction(24)
    for frame in (0, 4, 8):
        assert np.array_equal(staged.intrinsics[frame], scene.intrinsics(frame))
        pose = scene.camera_pose(frame).world_from_camera
        assert np.array_equal(staged.world_from_camera[frame], pose)
    assert set(np.unique(staged.mask[0])) == {0, 1, 2}
    assert watch.notes == ["loading ball", *(f"frame {n} of 9" for n in range(1, 10))]
    assert watch.fractions[-1] == 1.0
    assert (64, 64, 3) in watch.previews
    again = StagedShot.load(tmp_path / "out")
    assert np.array_equal(again.depth[5], staged.depth[5])


def test_what_is_written_is_what_was_drawn(scene, meshes, ready, kit):
    from reelwright.assets import load_geometry

    staged = StagedShot.load(ready)
    drawn = kit.renderer(scene, {"ball": load_geometry(meshes["ball"])}).render(3)
    for name in ("color", "depth", "mask", "motion"):
        assert np.array_equal(getattr(staged, name)[3], getattr(drawn, name)), name


def test_twice_gives_the_same_files(scene, meshes, tmp_path):
    threads = torch.get_num_threads()
    for name, count in (("one", 1), ("two", 3)):
        torch.set_num_threads(count)
        stage_shot(scene, meshes, tmp_path / name)
        assert torch.get_num_threads() == count
    torch.set_num_threads(threads)
    files = sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*.*"))
    assert len(files) == 3 + 9 + 8
    for file in files:
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes(), (
            file
        )


def test_an_earlier_run_is_replaced(scene, meshes, tmp_path):
    out = tmp_path / "out"
    (out / "depth").mkdir(parents=True)
    (out / "depth" / "000100.exr").write_bytes(b"old")
    assert len(stage_shot(scene, meshes, out).depth) == 9


def test_the_camera_file_says_what_it_means(ready):
    facts = json.loads((ready / "camera.json").read_text("utf-8"))
    assert facts["format"] == "reelwright-camera"
    assert facts["version"] == 1
    assert facts["conventions"]["camera"] == "x right, y down, z forward"
    assert facts["size"] == [64, 64]
    assert facts["delivered"] == {"size": [60, 40], "fit": "crop", "crop": [2, 12, 62, 52]}
    assert facts["frames"] == {"staged": 9, "delivered": 7}
    assert facts["sensor_mm"] == pytest.approx(24.89)
    assert facts["frame_rate"] == "24"
    assert "shot" not in facts  # the same scene under another id is the same artifact
    first = facts["cameras"][0]
    assert first["frame"] == 0
    assert first["lens_mm"] == 35
    assert np.shape(first["world_from_camera"]) == (4, 4)


def test_a_single_frame_has_no_motion(kit, tmp_path):
    scene = kit.scene(size=(64, 64), frames=1)
    staged = stage_shot(scene, {}, tmp_path / "out")
    assert (len(staged.color), len(staged.motion)) == (1, 0)
    assert not (tmp_path / "out" / "motion").exists()
    contact_sheet(staged, tmp_path / "sheet.png")


def test_cancelling_stops_between_frames(scene, meshes, tmp_path):
    watch = _Watch(stop_after=3)
    with pytest.raises(Cancelled):
        stage_shot(scene, meshes, tmp_path / "out", progress=watch)
    assert len(watch.notes) == 3
    assert not (tmp_path / "out" / "camera.json").exists()


def test_a_missing_mesh_is_named(scene, tmp_path):
    with pytest.raises(StageError, match="ball") as caught:
        stage_shot(scene, {}, tmp_path / "out")
    assert caught.value.mend


def test_a_damaged_mesh_is_an_asset_error(scene, meshes, tmp_path):
    shutil.copytree(meshes["ball"].path.parent, tmp_path / "ball")
    broken = Mesh.load(tmp_path / "ball")
    broken.path.write_bytes(b"glTF")
    with pytest.raises(AssetError):
        stage_shot(scene, {"ball": broken}, tmp_path / "out")


@pytest.mark.parametrize("device", ["cuda:77", "warp-drive"])
def test_a_device_that_is_not_there_is_refused(scene, meshes, tmp_path, device):
    with pytest.raises(SettingError, match=device) as caught:
        stage_shot(scene, meshes, tmp_path / "out", device=device)
    assert "cpu" in caught.value.mend


def test_a_writer_that_fails_is_heard(scene, meshes, tmp_path, monkeypatch):
    from reelwright.errors import ResourceError

    def full(self, frame):
        raise ResourceError("The disk is full.", "Free some space.")

    monkeypatch.setattr(sink_module.FrameSink, "_write", full)
    with pytest.raises(ResourceError, match="disk is full"):
        stage_shot(scene, meshes, tmp_path / "out")


def test_memory_running_out_is_a_resource_error(scene, meshes, tmp_path, monkeypatch):
    from reelwright.errors import ResourceError
    from reelwright.stage import render

    def starved(self, frame):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")

    monkeypatch.setattr(render.Renderer, "render", starved)
    with pytest.raises(ResourceError, match="64x64"):
        stage_shot(scene, meshes, tmp_path / "out")


@pytest.mark.parametrize("broken", ["camera.json", "color.mkv", "depth/000008.exr", "mask.mkv"])
def test_a_damaged_shot_is_refused(ready, tmp_path, broken):
    out = tmp_path / "out"
    shutil.copytree(ready, out)
    (out / broken).unlink()
    with pytest.raises(StageError) as caught:
        StagedShot.load(out)
    assert caught.value.mend


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"format": "other"}', '{"format": "reelwright-camera", "version": 99}']
)
def test_a_foreign_camera_file_is_refused(tmp_path, text):
    (tmp_path / "camera.json").write_text(text)
    with pytest.raises(StageError):
        StagedShot.load(tmp_path)


@pytest.mark.parametrize("threads", [1, 3])
def test_memory_does_not_grow_with_the_shot(kit, tmp_path, monkeypatch, threads):
    """However long the shot, only a few frames are alive at a time."""
    torch.set_num_threads(threads)
    known, most = [], 0
    original = crew_module.Renderer.render

    def counted(self, frame):
        nonlocal most
        drawn = original(self, frame)
        known.append(weakref.ref(drawn.color))
        most = max(most, sum(ref() is not None for ref in known))
        return drawn

    monkeypatch.setattr(crew_module.Renderer, "render", counted)
    stage_shot(kit.scene(size=(64, 64), frames=33), {}, tmp_path / "out")
    # In each hand, in the queue to the writer, and at the writer.
    assert most <= 2 * threads + 5


def test_a_crew_keeps_the_order_and_can_be_sent_home(kit):
    torch.set_num_threads(3)
    scene = kit.scene(size=(64, 64), frames=17, camera=CAMERA)
    renderer = kit.renderer(scene, {})
    expected = [renderer.render(frame).color.tobytes() for frame in (0, 1, 2)]
    frames = drawn_frames(renderer)
    found = [next(frames).color.tobytes() for _ in range(3)]
    frames.close()
    assert found == expected
    assert torch.get_num_threads() == 3


def test_a_crew_is_smaller_for_larger_pictures():
    assert crew_size((768, 448), 1) == 1
    assert crew_size((768, 448), 2) == 2
    assert crew_size((768, 448), 64) == 8
    assert crew_size((1920, 1088), 64) == 3
    assert crew_size((3840, 2176), 64) == 1


def test_an_estimate_grows_with_what_is_asked():
    plain = estimate_stage((768, 448), 30_000)
    assert 0.1 < plain.seconds_per_frame < 0.5
    assert 300e6 < plain.peak_ram_bytes < 900e6
    for more in (
        estimate_stage((1280, 704), 30_000),
        estimate_stage((768, 448), 500_000),
        estimate_stage((768, 448), 30_000, water=True),
        estimate_stage((768, 448), 30_000, num_threads=1),
    ):
        assert more.seconds_per_frame > plain.seconds_per_frame
    textured = estimate_stage((768, 448), 30_000, texture_texels=4_000_000)
    assert textured.peak_ram_bytes > plain.peak_ram_bytes + 2e7


def test_a_contact_sheet_shows_all_four(ready, tmp_path):
    from PIL import Image

    contact_sheet(StagedShot.load(ready), tmp_path / "deep" / "sheet.png", num=4)
    with Image.open(tmp_path / "deep" / "sheet.png") as sheet:
        assert sheet.size == (4 * 262 + 6, 16 + 4 * 262 + 6)
        pixels = np.asarray(sheet.convert("RGB"), dtype=int)
    rows = [pixels[22 + 262 * k : 22 + 262 * k + 256, 6:262] for k in range(4)]
    assert all(len(np.unique(row.reshape(-1, 3), axis=0)) >= 3 for row in rows)
    assert (rows[1][..., 0] == rows[1][..., 2]).all()  # depth is grey
    assert rows[1][-1].min() > rows[1][60].max()  # nearer is lighter


def test_frames_can_be_opened_one_by_one(ready):
    assert open_frames(ready / "depth")[8].shape == (64, 64)
