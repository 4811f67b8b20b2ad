"""Nodes and animations of a glTF file as a `Rig`.

Must agree with glTF 2.0, sections 3.5 and 3.11. What is not played (morph weights, pointers) is
said.
"""

from __future__ import annotations

from typing import cast

import numpy as np
from jaxtyping import Float64, Int64

from reelwright.assets.fields import Fields
from reelwright.assets.gltf_accessor import non_finite_error, read_numbers
from reelwright.assets.gltf_file import GltfFile
from reelwright.assets.limits import MAX_NODES
from reelwright.assets.rig import (
    Z_UP_FROM_Y_UP,
    Animation,
    Channel,
    Interpolation,
    Path,
    Rig,
    downwards,
)

_WIDTHS = {"translation": 3, "rotation": 4, "scale": 3}
_IDENTITY = tuple(float(i % 5 == 0) for i in range(16))


def read_rig(file: GltfFile, warnings: dict[str, None]) -> Rig:
    """Read the node tree and what moves it.

    Args:
        file: The document.
        warnings: What is not played is added here.

    Raises:
        AssetError: The tree is no tree, or numbers are damaged.
    """
    nodes = file.lists["nodes"]
    if len(nodes) > MAX_NODES:
        raise file.fields.error(f"It has {len(nodes)} nodes.", "Join objects before the export.")
    rotations = np.array(
        [node.numbers("rotation", 4, (0.0, 0.0, 0.0, 1.0)) for node in nodes]
    ).reshape(-1, 4)
    matrices = tuple(_matrix(node) for node in nodes)
    fixed = {i for i, matrix in enumerate(matrices) if matrix is not None}
    return Rig(
        parents=_parents(nodes),
        translations=_vectors(nodes, "translation", 0.0),
        rotations=_unit_quaternions(rotations),
        scales=_vectors(nodes, "scale", 1.0),
        matrices=matrices,
        root=Z_UP_FROM_Y_UP,
        animations=_animations(file, fixed, warnings),
    )


def drawn_nodes(file: GltfFile, rig: Rig) -> list[int]:
    """Nodes of the scene that is shown, parents first.

    Raises:
        AssetError: The scene names nodes that are not there.
    """
    order = downwards(rig.parents)
    shown = set(scene_roots(file))
    for node in order:
        if int(rig.parents[node]) in shown:
            shown.add(node)
    for node in _named_nodes(file):
        if node not in shown:
            raise file.lists["nodes"][node].error("The scene shows it without its parent.")
    return [node for node in order if node in shown]


def scene_roots(file: GltfFile) -> list[int]:
    """The nodes without a parent that the shown scene names; all such without a scene."""
    parents = _parents(file.lists["nodes"])
    named = _named_nodes(file) if file.lists["scenes"] else range(len(parents))
    return [node for node in named if parents[node] < 0]


def _named_nodes(file: GltfFile) -> list[int]:
    """The nodes that the shown scene names; some exporters name children too."""
    scenes = file.lists["scenes"]
    if not scenes:
        return []
    scene = scenes[file.index(file.fields, "scene", "scenes") or 0]
    return list(dict.fromkeys(scene.indices("nodes", len(file.lists["nodes"]))))


def _parents(nodes: list[Fields]) -> Int64[np.ndarray, " N"]:
    parents = np.full(len(nodes), -1, np.int64)
    for i, node in enumerate(nodes):
        for child in node.indices("children", len(nodes)):
            if parents[child] >= 0:
                raise node.error(f"Node {child} is a child of two nodes.")
            parents[child] = i
    if len(downwards(parents)) != len(nodes):
        raise Fields({}, "nodes", nodes[0].file).error("A node is its own ancestor.")
    return parents


def _vectors(nodes: list[Fields], name: str, default: float) -> Float64[np.ndarray, "N 3"]:
    return np.array([node.numbers(name, 3, (default,) * 3) for node in nodes]).reshape(-1, 3)


