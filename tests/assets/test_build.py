from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.assets import Mesh, build_mesh, check_prop, load_geometry
from reelwright.errors import AssetError, Cancelled, ResourceError
from reelwright.storyboard.prop import Prop

Build = Callable[..., Mesh]


def test_the_same_prop_gives_the_same_bytes(models: Any, tmp_path: Path) -> None:
    (tmp_path / "wood.png").write_bytes(models.png())
    prop = Prop(shape="torus", texture="wood.png", turn_deg=(10, 20, 30), size_m=3)
    digests = {
        hashlib.sha256(build_mesh(prop, tmp_path, tmp_path / name).path.read_bytes()).hexdigest()
        for name in ("one", "two")
    }
    assert len(digests) == 1
    assert (tmp_path / "one/mesh.json").read_text() == (tmp_path / "two/mesh.json").read_text()


def test_size_is_the_largest_side_and_scale_joins_it(models: Any, built: Build) -> None:
    builder = models.quad()
    builder.data["nodes"][0]["scale"] = [4, 2, 1]
    assert built(builder, size_m=6, scale=2).bounds_m == ((0, 0, 0), (12, 0, 6))
    assert built(builder, scale=0.5).bounds_m == ((0, 0, 0), (2, 0, 1))


def test_turn_is_about_the_worlds_x_then_y_then_z(models: Any, built: Build) -> None:
    mesh = built(models.quad(), turn_deg=(-90, 0, 90))
    # The quad stands in x, z; about x by -90 it lies in x, y; about z by 90 x becomes y.
    np.testing.assert_allclose(mesh.bounds_m, [[-1, 0, 0], [0, 1, 0]], atol=1e-7)
    geometry = load_geometry(mesh)
    corner = geometry.part_matrices()[0] @ [1, 0, 0, 1]
    np.testing.assert_allclose(corner, [0, 1, 0, 1], atol=1e-7)


def test_bounds_are_those_of_what_is_loaded(models: Any, built: Build) -> None:
    mesh = built(models.quad(), turn_deg=(15, 25, 35), size_m=2.5)
    geometry = load_geometry(mesh)
    matrix = geometry.part_matrices("none")[0]
    points: NDArray[np.float64] = geometry.parts[0].vertices @ matrix[:3, :3].T + matrix[:3, 3]
    np.testing.assert_allclose(mesh.bounds_m, [points.min(axis=0), points.max(axis=0)], atol=1e-6)


def test_color_takes_the_place_of_all_that_colors(models: Any, built: Build) -> None:
    builder = models.quad(pbrMetallicRoughness={"baseColorFactor": [1, 1, 1, 0.5]})
    texture = {"index": builder.add_picture(models.png(), "")}
    builder.data["materials"][0]["pbrMetallicRoughness"]["baseColorTexture"] = texture
    attributes = builder.data["meshes"][0]["primitives"][0]["attributes"]
    attributes["COLOR_0"] = builder.add_array(np.full((4, 4), 0.5, np.float32))
    part = load_geometry(built(builder, color="#ff8000")).parts[0]
    assert part.colors is None
    assert part.material.base_texture is None
    np.testing.assert_allclose(part.material.base_color, [1, 0.2159, 0, 0.5], atol=1e-4)


def test_texture_roughness_and_metallic_take_the_place_of_the_files(
    models: Any, built: Build, tmp_path: Path
) -> None:
    (tmp_path / "new.png").write_bytes(models.png((1, 2, 3, 255)))
    builder = models.quad(
        pbrMetallicRoughness={"metallicFactor": 0.25, "roughnessFactor": 0.75}, doubleSided=True
    )
    material = load_geometry(built(builder, texture="new.png", roughness=0.1)).parts[0].material
    assert material.base_texture is not None
    assert material.base_texture[0, 0].tolist() == [1, 2, 3, 255]
    assert (material.metallic, material.roughness) == (0.25, 0.1)
    assert material.double_sided


