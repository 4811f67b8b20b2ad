"""Everything that stands on the stage, as one list of triangles on the device.

Each part's vertices are kept about their own middle; where that middle is goes into the part's
float64 matrix. So a model that was built a kilometre from its own origin, or stands a thousand from
the world's, is drawn as finely as one at hand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float32, Float64, Int64
from numpy.typing import NDArray
from torch import Tensor

from reelwright.assets.geometry import Geometry, Part
from reelwright.errors import StageError
from reelwright.stage.edges import Edges, mesh_edges
from reelwright.stage.materials import Materials
from reelwright.stage.selection import take
from reelwright.stage.vector import moved, on_device, rotated, unit

if TYPE_CHECKING:
    from reelwright.storyboard.scene import PlacedProp, Scene

MAX_TRIANGLES = 2**24
_VERTICES = 250_000


@dataclass(frozen=True, slots=True, eq=False)
class Actor:
    """A placed prop and the run of parts that is its own.

    Attributes:
        placed: Where it stands and what it does.
        geometry: What it looks like.
        parts: First and last (exclusive) part.
    """

    placed: PlacedProp
    geometry: Geometry
    parts: tuple[int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """All triangles of a shot.

    Attributes:
        actors: In order of mask value.
        middles: Of each part's vertices, in the part's own axes.
        radii: Of the ball about that middle that holds the part, before its matrix.
        vertices: About their part's middle.
        normals: Unit length, in the part's axes.
        uvs: Zero where a part has none; None if no part has any.
        colors: One where a part has none; None if no part has any.
        vertex_part: The part of each vertex.
        faces: Vertex indices.
        face_part: The part of each triangle.
        materials: How each part looks.
        edges: Of all triangles.
    """

    actors: tuple[Actor, ...]
    middles: Float64[np.ndarray, "P 3"]
    radii: Float64[np.ndarray, " P"]
    vertices: Float32[Tensor, "3 V"]
    normals: Float32[Tensor, "3 V"]
    uvs: Float32[Tensor, "2 V"] | None
    colors: Float32[Tensor, "4 V"] | None
    vertex_part: Int64[Tensor, " V"]
    faces: Int64[Tensor, "3 T"]
    face_part: Int64[Tensor, " T"]
    materials: Materials
    edges: Edges

    @property
    def num_triangles(self) -> int:
        """Triangles of all parts."""
        return self.faces.shape[1]

    @property
    def device(self) -> torch.device:
        """Where the triangles lie."""
        return self.vertices.device

    def places(self, scene: Scene, frame: int) -> Float64[np.ndarray, "P 4 4"]:
        """World-from-part of every part at a frame, about the parts' middles."""
        places = np.zeros((len(self.middles), 4, 4))
        time_s = scene.scene_time_s(frame)
        for actor in self.actors:
            placed = actor.placed
            own = actor.geometry.part_matrices(
                placed.animation, time_s * placed.animation_speed, placed.animation_loop
            )
            places[slice(*actor.parts)] = scene.prop_pose(placed.name, frame) @ own
        places[:, :3, 3] += (places[:, :3, :3] @ self.middles[:, :, None])[:, :, 0]
        return places

    def positions(self, matrices: Float64[np.ndarray, "P 4 4"]) -> Float32[Tensor, "3 V"]:
        """Vertices in the axes that the parts' matrices lead to."""
        rows = on_device(matrices[:, :3].reshape(-1, 12).T, self.device)
        return self._by_part(rows, self.vertices, moved)

    def turned_normals(self, places: Float64[np.ndarray, "P 4 4"]) -> Float32[Tensor, "3 V"]:
        """Unit vertex normals in world axes."""
        rows = on_device(_cofactors(places[:, :3, :3]).reshape(-1, 9).T, self.device)
        return unit(self._by_part(rows, self.normals, rotated))

    def _by_part(
        self, rows: Tensor, field: Tensor, apply: Callable[[Tensor, Tensor], Tensor]
    ) -> Tensor:
        """Apply each part's matrix to its vertices, some at a time: a matrix a vertex is large."""
        done = torch.empty_like(field)
        for start in range(0, field.shape[1], _VERTICES):
            part = slice(start, start + _VERTICES)
            done[:, part] = apply(take(rows, self.vertex_part[part]), field[:, part])
        return done

    def mirrored(self, places: Float64[np.ndarray, "P 4 4"]) -> Bool[Tensor, " P"]:
        """Parts whose matrix turns their triangles inside out."""
        return torch.from_numpy(np.linalg.det(places[:, :3, :3]) < 0).to(self.device)


