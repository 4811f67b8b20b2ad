"""Damaged, hostile and unreadable glTF: an `AssetError` with a mend, nothing else, and quickly."""

from __future__ import annotations

import copy
import json
import random
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelwright.assets import Geometry, build_mesh, check_prop, load_geometry, prop_files
from reelwright.assets.gltf_write import GltfBuilder
from reelwright.errors import AssetError
from reelwright.storyboard.prop import Prop

Change = Callable[[Any, GltfBuilder], None]


def _check(root: Path, data: bytes, name: str = "model.glb") -> list[str]:
    (root / name).write_bytes(data)
    return check_prop(Prop(file=name), root)


def _refused(root: Path, data: bytes, name: str = "model.glb") -> AssetError:
    with pytest.raises(AssetError) as caught:
        _check(root, data, name)
    assert name in caught.value.where
    assert caught.value.mend
    return caught.value


def _set(path: str, value: object) -> Change:
    def change(models: Any, builder: GltfBuilder) -> None:
        owner: Any = builder.data
        *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
        for step in steps:
            owner = owner[step]
        owner[last] = value

    return change


def _nan_vertex(models: Any, builder: GltfBuilder) -> None:
    rows = np.eye(4, 3, dtype=np.float32)
    rows[1, 1] = np.nan
    accessor = builder.add_array(rows)
    builder.data["accessors"][accessor].update(min=[0] * 3, max=[1] * 3)
    builder.data["meshes"][0]["primitives"][0]["attributes"]["POSITION"] = accessor


def _bad_picture(models: Any, builder: GltfBuilder) -> None:
    view = builder.add_view(models.png(size=(300, 300))[:200])
    image = builder.add("images", {"bufferView": view})
    texture = {"index": builder.add("textures", {"source": image})}
    core = {"baseColorTexture": texture}
    builder.data["meshes"][0]["primitives"][0]["material"] = builder.add(
        "materials", {"pbrMetallicRoughness": core}
    )


def _backward_keys(models: Any, builder: GltfBuilder) -> None:
    models.add_channel(builder, "translation", [1, 0], [[0] * 3, [1] * 3])


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (_set("accessors/0/count", 2**40), "says that it has|vertices"),
        (_set("accessors/0/count", 5), "says that it has 5 rows"),
        (_set("accessors/0/byteOffset", 2**62), "says that it has 4 rows"),
        (_set("accessors/0/bufferView", 99), "there are only"),
        (_set("accessors/0/componentType", 5124), "component type 5124"),
        (_set("accessors/0/type", "VEC2"), "rows have 2 numbers"),
        (_set("bufferViews/0/byteLength", 2**40), "needs bytes"),
        (_set("bufferViews/0/byteStride", 1), "lie 1 apart"),
        (_set("meshes/0/primitives/0/indices", 0), "must be unsigned"),
        (_set("nodes/0/mesh", 7), "there are only 1"),
        (_set("nodes/0/mesh", "0"), "whole number"),
        (_set("nodes/0/children", [0]), "own ancestor"),
        (_set("nodes/0/scale", [1, "x", 1]), "number is needed"),
        (_set("nodes/0/matrix", [0] * 16), "no placement"),
        (_set("nodes/0/matrix", [0] * 15 + [1]), "flattens"),
        (_set("nodes", {}), "list is needed"),
        (_set("scenes/0/nodes", [4]), "there are only"),
        (_set("meshes/0/primitives", []), "not one triangle"),
        (_set("nodes/0/translation", [1e29, 0, 0]), "from its origin"),
        (_set("asset/version", "1.0"), "version 1.0"),
        (_set("extensionsRequired", ["KHR_draco_mesh_compression"]), "KHR_draco_mesh_compression"),
        (_set("extensionsRequired", ["EXT_meshopt_compression"]), "EXT_meshopt_compression"),
        (_set("extensionsRequired", ["KHR_texture_basisu"]), "KHR_texture_basisu"),
        (_set("extensionsRequired", ["ACME_holograms"]), "ACME_holograms"),
        (_set("images", [{"uri": "http://example.org/a.png"}]), "files of the project alone"),
        (_set("images", [{"uri": "../a.png"}]), "outside the project"),
        (_set("images", [{"uri": "data:image/png;base64,@@"}]), "base64"),
        (_nan_vertex, "NaN"),
        (_bad_picture, "picture is damaged"),
        (_backward_keys, "do not ascend"),
    ],
)
def test_refused_with_a_mend(models: Any, tmp_path: Path, change: Change, what: str) -> None:
    builder = models.quad()
    change(models, builder)
    error = _refused(tmp_path, builder.glb())
    assert pytest.raises(AssetError, match=what).matches(error)


def test_a_triangle_beyond_the_vertices(models: Any, tmp_path: Path) -> None:
    builder = models.quad()
    indices = builder.add_array(np.array([0, 1, 4]), corners=True)
    builder.data["meshes"][0]["primitives"][0]["indices"] = indices
    assert "vertex 4; there are only 4" in _refused(tmp_path, builder.glb()).what


@pytest.mark.parametrize("keep", [0, 3, 11, 19, 40, 0.5, 0.99])
def test_truncated(models: Any, tmp_path: Path, keep: float) -> None:
    data = models.quad().glb()
    _refused(tmp_path, data[: int(keep if keep > 1 or keep == 0 else keep * len(data))])


