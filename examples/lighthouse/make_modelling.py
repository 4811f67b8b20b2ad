"""A small workshop for the props of this film: lathe, tubes, rounded boxes, rocks, noise, glTF.

Everything is modelled in metres with z up, bows and beaks toward +x, and turned to glTF's axes
when it is written. Seeds are fixed: the same scripts make the same files.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from reelwright.assets.gltf_write import GltfBuilder
from reelwright.assets.normals import crease_normals

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Piece:
    """Triangles of one material. Normals that are None are made with a crease."""

    vertices: Array
    faces: NDArray[np.int64]
    normals: Array | None = None
    uvs: Array | None = None
    colors: Array | None = None

    def moved(self, by: Sequence[float] = (0, 0, 0), turn: Array | None = None) -> Piece:
        """Turned by a 3x3 matrix, then moved."""
        matrix = np.eye(3) if turn is None else turn
        normals = None if self.normals is None else self.normals @ matrix.T
        return replace(self, vertices=self.vertices @ matrix.T + np.array(by), normals=normals)

    def mirrored(self, axis: int) -> Piece:
        """The piece in a mirror across an axis."""
        sign = np.ones(3)
        sign[axis] = -1
        normals = None if self.normals is None else self.normals * sign
        return replace(
            self, vertices=self.vertices * sign, normals=normals, faces=self.faces[:, ::-1]
        )

    def painted(self, color: Array | Callable[[Piece], Array]) -> Piece:
        """With vertex colours, linear: one for all or a function of the piece."""
        rows = color(self) if callable(color) else color
        return replace(self, colors=np.broadcast_to(rows, (len(self.vertices), 3)).copy())

    def with_normals(self) -> Piece:
        """With normals on every vertex."""
        if self.normals is not None:
            return self
        old, faces, normals = crease_normals(self.vertices.astype(np.float32), self.faces)
        return Piece(
            self.vertices[old],
            faces,
            normals.astype(float),
            None if self.uvs is None else self.uvs[old],
            None if self.colors is None else self.colors[old],
        )


def joined(pieces: Sequence[Piece]) -> Piece:
    """Several pieces as one; what only some of them have is filled in."""
    made = [piece.with_normals() for piece in pieces]
    starts = np.cumsum([0, *(len(piece.vertices) for piece in made)])
    with_uvs = any(piece.uvs is not None for piece in made)
    with_colors = any(piece.colors is not None for piece in made)
    return Piece(
        np.concatenate([piece.vertices for piece in made]),
        np.concatenate([piece.faces + n for piece, n in zip(made, starts, strict=False)]),
        np.concatenate([piece.normals for piece in made if piece.normals is not None]),
        np.concatenate([_rows(p.uvs, p, 2, 0.5) for p in made]) if with_uvs else None,
        np.concatenate([_rows(p.colors, p, 3, 1.0) for p in made]) if with_colors else None,
    )


def _rows(rows: Array | None, piece: Piece, width: int, fill: float) -> Array:
    return np.full((len(piece.vertices), width), fill) if rows is None else rows


def vec(x: float, y: float, z: float) -> Array:
    """A point or a way."""
    return np.array([x, y, z], float)


# --- turning -------------------------------------------------------------------------------------


def turn_x(degrees: float) -> Array:
    """Rotation about x."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def turn_y(degrees: float) -> Array:
    """Rotation about y."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def turn_z(degrees: float) -> Array:
    """Rotation about z."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])


# --- solids --------------------------------------------------------------------------------------


def filleted(points: Sequence[tuple[float, float]], radius: float, steps: int = 2) -> Array:
    """An outline whose inner corners are rounded."""
    rows = np.array(points, float)
    out = [rows[0]]
    for before, corner, after in zip(rows[:-2], rows[1:-1], rows[2:], strict=True):
        back, on = before - corner, after - corner
        reach = min(radius, 0.45 * np.linalg.norm(back), 0.45 * np.linalg.norm(on))
        start = corner + back / max(np.linalg.norm(back), 1e-9) * reach
        end = corner + on / max(np.linalg.norm(on), 1e-9) * reach
        bend = np.linspace(0, 1, steps + 1)[:, None]
        out.extend((1 - bend) ** 2 * start + 2 * bend * (1 - bend) * corner + bend**2 * end)
    out.append(rows[-1])
    return np.array(out)


