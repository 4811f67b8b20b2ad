"""Wavefront, Stanford and STL files, as trimesh writes them and as others do."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh

from reelwright.assets import Mesh, Part, build_mesh, check_prop, load_geometry
from reelwright.errors import AssetError
from reelwright.storyboard.prop import Prop

QUAD_OBJ = """
v 0 0 0
v 1 0 0
v 1 2 0
v 0 2 0
vt 0 0
vt 1 0
vt 1 1
vt 0 1
vn 0 0 1
"""
TRIANGLE_PLY = """ply
format ascii 1.0
comment by hand
element vertex 4
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
property float s
property float t
element face 2
property list uchar int vertex_indices
property uchar flags
end_header
0 0 0 255 0 0 0 0
1 0 0 255 0 0 1 0
1 1 0 128 0 0 1 1
0 1 0 255 0 0 0 1
4 0 1 2 3 9
3 0 1 2 7
"""


def _build(root: Path, name: str, data: str | bytes, **prop: object) -> Mesh:
    (root / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return build_mesh(Prop.model_validate({"file": name, **prop}), root, root / "out")


def _part(root: Path, name: str, data: str | bytes, **prop: object) -> Part:
    (part,) = load_geometry(_build(root, name, data, **prop)).parts
    return part


def _solid() -> trimesh.Trimesh:
    solid = trimesh.creation.annulus(0.3, 0.8, 1.7, sections=24)
    solid.apply_translation([1, 2, 3])
    return solid


@pytest.mark.parametrize("kind", ["stl", "stl_ascii", "ply", "ply_ascii", "obj"])
def test_reads_as_trimesh_wrote_it(tmp_path: Path, kind: str) -> None:
    solid = _solid()
    suffix, _, text = kind.partition("_")
    if kind == "ply_ascii":
        data = solid.export(file_type="ply", encoding="ascii")
    else:
        data = solid.export(file_type=kind)
    mesh = _build(tmp_path, f"ring.{suffix}", data, up="z")
    assert mesh.num_triangles == len(solid.faces)
    np.testing.assert_allclose(mesh.bounds_m, solid.bounds, atol=1e-6)
    geometry = load_geometry(mesh)
    part, matrix = geometry.parts[0], geometry.part_matrices()[0]
    read = trimesh.Trimesh(part.vertices @ matrix[:3, :3].T, part.faces, process=True)
    assert read.volume == pytest.approx(solid.volume, rel=1e-4)
    toward = np.einsum("fa,fa->f", part.normals[part.faces].mean(axis=1), _cross(part))
    assert (toward > 0).all()
    assert text in ("", "ascii")


def _cross(part: Part) -> np.ndarray:
    a, b, c = (part.vertices[part.faces[:, i]] for i in range(3))
    return np.cross(b - a, c - a)


@pytest.mark.parametrize(
    ("suffix", "up", "top"), [("obj", None, 2), ("obj", "z", 0), ("ply", None, 0), ("ply", "y", 1)]
)
def test_which_way_is_up(tmp_path: Path, suffix: str, up: str | None, top: float) -> None:
    data = QUAD_OBJ + "f 1 2 3 4\n" if suffix == "obj" else TRIANGLE_PLY
    mesh = _build(tmp_path, f"a.{suffix}", data, **({"up": up} if up else {}))
    assert mesh.bounds_m[1][2] == top


@pytest.mark.parametrize(
    "faces",
    [
        "f 1 2 3 4",
        "f 1/1 2/2 3/3 4/4",
        "f 1//1 2//1 3//1 4//1",
        "f 1/1/1 2/2/1 3/3/1 4/4/1",
        "f -4/-4/-1 -3/-3/-1 -2/-2/-1 -1/-1/-1",
        "f 1/1/1 2/2 3//1 4",
        "f 1 2 3\nf 1/1 3/3 4/4",
        "f\t1 2 \\\n 3 4\r",
    ],
)
def test_every_way_to_write_a_face(tmp_path: Path, faces: str) -> None:
    part = _part(tmp_path, "a.obj", QUAD_OBJ + faces + "\n")
    assert len(part.faces) == 2
    np.testing.assert_allclose(_cross(part), [[0, 0, 2]] * 2)
    np.testing.assert_allclose(part.normals[part.faces].reshape(-1, 3), [[0, 0, 1]] * 6, atol=1e-6)


def test_obj_uvs_are_turned_over(tmp_path: Path) -> None:
    part = _part(tmp_path, "a.obj", QUAD_OBJ + "f 1/1 2/2 3/3\n")
    assert part.uvs is not None
    first = part.vertices.tolist().index([0, 0, 0])
    assert part.uvs[first].tolist() == [0, 1]


def test_obj_materials(models: Any, tmp_path: Path) -> None:
    (tmp_path / "a.mtl").write_text(
        "newmtl red\nKd 0.5 0 0\nNs 250\nKe 0 0 4\nd 0.5\nillum 2\n"
        "newmtl wood\nKd 0 0 0\nmap_Kd my wood.png\nPr 0.2\nPm 0.9\nmap_Bump b.png\n"
    )
    (tmp_path / "my wood.png").write_bytes(models.png((4, 5, 6, 255)))
    obj = "mtllib a.mtl\n" + QUAD_OBJ + "usemtl red\nf 1/1 2/2 3/3\nusemtl wood\nf 1/1 3/3 4/4\n"
    mesh = _build(tmp_path, "a.obj", obj)
    red, wood = (part.material for part in load_geometry(mesh).parts)
    assert red.base_color == (0.5, 0, 0, 0.5)
    assert red.roughness == pytest.approx(0.5)
    assert red.emissive == (0, 0, 4)
    assert red.alpha_mode == "BLEND"
    assert wood.base_color == (1, 1, 1, 1)
    assert wood.base_texture is not None
    assert wood.base_texture[0, 0].tolist() == [4, 5, 6, 255]
    assert (wood.roughness, wood.metallic) == (0.2, 0.9)
    assert any('"wood"' in warning for warning in mesh.warnings)


def test_obj_vertex_colors_are_srgb(tmp_path: Path) -> None:
    rows = "".join(f"v {x} {y} 0 1 0.5 0\n" for x, y in [(0, 0), (1, 0), (0, 1)])
    part = _part(tmp_path, "a.obj", rows + "f 1 2 3\n")
    assert part.colors is not None
    np.testing.assert_allclose(part.colors[0], [1, 0.21404, 0, 1], atol=1e-4)


def test_ply_text(tmp_path: Path) -> None:
    part = _part(tmp_path, "a.ply", TRIANGLE_PLY)
    assert len(part.faces) == 3
    assert part.colors is not None
    assert part.colors[:, 0].min() == pytest.approx(0.21586, abs=1e-4)
    assert part.uvs is not None
    assert part.uvs[0].tolist() == [0, 1]


def _ply(order: str, faces: list[list[int]]) -> bytes:
    """As Blender writes it: polygons of any length, and a table of edges behind them."""
    word = {"<": "little", ">": "big"}[order]
    head = (
        f"ply\nformat binary_{word}_endian 1.0\nelement vertex 5\nproperty double x\n"
        f"property double y\nproperty double z\nelement face {len(faces)}\n"
        "property list uchar uint vertex_index\nelement edge 1\nproperty int a\nend_header\n"
    )
    corners = [[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0], [-0.5, 0.5, 0]]
    rows = [bytes([len(face)]) + np.array(face, f"{order}u4").tobytes() for face in faces]
    body = np.array(corners, f"{order}f8").tobytes() + b"".join(rows) + b"\0\0\0\0"
    return head.encode() + body


# The last is as long as three faces like its first one.
@pytest.mark.parametrize("sizes", [[3], [4, 4], [4, 3], [5], [4, 3, 5]])
@pytest.mark.parametrize("order", ["<", ">"])
def test_ply_binary_with_polygons(tmp_path: Path, order: str, sizes: list[int]) -> None:
    part = _part(tmp_path, "a.ply", _ply(order, [list(range(size)) for size in sizes]))
    assert len(part.faces) == sum(size - 2 for size in sizes)
    area = np.linalg.norm(_cross(part), axis=1).sum() / 2
    assert area == pytest.approx(sum({3: 0.5, 4: 1, 5: 1.25}[size] for size in sizes))


def test_a_binary_ply_that_breaks_off_is_refused_at_every_byte(tmp_path: Path) -> None:
    data = _ply("<", [[0, 1, 2, 3], [0, 1, 2], [2, 3, 4]])
    for end in range(data.index(b"end_header"), len(data)):
        (tmp_path / "a.ply").write_bytes(data[:end])
        with pytest.raises(AssetError, match=r"ends before|head is broken") as caught:
            check_prop(Prop(file="a.ply"), tmp_path)
        assert caught.value.where == "a.ply"


def test_ply_normals_and_uvs_stay_with_their_vertices(tmp_path: Path) -> None:
    head = TRIANGLE_PLY.replace(
        "uchar red\nproperty uchar green\nproperty uchar blue", "float nx\nproperty float ny\n"
        "property float nz"
    )  # fmt: skip
    rows = "1 0 0 1 0 0 0 0\n0 0 0 -1 0 0 1 0\n0 0 1 0 -1 0 1 0\n0 1 0 0 1 0 0 0\n"
    text = head[: head.index("end_header\n") + 11] + rows + "3 0 1 2 0\n3 3 0 1 0\n"
    part = _part(tmp_path, "a.ply", text, up="y")
    assert part.uvs is not None
    found = {
        tuple(vertex): (*normal, *uv)
        for vertex, normal, uv in zip(
            part.vertices.tolist(), part.normals.tolist(), part.uvs.tolist(), strict=True
        )
    }
    assert found[1, 0, 0] == (1, 0, 0, 0, 1)
    assert found[0, 0, 0] == (-1, 0, 0, 1, 1)
    assert found[0, 0, 1] == (0, -1, 0, 1, 1)


def test_an_stl_may_have_any_name(tmp_path: Path) -> None:
    text = _solid().export(file_type="stl_ascii").partition("\n")[2]
    data = b"SOLID vertex 7 \xe9\n" + text.encode()
    assert _build(tmp_path, "a.stl", data).num_triangles == len(_solid().faces)


def test_obj_indices_may_count_back_from_the_face(tmp_path: Path) -> None:
    low = "o low\nv 0 0 0\nv 1 0 0\nv 1 0 1\nf -3 -2 -1\n"
    high = "o high\nv 0 9 0\nv 1 9 0\nv 1 9 1\nf -3 -2 -1\n"
    assert _build(tmp_path, "a.obj", low + high).bounds_m[1][2] == 9
    part = _part(tmp_path, "a.obj", low + high)
    assert sorted({float(y) for y in part.vertices[:, 1]}) == [0, 9]


def test_obj_faces_written_in_several_ways_keep_their_corners(tmp_path: Path) -> None:
    hexagon = "v 0 0 0\nv 2 0 0\nv 3 1 0\nv 2 2 0\nv 0 2 0\nv -1 1 0\nvt 0 0\nvn 0 0 1\n"
    # As many numbers in the line: a triangle of pairs, a hexagon of single ones.
    faces = "f 1/1 2/1 3/1\nf 1//1 2//1 3//1\nf 1 2 3 4 5 6\n"
    part = _part(tmp_path, "a.obj", hexagon + faces)
    assert part.uvs is None
    assert np.linalg.norm(_cross(part), axis=1).sum() / 2 == pytest.approx(1 + 1 + 6)


@pytest.mark.parametrize("kind", ["obj", "stl", "ply"])
def test_mutants_are_read_or_refused_and_nothing_else(tmp_path: Path, kind: str) -> None:
    solid = _solid()
    whole = {
        "obj": QUAD_OBJ.encode() + b"f 1/1/1 2/2/1 3/3/1\nf 1/1/1 3/3/1 4/4/1\n",
        "stl": solid.export(file_type="stl_ascii").encode(),
        "ply": TRIANGLE_PLY.encode(),
    }[kind]
    rng = np.random.default_rng(4)
    refused = []
    for _ in range(150):
        data = bytearray(whole)
        for at in rng.integers(0, len(data), rng.integers(1, 5)):
            data[at] = rng.choice(list(b"0123456789-./ \nefvnax\xff\0"))
        if rng.random() < 0.2:
            del data[rng.integers(0, len(data)) :]
        (tmp_path / f"a.{kind}").write_bytes(data)
        try:
            check_prop(Prop(file=f"a.{kind}"), tmp_path)
        except AssetError as error:
            refused.append((error.where.partition(":")[0], bool(error.mend)))
    assert 0 < len(refused) < 150
    assert set(refused) == {(f"a.{kind}", True)}


@pytest.mark.parametrize(
    ("name", "data", "what", "where"),
    [
        ("a.obj", "", "empty", "a.obj"),
        ("a.obj", QUAD_OBJ, "not one face", "a.obj"),
        ("a.obj", QUAD_OBJ + "f 1 2 9\n", "vertex 9; there are 4", "a.obj:11"),
        ("a.obj", QUAD_OBJ + "f 1 2 -9\n", "uses vertex", "a.obj:11"),
        ("a.obj", QUAD_OBJ + "f 1 2 0\n", "uses vertex 0", "a.obj:11"),
        ("a.obj", QUAD_OBJ + "f 1/9 2/1 3/1\n", "texture coordinate 9", "a.obj:11"),
        ("a.obj", QUAD_OBJ + "f 1 2 x\n", '"x" is no corner', "a.obj:11"),
        ("a.obj", QUAD_OBJ + "f 1 2 " + "9" * 30 + "\n", "vertex 999", "a.obj:11"),
        ("a.obj", QUAD_OBJ + "f 1 2 " + "9" * 5000 + "\n", "is no corner", "a.obj:11"),
        ("a.obj", QUAD_OBJ + "f 1 2\n", "not one face", "a.obj"),
        ("a.obj", "v 0 0 0\nv 1 nan 0\nf 1 1 1\n", '"v" needs 3', "a.obj:2"),
        ("a.obj", "v 0 0 0\nv 1 0\nf 1 1 1\n", '"v" needs 3', "a.obj:2"),
        ("a.obj", "mtllib no.mtl\n" + QUAD_OBJ + "f 1 2 3\n", "no.mtl", "a.obj"),
        ("a.obj", "mtllib ../no.mtl\n" + QUAD_OBJ + "f 1 2 3\n", "outside the project", "a.obj"),
        ("a.stl", b"", "empty", "a.stl"),
        ("a.stl", b"\0" * 84, "not one triangle", "a.stl"),
        ("a.stl", b"\0" * 80 + b"\xff\xff\xff\xff", "says that it has 4294967295", "a.stl"),
        ("a.stl", b"solid a\nfacet\nvertex 0 0 0\n", "breaks off", "a.stl"),
        ("a.stl", b"solid a\nvertex 0 0 0\nendsolid\n", "cannot be read", "a.stl"),
        ("a.stl", b"solid a\n" + b"vertex 0 x 0\n" * 3 + b"endsolid\n", "cannot be read", "a.stl"),
        ("a.stl", b"solid a\n" + b"vertex 0 nan 0\n" * 3 + b"endsolid\n", "NaN", "a.stl"),
        ("a.ply", b"", "empty", "a.ply"),
        ("a.ply", b"plywood", "head is broken", "a.ply"),
        ("a.ply", TRIANGLE_PLY.replace("3 0 1 2 7\n", ""), "ends before", "a.ply"),
        ("a.ply", TRIANGLE_PLY.replace("3 0 1 2 7", "3 0 1"), "fewer numbers", "a.ply"),
        ("a.ply", TRIANGLE_PLY.replace("4 0 1 2 3 9", "6 0 1 2 3 9"), "fewer numbers", "a.ply"),
        ("a.ply", TRIANGLE_PLY.replace("3 0 1 2 7", "3 0 1 5 7"), "index 5 is out", "a.ply"),
        ("a.ply", TRIANGLE_PLY.replace("3 0 1 2 7", "3 0 1 -2 7"), "uses vertex -2", "a.ply"),
        ("a.ply", TRIANGLE_PLY.replace("face 2", "face 0"), "cloud of points", "a.ply"),
        ("a.ply", TRIANGLE_PLY.replace("vertex 4", "vertex 99999999999"), "99999999999", "a.ply"),
        ("a.ply", TRIANGLE_PLY.replace("float x", "quark x"), "not understood", "a.ply"),
        ("a.ply", TRIANGLE_PLY.replace("0 1 0 255", "0 nan 0 255"), "NaN", "a.ply"),
    ],
)
def test_refused_with_its_place(
    tmp_path: Path, name: str, data: str | bytes, what: str, where: str
) -> None:
    root = tmp_path / "project"
    root.mkdir()
    (tmp_path / "no.mtl").write_text("")
    (root / name).write_bytes(data.encode() if isinstance(data, str) else data)
    with pytest.raises(AssetError, match=what) as caught:
        check_prop(Prop(file=name), root)
    assert caught.value.where == where
    assert caught.value.mend


def test_a_broken_file_prints_nothing(tmp_path: Path) -> None:
    facet = b"facet normal x y z\nouter loop\n" + b"vertex 0 0 0\n" * 3 + b"endloop\nendfacet\n"
    (tmp_path / "a.stl").write_bytes(b"solid a\n" + facet * 9 + b"endsolid\n")
    code = (
        "from pathlib import Path; from reelwright.assets import check_prop; "
        "from reelwright.storyboard.prop import Prop; from reelwright.errors import AssetError\n"
        f"try: check_prop(Prop(file='a.stl'), Path({str(tmp_path)!r}))\nexcept AssetError: pass"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_a_broken_texture_of_an_obj_is_named(models: Any, tmp_path: Path) -> None:
    (tmp_path / "a.mtl").write_text("newmtl wood\nmap_Kd wood.png\n")
    (tmp_path / "wood.png").write_bytes(models.png(size=(200, 200))[:100])
    obj = "mtllib a.mtl\nusemtl wood\n" + QUAD_OBJ + "f 1 2 3\n"
    with pytest.raises(AssetError, match="picture is damaged") as caught:
        _build(tmp_path, "a.obj", obj)
    assert caught.value.where == "wood.png"


def test_a_bad_material_number_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.mtl").write_text("newmtl wood\nKd 1 0 x\n")
    with pytest.raises(AssetError, match='"x" is no number') as caught:
        _build(tmp_path, "a.obj", "mtllib a.mtl\n" + QUAD_OBJ + "f 1 2 3\n")
    assert caught.value.where == "a.mtl:2"
