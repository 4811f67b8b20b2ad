"""Small scenes and meshes for the stage's tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from reelwright.assets.geometry import Geometry, Material, Part
from reelwright.stage.render import Renderer, StagedFrame
from reelwright.storyboard import Film, Scene, resolve_scenes

SIZE = (192, 128)


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    """Tests share the machine; what differs with threads has a test of its own."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def part(
    vertices: Any,
    faces: Any,
    normals: Any = None,
    *,
    uvs: Any = None,
    colors: Any = None,
    material: Material | None = None,
) -> Part:
    points, triangles = np.asarray(vertices, np.float32), np.asarray(faces, np.int64)
    if normals is None:
        a, b, c = (points[triangles[:, k]] for k in range(3))
        flat = np.cross(b - a, c - a)
        normals = np.zeros_like(points)
        for k in range(3):
            normals[triangles[:, k]] = flat
    normals = np.asarray(normals, np.float32)
    normals = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    uvs, colors = (None if a is None else np.asarray(a, np.float32) for a in (uvs, colors))
    return Part(points, triangles, normals, uvs, colors, material or Material())


def sphere(rings: int = 24, radius: float = 1.0, material: Material | None = None) -> Part:
    """About the origin."""
    up, around = np.meshgrid(
        np.linspace(-np.pi / 2, np.pi / 2, rings + 1),
        np.linspace(0, 2 * np.pi, 2 * rings + 1),
        indexing="ij",
    )
    points = np.stack([np.cos(up) * np.cos(around), np.cos(up) * np.sin(around), np.sin(up)], -1)
    points = points.reshape(-1, 3)
    row = 2 * rings + 1
    first = (np.arange(rings)[:, None] * row + np.arange(2 * rings)).reshape(-1)
    faces = np.concatenate(
        [
            np.stack([first, first + 1, first + row + 1], 1)[2 * rings :],
            np.stack([first, first + row + 1, first + row], 1)[: -2 * rings],
        ]
    )
    return part(points * radius, faces, points, material=material)


def wall(
    half: float = 1.0, cells: int = 1, jitter: float = 0.0, material: Material | None = None
) -> Part:
    """Upright, facing -Y, about the origin; uv (0, 0) is its upper left corner."""
    line = np.linspace(-1, 1, cells + 1)
    x, z = np.meshgrid(line, line)
    if jitter:
        inner = np.zeros_like(x)
        inner[1:-1, 1:-1] = 1
        chance = np.random.default_rng(5)
        x = x + inner * chance.uniform(-jitter, jitter, x.shape) / cells
        z = z + inner * chance.uniform(-jitter, jitter, x.shape) / cells
    points = np.stack([x * half, np.zeros_like(x), z * half], -1).reshape(-1, 3)
    row = cells + 1
    first = (np.arange(cells)[:, None] * row + np.arange(cells)).reshape(-1)
    faces = np.concatenate(
        [
            np.stack([first, first + 1, first + row + 1], 1),
            np.stack([first, first + row + 1, first + row], 1),
        ]
    )
    uvs = np.stack([(x + 1) / 2, (1 - z) / 2], -1).reshape(-1, 2)
    normals = np.tile([[0.0, -1.0, 0.0]], (len(points), 1))
    return part(points, faces, normals, uvs=uvs, material=material)


def box(half: float = 0.5, material: Material | None = None) -> Part:
    points, faces = [], []
    for axis in range(3):
        for side in (-1, 1):
            u, v = (axis + 1) % 3, (axis + 2) % 3
            start = len(points)
            for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
                corner = np.zeros(3)
                corner[axis], corner[u], corner[v] = side, a * side, b
                points.append(corner * half)
            faces += [[start, start + 1, start + 2], [start, start + 2, start + 3]]
    return part(points, faces, material=material)


def checks(side: int = 64, squares: int = 8, low: int = 60, high: int = 200) -> NDArray[np.uint8]:
    index = np.arange(side) * squares // side
    grey = np.where((index[:, None] + index[None]) % 2, high, low).astype(np.uint8)
    return np.dstack([grey, grey, grey, np.full_like(grey, 255)])


def make_scene(
    place: Sequence[Mapping[str, Any]] = (),
    *,
    size: tuple[int, int] = SIZE,
    frames: int = 9,
    camera: Mapping[str, Any] | None = None,
    light: Mapping[str, Any] | None = None,
    ground: Mapping[str, Any] | None = None,
) -> Scene:
    """A scene whose props are boxes on paper; their geometry is given apart."""
    names = {entry["prop"] for entry in place}
    film = Film(
        size=size,
        fps=24,
        props={name: {"shape": "box"} for name in names},
        light=dict(light or {}),
        ground=dict(ground or {}),
        shots=[
            {
                "id": "shot",
                "seconds": frames / 24,
                "camera": dict(camera or {"at": [0, -5, 1], "look_at": [0, 0, 1]}),
                "place": [dict(entry) for entry in place],
            }
        ],
    )
    scene = resolve_scenes(film)["shot"]
    assert scene is not None
    return scene


def draw(scene: Scene, parts: Mapping[str, Part | Geometry], frame: int = 0) -> StagedFrame:
    return renderer(scene, parts).render(frame)


def renderer(scene: Scene, parts: Mapping[str, Part | Geometry]) -> Renderer:
    geometries = {
        name: each if isinstance(each, Geometry) else Geometry.still((each,))
        for name, each in parts.items()
    }
    return Renderer(scene, geometries, torch.device("cpu"))


@dataclass(frozen=True)
class Eye:
    """The stated camera of a frame, and the rays through its pixels' centres."""

    place: NDArray[np.float64]
    rays: NDArray[np.float64]  # [H, W, 3], world axes, length 1 along the view axis

    @staticmethod
    def of(scene: Scene, frame: int = 0) -> Eye:
        intrinsics, pose = scene.intrinsics(frame), scene.camera_pose(frame).world_from_camera
        width, height = scene.size.generated
        x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
        rays = np.stack([x, y, np.ones_like(x)], -1) @ np.linalg.inv(intrinsics).T
        return Eye(pose[:3, 3], rays @ pose[:3, :3].T)


@pytest.fixture(scope="session")
def kit() -> SimpleNamespace:
    """Meshes, scenes and a way to draw them."""
    names: dict[str, Callable[..., Any]] = {
        "box": box,
        "checks": checks,
        "draw": draw,
        "eye": Eye.of,
        "part": part,
        "renderer": renderer,
        "scene": make_scene,
        "sphere": sphere,
        "wall": wall,
    }
    return SimpleNamespace(**names)
