"""What needs no Blender: finding it, what it is asked, how its files are read."""

from __future__ import annotations

import json
import stat
import struct
import sys
from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from reelwright.errors import MediaError, ResourceError, SettingError, StageError
from reelwright.stage import project_points
from reelwright.stage.blender import Blender, BlenderShot, Look, find_blender, stage_shots
from reelwright.stage.blender import find as finding
from reelwright.stage.blender.blend_file import blend_version
from reelwright.stage.blender.gather import read_passes, sky_motion, zoomed
from reelwright.stage.blender.job import job_of_scene
from reelwright.stage.blender.mends import _SAID, ended_error, refusal_error
from reelwright.stage.blender.named_glb import write_named_glb
from reelwright.stage.blender.process import message_in, run_blender
from reelwright.stage.camera import scene_view

from .conftest import hand_scene

DEBIAN = Blender(Path("blender"), (3, 4, 1))
unix = pytest.mark.skipif(sys.platform == "win32", reason="makes a program of a shell script")


def program(folder, text, name="blender"):
    """A program that stands in for Blender's."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text("#!/bin/sh\n" + text)
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return file


@unix
def test_the_named_blender_wins_over_the_one_on_path(tmp_path, monkeypatch):
    program(tmp_path / "path", "echo 'Blender 4.2.1 LTS'")
    named = program(tmp_path / "named", "echo 'Blender 5.0.1'")
    monkeypatch.setenv("PATH", f"{tmp_path / 'path'}:/bin:/usr/bin")
    monkeypatch.setenv("REELWRIGHT_BLENDER", "")
    assert find_blender().version == (4, 2, 1)
    for way in (named, named.parent):
        monkeypatch.setenv("REELWRIGHT_BLENDER", str(way))
        assert find_blender() == Blender(named, (5, 0, 1))


@unix
def test_what_is_no_blender_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("REELWRIGHT_BLENDER", str(program(tmp_path / "a", "echo hello")))
    with pytest.raises(SettingError, match="does not answer as Blender"):
        find_blender()
    monkeypatch.setenv("REELWRIGHT_BLENDER", str(tmp_path / "gone"))
    with pytest.raises(SettingError):
        find_blender()
    monkeypatch.setenv("REELWRIGHT_BLENDER", str(program(tmp_path / "b", "echo 'Blender 2.79'")))
    with pytest.raises(ResourceError, match=r"Blender 2\.79\.0"):
        find_blender()


def test_no_blender_at_all_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("REELWRIGHT_BLENDER", "")
    monkeypatch.setattr(finding, "_places", lambda: iter([tmp_path / "nowhere"]))
    with pytest.raises(ResourceError, match="No Blender was found") as caught:
        find_blender()
    assert "REELWRIGHT_BLENDER" in caught.value.mend


@unix
def test_our_own_environment_is_asked_for_bpy(tmp_path, monkeypatch):
    python = program(tmp_path / "bpy" / "bin", "echo noise; echo 'Blender 5.0.1'", "python")
    monkeypatch.setattr(finding, "module_environment", lambda: tmp_path / "bpy")
    monkeypatch.setattr(finding.shutil, "which", lambda name: None)
    monkeypatch.setenv("REELWRIGHT_BLENDER", "")
    found = find_blender()
    assert found == Blender(python, (5, 0, 1), is_module=True)
    assert found.command(Path("j.json"))[0] == str(python)
    assert "-b" not in found.command(Path("j.json"))


def test_a_program_is_started_without_user_settings_and_scripts_of_files():
    command = DEBIAN.command(Path("job.json"))
    assert {"-b", "--factory-startup", "--disable-autoexec", "--python-exit-code"} < set(command)
    assert command[-2:] == ["--", "job.json"]
    assert Path(command[command.index("-P") + 1]).is_file()


@pytest.mark.parametrize(
    ("head", "version"),
    [
        (b"BLENDER-v304REND....", (3, 4)),
        (b"BLENDER_V279....", (2, 79)),
        (b"BLENDER17-01v0502REND", (5, 2)),
        (b"\x28\xb5\x2f\xfd........", None),
    ],
)
def test_a_blend_says_who_wrote_it(tmp_path, head, version):
    file = tmp_path / "set.blend"
    file.write_bytes(head)
    assert blend_version(file, "a") == version


def test_what_is_no_blend_is_refused_before_blender_starts(tmp_path):
    other = tmp_path / "set.blend"
    other.write_bytes(b"PK\x03\x04")
    for path, says in ((other, "no Blender file"), (tmp_path / "gone.blend", "cannot be read")):
        with pytest.raises(StageError, match=says):
            stage_shots([BlenderShot(hand_scene(path), tmp_path / "o")], tmp_path / "w", DEBIAN)


def test_a_newer_blend_is_refused_before_blender_starts(tmp_path):
    newer = tmp_path / "set.blend"
    newer.write_bytes(b"BLENDER17-01v0502REND")
    with pytest.raises(StageError, match=r"saved by Blender 5\.2; here is Blender 3\.4\.1"):
        stage_shots([BlenderShot(hand_scene(newer), tmp_path / "o")], tmp_path / "w", DEBIAN)


def test_a_prop_without_a_mesh_is_named(small, tmp_path):
    scene, meshes = small
    some = {name: mesh for name, mesh in meshes.items() if name != "cone"}
    with pytest.raises(StageError, match='"cone" has no mesh'):
        stage_shots([BlenderShot(scene, tmp_path / "o", some)], tmp_path / "w", DEBIAN)


def _job(small):
    from reelwright.assets.load import load_geometry

    scene, meshes = small
    geometries = {name: load_geometry(mesh) for name, mesh in meshes.items()}
    glbs = {name: mesh.path for name, mesh in meshes.items()}
    return scene, job_of_scene(scene, geometries, glbs, Look())


def test_the_job_moves_what_moves_and_nothing_else(small):
    scene, job = _job(small)
    assert json.loads(json.dumps(job)) == job | json.loads(json.dumps(job))
    box, ball, _ = job["props"]
    assert [prop["index"] for prop in job["props"]] == [1, 2, 3]
    assert len(box["poses"]) == 1
    assert len(ball["poses"]) == job["num_frames"] == scene.frames.generated
    assert np.allclose(np.reshape(ball["poses"][2], (4, 4)), scene.prop_pose("ball", 2))
    assert len(job["camera"]["lenses_mm"]) == scene.frames.generated


def test_the_jobs_camera_is_the_scenes(small):
    scene, job = _job(small)
    camera, width = job["camera"], scene.size.generated[0]
    for frame in (0, 4):
        focal = camera["lenses_mm"][frame] / camera["width_mm"] * width
        assert focal == pytest.approx(scene.intrinsics(frame)[0, 0], rel=1e-12)


def test_nodes_are_named_by_number_and_nothing_moves_them(tmp_path):
    nodes = [{"name": "a", "mesh": 0, "skin": 0}, {"name": "a", "children": [0]}]
    text = json.dumps({"nodes": nodes, "animations": [{}], "skins": [{}]}).encode()
    text += b" " * (-len(text) % 4)
    body = struct.pack("<2I", 4, 0x004E4942) + b"body"
    head = struct.pack("<4s4I", b"glTF", 2, 20 + len(text) + len(body), len(text), 0x4E4F534A)
    (tmp_path / "a.glb").write_bytes(head + text + body)
    note = write_named_glb(tmp_path / "a.glb", tmp_path / "b.glb")
    data = (tmp_path / "b.glb").read_bytes()
    _, _, total, length, _ = struct.unpack("<4s4I", data[:20])
    written = json.loads(data[20 : 20 + length])
    assert total == len(data)
    assert data.endswith(body)
    assert [node["name"] for node in written["nodes"]] == ["node_00000", "node_00001"]
    assert "animations" not in written
    assert "skin" not in written["nodes"][0]
    assert note is not None


def _passes(path, index="IndexOB", **changed):
    planes = {
        "ViewLayer.Depth.Z": np.array([[2.0, 1e10]], np.float32),
        f"ViewLayer.{index}.X": np.array([[3.0, 0.0]], np.float32),
        "ViewLayer.Vector.X": np.full((1, 2), 9.0, np.float32),
        "ViewLayer.Vector.Y": np.full((1, 2), 9.0, np.float32),
        "ViewLayer.Vector.Z": np.array([[-1.5, 0.0]], np.float32),
        "ViewLayer.Vector.W": np.array([[0.25, 0.0]], np.float32),
    } | changed
    header = {"type": OpenEXR.scanlineimage}
    OpenEXR.File(header, {k: v for k, v in planes.items() if v is not None}).write(str(path))
    return path


@pytest.mark.parametrize("index", ["IndexOB", "Object Index"])
def test_passes_are_read_in_our_conventions(tmp_path, index):
    passes = read_passes(_passes(tmp_path / "a.exr", index))
    assert passes.depth.tolist() == [[2.0, np.inf]]
    assert passes.mask.tolist() == [[3, 0]]
    assert passes.motion[0, 0].tolist() == [1.5, 0.25]


def test_a_pass_that_is_missing_is_named(tmp_path):
    _passes(tmp_path / "a.exr", **{"ViewLayer.Vector.W": None})
    with pytest.raises(MediaError, match=r"Vector\.W"):
        read_passes(tmp_path / "a.exr")
    (tmp_path / "b.exr").write_bytes(b"half")
    with pytest.raises(MediaError, match="cannot be read"):
        read_passes(tmp_path / "b.exr")


def test_the_sky_moves_as_what_is_far_away(small):
    scene, _ = small
    now, then = scene_view(scene, 0), scene_view(scene, 1)
    motion = sky_motion(now, then)
    ray = now.turn @ np.linalg.inv(now.intrinsics) @ [40.5, 10.5, 1]
    far, _ = project_points((now.place + 1e9 * ray)[None], then.intrinsics, then.world_from_camera)
    assert motion[10, 40] == pytest.approx(far[0] - [40.5, 10.5], abs=1e-4)


def test_a_lens_that_changes_moves_what_stands_still(small):
    scene, _ = small
    now, then = scene_view(scene, 0), scene_view(scene, 1)
    still = np.zeros((128, 128, 2), np.float32)
    moved = zoomed(still, now, then)
    factor = then.focal[0] / now.focal[0] - 1
    assert factor > 0.01
    assert moved[10, 100] == pytest.approx([36.5 * factor, -53.5 * factor], rel=1e-5)
    assert zoomed(still, now, now) is still


@unix
def test_blenders_own_prints_are_kept_apart_from_the_scripts(tmp_path):
    told = program(
        tmp_path, "echo 'Fra:1 Mem:9M'; echo 'REELWRIGHT {\"shot\": 0, \"frame\": 4}'; "
        "echo 'RuntimeError: no luck'; exit 3",
    )  # fmt: skip
    heard = []
    code, tail = run_blender(Blender(told, (3, 4, 1)), tmp_path / "job.json", heard.append)
    assert code == 3
    assert [each for each in heard if each] == [{"shot": 0, "frame": 4}]
    assert "Fra:1" in tail
    error = ended_error(code, tail, "a", 4, DEBIAN)
    assert "RuntimeError: no luck" in error.what
    assert message_in(b"REELWRIGHT not json") is None


@unix
def test_what_the_listener_raises_ends_blender(tmp_path):
    slow = program(tmp_path, "exec sleep 60")

    def stop(message):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_blender(Blender(slow, (3, 4, 1)), tmp_path / "job.json", stop)


def test_a_program_that_cannot_start_is_said(tmp_path):
    with pytest.raises(ResourceError, match="could not be started"):
        run_blender(Blender(tmp_path / "gone", (3, 4, 1)), tmp_path / "job.json", lambda m: None)


def test_every_refusal_of_the_script_has_a_mend():
    import re

    script = Path(DEBIAN.command(Path("j"))[-3]).read_text("utf-8")
    codes = set(re.findall(r'Refusal\(\s*"([a-z-]+)"', script))
    assert codes == set(_SAID)
    error = refusal_error("unknown-camera", {"name": "B", "known": ["A"]}, "shot", DEBIAN)
    assert (error.what, error.mend) == (
        'There is no camera "B" in the scene.', 'Cameras there: "A".'
    )  # fmt: skip
    assert refusal_error("new-one", {}, "shot", DEBIAN).mend


def test_the_script_is_data_and_never_imported():
    script = Path(DEBIAN.command(Path("j"))[-3])
    assert not (script.parent / "__init__.py").exists()
    assert "import reelwright" not in script.read_text("utf-8")