def _unit_quaternions(rows: Float64[np.ndarray, "R 4"]) -> Float64[np.ndarray, "R 4"]:
    """Quaternions of length 1; one of zeros turns nothing."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    still = np.array([0.0, 0.0, 0.0, 1.0])
    return np.where(lengths > 1e-12, rows / np.maximum(lengths, 1e-12), still)


def _matrix(node: Fields) -> Float64[np.ndarray, "4 4"] | None:
    if not node.has("matrix"):
        return None
    matrix = np.array(node.numbers("matrix", 16, _IDENTITY)).reshape(4, 4).T
    if not np.allclose(matrix[3], [0.0, 0.0, 0.0, 1.0], atol=1e-4):
        raise node.error("Its matrix is no placement: the last row is not 0, 0, 0, 1.")
    matrix[3] = [0.0, 0.0, 0.0, 1.0]
    if np.linalg.matrix_rank(matrix[:3, :3]) < 3:
        raise node.error(
            "Its matrix flattens the model.", "Give the object a scale above 0 and export again."
        )
    return None if np.array_equal(matrix, np.eye(4)) else matrix


def _animations(
    file: GltfFile, fixed: set[int], warnings: dict[str, None]
) -> tuple[Animation, ...]:
    animations: list[Animation] = []
    for i, fields in enumerate(file.lists["animations"]):
        samplers = fields.objects("samplers")
        read = [
            _channel(file, each, samplers, fixed, warnings) for each in fields.objects("channels")
        ]
        channels = tuple(channel for channel in read if channel is not None)
        if channels:
            name = _unused(fields.text("name") or f"animation {i + 1}", animations)
            end_s = max(float(channel.times_s[-1]) for channel in channels)
            animations.append(Animation(name, end_s, channels))
    return tuple(animations)


def _unused(name: str, animations: list[Animation]) -> str:
    """The name, with a number where an earlier animation or a word of ours has it."""
    taken = {animation.name for animation in animations} | {"auto", "none"}
    number, new = 2, name
    while new in taken:
        number, new = number + 1, f"{name} {number}"
    return new


def _channel(
    file: GltfFile,
    fields: Fields,
    samplers: list[Fields],
    fixed: set[int],
    warnings: dict[str, None],
) -> Channel | None:
    target = fields.object("target") or Fields({}, fields.place, fields.file)
    path = target.text("path")
    node = file.index(target, "node", "nodes")
    if path == "weights":
        warnings["Morph targets are not played: the model keeps its rest shape."] = None
        return None
    if node is None or path not in _WIDTHS:
        warnings["Animation of other things than nodes is not played."] = None
        return None
    if node in fixed:
        name = file.lists["nodes"][node].text("name") or str(node)
        warnings[f'Node "{name}" has a fixed matrix; its animation is not played.'] = None
        return None
    index = fields.index("sampler", len(samplers))
    if index is None:
        raise fields.error('"sampler" is missing.')
    return _keys(file, samplers[index], node, cast(Path, path))


def _keys(file: GltfFile, sampler: Fields, node: int, path: Path) -> Channel:
    interpolation = sampler.text("interpolation", "LINEAR")
    if interpolation not in ("LINEAR", "STEP", "CUBICSPLINE"):
        raise sampler.error(f'"interpolation" is "{interpolation[:20]}".')
    times_at, values_at = (file.index(sampler, name, "accessors") for name in ("input", "output"))
    if times_at is None or values_at is None:
        raise sampler.error("It needs an input and an output.")
    times = read_numbers(file, times_at, (1,))[:, 0].astype(np.float64)
    values = read_numbers(file, values_at, (_WIDTHS[path],)).astype(np.float64)
    if not (np.isfinite(times).all() and np.isfinite(values).all()):
        raise non_finite_error(sampler, "keys")
    rows = len(times) * (3 if interpolation == "CUBICSPLINE" else 1)
    if not len(times) or len(values) != rows:
        raise sampler.error(f"It has {len(times)} times and {len(values)} values.")
    if (np.diff(times) <= 0).any() or times[0] < 0:
        raise sampler.error("Its times do not ascend.")
    if path == "rotation" and interpolation != "CUBICSPLINE":
        values = _unit_quaternions(values)
    return Channel(node, path, cast(Interpolation, interpolation), times, values)