def make_cast(scene: Scene, geometries: Mapping[str, Geometry], device: torch.device) -> Cast:
    """Bring a scene's props onto a device.

    Args:
        scene: Its props are taken in the order of their mask values.
        geometries: By name of the prop in the storyboard.
        device: Where they are drawn.

    Raises:
        StageError: A prop has no geometry, or there are more triangles than can be numbered.
    """
    actors: list[Actor] = []
    parts: list[Part] = []
    for placed in sorted(scene.props, key=lambda prop: prop.index):
        geometry = _geometry_of(placed, geometries)
        actors.append(Actor(placed, geometry, (len(parts), len(parts) + len(geometry.parts))))
        parts += geometry.parts
    if sum(len(part.faces) for part in parts) >= MAX_TRIANGLES:
        raise StageError(
            f"The shot has more than {MAX_TRIANGLES} triangles.",
            "Use simpler meshes, or place fewer of them.",
            where=scene.shot,
        )
    owners = [actor.placed.index for actor in actors for _ in range(*actor.parts)]
    return _joined(tuple(actors), parts, owners, device)


def _geometry_of(placed: PlacedProp, geometries: Mapping[str, Geometry]) -> Geometry:
    try:
        return geometries[placed.prop_name]
    except KeyError as error:
        raise StageError(
            f'The prop "{placed.prop_name}" has no mesh.',
            "Run the assets stage for it first.",
            where=placed.name,
        ) from error


def _joined(
    actors: tuple[Actor, ...], parts: Sequence[Part], owners: list[int], device: torch.device
) -> Cast:
    boxes = [_box(part.vertices) for part in parts]
    middles = np.array([(low + high) / 2 for low, high in boxes]).reshape(-1, 3)
    radii = np.array([np.linalg.norm(high - low) / 2 for low, high in boxes])
    starts = np.cumsum([0, *(len(part.vertices) for part in parts)])
    about = [part.vertices - middle for part, middle in zip(parts, middles, strict=True)]
    faces = [part.faces + start for part, start in zip(parts, starts, strict=False)]
    return Cast(
        actors,
        middles,
        radii,
        on_device(_stacked(about, 3), device),
        on_device(_stacked([part.normals for part in parts], 3), device),
        _optional([part.uvs for part in parts], parts, 2, 0.0, device),
        _optional([part.colors for part in parts], parts, 4, 1.0, device),
        _numbered([len(part.vertices) for part in parts], device),
        torch.from_numpy(_stacked(faces, 3).astype(np.int64)).to(device),
        _numbered([len(part.faces) for part in parts], device),
        Materials.of([part.material for part in parts], owners, device),
        _all_edges(parts, starts, device),
    )


def _box(vertices: Float32[np.ndarray, "V 3"]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    if not len(vertices):
        return np.zeros(3), np.zeros(3)
    return vertices.min(0).astype(np.float64), vertices.max(0).astype(np.float64)


def _stacked(arrays: Sequence[NDArray[np.generic]], width: int) -> NDArray[np.generic]:
    """Rows of all arrays, turned to [width, N]."""
    rows = np.concatenate(arrays) if arrays else np.zeros((0, width), np.float32)
    return np.ascontiguousarray(rows.T)


def _optional(
    arrays: Sequence[NDArray[np.float32] | None],
    parts: Sequence[Part],
    width: int,
    default: float,
    device: torch.device,
) -> Tensor | None:
    if all(array is None for array in arrays):
        return None
    filled = [
        np.full((len(part.vertices), width), default, np.float32) if array is None else array
        for array, part in zip(arrays, parts, strict=True)
    ]
    return on_device(_stacked(filled, width), device)


def _numbered(counts: Sequence[int], device: torch.device) -> Tensor:
    return torch.from_numpy(np.repeat(np.arange(len(counts)), counts).astype(np.int64)).to(device)


def _all_edges(parts: Sequence[Part], starts: NDArray[np.int64], device: torch.device) -> Edges:
    ends, faces, sharp = [], [], []
    first_face = 0
    known: dict[int, tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]] = {}
    for part, start in zip(parts, starts, strict=False):
        # The same prop placed twice brings the same part object twice.
        if id(part) not in known:
            known[id(part)] = mesh_edges(part.vertices, part.faces, part.normals)
        own_ends, own_faces, own_sharp = known[id(part)]
        ends.append(own_ends + start)
        faces.append(own_faces + first_face)
        sharp.append(own_sharp)
        first_face += len(part.faces)
    none = np.zeros((2, 0), np.int64)
    return Edges(
        torch.from_numpy(np.concatenate([none, *ends], axis=1)).to(device),
        torch.from_numpy(np.concatenate([none, *faces], axis=1)).to(device),
        torch.from_numpy(np.concatenate([np.zeros(0, bool), *sharp])).to(device),
    )


def _cofactors(matrices: Float64[np.ndarray, "P 3 3"]) -> Float64[np.ndarray, "P 3 3"]:
    """What turns normals: the inverse transposed, times the determinant's size.

    Normals point out of the surface whether or not the matrix mirrors, and a matrix that flattens
    its part still has one.
    """
    a, b, c = matrices[:, 0], matrices[:, 1], matrices[:, 2]
    rows = np.stack((np.cross(b, c), np.cross(c, a), np.cross(a, b)), axis=1)
    sign = np.where(np.linalg.det(matrices) < 0, -1.0, 1.0)
    return np.asarray(rows * sign[:, None, None])
