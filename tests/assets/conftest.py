from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reelwright.assets.gltf_write import GltfBuilder
from reelwright.assets.mesh import Mesh

QUAD = np.array([[0, 0, 0], [1, 0, 0], [1, 1, 0], [0, 1, 0]], np.float32)
QUAD_FACES = np.array([[0, 1, 2], [0, 2, 3]])


def _png(color: tuple[int, ...] = (255, 0, 0, 255), size: tuple[int, int] = (4, 2)) -> bytes:
    out = io.BytesIO()
    Image.new("RGBA", size, color).save(out, "PNG")
    return out.getvalue()


def _quad(**material: Any) -> GltfBuilder:
    """A quad in glTF's xy plane on one node, with uvs and a material if one is given."""
    builder = GltfBuilder()
    uvs = np.array([[0, 1], [1, 1], [1, 0], [0, 0]], np.float32)
    primitive: dict[str, Any] = {
        "attributes": {
            "POSITION": builder.add_array(QUAD),
            "NORMAL": builder.add_array(np.tile(np.array([0, 0, 1], np.float32), (4, 1))),
            "TEXCOORD_0": builder.add_array(uvs),
        },
        "indices": builder.add_array(QUAD_FACES, corners=True),
    }
    if material:
        primitive["material"] = builder.add("materials", material)
    builder.add("meshes", {"primitives": [primitive]})
    builder.add("nodes", {"mesh": 0, "name": "quad"})
    builder.add("scenes", {"nodes": [0]})
    return builder


def _add_channel(
    builder: GltfBuilder,
    path: str,
    times: list[float],
    values: list[list[float]],
    *,
    node: int = 0,
    interpolation: str = "LINEAR",
    name: str = "move",
) -> None:
    sampler = {
        "input": builder.add_array(np.array(times, np.float32).reshape(-1, 1)),
        "output": builder.add_array(np.array(values, np.float32)),
        "interpolation": interpolation,
    }
    channel = {"sampler": 0, "target": {"node": node, "path": path}}
    builder.add("animations", {"name": name, "samplers": [sampler], "channels": [channel]})


def _rich() -> GltfBuilder:
    """Most of what is read: two nodes, a texture, colours, a skin, a morph, a movement."""
    builder = _quad(
        name="paint",
        pbrMetallicRoughness={"baseColorFactor": [0.5, 0.5, 0.5, 1], "roughnessFactor": 0.4},
        emissiveFactor=[0.1, 0.2, 0.3],
        alphaMode="MASK",
        doubleSided=True,
    )
    texture = builder.add_picture(_png(), "test")
    core = builder.data["materials"][0]["pbrMetallicRoughness"]
    core["baseColorTexture"] = {"index": texture}
    core["metallicRoughnessTexture"] = {"index": texture}
    primitive = builder.data["meshes"][0]["primitives"][0]
    attributes = primitive["attributes"]
    attributes["COLOR_0"] = builder.add_array(np.full((4, 4), 0.5, np.float32))
    joints = builder.add_view(np.zeros((4, 4), np.uint8).tobytes())
    attributes["JOINTS_0"] = builder.add(
        "accessors", {"bufferView": joints, "componentType": 5121, "count": 4, "type": "VEC4"}
    )
    attributes["WEIGHTS_0"] = builder.add_array(np.tile(np.float32([1, 0, 0, 0]), (4, 1)))
    primitive["targets"] = [{"POSITION": builder.add_array(np.ones((4, 3), np.float32))}]
    builder.data["meshes"][0]["weights"] = [0.5]
    bind = builder.add_view(np.eye(4, dtype="<f4").tobytes())
    inverse = builder.add(
        "accessors", {"bufferView": bind, "componentType": 5126, "count": 1, "type": "MAT4"}
    )
    builder.add("skins", {"joints": [1], "inverseBindMatrices": inverse})
    builder.data["nodes"][0]["skin"] = 0
    builder.add("nodes", {"name": "bone", "translation": [0, 1, 0], "children": [2]})
    builder.add("nodes", {"mesh": 0, "matrix": [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 3, 0, 0, 1]})
    builder.data["scenes"][0]["nodes"] = [0, 1]
    _add_channel(builder, "rotation", [0, 1], [[0, 0, 0, 1], [0, 1, 0, 0]], node=1)
    return builder


class Models:
    """What the tests of this room make files of."""

    QUAD = QUAD
    png = staticmethod(_png)
    quad = staticmethod(_quad)
    rich = staticmethod(_rich)
    add_channel = staticmethod(_add_channel)


@pytest.fixture
def models() -> type[Models]:
    return Models


@pytest.fixture
def built(tmp_path: Path) -> Callable[..., Mesh]:
    """Write a document into a project and build a prop of it."""
    from reelwright.assets import build_mesh
    from reelwright.storyboard.prop import Prop

    def build(builder: GltfBuilder, **prop: Any) -> Mesh:
        (tmp_path / "model.glb").write_bytes(builder.glb())
        return build_mesh(Prop(file="model.glb", **prop), tmp_path, tmp_path / "out")

    return build