def lathe(outline: Array | Sequence[tuple[float, float]], segments: int = 48) -> Piece:
    """An outline (radius, height), bottom to top on the outside, turned about z."""
    rows = np.array(outline, float)
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    ring = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    points = np.concatenate(
        [
            rows[:, None, :1] * ring[None],
            np.broadcast_to(rows[:, None, 1:], (len(rows), segments + 1, 1)),
        ],
        axis=2,
    )
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(rows, axis=0), axis=1))])
    u, v = np.meshgrid(angle / (2 * np.pi), 1 - along / along[-1])
    return grid(points, np.stack([u, v], axis=-1))


def grid(points: Array, uvs: Array | None = None) -> Piece:
    """Rows of points as triangles; flat ones at poles are left out."""
    rows, columns = points.shape[:2]
    index = np.arange(rows * columns).reshape(rows, columns)
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, 1:], index[1:, :-1]
    faces = np.concatenate([np.stack([a, b, c], -1), np.stack([a, c, d], -1)], axis=-1)
    faces = faces.reshape(-1, 3)
    flat = points.reshape(-1, 3)
    area = np.linalg.norm(
        np.cross(flat[faces[:, 1]] - flat[faces[:, 0]], flat[faces[:, 2]] - flat[faces[:, 0]]),
        axis=1,
    )
    return Piece(flat, faces[area > 1e-12], uvs=None if uvs is None else uvs.reshape(-1, 2))


def tube(
    path: Array | Sequence[Sequence[float]],
    radius: float | Sequence[float],
    sides: int = 8,
    closed: bool = False,
) -> Piece:
    """A round bar along a path, with flat ends; the radius may change along it."""
    rows = np.array(path, float)
    radii = np.broadcast_to(np.array(radius, float), (len(rows),))
    after = np.roll(rows, -1, axis=0) if closed else np.vstack([rows[1:], rows[-1:]])
    before = np.roll(rows, 1, axis=0) if closed else np.vstack([rows[:1], rows[:-1]])
    way = _unit(after - before)
    side, up = _frames(way)
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    ring = np.cos(angle)[None, :, None] * side[:, None] + np.sin(angle)[None, :, None] * up[:, None]
    points = rows[:, None] + ring * radii[:, None, None]
    normals = ring
    if closed:
        points, normals = (np.concatenate([x, x[:1]]) for x in (points, normals))
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(rows, axis=0), axis=1))])
    if closed:
        length = np.append(length, length[-1] + np.linalg.norm(rows[0] - rows[-1]))
    u, v = np.meshgrid(angle / (2 * np.pi), length)
    body = grid(points, np.stack([v, u], axis=-1))
    body = replace(body, normals=normals.reshape(-1, 3))
    if closed:
        return body
    return joined([body, _cap(points[0, :-1], -way[0]), _cap(points[-1, :-1], way[-1])])


def _cap(ring: Array, out: Array) -> Piece:
    count = len(ring)
    step = np.arange(count)
    faces = np.stack([np.full(count, count), step, (step + 1) % count], axis=1)
    points = np.vstack([ring, ring.mean(axis=0)])
    first = np.cross(points[0] - points[count], points[1] - points[count])
    if first @ out < 0:
        faces = faces[:, ::-1]
    uvs = np.full((count + 1, 2), 0.5)
    return Piece(points, faces, np.tile(out, (count + 1, 1)), uvs)


def _frames(way: Array) -> tuple[Array, Array]:
    """Two directions across a path that do not twist along it."""
    start = np.array([0, 0, 1.0]) if abs(way[0][2]) < 0.9 else np.array([1.0, 0, 0])
    side = [np.cross(way[0], start)]
    for direction in way[1:]:
        side.append(side[-1] - direction * (side[-1] @ direction))
    sides = _unit(np.array(side))
    return sides, np.cross(way, sides)


