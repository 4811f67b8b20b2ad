from __future__ import annotations

import json
from pathlib import Path

import pytest

from reelwright.assets import check_prop, prop_files
from reelwright.assets.files import linked_file
from reelwright.errors import AssetError
from reelwright.storyboard.prop import Prop

GLTF = {
    "asset": {"version": "2.0"},
    "buffers": [{"uri": "mesh%20one.bin", "byteLength": 4}, {"uri": "data:;base64,AAAA"}],
    "images": [{"uri": "wood.png"}, {"bufferView": 0}],
}


def _write(root: Path, **files: bytes) -> None:
    for name, data in files.items():
        (root / name.replace("__", ".")).write_bytes(data)


def test_a_gltf_names_its_buffers_and_pictures(tmp_path: Path) -> None:
    _write(tmp_path, boat__gltf=json.dumps(GLTF).encode(), wood__png=b"x", skin__png=b"y")
    (tmp_path / "mesh one.bin").write_bytes(b"1234")
    files = prop_files(Prop(file="boat.gltf", texture="skin.png"), tmp_path)
    assert [file.name for file in files] == ["boat.gltf", "mesh one.bin", "wood.png", "skin.png"]


def test_an_obj_names_its_library_and_textures(tmp_path: Path) -> None:
    _write(
        tmp_path,
        boat__obj=b"mtllib boat.mtl other.mtl\nv 0 0 0\n",
        boat__mtl=b"newmtl a\nmap_Kd -s 1 1 1 old wood.png\nmap_Bump bump.png\n",
        other__mtl=b"newmtl b\n",
    )
    (tmp_path / "old wood.png").write_bytes(b"x")
    files = prop_files(Prop(file="boat.obj"), tmp_path)
    assert [f.name for f in files] == ["boat.obj", "boat.mtl", "old wood.png", "other.mtl"]


def test_a_shape_has_no_files(tmp_path: Path) -> None:
    assert prop_files(Prop(shape="box"), tmp_path) == ()


@pytest.mark.parametrize("name", ["../out.glb", "/etc/hostname", "link.glb"])
def test_nothing_outside_the_project(tmp_path: Path, name: str) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "out.glb").write_bytes(b"")
    (root / "link.glb").symlink_to(tmp_path / "out.glb")
    with pytest.raises(AssetError, match="outside the project") as caught:
        check_prop(Prop(file=name), root)
    assert "Copy it into the project" in caught.value.mend


@pytest.mark.parametrize(
    ("uri", "what"),
    [
        ("http://example.org/a.bin", "files of the project alone"),
        ("file:///etc/hostname", "files of the project alone"),
        ("../../secret.bin", "outside the project"),
        ("%2e%2e/%2e%2e/secret.bin", "outside the project"),
        ("missing.bin", "is not there"),
        ("a\0b", "cannot be opened"),
        ("x" * 5000, "cannot be opened|is not there"),
    ],
)
def test_links_stay_inside(tmp_path: Path, uri: str, what: str) -> None:
    root = tmp_path / "project"
    (root / "props").mkdir(parents=True)
    (tmp_path / "secret.bin").write_bytes(b"")
    with pytest.raises(AssetError, match=what) as caught:
        linked_file(uri, root / "props" / "a.gltf", root)
    assert caught.value.where == "props/a.gltf"
    assert caught.value.mend


@pytest.mark.parametrize("name", ["none.glb", "folder", "boat.blend", "noise"])
def test_missing_and_foreign_files(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    _write(tmp_path, boat__blend=b"BLENDER", noise=b"?")
    with pytest.raises(AssetError) as caught:
        prop_files(Prop(file=name), tmp_path)
    assert name in caught.value.where
    assert caught.value.mend