@pytest.mark.parametrize(
    "data", [b"", b"PNG", b"solid x", b"{}", b"[]", b'{"asset":{"version":"2.0"}}', b"\xff" * 99]
)
@pytest.mark.parametrize("name", ["model.glb", "model.gltf"])
def test_wrong_kind(tmp_path: Path, data: bytes, name: str) -> None:
    _refused(tmp_path, data, name)


def test_deep_and_hostile_json(tmp_path: Path) -> None:
    head = b'{"asset":{"version":"2.0"},"extras":'
    for extras in (b"[" * 50_000, b"[" * 500 + b"]" * 500, b"1e999", b"NaN", b"9" * 9999):
        _refused(tmp_path, head + extras + b"}", "model.gltf")


def test_compression_that_has_a_plain_twin_is_no_matter(models: Any, tmp_path: Path) -> None:
    builder = models.quad()
    builder.data["extensionsUsed"] = ["EXT_meshopt_compression", "KHR_materials_unlit"]
    builder.data["bufferViews"][0]["extensions"] = {"EXT_meshopt_compression": {"buffer": 9}}
    assert _check(tmp_path, builder.glb()) == []
    mesh = build_mesh(Prop(file="model.glb"), tmp_path, tmp_path / "out")
    assert b"meshopt" not in mesh.path.read_bytes()
    load_geometry(mesh)


def test_no_big_allocation_for_a_big_word(models: Any, tmp_path: Path) -> None:
    builder = models.quad()
    accessor = builder.data["accessors"][0]
    del accessor["bufferView"]
    accessor["count"] = 40_000_000
    start = time.perf_counter()
    assert "no bytes" in _refused(tmp_path, builder.glb()).what
    assert time.perf_counter() - start < 1.0


VALUES: list[Any] = [-1, 0, 1, 3, 7, 1e9, 2**31, 2**63, 10**30, 1e38, -1e300, 0.5, None, True]
VALUES += ["", "x", "VEC4", "MAT4", "STEP", "CUBICSPLINE", "../x", "data:;base64,AAAA", "\ud800"]
VALUES += [[], {}, [0], [[]], [1e30] * 4, [0, 0, 0], [0] * 16, 5120, 5125, 5126]


def _places(value: object, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    pairs: Any = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    for key, inner in pairs:
        yield (*place, key)
        yield from _places(inner, (*place, key))


def _mutants(models: Any, count: int) -> Iterator[bytes]:
    builder = models.rich()
    base = builder.glb()
    rng = random.Random(20)
    for number in range(count):
        if number % 3 == 0:
            raw = bytearray(base)
            for _ in range(rng.choice([1, 1, 2, 8, 64])):
                raw[rng.randrange(len(raw))] = rng.randrange(256)
            yield bytes(raw)
            continue
        mutant = GltfBuilder(copy.deepcopy(builder.data))
        mutant.body = bytearray(builder.body)
        for _ in range(rng.choice([1, 1, 2, 4])):
            *steps, last = rng.choice(list(_places(mutant.data)))
            owner: Any = mutant.data
            for step in steps:
                owner = owner[step]
            if isinstance(owner, dict) and rng.random() < 0.2:
                del owner[last]
            else:
                owner[last] = copy.deepcopy(rng.choice(VALUES))
        if number % 2:
            for _ in range(4):
                mutant.body[rng.randrange(len(mutant.body))] = rng.randrange(256)
        yield _packed(mutant)


def _packed(builder: GltfBuilder) -> bytes:
    text = json.dumps(builder.data).encode()
    text += b" " * (-len(text) % 4)
    body = bytes(builder.body) + b"\0" * (-len(builder.body) % 4)
    chunks = struct.pack("<2I", len(text), 0x4E4F534A) + text
    chunks += struct.pack("<2I", len(body), 0x004E4942) + body
    return b"glTF" + struct.pack("<2I", 2, 12 + len(chunks)) + chunks


def _read_or_refused(root: Path) -> tuple[Geometry | None, str]:
    prop = Prop(file="model.glb", color="tomato")
    try:
        prop_files(prop, root)
        return load_geometry(build_mesh(prop, root, root / "out")), ""
    except AssetError as error:
        return None, error.mend


def _assert_sound(geometry: Geometry) -> None:
    for name in ("none", *geometry.animations):
        assert geometry.part_matrices(name, 0.37).shape == (len(geometry.parts), 4, 4)
    for part in geometry.parts:
        assert np.isfinite(part.vertices).all()
        assert np.isfinite(part.normals).all()
        assert part.faces.min() >= 0
        assert part.faces.max() < len(part.vertices)


def test_mutants_are_read_or_refused_and_nothing_else(models: Any, tmp_path: Path) -> None:
    good, slowest = 0, 0.0
    for data in _mutants(models, 600):
        (tmp_path / "model.glb").write_bytes(data)
        start = time.perf_counter()
        geometry, mend = _read_or_refused(tmp_path)
        if geometry is None:
            assert mend
        else:
            good += 1
            _assert_sound(geometry)
        slowest = max(slowest, time.perf_counter() - start)
    assert 30 < good < 570
    assert slowest < 2.0