def box(
    size: Sequence[float],
    at: Sequence[float] = (0, 0, 0),
    bevel: float = 0.01,
    grain: tuple[float, float] | None = None,
) -> Piece:
    """A box about `at` with rounded edges.

    Args:
        size: Along x, y, z.
        at: Its middle.
        bevel: How much is cut from the edges; shaded as if it were round.
        grain: Where in a wood texture (u, v) the board was cut; the grain runs along its longest
            side and one metre is one picture.
    """
    half = np.array(size, float) / 2
    bevel = min(bevel, 0.45 * float(half.min()))
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
    vertices, normals = [], []
    for corner in corners:
        for axis in range(3):
            inset = half - bevel
            inset[axis] = half[axis]
            vertices.append(corner * inset)
            normals.append(np.where(np.arange(3) == axis, corner, 0.0))
    points = np.array(vertices)
    faces = _hull_faces(corners)
    uvs = None if grain is None else _board_uvs(points, np.array(normals), half, grain)
    return Piece(points + np.array(at), faces, np.array(normals), uvs)


def _hull_faces(corners: Array) -> NDArray[np.int64]:
    """Faces of a box whose corners are cut: 6 sides, 12 edges, 8 corners."""
    faces: list[list[int]] = []

    def number(corner: Array, axis: int) -> int:
        return int(np.flatnonzero((corners == corner).all(axis=1))[0]) * 3 + axis

    def add(loop: list[tuple[Array, int]], out: Array) -> None:
        places = np.array([corner + 0.1 * np.eye(3)[axis] * corner for corner, axis in loop])
        turned = np.cross(places[1] - places[0], places[2] - places[0]) @ out < 0
        ids = [number(corner, axis) for corner, axis in (loop[::-1] if turned else loop)]
        faces.extend([ids[0], ids[i], ids[i + 1]] for i in range(1, len(ids) - 1))

    for axis in range(3):
        one, two = (axis + 1) % 3, (axis + 2) % 3
        for sign in (-1.0, 1.0):
            square = []
            for a, b in ((-1, -1), (1, -1), (1, 1), (-1, 1)):
                corner = np.zeros(3)
                corner[axis], corner[one], corner[two] = sign, a, b
                square.append((corner, axis))
            add(square, sign * np.eye(3)[axis])
            for other in (-1.0, 1.0):  # the edge along `two` between sides `axis` and `one`
                low, high = np.zeros(3), np.zeros(3)
                low[axis] = high[axis] = sign
                low[one] = high[one] = other
                low[two], high[two] = -1, 1
                add([(low, axis), (low, one), (high, one), (high, axis)], (low + high) / 2)
    for corner in corners:
        add([(corner, 0), (corner, 1), (corner, 2)], corner)
    return np.array(faces)


def _board_uvs(points: Array, normals: Array, half: Array, grain: tuple[float, float]) -> Array:
    long = int(np.argmax(half))
    out = np.empty((len(points), 2))
    for axis in range(3):
        rows = np.abs(normals[:, axis]) > 0.5
        others = [i for i in range(3) if i != axis]
        along = long if long in others else others[0]
        across = others[1] if along == others[0] else others[0]
        out[rows, 0] = points[rows, along] + grain[0]
        out[rows, 1] = points[rows, across] + grain[1] + 0.13 * axis
    return out


def slab(outline: Array, depth: float, bevel: float = 0.0) -> Piece:
    """A convex outline in x, z (counter-clockwise seen from -y), from y = 0 to y = depth."""
    middle = outline.mean(axis=0)
    inner = middle + (outline - middle) * (1 - bevel)

    def ring(points: Array, y: float) -> Array:
        return np.stack([points[:, 0], np.full(len(points), y), points[:, 1]], axis=1)

    rings = [ring(inner, 0.0), ring(outline, bevel * 0.5), ring(outline, depth)]
    closed = np.array([np.vstack([each, each[:1]]) for each in rings])
    wall = grid(closed)
    return joined(
        [replace(wall, faces=wall.faces[:, ::-1]), _cap(rings[0], np.array([0, -1.0, 0]))]
    )


def box_uvs(piece: Piece, metres: float) -> Piece:
    """With a texture laid on from the six sides; one picture is `metres` wide."""
    piece = piece.with_normals()
    corners = piece.vertices[piece.faces]
    crosses = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    axis = np.argmax(np.abs(crosses), axis=1)
    keys, faces = np.unique(piece.faces * 3 + axis[:, None], return_inverse=True)
    old, side = keys // 3, keys % 3
    points = piece.vertices[old]
    along = np.where(side[:, None] == 2, points[:, 1:2], points[:, 2:3])
    across = np.where(side[:, None] == 0, points[:, 1:2], points[:, :1])
    return Piece(
        points,
        faces.reshape(-1, 3),
        None if piece.normals is None else piece.normals[old],
        np.hstack([across, along]) / metres,
        None if piece.colors is None else piece.colors[old],
    )


