"""Five solid shapes about their own origin: where rays meet them, and how far points are from them.

Sizes: sphere (radius, -, -), box (half sides), cylinder and cone (radius, -, half height) along z,
torus (middle radius, -, tube radius) about z. Fields are [3, N]; rays need not be of length one.
"""

from __future__ import annotations

import torch
from torch import Tensor

from reelwright.stage.vector import dot, unit

KINDS = ("sphere", "box", "cylinder", "cone", "torus")
MISS = float("inf")
_TORUS_STEPS = 28


def reach(kind: str, size: tuple[float, float, float]) -> float:
    """Radius of the sphere about the origin that holds the shape."""
    a, b, c = size
    if kind == "sphere":
        return a
    if kind == "box":
        return float((a * a + b * b + c * c) ** 0.5)
    return a + c if kind == "torus" else float((a * a + c * c) ** 0.5)


def sides(kind: str, size: tuple[float, float, float]) -> tuple[float, float, float]:
    """Half sides of the box about a shape, in its own axes."""
    a, b, c = size
    if kind == "torus":
        return a + c, a + c, c
    return (a, a, c) if kind in ("cylinder", "cone") else (a, b, c)


def meet(
    kind: str, size: tuple[float, float, float], start: Tensor, way: Tensor
) -> tuple[Tensor, Tensor]:
    """Where rays enter a shape.

    Args:
        kind: One of `KINDS`.
        size: See the module.
        start: Where rays begin, [3, N] or [3, 1].
        way: Their directions, [3, N].

    Returns:
        Distance in units of `way`, `MISS` where there is none, and the number of the face that is
        met (0 for the round side).
    """
    if kind == "box":
        return _meet_box(size, start, way)
    if kind == "torus":
        return _meet_torus(size, start, way)
    if kind == "sphere":
        return _sphere(size[0], start, way), torch.zeros_like(way[0], dtype=torch.uint8)
    return _meet_round(kind, size, start, way)


def distance(kind: str, size: tuple[float, float, float], at: Tensor) -> Tensor:
    """Signed distance of points from a shape, negative inside."""
    a, b, c = size
    if kind == "sphere":
        return dot(at, at).sqrt() - a
    if kind == "box":
        x, y, z = at[0].abs() - a, at[1].abs() - b, at[2].abs() - c
        out = (x.clamp_min(0).square() + y.clamp_min(0).square() + z.clamp_min(0).square()).sqrt()
        return out + torch.maximum(x, torch.maximum(y, z)).clamp_max(0)
    across = (at[0].square() + at[1].square()).sqrt()
    if kind == "torus":
        return ((across - a).square() + at[2].square()).sqrt() - c
    if kind == "cylinder":
        x, z = across - a, at[2].abs() - c
        out = (x.clamp_min(0).square() + z.clamp_min(0).square()).sqrt()
        return out + torch.maximum(x, z).clamp_max(0)
    return _cone_distance(a, c, across, at[2])


def normal_at(kind: str, size: tuple[float, float, float], at: Tensor, face: Tensor) -> Tensor:
    """Unit normals where rays met a shape.

    Args:
        kind: One of `KINDS`.
        size: See the module.
        at: Points on the shape.
        face: From `meet`.
    """
    a, _, c = size
    if kind == "sphere":
        return unit(at)
    if kind == "box":
        axis = face.long() // 2
        sign = 1.0 - 2.0 * (face.long() % 2)
        return torch.stack([(axis == i) * sign for i in range(3)])
    zero = torch.zeros_like(at[2])
    if kind == "torus":
        across = (at[0].square() + at[1].square()).sqrt().clamp_min(1e-6)
        middle = a / across
        return unit(torch.stack((at[0] - at[0] * middle, at[1] - at[1] * middle, at[2])))
    if kind == "cylinder":
        side = unit(torch.stack((at[0], at[1], zero)))
    else:
        flat = unit(torch.stack((at[0], at[1], zero)))
        lean = (a * a + 4 * c * c) ** 0.5
        side = torch.stack((flat[0] * (2 * c / lean), flat[1] * (2 * c / lean), zero + a / lean))
    cap = torch.stack((zero, zero, torch.where(face == 1, zero + 1, zero - 1)))
    return torch.where(face == 0, side, cap)


