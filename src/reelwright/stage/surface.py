"""The point of a mesh that a sample sees: its depth, where in its triangle it lies, and its look.

Everything is taken from the whole triangle in space (also where the near plane cut it), relative to
one of its corners, so that a small triangle far away is as exact as a large one near by.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from reelwright.stage.camera import NEAR_M, View
from reelwright.stage.cast import Cast
from reelwright.stage.mipmap import Footprint
from reelwright.stage.selection import take, where_true
from reelwright.stage.vector import cross, dot, unit


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """Where samples meet triangles.

    Attributes:
        triangle: Which.
        vertices: Its corners' numbers.
        depth: Metres along the view axis.
        weights: Of the second and the third corner; the first has the rest.
        along_x: Change of `weights` from one pixel to the next on its right.
        along_y: Change of `weights` to the next below.
        normal: Of the triangle, unit, camera axes, towards the eye.
        from_behind: 1 where the triangle's back is seen, else 0.
    """

    triangle: Int64[Tensor, " N"]
    vertices: Int64[Tensor, "3 N"]
    depth: Float32[Tensor, " N"]
    weights: Float32[Tensor, "2 N"]
    along_x: Float32[Tensor, "2 N"]
    along_y: Float32[Tensor, "2 N"]
    normal: Float32[Tensor, "3 N"]
    from_behind: Float32[Tensor, " N"]

    def mixed(self, field: Float32[Tensor, "C V"]) -> Float32[Tensor, "C N"]:
        """A vertex field at the hits."""
        a, b, c = (take(field, vertex) for vertex in self.vertices)
        return a + self.weights[0] * (b - a) + self.weights[1] * (c - a)

    def changes(
        self, field: Float32[Tensor, "C V"]
    ) -> tuple[Float32[Tensor, "C N"], Float32[Tensor, "C N"]]:
        """How a vertex field changes per pixel to the right and down."""
        a, b, c = (take(field, vertex) for vertex in self.vertices)
        right, down = self.along_x, self.along_y
        return right[0] * (b - a) + right[1] * (c - a), down[0] * (b - a) + down[1] * (c - a)


def rays(places: Float32[Tensor, "2 N"], view: View) -> Float32[Tensor, "3 N"]:
    """Directions through places of the picture, camera axes, z = 1."""
    (fx, fy), (cx, cy) = view.focal, view.centre
    x, y = (places[0] - cx) / fx, (places[1] - cy) / fy
    return torch.stack((x, y, torch.ones_like(x)))


def hits(
    cast: Cast,
    positions: Float32[Tensor, "3 V"],
    triangle: Int64[Tensor, " N"],
    places: Float32[Tensor, "2 N"],
    view: View,
    mirrored: Tensor,
) -> Hits:
    """Where rays meet the triangles that are seen there.

    Args:
        cast: The triangles.
        positions: Vertices in camera axes.
        triangle: One a sample.
        places: Samples in pixels.
        view: The camera.
        mirrored: Per part, see `Cast.mirrored`.
    """
    vertices = take(cast.faces, triangle)
    a, b, c = (take(positions, vertex) for vertex in vertices)
    ray = rays(places, view)
    to_b, to_c = b - a, c - a
    cross_bc = cross(to_b, to_c)
    normal = unit(cross_bc)
    slant = dot(normal, ray)
    slant = torch.where(slant.abs() < 1e-7, torch.full_like(slant, 1e-7), slant)
    depth = _depth(a, b, c, normal, slant, ray)
    # Dual basis: weights are inner products with it.
    scale = 1 / dot(cross_bc, cross_bc).clamp_min(1e-36)
    for_b, for_c = cross(to_c, cross_bc) * scale, cross(cross_bc, to_b) * scale
    inside = depth * ray - a
    weights = torch.stack((dot(inside, for_b), dot(inside, for_c))).clamp(0, 1)
    changes = []
    for axis, focal in enumerate(view.focal):
        step = depth / focal
        change = step * (-normal[axis] / slant) * ray
        change[axis] += step
        changes.append(torch.stack((dot(change, for_b), dot(change, for_c))))
    right, down = changes
    behind = (slant > 0) != take(mirrored, take(cast.face_part, triangle))
    towards = torch.where(slant > 0, -normal, normal)
    return Hits(triangle, vertices, depth, weights, right, down, towards, behind.float())


def _depth(a: Tensor, b: Tensor, c: Tensor, normal: Tensor, slant: Tensor, ray: Tensor) -> Tensor:
    """Depth of the triangle's plane along rays.

    Measured from the corner nearest to the eye: what is added to that corner's own depth is small
    for a small triangle, so rounding is as well. Held between the corners' depths, since the plane
    of a triangle that is seen from its edge says nothing.
    """
    base, best = a, _reach(a)
    for corner in (b, c):
        reach = _reach(corner)
        closer = reach < best
        base, best = torch.where(closer, corner, base), torch.where(closer, reach, best)
    aside = ray - base / base[2]
    depth = base[2] * (1 - dot(normal, aside) / slant)
    low = torch.minimum(torch.minimum(a[2], b[2]), c[2]).clamp_min(NEAR_M)
    high = torch.maximum(torch.maximum(a[2], b[2]), c[2])
    return torch.minimum(torch.maximum(depth, low), high)


def _reach(corner: Tensor) -> Tensor:
    reach = dot(corner, corner)
    return torch.where(corner[2] > NEAR_M, reach, torch.full_like(reach, torch.inf))


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What the light meets.

    Attributes:
        base: Linear red, green, blue.
        opacity: 0..1.
        metallic: 0..1.
        roughness: 0..1.
        emissive: Linear.
        unlit: 1 where it is shown as it is.
        normal: Shading normal, unit, world axes.
        flat: The triangle's normal, unit, world axes, towards the eye.
        bend: How much the normal turns over a pixel, squared.
    """

    base: Float32[Tensor, "3 N"]
    opacity: Float32[Tensor, " N"]
    metallic: Float32[Tensor, " N"]
    roughness: Float32[Tensor, " N"]
    emissive: Float32[Tensor, "3 N"]
    unlit: Float32[Tensor, " N"]
    normal: Float32[Tensor, "3 N"]
    flat: Float32[Tensor, "3 N"]
    bend: Float32[Tensor, " N"]