def _unit(rows: Array) -> Array:
    return rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)


# --- rock and noise ------------------------------------------------------------------------------


def noise(points: Array, seed: int = 0) -> Array:
    """Smooth gradient noise in about -1..1 at points [..., 3]."""
    cell = np.floor(points).astype(np.int64)
    inside = points - cell
    fade = inside**3 * (inside * (inside * 6 - 15) + 10)
    total = np.zeros(points.shape[:-1])
    for corner in np.ndindex(2, 2, 2):
        way = inside - corner
        weight = np.prod(np.where(np.array(corner) == 1, fade, 1 - fade), axis=-1)
        total += weight * (_gradient(cell + corner, seed) * way).sum(axis=-1)
    return total * 1.6


def _gradient(cell: NDArray[np.int64], seed: int) -> Array:
    mixed = cell[..., 0] * 374761393 + cell[..., 1] * 668265263 + cell[..., 2] * 2147483647
    mixed = (mixed + seed * 1274126177) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 13)) * 1274126177) & 0xFFFFFFFF
    mixed = ((mixed ^ (mixed >> 16)) * 2246822519) & 0xFFFFFFFF
    angle = (mixed & 0xFFFF) / 65536 * 2 * np.pi
    height = ((mixed >> 16) & 0xFFFF) / 32768 - 1
    flat = np.sqrt(np.maximum(1 - height**2, 0))
    return np.stack([flat * np.cos(angle), flat * np.sin(angle), height], axis=-1)


def fractal(points: Array, octaves: int = 4, seed: int = 0, ridged: bool = False) -> Array:
    """Noise of several sizes, each half as strong as the one before."""
    total, strength = np.zeros(points.shape[:-1]), 1.0
    for octave in range(octaves):
        layer = noise(points * 2.0**octave + 17.3 * octave, seed + octave)
        total += strength * (1 - 2 * np.abs(layer) if ridged else layer)
        strength *= 0.5
    return total


def ball(subdivisions: int = 3) -> Piece:
    """A unit ball of even triangles."""
    import trimesh

    made = trimesh.creation.icosphere(subdivisions=subdivisions)
    return Piece(np.array(made.vertices), np.array(made.faces, np.int64))


def rock(
    size: Sequence[float], seed: int, subdivisions: int = 3, cuts: int = 9, rough: float = 0.04
) -> Piece:
    """A boulder: a ball cut by planes as stone breaks, six roughly square, then weathered."""
    rng = np.random.default_rng(seed)
    made = ball(subdivisions)
    points = made.vertices.copy()
    square = np.vstack([np.eye(3), -np.eye(3)]) + rng.normal(0, 0.16, (6, 3))
    planes = [(normal, rng.uniform(0.56, 0.74)) for normal in square]
    planes += [(rng.normal(size=3), rng.uniform(0.72, 0.92)) for _ in range(cuts)]
    for way, depth in planes:
        normal = way / np.linalg.norm(way)
        over = points @ normal - depth
        points -= np.where(over > 0, over * 0.96, 0.0)[:, None] * normal
    points += _unit(points) * (fractal(points * 2.3, 4, seed) * rough)[:, None]
    return Piece(points * np.array(size, float), made.faces)


# --- colour and pictures -------------------------------------------------------------------------


def linear(color: str) -> Array:
    """Linear light of `#rrggbb`."""
    srgb = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def srgb(color: str) -> Array:
    """sRGB of `#rrggbb`, 0..1, for painting pictures."""
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def mix(one: Array, two: Array, share: Array | float) -> Array:
    """From one to the other; the share is held to 0..1."""
    part = np.clip(np.asarray(share, float), 0, 1)
    return one + (two - one) * (part[..., None] if part.ndim else part)


def step(low: float, high: float, values: Array) -> Array:
    """0 below `low`, 1 above `high`, smooth between."""
    u = np.clip((values - low) / (high - low), 0, 1)
    return u * u * (3 - 2 * u)


