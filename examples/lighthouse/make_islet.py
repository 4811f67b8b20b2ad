"""The islet that the lighthouse stands on, and rocks for the sea around it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from make_modelling import (
    Array,
    Model,
    Piece,
    box_uvs,
    fractal,
    grid,
    jpeg,
    linear,
    mix,
    noise,
    rock,
    step,
    tiling_both,
    vec,
)

PLATEAU_M = 3.2
"""Height of the flat top of the islet over the sea: the lighthouse stands there."""

_NUM_ROCKS = 5
"""Different boulders of each kind; each stands several times."""


def islet(folder: Path) -> Path:
    """Model the islet; z = 0 is the sea, the flat top is at `PLATEAU_M`."""
    model = Model("islet")
    stone = model.material("rock", roughness=0.92, picture=rock_picture())
    mound = box_uvs(_mound(), 2.4)
    model.node("ground", {stone: [mound.painted(_ground_color(mound))]})
    rng = np.random.default_rng(12)
    shore = [_kind(model, stone, f"shore {i}", 100 + i, 0.1) for i in range(_NUM_ROCKS)]
    cliff = [_kind(model, stone, f"cliff {i}", 200 + i, 1.5) for i in range(_NUM_ROCKS)]
    wet = [_kind(model, stone, f"wet {i}", 400 + i, -0.1, 2) for i in range(3)]
    rim = [_kind(model, stone, f"rim {i}", 500 + i, 2.4, 2) for i in range(4)]
    rings = (
        # which rocks, how many, distance, height of the middle, size
        (shore, 23, (8.1, 9.3), (-0.05, 0.2), (1.1, 1.8)),
        (wet, 18, (9.8, 11.6), (-0.35, -0.1), (0.45, 0.95)),
        (cliff, 21, (6.5, 7.4), (0.85, 1.4), (1.3, 1.8)),
        (rim, 20, (5.3, 6.2), (1.95, 2.4), (0.7, 1.25)),
    )
    for ring, (kinds, count, distances, heights, sizes) in enumerate(rings):
        for i in range(count):
            angle = 360 / count * (i + rng.uniform(-0.28, 0.28))
            distance, scale = rng.uniform(*distances), rng.uniform(*sizes)
            turn, height = rng.uniform(0, 360), rng.uniform(*heights)
            if ring == 3 and abs((angle + 90 + 180) % 360 - 180) < 20:
                continue  # the way to the door stays open
            a = np.radians(angle)
            at = (distance * np.cos(a), distance * np.sin(a), height)
            model.copy(f"rock {ring}.{i}", kinds[i % len(kinds)], at, turn, scale)
    return model.save(folder)


def rocks(folder: Path) -> Path:
    """A skerry: seven rocks that break the surface, about 5 m across; z = 0 is the sea."""
    model = Model("rocks")
    stone = model.material("rock", roughness=0.9, picture=rock_picture())
    kinds = [_kind(model, stone, f"skerry {i}", 300 + i, 0.1) for i in range(2)]
    places = (
        (0.0, 0.0, 0.1, 1.5),
        (1.9, 0.5, 0.0, 1.0),
        (-1.5, 0.9, -0.1, 0.95),
        (0.6, -1.5, -0.15, 0.8),
        (-1.9, -0.7, -0.2, 0.6),
        (2.4, -0.9, -0.15, 0.5),
        (0.9, 1.7, -0.2, 0.6),
    )
    for i, (x, y, z, scale) in enumerate(places):
        model.copy(f"rock {i}", kinds[i % 2], (x, y, z), 67.0 * i, scale)
    return model.save(folder)


def rock_picture(size: int = 448) -> bytes:
    """Grain and cracks that multiply the painted colours; has no seams."""
    grain = tiling_both(size, 9.0, 71, 4)
    blotch = tiling_both(size, 1.6, 72, 3)
    crack = np.abs(tiling_both(size, 1.3, 73, 4) + 0.15 * grain)
    pit = step(0.55, 0.8, tiling_both(size, 14.0, 74, 2))
    light = 0.86 + 0.09 * grain + 0.07 * blotch - 0.3 * (1 - step(0.0, 0.035, crack)) - 0.12 * pit
    warm = 0.02 * blotch
    return jpeg(np.stack([light + warm, light, light - warm], axis=-1), 80)


def _kind(
    model: Model, material: int, name: str, seed: int, height: float, subdivisions: int = 3
) -> int:
    """A boulder about the origin, painted as one whose middle is `height` over the sea."""
    rng = np.random.default_rng(seed)
    size = np.array([1.15, 0.95, 0.8]) * rng.uniform(0.85, 1.2, 3)
    made = box_uvs(rock(size, seed, subdivisions), 1.4)
    color = rock_color(made.vertices + vec(0, 0, height), made.normals, made.vertices * 1.6)
    return model.node(name, {material: [made.painted(color)]}, shown=False)


def _mound() -> Piece:
    """What is between the boulders: a dome with a flat top, in rings from its rim inwards."""
    columns, rows = 80, 26
    angle = np.linspace(0, 2 * np.pi, columns + 1)
    u = np.linspace(1, 0, rows)[:, None]
    way = np.stack([np.cos(angle), np.sin(angle), np.zeros_like(angle)], axis=-1)
    reach = 9.0 + 1.1 * fractal(way * 1.4, 3, 31)  # how far the shore lies, by direction
    top = 5.2 + 0.5 * noise(way * 2.0, 7)
    radius = np.where(u < 0.4, u / 0.4 * top, top + (u - 0.4) / 0.6 * (reach - top))
    fall = step(0.0, 1.0, np.clip((u - 0.3) / 0.7, 0, 1)) * 0.6 + 0.4 * np.clip(
        (u - 0.3) / 0.7, 0, 1
    )
    height = np.broadcast_to(PLATEAU_M - (PLATEAU_M + 1.5) * fall, radius.shape)
    points = np.stack([radius * way[None, :, 0], radius * way[None, :, 1], height], axis=-1)
    flank = step(0.3, 0.6, np.broadcast_to(u, radius.shape))
    points[..., 2] += (0.04 + 0.3 * flank) * fractal(points * 0.6, 4, 5)
    points[:, -1] = points[:, 0]
    return grid(points)


def _ground_color(piece: Piece) -> Array:
    """Grass with a trodden ring round the tower, stone below."""
    points = piece.vertices
    stone = rock_color(points, piece.normals, points)
    patch, fine = fractal(points * 0.9, 4, 60), fractal(points * 5.0, 2, 61)
    grass = mix(linear("#59652f"), linear("#868043"), 0.5 + 0.6 * patch + 0.3 * fine)
    color = mix(stone, grass, step(1.2, 1.9, points[:, 2] + 0.4 * patch))
    distance = np.hypot(points[:, 0], points[:, 1]) + 0.5 * patch
    to_door = np.where(points[:, 1] < 0, np.abs(points[:, 0]) + 0.3 * patch, 9.0)
    trodden = np.maximum(1 - step(3.5, 4.1, distance), 1 - step(0.6, 1.1, to_door))
    return mix(
        color, linear("#a2937a") * (1 + 0.1 * fine)[:, None], trodden * step(2.0, 2.6, points[:, 2])
    )


def rock_color(points: Array, normals: Array | None, grain: Array) -> Array:
    """Granite; weed where the tide reaches, a pale line over it, lichen and moss on top.

    Args:
        points: Where it is over the sea.
        normals: Which way it faces.
        grain: Where its patterns are taken from.
    """
    up = np.ones(len(points)) if normals is None else normals[:, 2]
    patch, fine = fractal(grain * 0.9, 4, 50), fractal(grain * 4.0, 3, 51)
    granite = mix(linear("#94897c"), linear("#66615c"), 0.5 + 0.7 * patch)
    granite = mix(granite, linear("#a08a6c"), step(0.1, 0.8, fractal(grain * 0.5, 2, 52)))
    granite = granite * (1 + 0.16 * fine)[:, None]
    tide = points[:, 2] + 0.14 * patch + 0.08 * fine
    pale = step(0.42, 0.52, tide) * (1 - step(0.55, 0.85, tide))
    color = mix(granite, linear("#bdb5a5"), pale * 0.5)
    color = mix(color, linear("#2b2c22"), 1 - step(0.22, 0.48, tide))
    color = mix(
        color, linear("#3d4727"), (1 - step(0.05, 0.3, tide)) * step(-0.2, 0.5, patch) * 0.7
    )
    lichen = step(0.45, 0.7, fractal(grain * 2.1, 3, 53)) * step(0.9, 1.5, points[:, 2])
    color = mix(color, linear("#b8963f"), lichen * 0.5)
    moss = step(0.75, 0.95, up + 0.15 * patch) * step(2.0, 2.7, points[:, 2] + 0.4 * patch)
    return mix(color, linear("#6b7039"), moss * 0.85)