def test_a_look_reaches_materials_that_are_not_there_and_old_ones(
    models: Any, built: Build
) -> None:
    gloss = {"extensions": {"KHR_materials_pbrSpecularGlossiness": {"glossinessFactor": 0.5}}}
    for builder in (models.quad(), models.quad(**gloss)):
        material = load_geometry(built(builder, color="black", metallic=1.0)).parts[0].material
        assert material.base_color == (0, 0, 0, 1)
        assert material.metallic == 1


def test_each_material_is_dressed_with_its_own_remaining_values(models: Any, built: Build) -> None:
    builder = models.quad(pbrMetallicRoughness={"roughnessFactor": 0.9})
    builder.data["materials"].insert(0, {"pbrMetallicRoughness": {"roughnessFactor": 0.1}})
    builder.data["meshes"][0]["primitives"][0]["material"] = 1
    assert load_geometry(built(builder, metallic=0.5)).parts[0].material.roughness == 0.9


def test_a_texture_needs_uvs(models: Any, built: Build, tmp_path: Path) -> None:
    (tmp_path / "new.png").write_bytes(models.png())
    builder = models.quad()
    del builder.data["meshes"][0]["primitives"][0]["attributes"]["TEXCOORD_0"]
    with pytest.raises(AssetError, match="no texture coordinates"):
        built(builder, texture="new.png")


@pytest.mark.parametrize("data", [b"", b"no picture", None])
def test_a_texture_must_be_a_picture(models: Any, tmp_path: Path, data: bytes | None) -> None:
    truncated = models.png(size=(200, 200))[:100]
    (tmp_path / "new.png").write_bytes(truncated if data is None else data)
    with pytest.raises(AssetError) as caught:
        check_prop(Prop(shape="box", texture="new.png"), tmp_path)
    assert caught.value.where == "new.png"
    assert caught.value.mend


def test_up_is_not_for_gltf(models: Any, built: Build) -> None:
    with pytest.raises(AssetError, match="y axis up"):
        built(models.quad(), up="z")


def test_words_and_pictures_are_refused_for_now(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="not possible yet") as caught:
        check_prop(Prop(prompt="a boat"), tmp_path)
    assert "file =" in caught.value.mend


def test_a_torus_that_is_too_thick_is_said(tmp_path: Path) -> None:
    assert check_prop(Prop(shape="torus"), tmp_path) == []
    (warning,) = check_prop(Prop(shape="torus", dimensions=(3, 3, 2)), tmp_path)
    assert "1 m, a third" in warning


def test_a_size_for_a_point_is_refused(models: Any, built: Build) -> None:
    builder = models.quad()
    rows = np.zeros((4, 3), np.float32)
    attributes = builder.data["meshes"][0]["primitives"][0]["attributes"]
    attributes["POSITION"] = builder.add_array(rows)
    with pytest.raises(AssetError, match="no size"):
        built(builder, size_m=1)


def test_unknown_animation_names_the_known(models: Any, built: Build) -> None:
    geometry = load_geometry(built(models.quad()))
    with pytest.raises(AssetError, match='no animation "fly"') as caught:
        geometry.part_matrices("fly", 0.0)
    assert "none" in caught.value.mend
    assert geometry.part_matrices("auto", 3.0).shape == (1, 4, 4)


def test_a_lost_or_damaged_mesh_is_said(models: Any, built: Build, tmp_path: Path) -> None:
    with pytest.raises(AssetError, match="missing"):
        Mesh.load(tmp_path / "nowhere")
    mesh = built(models.quad())
    mesh.path.with_name("mesh.json").write_text('{"bounds_m": 3}')
    with pytest.raises(AssetError, match="damaged") as caught:
        Mesh.load(mesh.path.parent)
    assert caught.value.mend


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file stands here")
    with pytest.raises(ResourceError):
        build_mesh(Prop(shape="box"), tmp_path, tmp_path / "out")


def test_cancel_is_heard_before_the_work(tmp_path: Path) -> None:
    class Stop:
        def step(self, fraction: float, note: str = "") -> None:
            raise Cancelled

        def warn(self, message: str) -> None: ...

        def preview(self, picture: NDArray[np.uint8]) -> None: ...

    with pytest.raises(Cancelled):
        build_mesh(Prop(shape="box"), tmp_path, tmp_path / "out", Stop())
    assert not (tmp_path / "out").exists()