def tiling(
    width: int, height: int, scale: tuple[float, float], seed: int, octaves: int = 4
) -> Array:
    """Noise [height, width] that has no seam across, for pictures."""
    u = np.arange(width) / width * 2 * np.pi
    v = np.arange(height) / height
    radius = scale[0] / (2 * np.pi)
    points = np.stack(
        [
            np.broadcast_to(np.cos(u) * radius, (height, width)),
            np.broadcast_to(np.sin(u) * radius, (height, width)),
            np.broadcast_to(v[:, None] * scale[1], (height, width)),
        ],
        axis=-1,
    )
    return fractal(points, octaves, seed)


def tiling_both(size: int, scale: float, seed: int, octaves: int = 4) -> Array:
    """Noise [size, size] that has no seam either way: cut from the skin of a ring."""
    u, v = np.meshgrid(np.arange(size) / size * 2 * np.pi, np.arange(size) / size * 2 * np.pi)
    out = 2.0 + np.cos(v)
    points = np.stack([out * np.cos(u), out * np.sin(u), np.sin(v) * 1.6], axis=-1)
    return fractal(points * scale, octaves, seed)


def jpeg(picture: Array, quality: int = 86) -> bytes:
    """A picture of 0..1 as JPEG."""
    out = io.BytesIO()
    _image(picture).save(out, "JPEG", quality=quality, optimize=True)
    return out.getvalue()


def png(picture: Array, colors: int = 64) -> bytes:
    """A picture of 0..1 as PNG with a palette."""
    out = io.BytesIO()
    _image(picture).quantize(
        colors, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE
    ).save(out, "PNG", optimize=True)
    return out.getvalue()


def _image(picture: Array) -> Image.Image:
    return Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8), "RGB")


# --- glTF ----------------------------------------------------------------------------------------