def opacity(cast: Cast, hit: Hits) -> Float32[Tensor, " N"]:
    """Opacity alone, 0..1."""
    return _base_color(cast, hit)[3]


def look(
    cast: Cast, hit: Hits, normals: Float32[Tensor, "3 V"], flat: Float32[Tensor, "3 N"]
) -> Look:
    """The look of the surface at hits.

    Args:
        cast: The triangles and their materials.
        hit: Where.
        normals: Vertex normals, world axes.
        flat: `hit.normal` in world axes.
    """
    part = take(cast.face_part, hit.triangle)
    materials = cast.materials
    base = _base_color(cast, hit)
    normal = unit(hit.mixed(normals)) * (1 - 2 * hit.from_behind)
    right, down = hit.changes(normals)
    return Look(
        base[:3],
        base[3],
        take(materials.metallic, part),
        take(materials.roughness, part),
        _emissive(cast, hit, part),
        take(materials.unlit, part).float(),
        normal,
        flat,
        dot(right, right) + dot(down, down),
    )


def _base_color(cast: Cast, hit: Hits) -> Float32[Tensor, "4 N"]:
    part = take(cast.face_part, hit.triangle)
    color = take(cast.materials.base, part)
    if cast.colors is not None:
        color = color * hit.mixed(cast.colors)
    _texture(cast, hit, part, cast.materials.texture, color)
    return color


def _emissive(cast: Cast, hit: Hits, part: Tensor) -> Float32[Tensor, "3 N"]:
    light = take(cast.materials.emissive, part)
    _texture(cast, hit, part, cast.materials.emissive_texture, light)
    return light


def _texture(cast: Cast, hit: Hits, part: Tensor, table: Tensor, color: Tensor) -> None:
    """Multiply the colour of textured samples by their texture, in place."""
    if cast.uvs is None:
        return
    number = take(table, part)
    index = where_true(number >= 0)
    if not index.shape[0]:
        return
    own = _at(hit, index)
    number, part = take(number, index), take(part, index)
    uv = own.mixed(cast.uvs)
    textures = cast.materials.textures
    seen: Footprint = textures.footprint(number, *own.changes(cast.uvs))
    wrap = take(cast.materials.wrap, part)
    texel = textures.read(number, uv, seen, (wrap[0], wrap[1]))
    color[:, index] = take(color, index) * texel[: color.shape[0]]


def _at(hit: Hits, index: Tensor) -> Hits:
    return Hits(
        take(hit.triangle, index),
        take(hit.vertices, index),
        take(hit.depth, index),
        take(hit.weights, index),
        take(hit.along_x, index),
        take(hit.along_y, index),
        take(hit.normal, index),
        take(hit.from_behind, index),
    )