def _sphere(radius: float, start: Tensor, way: Tensor) -> Tensor:
    square = dot(way, way)
    along = -dot(start, way) / square
    nearest = start + along * way
    inside = radius * radius - dot(nearest, nearest)
    t = along - (inside.clamp_min(0) / square).sqrt()
    return torch.where((inside > 0) & (t > 1e-4), t, torch.full_like(t, MISS))


def _meet_box(size: tuple[float, ...], start: Tensor, way: Tensor) -> tuple[Tensor, Tensor]:
    safe = torch.where(way.abs() < 1e-9, torch.full_like(way, 1e-9), way)
    half = torch.tensor(size, device=way.device)[:, None]
    one, two = (-half - start) / safe, (half - start) / safe
    near, axis = torch.minimum(one, two).max(0)
    far = torch.maximum(one, two).amin(0)
    back = safe.gather(0, axis[None])[0] > 0
    t = torch.where((near < far) & (near > 1e-4), near, torch.full_like(near, MISS))
    return t, (2 * axis + back).to(torch.uint8)


def _meet_round(
    kind: str, size: tuple[float, ...], start: Tensor, way: Tensor
) -> tuple[Tensor, Tensor]:
    """Cylinder and cone: the side is a quadric between two heights, the ends are discs."""
    radius, _, half = size
    slope = 0.0 if kind == "cylinder" else radius / (2 * half)
    # Radius at height z: side0 - slope z.
    side0 = radius if kind == "cylinder" else radius / 2
    reach0 = side0 - slope * start[2]
    a = way[0].square() + way[1].square() - (slope * way[2]).square()
    b = start[0] * way[0] + start[1] * way[1] + slope * way[2] * reach0
    c = start[0].square() + start[1].square() - reach0.square()
    a = torch.where(a.abs() < 1e-9, torch.full_like(a, 1e-9), a)
    root = (b * b - a * c).clamp_min(0).sqrt()
    best = torch.full_like(a, MISS)
    face = torch.zeros_like(a, dtype=torch.uint8)
    real = b * b > a * c
    for t in ((-b - root) / a, (-b + root) / a):
        z = start[2] + t * way[2]
        good = real & (z.abs() <= half) & (t > 1e-4) & (t < best)
        if kind == "cone":
            good = good & (side0 - slope * z > -1e-6)
        best = torch.where(good, t, best)
    down = torch.where(way[2].abs() < 1e-9, torch.full_like(a, 1e-9), way[2])
    for number, level in ((1, half), (2, -half)):
        wide = side0 - slope * level
        if wide <= 0:
            continue
        t = (level - start[2]) / down
        x, y = start[0] + t * way[0], start[1] + t * way[1]
        good = (x * x + y * y <= wide * wide) & (t > 1e-4) & (t < best)
        best = torch.where(good, t, best)
        face = torch.where(good, torch.full_like(face, number), face)
    return best, face


def _meet_torus(size: tuple[float, ...], start: Tensor, way: Tensor) -> tuple[Tensor, Tensor]:
    """Walk along the ray by the distance to the torus, from where it enters the bounding sphere."""
    a, _, c = size
    length = dot(way, way).sqrt()
    step = way / length
    along = -dot(start, step)
    nearest = start + along * step
    around = ((a + c) ** 2 - dot(nearest, nearest)).clamp_min(0).sqrt()
    t, end = (along - around).clamp_min(0), along + around
    for _ in range(_TORUS_STEPS):
        t = t + distance("torus", (a, 0.0, c), start + t * step)
    left = distance("torus", (a, 0.0, c), start + t * step)
    good = (left < 0.004 * c) & (t < end) & (t > 1e-4)
    face = torch.zeros_like(t, dtype=torch.uint8)
    return torch.where(good, t / length, torch.full_like(t, MISS)), face


def _cone_distance(radius: float, half: float, across: Tensor, z: Tensor) -> Tensor:
    """In the half plane of the axis: a triangle with corners (0, half), (radius, -half), axis."""
    to_x, to_z = radius, -2 * half
    share = ((across * to_x + (z - half) * to_z) / (to_x**2 + to_z**2)).clamp(0, 1)
    side = ((across - share * to_x).square() + (z - half - share * to_z).square()).sqrt()
    base = ((across - radius).clamp_min(0).square() + (z + half).square()).sqrt()
    inside = (z > -half) & (across < radius * (half - z) / (2 * half))
    nearest = torch.minimum(side, base)
    return torch.where(inside, -nearest, nearest)
