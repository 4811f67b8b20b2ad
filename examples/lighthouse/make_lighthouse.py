"""The lighthouse: 16.9 m from its foot to its vane, with a lens that turns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from make_modelling import (
    Array,
    Model,
    Piece,
    box,
    filleted,
    grid,
    joined,
    jpeg,
    lathe,
    mix,
    noise,
    slab,
    srgb,
    step,
    tiling,
    tube,
    turn_x,
    turn_y,
    turn_z,
)

_WALL = (0.55, 10.6)
_DECK = 11.4
_GLASS = (12.25, 14.05)
_DOOR_DEG = -90.0


def lighthouse(folder: Path) -> Path:
    """Model the tower; its foot is at z = 0, its door looks to -y."""
    model = Model("lighthouse")
    wall = model.material("painted wall", roughness=0.75, picture=jpeg(_wall_picture(), 75))
    stone = model.material("granite", "#8f8a83", roughness=0.9)
    iron = model.material("black iron", "#23262a", roughness=0.45, metallic=0.3)
    red = model.material("red lead", "#9c2d24", roughness=0.5)
    white = model.material("white paint", "#e6dfd0", roughness=0.6)
    brass = model.material("brass", "#c79a4b", roughness=0.3, metallic=0.9)
    lit = model.material("lit window", "#4a3a22", roughness=0.2, emissive="#ffb45e", strength=1.6)
    door = model.material("door", "#2f5a5c", roughness=0.6)
    glass = model.material("glass", "#bcd4da", roughness=0.05, alpha=0.14, double_sided=True)
    lens = model.material("lens", "#ffe2b0", roughness=0.15, emissive="#ffb75a", strength=0.8)
    flame = model.material("bull's eye", "#fff3d6", roughness=0.1, emissive="#ffe0a0", strength=3)
    parts: dict[int, list[Piece]] = {
        wall: [_tower_wall()],
        stone: [*_plinth(), *_steps()],
        iron: [*_railing(), *_brackets(), *_lattice(), *_vane(), *_door_iron()],
        red: [_roof(), *_deck_edge()],
        white: [
            *_lamp_room(),
            *_corbel(),
            _on_wall(_frame(1.24, 2.18, 0.085), _DOOR_DEG, 0.56, 0.08),
        ],
        door: [_door()],
        brass: _lens_foot(),
        lit: [],
    }
    for angle, height in ((-62.0, 4.3), (-112.0, 6.9), (-84.0, 9.2), (70.0, 5.6)):
        frame, pane, bars = _window(angle, height)
        parts[white].append(frame)
        parts[lit].append(pane)
        parts[white].append(bars)
    parts[glass] = [lathe([(1.2, _GLASS[0]), (1.2, _GLASS[1])], 32)]
    tower = model.node("tower", parts)
    middle = sum(_GLASS) / 2
    barrel, eyes, frame = _lens()
    turning = model.node(
        "lens", {lens: barrel, flame: eyes, brass: frame}, parent=tower, at=(0, 0, middle)
    )
    model.animate(
        "turn", 8.0, {turning: {"turn": lambda u: np.array([turn_z(360 * each) for each in u])}}
    )
    return model.save(folder)


def _radius(height: Array | float) -> Array:
    """Of the wall: a slow curve inwards."""
    u = (np.asarray(height, float) - _WALL[0]) / (_WALL[1] - _WALL[0])
    return 1.62 + 0.95 * (1 - u) ** 1.5


def _tower_wall() -> Piece:
    height = np.linspace(*_WALL, 15)
    return lathe(np.stack([_radius(height), height], axis=1), 72)


def _wall_picture(size: int = 1024) -> Array:
    """Five bands of paint that have seen weather; row 0 is the top of the wall."""
    v, u = np.meshgrid(np.linspace(0, 1, size), np.linspace(0, 1, size), indexing="ij")
    wobble = tiling(size, size, (14, 14), 3, 3) * 0.0025
    band = np.floor(np.clip((v + wobble) * 5, 0, 4.999))
    is_red = step(0.5, 0.5001, band % 2)
    rough = tiling(size, size, (22, 26), 5, 5)
    white = mix(srgb("#efe8d9"), srgb("#d8cfbd"), 0.5 + 0.5 * rough)
    red = mix(srgb("#b23c2e"), srgb("#8f2c25"), 0.5 + 0.6 * rough)
    picture = mix(white, red, is_red)
    # Where the paint has come off, plaster shows; more of it low down, where the spray reaches.
    worn = tiling(size, size, (36, 40), 11, 5) + 0.25 * tiling(size, size, (150, 160), 12, 2)
    bare = step(0.62, 0.70, worn + 0.22 * v)
    picture = mix(picture, mix(srgb("#b9aa95"), srgb("#9b8c78"), 0.5 + rough), bare * 0.8)
    # Rain draws long streaks from under the gallery, rust from the bolts of its brackets.
    streak = tiling(size, size, (90, 1.6), 21, 3)
    falling = np.exp(-v * 2.2)
    picture = mix(picture, srgb("#6c6358"), step(0.15, 0.9, streak) * falling * 0.5)
    bolts = np.exp(-(((u * 12) % 1 - 0.5 + 0.02 * streak) ** 2) / 0.0012)
    rust = bolts * np.exp(-v * 9) * (0.7 + 0.3 * streak)
    picture = mix(picture, srgb("#8a4a22"), rust * 0.75)
    green = step(0.9, 1.0, v + 0.05 * rough) * (0.5 + 0.4 * rough)
    picture = mix(picture, srgb("#5d6147"), green * 0.7)
    grain = np.random.default_rng(4).normal(size=(size, size))
    return picture * (1 + 0.008 * grain)[..., None]


def _plinth() -> list[Piece]:
    """Two courses of granite blocks."""
    pieces = []
    rng = np.random.default_rng(2)
    for course, (low, high, radius) in enumerate(((-0.3, 0.28, 2.96), (0.28, 0.56, 2.82))):
        count = 18
        for i in range(count):
            start = 360 / count * (i + 0.5 * course)
            shade = rng.uniform(0.8, 1.12)
            angle = np.radians(np.linspace(start + 0.25, start + 360 / count - 0.25, 5))
            pieces.append(_block(angle, radius, low + 0.01, high - 0.01, shade))
    return pieces


def _block(angle: Array, radius: float, low: float, high: float, shade: float) -> Piece:
    """One stone of a ring, its outer edges rounded."""
    soft = 0.035
    outline = np.array(
        [
            [radius - 0.6, low],
            [radius - soft, low],
            [radius, low + soft],
            [radius, high - soft],
            [radius - soft, high],
            [radius - 0.6, high],
        ]
    )
    inner = outline.copy()
    inner[:, 0] -= soft
    ends = [angle[0] - 0.004, *angle, angle[-1] + 0.004]
    rings = [inner, *([outline] * len(angle)), inner]
    points = np.array(
        [
            np.stack([ring[:, 0] * np.cos(a), ring[:, 0] * np.sin(a), ring[:, 1]], axis=1)
            for a, ring in zip(ends, rings, strict=True)
        ]
    ).transpose(1, 0, 2)
    piece = grid(points)
    tint = 1 + 0.12 * noise(piece.vertices * 3.1, 8)
    return piece.painted(shade * tint[:, None] * np.array([1.0, 0.985, 0.96]))


def _steps() -> list[Piece]:
    pieces = []
    for i, (width, front) in enumerate(((1.6, 3.35), (2.0, 3.7), (2.4, 4.05))):
        top = 0.55 - 0.185 * i
        size = (width, front - 2.4, top + 0.3)
        made = box(size, (0, -(front + 2.4) / 2, top - size[2] / 2), 0.03)
        pieces.append(made.painted(np.array([1.08, 1.06, 1.02]) * (1 - 0.05 * i)))
    return pieces


def _arch(width: float, height: float, steps: int = 10) -> Array:
    """An arched outline in x, z, standing on z = 0, counter-clockwise from its lower left."""
    radius = width / 2
    angle = np.linspace(0, np.pi, steps + 1)
    top = np.stack([radius * np.cos(angle), height - radius + radius * np.sin(angle)], axis=1)
    return np.vstack([[-radius, 0], [radius, 0], top])


def _on_wall(piece: Piece, angle_deg: float, height: float, out: float) -> Piece:
    """From a place before the origin, facing -y, to one on the wall."""
    radius = float(_radius(height)) + out
    angle = np.radians(angle_deg)
    at = (radius * np.cos(angle), radius * np.sin(angle), height)
    return piece.moved(at, turn_z(angle_deg + 90))


def _frame(width: float, height: float, thick: float) -> Piece:
    """A moulding round an arch."""
    arch = _arch(width, height)
    path = np.stack([arch[:, 0], np.zeros(len(arch)), arch[:, 1]], axis=1)
    path = np.vstack([path[1:], path[:1]])
    return tube(path, thick, 8)


def _window(angle: float, height: float) -> tuple[Piece, Piece, Piece]:
    frame = joined([_frame(0.66, 1.12, 0.075), box((0.95, 0.22, 0.1), (0, 0.02, -0.06), 0.02)])
    pane = slab(_arch(0.62, 1.08), 0.3)
    bars = joined(
        [
            box((0.035, 0.04, 1.08), (0, -0.02, 0.54), 0.008),
            box((0.62, 0.04, 0.035), (0, -0.02, 0.4), 0.008),
            box((0.62, 0.04, 0.035), (0, -0.02, 0.76), 0.008),
        ]
    )
    return (
        _on_wall(frame, angle, height, 0.07),
        _on_wall(pane, angle, height, 0.045),
        _on_wall(bars, angle, height, 0.045),
    )


def _door() -> Piece:
    boards = [slab(_arch(1.12, 2.1), 0.3)]
    for x in np.linspace(-0.56, 0.56, 6)[:-1] + 0.112:
        top = 2.1 - 0.56 + np.sqrt(max(0.56**2 - x**2, 0)) - 0.05
        boards.append(box((0.205, 0.05, top), (x, -0.015, top / 2), 0.014))
    return joined([_on_wall(joined(boards), _DOOR_DEG, 0.56, 0.1)])


def _door_iron() -> list[Piece]:
    straps = [box((0.95, 0.03, 0.07), (-0.05, -0.06, z), 0.01) for z in (0.5, 1.45)]
    angle = np.linspace(0, 2 * np.pi, 13)[:-1]
    ring = np.stack(
        [0.36 + 0.075 * np.cos(angle), angle * 0 - 0.075, 1.0 + 0.075 * np.sin(angle)], 1
    )
    pieces = [*straps, tube(ring, 0.014, 8, closed=True)]
    return [_on_wall(piece, _DOOR_DEG, 0.56, 0.1) for piece in pieces]


def _corbel() -> list[Piece]:
    """The wall swings out to carry the gallery."""
    outline = [(1.62, 10.45), (1.74, 10.52), (1.74, 10.66), (1.68, 10.72), (1.72, 10.85)]
    outline += [(1.85, 11.0), (2.1, 11.12), (2.12, 11.2)]
    return [lathe(filleted(outline, 0.06), 64)]


def _deck_edge() -> list[Piece]:
    outline = [(1.9, 11.2), (2.62, 11.2), (2.62, _DECK), (1.2, _DECK)]
    return [lathe(filleted(outline, 0.05), 72)]


def _railing() -> list[Piece]:
    pieces, radius = [], 2.5
    for angle in np.arange(20) * 18.0:
        a = np.radians(angle)
        x, y = radius * np.cos(a), radius * np.sin(a)
        pieces.append(tube([(x, y, _DECK), (x, y, _DECK + 1.08)], 0.028, 8))
        knob = lathe([(0, 0), (0.045, 0.02), (0.055, 0.06), (0.035, 0.1), (0, 0.115)], 10)
        pieces.append(knob.moved((x, y, _DECK + 1.07)))
    ring = np.radians(np.linspace(0, 360, 49)[:-1])
    for height, thick in ((0.3, 0.016), (0.68, 0.016), (1.06, 0.028)):
        path = np.stack(
            [radius * np.cos(ring), radius * np.sin(ring), np.full(48, _DECK + height)], axis=1
        )
        pieces.append(tube(path, thick, 6, closed=True))
    return pieces


def _brackets() -> list[Piece]:
    pieces = []
    for angle in np.arange(12) * 30.0 + 15.0:
        curve = np.linspace(0, np.pi / 2, 7)
        path = np.stack(
            [1.74 + 0.72 * (1 - np.cos(curve)), curve * 0, 10.48 + 0.7 * np.sin(curve)], axis=1
        )
        pieces.append(tube(path, 0.05, 6).moved(turn=turn_z(angle)))
    return pieces


def _lamp_room() -> list[Piece]:
    low, high = _DECK, _GLASS[0]
    outline = [(1.36, low - 0.05), (1.36, low + 0.12), (1.28, low + 0.2), (1.28, high - 0.16)]
    outline += [(1.4, high - 0.08), (1.4, high), (1.1, high)]
    top = [(1.1, _GLASS[1]), (1.34, _GLASS[1]), (1.34, _GLASS[1] + 0.1), (1.2, _GLASS[1] + 0.1)]
    ceiling = lathe([(0.0, _GLASS[1] + 0.03), (1.25, _GLASS[1] + 0.03)], 32)
    floor = lathe([(1.2, high - 0.06), (0.0, high - 0.06)], 32)
    return [lathe(filleted(outline, 0.03), 56), lathe(filleted(top, 0.02), 56), ceiling, floor]


def _lattice() -> list[Piece]:
    """Glazing bars of the lamp room: uprights, and diagonals between them."""
    pieces, count, radius = [], 10, 1.24
    low, high = _GLASS

    def at(turn: float, height: float) -> tuple[float, float, float]:
        a = 2 * np.pi * turn / count
        return (radius * np.cos(a), radius * np.sin(a), height)

    for i in range(count):
        pieces.append(tube([at(i, low), at(i, high)], 0.03, 6))
        rise = np.linspace(0, 1, 5)
        for sign in (1, -1):
            path = [at(i + sign * u * 0.5 + 0.5, low + (high - low) * u) for u in rise]
            pieces.append(tube(path, 0.016, 5))
            path = [at(i + sign * (1 - u) * 0.5, low + (high - low) * u) for u in rise]
            pieces.append(tube(path, 0.016, 5))
    return pieces


def _roof() -> Piece:
    base = _GLASS[1] + 0.1
    outline = [(1.2, base), (1.62, base - 0.06), (1.66, base + 0.02), (1.5, base + 0.12)]
    u = np.linspace(0, 1, 10)
    dome = np.stack([1.42 * np.cos(u * 1.42) ** 0.9 + 0.02, base + 0.2 + 1.1 * np.sin(u * 1.42)], 1)
    neck = [(0.2, base + 1.36), (0.2, base + 1.5), (0.34, base + 1.62), (0.38, base + 1.78)]
    neck += [(0.3, base + 1.94), (0.12, base + 2.03), (0.05, base + 2.06)]
    return lathe(np.vstack([filleted(outline, 0.04), dome, filleted(neck, 0.05)]), 56)


def _vane() -> list[Piece]:
    base = _GLASS[1] + 2.1
    rod = tube([(0, 0, base), (0, 0, base + 0.75)], [0.03, 0.012], 8)
    arrow = tube([(-0.45, 0, base + 0.5), (0.4, 0, base + 0.5)], 0.014, 6)
    tip = lathe([(0, 0), (0.07, 0.01), (0, 0.2)], 8).moved((0.4, 0, base + 0.5), turn_y(90))
    tail = box((0.24, 0.012, 0.2), (-0.38, 0, base + 0.5), 0.004)
    return [rod, *(piece.moved(turn=turn_z(28)) for piece in (arrow, tip, tail))]


def _lens_foot() -> list[Piece]:
    low = _GLASS[0] - 0.2
    outline = [(0.0, low), (0.42, low), (0.42, low + 0.08), (0.14, low + 0.16), (0.12, low + 0.38)]
    outline += [(0.36, low + 0.44), (0.36, low + 0.5), (0.0, low + 0.5)]
    return [lathe(filleted(outline, 0.03), 24)]


def _lens() -> tuple[list[Piece], list[Piece], list[Piece]]:
    """A barrel of prisms with two bull's eyes, about its own middle."""
    height = np.linspace(-0.6, 0.6, 25)
    bulge = 0.52 - 0.32 * (height / 0.6) ** 2
    ribs = np.where(np.arange(25) % 2 == 0, 0.0, 0.035)
    barrel = lathe(np.stack([bulge + ribs, height], axis=1), 32)
    # A bull's eye: a bright middle, and rings of prisms that step back round it.
    middle = lathe([(0.15, 0.0), (0.14, 0.05), (0.09, 0.08), (0.0, 0.095)], 24)
    rings = [
        lathe([(r + 0.062, -0.02), (r + 0.055, 0.045), (r, 0.0)], 24) for r in (0.15, 0.215, 0.28)
    ]
    eyes, prisms = (
        [piece.moved((0, 0, 0.54)).moved(turn=turn_x(s * 90)) for piece in pieces for s in (1, -1)]
        for pieces in ([middle], rings)
    )
    rims = []
    ring = np.radians(np.linspace(0, 360, 25)[:-1])
    for sign in (1, -1):
        path = np.stack(
            [0.38 * np.cos(ring), np.full(24, sign * 0.55), 0.38 * np.sin(ring)], axis=1
        )
        rims.append(tube(path, 0.028, 6, closed=True))
    for angle in (0.0, 180.0):
        a = np.radians(angle)
        path = np.stack([(bulge + 0.06) * np.cos(a), (bulge + 0.06) * np.sin(a), height], axis=1)
        rims.append(tube(path, 0.02, 6))
    caps = [
        lathe([(0.0, z - 0.03), (0.24, z - 0.03), (0.24, z + 0.03), (0.0, z + 0.03)], 20)
        for z in (-0.62, 0.62)
    ]
    return [barrel, *prisms], eyes, [*rims, *caps]
