"""What is read of a glTF file."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reelwright.assets import Geometry, Mesh, build_mesh, load_geometry
from reelwright.assets.gltf_write import GltfBuilder
from reelwright.storyboard.prop import Prop

Build = Callable[..., Mesh]


def test_y_up_becomes_z_up(models: Any, built: Build) -> None:
    mesh = built(models.quad())
    assert mesh.bounds_m == ((0, 0, 0), (1, 0, 1))
    part = load_geometry(mesh).parts[0]
    assert part.vertices.dtype == np.float32
    assert part.faces.dtype == np.int64
    assert part.name == "quad"
    assert mesh.warnings == ()


def test_material_factors(models: Any, built: Build) -> None:
    builder = models.quad(
        name="paint",
        pbrMetallicRoughness={
            "baseColorFactor": [0.1, 0.2, 0.3, 0.4],
            "metallicFactor": 0.5,
            "roughnessFactor": 0.6,
        },
        emissiveFactor=[0, 0.5, 1],
        alphaMode="BLEND",
        alphaCutoff=0.25,
        doubleSided=True,
        extensions={
            "KHR_materials_unlit": {},
            "KHR_materials_emissive_strength": {"emissiveStrength": 4.0},
        },
    )
    material = load_geometry(built(builder)).parts[0].material
    assert material.base_color == (0.1, 0.2, 0.3, 0.4)
    assert (material.metallic, material.roughness) == (0.5, 0.6)
    assert material.emissive == (0, 2, 4)
    assert (material.alpha_mode, material.alpha_cutoff) == ("BLEND", 0.25)
    assert material.double_sided
    assert material.unlit
    assert material.name == "paint"


def test_no_material_is_plain_and_no_metal(models: Any, built: Build) -> None:
    material = load_geometry(built(models.quad())).parts[0].material
    assert material.metallic == 0


def test_maps_are_decoded_or_averaged(models: Any, built: Build) -> None:
    builder = models.quad(pbrMetallicRoughness={"roughnessFactor": 0.5})
    core = builder.data["materials"][0]["pbrMetallicRoughness"]
    core["baseColorTexture"] = {"index": builder.add_picture(models.png((10, 20, 30, 40)), "")}
    core["metallicRoughnessTexture"] = {
        "index": builder.add_picture(models.png((0, 102, 51, 255)), "")
    }
    builder.data["materials"][0]["emissiveFactor"] = [1, 1, 1]
    builder.data["materials"][0]["emissiveTexture"] = {"index": 1}
    material = load_geometry(built(builder)).parts[0].material
    assert material.base_texture is not None
    assert material.base_texture.shape == (2, 4, 4)
    assert material.base_texture[0, 0].tolist() == [10, 20, 30, 40]
    assert material.emissive_texture is not None
    assert material.roughness == pytest.approx(0.2)
    assert material.metallic == pytest.approx(0.2)


def test_a_normal_map_is_said_not_to_be_drawn(models: Any, built: Build) -> None:
    builder = models.quad(name="brick")
    builder.data["materials"][0]["normalTexture"] = {"index": builder.add_picture(models.png(), "")}
    assert any('"brick"' in warning for warning in built(builder).warnings)


def test_specular_glossiness(models: Any, built: Build) -> None:
    gloss = {"diffuseFactor": [0.2, 0.3, 0.4, 1], "glossinessFactor": 0.75}
    builder = models.quad(extensions={"KHR_materials_pbrSpecularGlossiness": gloss})
    material = load_geometry(built(builder)).parts[0].material
    assert material.base_color == (0.2, 0.3, 0.4, 1)
    assert (material.metallic, material.roughness) == (0, 0.25)


def test_sampler_wrap(models: Any, built: Build) -> None:
    builder = models.quad(pbrMetallicRoughness={})
    builder.add("samplers", {"wrapS": 33071, "wrapT": 33648})
    texture = builder.add_picture(models.png(), "")
    builder.data["textures"][texture]["sampler"] = 0
    builder.data["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"] = {"index": texture}
    assert load_geometry(built(builder)).parts[0].material.wrap == ("CLAMP", "MIRROR")


def test_texture_transform_moves_the_uvs(models: Any, built: Build) -> None:
    builder = models.quad(pbrMetallicRoughness={})
    moved = {"offset": [0.5, 0.25], "scale": [2, 3], "rotation": np.pi / 2}
    builder.data["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"] = {
        "index": builder.add_picture(models.png(), ""),
        "extensions": {"KHR_texture_transform": moved},
    }
    uvs = load_geometry(built(builder)).parts[0].uvs
    assert uvs is not None
    # (u, v) scaled, turned by 90 degrees (u' = v, v' = -u), moved: (1, 1) -> (3.5, -1.75).
    np.testing.assert_allclose(uvs[1], [3.5, -1.75], atol=1e-6)


def test_vertex_colors_of_bytes(models: Any, built: Build) -> None:
    builder = models.quad()
    view = builder.add_view(np.array([[255, 0, 51, 255]] * 4, np.uint8).tobytes(), byteStride=4)
    accessor = {"bufferView": view, "componentType": 5121, "normalized": True, "count": 4}
    color = builder.add("accessors", {**accessor, "type": "VEC3"})
    builder.data["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"] = color
    colors = load_geometry(built(builder)).parts[0].colors
    assert colors is not None
    np.testing.assert_allclose(colors[0], [1, 0, 0.2, 1])


@pytest.mark.parametrize(
    ("mode", "indices", "wanted"),
    [
        (5, [0, 1, 3, 2], [[0, 1, 3], [1, 2, 3]]),
        (6, [0, 1, 2, 3], [[1, 2, 0], [2, 3, 0]]),
        (4, [0, 1, 2, 3], [[0, 1, 2]]),
    ],
)
def test_strips_and_fans(
    models: Any, built: Build, mode: int, indices: list[int], wanted: list[list[int]]
) -> None:
    builder = models.quad()
    primitive = builder.data["meshes"][0]["primitives"][0]
    primitive["mode"] = mode
    primitive["indices"] = builder.add_array(np.array(indices), corners=True)
    assert load_geometry(built(builder)).parts[0].faces.tolist() == wanted


def test_lines_are_said_not_to_be_drawn(models: Any, built: Build) -> None:
    builder = models.quad()
    primitives = builder.data["meshes"][0]["primitives"]
    primitives.append({**primitives[0], "mode": 1})
    mesh = built(builder)
    assert mesh.num_triangles == 2
    assert mesh.warnings == ("Points and lines in the file are not drawn.",)


def test_sparse_accessor(models: Any, built: Build) -> None:
    builder = models.quad()
    at = builder.add_view(np.array([2], "<u2").tobytes())
    new = builder.add_view(np.array([[5, 6, 7]], "<f4").tobytes())
    builder.data["accessors"][0]["sparse"] = {
        "count": 1,
        "indices": {"bufferView": at, "componentType": 5123},
        "values": {"bufferView": new},
    }
    assert load_geometry(built(builder)).parts[0].vertices[2].tolist() == [5, 6, 7]


def test_missing_normals_are_made(models: Any, built: Build) -> None:
    builder = models.quad()
    del builder.data["meshes"][0]["primitives"][0]["attributes"]["NORMAL"]
    part = load_geometry(built(builder)).parts[0]
    np.testing.assert_allclose(part.normals, np.tile([0, 0, 1], (4, 1)), atol=1e-6)
    assert part.uvs is not None


def test_a_mesh_that_stands_twice_is_read_once(models: Any, built: Build) -> None:
    builder = models.quad()
    builder.add("nodes", {"mesh": 0, "translation": [0, 5, 0]})
    builder.data["scenes"][0]["nodes"] = [0, 1]
    geometry = load_geometry(built(builder))
    assert geometry.parts[0].vertices is geometry.parts[1].vertices
    assert geometry.part_matrices()[1][:3, 3].tolist() == [0, 0, 5]


def test_only_the_shown_scene_is_drawn(models: Any, built: Build) -> None:
    builder = models.quad()
    builder.add("nodes", {"mesh": 0})
    builder.add("scenes", {"nodes": [1]})
    builder.data["scene"] = 1
    assert len(load_geometry(built(builder)).parts) == 1


def test_children_that_a_scene_names_too(models: Any, built: Build) -> None:
    builder = models.quad()
    builder.data["nodes"][0]["translation"] = [1, 0, 0]
    builder.add("nodes", {"children": [0], "scale": [2, 2, 2]})
    builder.data["scenes"][0]["nodes"] = [0, 1]
    assert built(builder).bounds_m == ((2, 0, 0), (4, 0, 2))


def test_animation_moves_what_hangs_below(models: Any, built: Build) -> None:
    builder = models.quad()
    builder.add("nodes", {"children": [0], "name": "swing"})
    builder.data["scenes"][0]["nodes"] = [1]
    half = float(np.sqrt(0.5))
    models.add_channel(builder, "rotation", [0, 2], [[0, 0, 0, 1], [0, 0, half, half]], node=1)
    models.add_channel(builder, "translation", [0, 1], [[0] * 3, [0, 1, 0]], node=1, name="rise")
    mesh = built(builder)
    assert mesh.animations == ("move", "rise")
    geometry = load_geometry(mesh)
    # 90 degrees about glTF's z (our -y) takes our x to our z.
    x_axis = geometry.part_matrices("auto", 2.0, loop=False)[0] @ [1, 0, 0, 0]
    np.testing.assert_allclose(x_axis, [0, 0, 1, 0], atol=1e-6)
    assert geometry.part_matrices("rise", 2.25, loop=True)[0][2, 3] == pytest.approx(0.25)
    np.testing.assert_allclose(geometry.part_matrices("none", 1.0)[0][:3, 3], 0)


def test_animations_without_or_with_equal_names(models: Any, built: Build) -> None:
    builder = models.quad()
    for name in ("", "bob", "bob", "none"):
        models.add_channel(builder, "translation", [0, 1], [[0] * 3, [1] * 3], name=name)
    assert built(builder).animations == ("animation 1", "bob", "bob 2", "none 2")


def test_skin_and_morph_are_drawn_at_rest_and_said(models: Any, built: Build) -> None:
    builder = models.rich()
    models.add_channel(builder, "weights", [0, 1], [[0], [1]], name="smile")
    mesh = built(builder)
    assert any("Skinning" in warning for warning in mesh.warnings)
    assert any("Morph" in warning for warning in mesh.warnings)
    assert mesh.animations == ("move",)
    geometry = load_geometry(mesh)
    # Half of the morph's (1, 1, 1), then the bone's (0, 1, 0) in glTF's axes.
    held = models.QUAD + np.array([0.5, 1.5, 0.5])
    np.testing.assert_allclose(geometry.parts[0].vertices, held)
    still = geometry.part_matrices("none")[0]
    np.testing.assert_allclose(geometry.part_matrices("move", 0.5)[0], still)


def test_separate_and_embedded_files_read_alike(models: Any, tmp_path: Path) -> None:
    builder = models.quad(pbrMetallicRoughness={})
    core = builder.data["materials"][0]["pbrMetallicRoughness"]
    core["baseColorTexture"] = {"index": builder.add_picture(models.png(), "")}
    glb = builder.glb()
    body = bytes(builder.body)
    meshes = [_saved(tmp_path, "whole.glb", glb)]
    data = json.loads(json.dumps(builder.data))
    data["images"][0] = {"uri": "wood.png"}
    data["buffers"][0]["uri"] = "quad.bin"
    (tmp_path / "wood.png").write_bytes(models.png())
    (tmp_path / "quad.bin").write_bytes(body)
    meshes.append(_saved(tmp_path, "apart.gltf", json.dumps(data).encode()))
    data["buffers"][0]["uri"] = "data:;base64," + base64.b64encode(body).decode()
    data["images"][0] = {"uri": "data:image/png;base64," + base64.b64encode(models.png()).decode()}
    meshes.append(_saved(tmp_path, "inside.gltf", json.dumps(data).encode()))
    one, *others = (load_geometry(mesh) for mesh in meshes)
    for other in others:
        _assert_alike(one, other)


def _saved(root: Path, name: str, data: bytes) -> Mesh:
    (root / name).write_bytes(data)
    mesh = build_mesh(Prop(file=name), root, root / f"built-{name}")
    assert Mesh.load(root / f"built-{name}") == mesh
    return mesh


def _assert_alike(one: Geometry, other: Geometry) -> None:
    a, b = one.parts[0], other.parts[0]
    assert np.array_equal(a.vertices, b.vertices)
    assert a.uvs is not None
    assert b.uvs is not None
    assert np.array_equal(a.uvs, b.uvs)
    assert a.material.base_texture is not None
    assert b.material.base_texture is not None
    assert np.array_equal(a.material.base_texture, b.material.base_texture)


def test_non_png_pictures_are_embedded_as_png(models: Any, tmp_path: Path) -> None:
    builder = models.quad(pbrMetallicRoughness={})
    builder.add_picture(models.png(), "")
    core = builder.data["materials"][0]["pbrMetallicRoughness"]
    core["baseColorTexture"] = {"index": 0}
    builder.data["images"][0] = {"uri": "wood.bmp"}
    out = io.BytesIO()
    Image.new("RGB", (3, 3), (9, 8, 7)).save(out, "BMP")
    (tmp_path / "wood.bmp").write_bytes(out.getvalue())
    data = {**builder.data, "buffers": [{"byteLength": len(builder.body), "uri": "q.bin"}]}
    (tmp_path / "q.bin").write_bytes(builder.body)
    mesh = _saved(tmp_path, "quad.gltf", json.dumps(data).encode())
    texture = load_geometry(mesh).parts[0].material.base_texture
    assert texture is not None
    assert texture[0, 0].tolist() == [9, 8, 7, 255]


def test_a_file_of_trimesh_reads_as_trimesh_meant_it(tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh")
    scene = trimesh.Scene()
    ball = trimesh.creation.icosphere(subdivisions=2)
    turn = trimesh.transformations.rotation_matrix(0.7, [1, 2, 3], [0.5, 0, 1])
    scene.add_geometry(ball, node_name="ball", transform=turn)
    scene.add_geometry(trimesh.creation.box(extents=[1, 2, 3]), node_name="box")
    mesh = _saved(tmp_path, "scene.glb", scene.export(file_type="glb"))
    x, y, z = scene.bounds.T
    wanted = np.array([x, [-z[1], -z[0]], y]).T
    np.testing.assert_allclose(mesh.bounds_m, wanted, atol=1e-5)
    assert mesh.num_triangles == len(ball.faces) + 12


def test_cameras_and_extras_are_passed_on(models: Any, built: Build) -> None:
    builder = models.quad()
    builder.data["cameras"] = [{"type": "perspective", "perspective": {"yfov": 1, "znear": 0.1}}]
    builder.data["extras"] = {"made_by": "hand"}
    mesh = built(builder)
    text = mesh.path.read_bytes()
    assert b'"yfov":1' in text
    assert b'"made_by":"hand"' in text


def test_triangles_without_indices(built: Build) -> None:
    builder = GltfBuilder()
    primitive: dict[str, Any] = {
        "attributes": {"POSITION": builder.add_array(np.eye(3, dtype=np.float32))}
    }
    builder.add("meshes", {"primitives": [primitive]})
    builder.add("nodes", {"mesh": 0})
    assert built(builder).num_triangles == 1