class Model:
    """A .glb in the making: materials, a node tree, animations."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._builder = GltfBuilder(
            {
                "asset": {
                    "version": "2.0",
                    "generator": "reelwright examples",
                    "copyright": "CC0-1.0",
                }
            }
        )
        self._roots: list[int] = []

    def material(
        self,
        name: str,
        color: str | Array = "#ffffff",
        roughness: float = 0.7,
        metallic: float = 0.0,
        picture: bytes | None = None,
        emissive: str | None = None,
        strength: float = 1.0,
        alpha: float = 1.0,
        double_sided: bool = False,
    ) -> int:
        """Add a material; a texture multiplies its colour."""
        rgb = linear(color) if isinstance(color, str) else color
        core: dict[str, Any] = {
            "baseColorFactor": [round(float(c), 5) for c in (*rgb, alpha)],
            "metallicFactor": metallic,
            "roughnessFactor": roughness,
        }
        if picture is not None:
            core["baseColorTexture"] = {"index": self._builder.add_picture(picture, name)}
        entry: dict[str, Any] = {"name": name, "pbrMetallicRoughness": core}
        if emissive is not None:
            entry["emissiveFactor"] = [round(float(c), 5) for c in linear(emissive)]
            if strength != 1.0:
                entry["extensions"] = {
                    "KHR_materials_emissive_strength": {"emissiveStrength": strength}
                }
                self._builder.data["extensionsUsed"] = ["KHR_materials_emissive_strength"]
        if alpha < 1:
            entry["alphaMode"] = "BLEND"
        if double_sided:
            entry["doubleSided"] = True
        return self._builder.add("materials", entry)

    def node(
        self,
        name: str,
        parts: dict[int, Sequence[Piece]] | None = None,
        parent: int | None = None,
        at: Sequence[float] = (0, 0, 0),
        shown: bool = True,
    ) -> int:
        """Add a node with pieces by material; `at` is where it hangs in its parent.

        One that is not `shown` is there to be copied.
        """
        entry: dict[str, Any] = {"name": name}
        if any(at):
            entry["translation"] = [float(x) for x in (at[0], at[2], -at[1])]
        if parts:
            primitives = [self._primitive(joined(pieces), m) for m, pieces in parts.items()]
            entry["mesh"] = self._builder.add("meshes", {"primitives": primitives, "name": name})
        index = self._builder.add("nodes", entry)
        if parent is None and shown:
            self._roots.append(index)
        elif parent is not None:
            self._builder.data["nodes"][parent].setdefault("children", []).append(index)
        return index

    def copy(
        self, name: str, node: int, at: Sequence[float], turn_deg: float = 0.0, scale: float = 1.0
    ) -> int:
        """Let a node's mesh stand again elsewhere, turned about z."""
        half = np.radians(turn_deg) / 2
        entry = {
            "name": name,
            "mesh": self._builder.data["nodes"][node]["mesh"],
            "translation": [float(x) for x in (at[0], at[2], -at[1])],
            "rotation": [0.0, float(np.sin(half)), 0.0, float(np.cos(half))],
            "scale": [scale] * 3,
        }
        index = self._builder.add("nodes", entry)
        self._roots.append(index)
        return index

    def animate(
        self, name: str, seconds: float, moves: dict[int, dict[str, Callable[[Array], Array]]]
    ) -> None:
        """Add a looping animation.

        Args:
            name: Of the animation.
            seconds: One round.
            moves: For each node, `at` (metres from where it hangs) or `turn` (3x3 matrices) as a
                function of the phase, 0..1; both of period 1.
        """
        phase = np.linspace(0, 1, 33)
        times = self._builder.add_array((phase * seconds).reshape(-1, 1))
        samplers, channels = [], []
        for node, parts in moves.items():
            for kind, move in parts.items():
                values = self._keys(node, kind, move(phase))
                samplers.append({"input": times, "output": self._builder.add_array(values)})
                path = "translation" if kind == "at" else "rotation"
                target = {"node": node, "path": path}
                channels.append({"sampler": len(samplers) - 1, "target": target})
        entry = {"name": name, "samplers": samplers, "channels": channels}
        self._builder.add("animations", entry)

    def _keys(self, node: int, kind: str, values: Array) -> Array:
        if kind == "at":
            rest = self._builder.data["nodes"][node].get("translation", [0, 0, 0])
            return values[:, [0, 2, 1]] * [1, 1, -1] + np.array(rest)
        return np.array([_quaternion(each) for each in values])

    def save(self, folder: Path) -> Path:
        """Write the file."""
        self._builder.add("scenes", {"nodes": self._roots})
        self._builder.data["scene"] = 0
        path = folder / f"{self.name}.glb"
        path.write_bytes(self._builder.glb())
        return path

    def _primitive(self, piece: Piece, material: int) -> dict[str, Any]:
        builder = self._builder
        piece = piece.with_normals()
        attributes = {
            "POSITION": builder.add_array(_y_up(piece.vertices)),
            "NORMAL": builder.add_array(_y_up(_unit(piece.normals))),
        }
        core = builder.data["materials"][material]["pbrMetallicRoughness"]
        if piece.uvs is not None and "baseColorTexture" in core:
            attributes["TEXCOORD_0"] = builder.add_array(piece.uvs)
        if piece.colors is not None:
            attributes["COLOR_0"] = self._colors(piece.colors)
        faces = builder.add_array(piece.faces, corners=True)
        return {"attributes": attributes, "indices": faces, "material": material}

    def _colors(self, colors: Array) -> int:
        """Linear colours in 16 bits: 8 would show steps in the dark ones."""
        rows = np.ones((len(colors), 4))
        rows[:, :3] = np.clip(colors, 0, 1)
        data = (rows * 65535 + 0.5).astype("<u2").tobytes()
        accessor = {
            "bufferView": self._builder.add_view(data, byteStride=8, target=34962),
            "componentType": 5123,
            "normalized": True,
            "count": len(rows),
            "type": "VEC4",
        }
        return self._builder.add("accessors", accessor)


def _y_up(rows: Array | None) -> Array:
    if rows is None:
        raise ValueError("a piece is written with its normals")
    return rows[:, [0, 2, 1]] * [1, 1, -1]


def _quaternion(turn: Array) -> Array:
    """x, y, z, w of a rotation in our axes, as glTF's axes have it."""
    w = np.sqrt(max(0.0, 1 + turn[0, 0] + turn[1, 1] + turn[2, 2])) / 2
    if w > 1e-3:
        x, y, z = np.array(
            [turn[2, 1] - turn[1, 2], turn[0, 2] - turn[2, 0], turn[1, 0] - turn[0, 1]]
        ) / (4 * w)
    else:  # half a turn: the axis is the column that is left
        square = (turn + np.eye(3)) / 2
        x, y, z = square[:, int(np.argmax(np.diag(square)))] / np.sqrt(np.diag(square).max())
    return np.array([x, z, -y, w])
