"""What lies about a small harbour: a bell buoy, a landing stage, a crate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from make_boat import wood_picture
from make_modelling import (
    Array,
    Model,
    Piece,
    ball,
    box,
    filleted,
    jpeg,
    lathe,
    linear,
    mix,
    noise,
    srgb,
    step,
    tiling,
    tube,
    turn_x,
    turn_y,
    turn_z,
)

# --- the bell buoy -------------------------------------------------------------------------------

_BELL_M = 1.72
"""Height of the bell's pivot over the water."""


def buoy(folder: Path) -> Path:
    """A red bell buoy, 2.1 m wide, 3.6 m over the water; its animation `rock` is 5 s long."""
    model = Model("buoy")
    paint = model.material("painted float", roughness=0.5, picture=jpeg(_float_picture(), 78))
    red = model.material("red paint", "#a8321f", roughness=0.5)
    iron = model.material("iron", "#3a3c3e", roughness=0.6, metallic=0.5)
    bronze = model.material("bronze", "#9a7436", roughness=0.32, metallic=0.9)
    white = model.material("number plate", "#e9e4d6", roughness=0.6)
    black = model.material("number", "#1d1e20", roughness=0.6)
    lamp = model.material("lamp", "#ff5a3c", roughness=0.2, emissive="#ff4a28", strength=2.5)
    hull = model.node(
        "float",
        {
            paint: [_float()],
            red: _tower(),
            iron: _ironwork(),
            white: [_plate()],
            black: _number(),
            lamp: [_lamp()],
        },
    )
    bell = model.node("bell", {bronze: [_bell()]}, hull, (0, 0, _BELL_M))
    clapper = model.node("clapper", {iron: _clapper()}, hull, (0, 0, _BELL_M))
    model.animate(
        "rock",
        5.0,
        {
            hull: {"at": _heave, "turn": lambda u: _tilted(u, 6.0, 4.0, 0.0)},
            bell: {"turn": lambda u: _tilted(u, -4.5, -3.0, 0.04)},
            clapper: {"turn": lambda u: _tilted(u, -13.0, -9.0, 0.1)},
        },
    )
    return model.save(folder)


def _heave(u: Array) -> Array:
    return np.stack([u * 0, u * 0, 0.07 * np.sin(2 * np.pi * (u + 0.3))], axis=1)


def _tilted(u: Array, along: float, across: float, late: float) -> Array:
    phase = 2 * np.pi * (u - late)
    a = along * np.sin(phase) + 0.25 * along * np.sin(2 * phase + 0.6)
    b = across * np.sin(phase + 1.3)
    return np.array([turn_y(x) @ turn_x(y) for x, y in zip(a, b, strict=True)])


def _float() -> Piece:
    outline = [(0.0, -0.75), (0.55, -0.72), (0.95, -0.35), (1.05, -0.12), (1.05, 0.34)]
    outline += [(0.98, 0.44), (0.6, 0.52), (0.0, 0.54)]
    return lathe(filleted(outline, 0.09, 3), 48)


def _legs() -> list[tuple[Array, Array]]:
    """Foot and head of each of the four legs."""
    out = []
    for angle in (45, 135, 225, 315):
        a = np.radians(angle)
        way = np.array([np.cos(a), np.sin(a), 0])
        out.append((0.78 * way + [0, 0, 0.48], 0.3 * way + [0, 0, 2.75]))
    return out


def _tower() -> list[Piece]:
    legs = _legs()
    pieces = [tube([foot, head], 0.045, 8) for foot, head in legs]
    for (foot, head), (next_foot, next_head) in zip(legs, legs[1:] + legs[:1], strict=True):
        for share in (0.36, 0.62, 0.97):
            ends = [foot + (head - foot) * share, next_foot + (next_head - next_foot) * share]
            pieces.append(tube(ends, 0.028, 6))
        low, high = 0.62, 0.97
        pieces.append(
            tube([foot + (head - foot) * low, next_foot + (next_head - next_foot) * high], 0.018, 6)
        )
    top = [(0.0, 2.7), (0.4, 2.7), (0.42, 2.76), (0.0, 2.78)]
    pieces.append(lathe(filleted(top, 0.02), 24))
    return pieces


def _ironwork() -> list[Piece]:
    legs = _legs()
    ring = np.radians(np.arange(40) * 9.0)
    pieces = []
    for height, radius, thick in ((0.13, 1.06, 0.05), (0.58, 0.86, 0.022)):
        path = np.stack([radius * np.cos(ring), radius * np.sin(ring), ring * 0 + height], 1)
        pieces.append(tube(path, thick, 8, closed=True))
    beam = [
        legs[0][0] + (legs[0][1] - legs[0][0]) * 0.62,
        legs[2][0] + (legs[2][1] - legs[2][0]) * 0.62,
    ]
    pieces.append(tube(beam, 0.03, 6))
    for angle in (0, 90, 180, 270):
        eye = np.radians(np.arange(12) * 30.0)
        path = np.stack([0.06 * np.cos(eye), eye * 0, 0.06 * np.sin(eye) + 0.58], 1)
        pieces.append(
            tube(path, 0.016, 6, closed=True).moved((0.72, 0, 0)).moved(turn=turn_z(angle))
        )
    hanger = [(0, 0, _BELL_M - 0.02), (0, 0, _BELL_M + 0.24)]
    pieces.append(tube(hanger, 0.03, 8))
    cage = [lathe([(0.13, z), (0.15, z + 0.012), (0.13, z + 0.024)], 16) for z in (2.8, 3.22)]
    bars = [
        tube(
            [
                (0.14 * np.cos(a), 0.14 * np.sin(a), 2.78),
                (0.14 * np.cos(a), 0.14 * np.sin(a), 3.24),
            ],
            0.01,
            5,
        )
        for a in np.radians(np.arange(6) * 60.0)
    ]
    cap = lathe(
        filleted(
            [(0.0, 3.23), (0.17, 3.23), (0.12, 3.32), (0.04, 3.36), (0.03, 3.5), (0, 3.52)], 0.02
        ),
        20,
    )
    return [*pieces, *cage, *bars, cap]


def _bell() -> Piece:
    """About its pivot; a wall with an inside, so that one may look up into it."""
    outline = [
        (0.0, 0.03),
        (0.1, 0.02),
        (0.155, -0.06),
        (0.175, -0.2),
        (0.2, -0.34),
        (0.265, -0.47),
    ]
    outline += [
        (0.285, -0.5),
        (0.255, -0.5),
        (0.215, -0.44),
        (0.165, -0.3),
        (0.14, -0.1),
        (0, -0.02),
    ]
    return lathe(filleted(outline[::-1], 0.03), 36)


def _clapper() -> list[Piece]:
    knob = Piece(ball(2).vertices * 0.055, ball(2).faces).moved((0, 0, -0.44))
    return [tube([(0, 0, -0.02), (0, 0, -0.42)], 0.016, 6), knob]


def _lamp() -> Piece:
    return lathe(
        filleted(
            [(0.0, 2.8), (0.1, 2.8), (0.115, 2.95), (0.115, 3.08), (0.1, 3.22), (0, 3.22)], 0.03
        ),
        20,
    )


def _plate() -> Piece:
    return box((0.5, 0.03, 0.42), (0, -0.47, 2.3), 0.01).moved()


def _number() -> list[Piece]:
    """A painted 7."""
    return [
        box((0.2, 0.012, 0.05), (0.0, -0.49, 2.42), 0.004),
        box((0.05, 0.012, 0.26), (0.0, 0.0, 0.0), 0.004).moved((0.045, -0.49, 2.3), turn_y(20)),
    ]


def _float_picture(width: int = 768, height: int = 512) -> Array:
    """Red over a dark water line with weed below; row 0 is the top."""
    v = np.broadcast_to(np.linspace(0, 1, height)[:, None], (height, width))
    rough, fine = tiling(width, height, (12, 8), 61, 4), tiling(width, height, (60, 40), 62, 3)
    red = mix(srgb("#b5371f"), srgb("#8f2716"), 0.5 + 0.5 * rough)
    picture = red
    chip = step(0.55, 0.68, tiling(width, height, (40, 26), 63, 5) + 0.2 * fine)
    picture = mix(picture, srgb("#5b3524"), chip * 0.85)
    streak = step(0.1, 0.8, tiling(width, height, (70, 1.5), 64, 3)) * step(0.2, 0.5, v)
    picture = mix(picture, srgb("#7a4423"), streak * 0.45)
    edge = v + 0.012 * rough + 0.006 * fine
    picture = mix(picture, srgb("#cfc6b4"), step(0.405, 0.41, edge) * (1 - step(0.43, 0.435, edge)))
    picture = mix(picture, srgb("#23221c"), step(0.50, 0.515, edge))
    weed = step(0.515, 0.56, edge) * step(-0.1, 0.5, tiling(width, height, (50, 14), 65, 4))
    return mix(picture, srgb("#46502a"), weed * 0.8) * (1 + 0.05 * fine)[..., None]


# --- the landing stage ---------------------------------------------------------------------------


def jetty(folder: Path) -> Path:
    """A landing stage, 8 m long (along y) and 2.2 m wide; the deck is 1.05 m over the water.

    The shore end lies at y = 0, the other at y = -8.
    """
    model = Model("jetty")
    wood = model.material("weathered wood", roughness=0.85, picture=jpeg(_grey_wood(), 78))
    pile = model.material("piles", "#ffffff", roughness=0.9)
    rope = model.material("rope", "#c6b48b", roughness=0.9)
    iron = model.material("iron", "#2d2f31", roughness=0.5, metallic=0.5)
    model.node(
        "jetty",
        {
            wood: [*_deck(), *_beams(), *_ladder()],
            pile: _piles(),
            rope: _ropes(),
            iron: _bollards(),
        },
    )
    return model.save(folder)


_DECK_M = 1.05


def _deck() -> list[Piece]:
    rng = np.random.default_rng(9)
    pieces, y = [], -0.02
    while y > -8.0:
        wide = rng.uniform(0.15, 0.21)
        size = (2.2 + rng.uniform(-0.05, 0.06), wide - 0.024, 0.05)
        at = (rng.uniform(-0.02, 0.02), y - wide / 2, _DECK_M - 0.025 + rng.uniform(-0.006, 0.006))
        plank = box(size, (0, 0, 0), 0.009, (rng.uniform(0, 3), rng.uniform(0, 1)))
        turn = turn_z(rng.uniform(-0.5, 0.5)) @ turn_x(rng.uniform(-1.2, 1.2))
        shade = rng.uniform(0.6, 1.0)
        tint = np.array([1.0, 0.985, 0.96]) * shade
        pieces.append(plank.moved(at, turn).painted(tint))
        y -= wide
    return pieces


def _beams() -> list[Piece]:
    color = np.array([0.62, 0.6, 0.57])
    long = [
        box((0.14, 8.0, 0.18), (x, -4.0, _DECK_M - 0.145), 0.015, (0.3 * i, 0.2 * i)).painted(color)
        for i, x in enumerate((-0.85, 0.0, 0.85))
    ]
    across = [
        box((2.35, 0.14, 0.18), (0, y, _DECK_M - 0.32), 0.015, (0.5, 0.1 * i)).painted(color)
        for i, y in enumerate(_PILE_Y)
    ]
    return [*long, *across]


_PILE_Y = (-0.5, -2.9, -5.3, -7.6)


def _piles() -> list[Piece]:
    pieces = []
    for i, y in enumerate(_PILE_Y):
        for side in (-1, 1):
            top = _DECK_M + (0.75 if i in (1, 3) else 0.32) + 0.05 * side
            height = np.array([-2.0, -0.6, 0.0, 0.25, 0.5, 0.9, top - 0.03, top])
            radius = np.array([0.15, 0.15, 0.148, 0.145, 0.14, 0.135, 0.13, 0.105])
            outline = np.vstack([np.stack([radius, height], 1), [[0.0, top + 0.015]]])
            made = lathe(outline, 16)
            lean = turn_x(1.2 * side * (i % 2)) @ turn_y(0.8 * side)
            pieces.append(made.painted(_pile_color).moved((side * 1.16, y, 0), lean))
    return pieces


def _pile_color(piece: Piece) -> Array:
    points = piece.vertices
    rough = noise(points * np.array([7, 7, 1.5]), 4)
    wood = mix(linear("#7d6c58"), linear("#5c4d3e"), 0.5 + 0.6 * rough)
    tide = points[:, 2] + 0.06 * rough
    color = mix(wood, linear("#2c2a20"), 1 - step(0.3, 0.5, tide))
    color = mix(color, linear("#3c4526"), 1 - step(0.05, 0.25, tide))
    return mix(
        color, linear("#a39a8b"), step(-0.01, 0.02, points[:, 2] - points[:, 2].max() + 0.03)
    )


def _ropes() -> list[Piece]:
    pieces = []
    turn = np.linspace(0, 2 * np.pi * 4, 81)
    wrap = np.stack([0.165 * np.cos(turn), 0.165 * np.sin(turn), 0.011 * turn], 1)
    for y in (_PILE_Y[1], _PILE_Y[3]):
        coiled = tube(wrap, 0.022, 6)
        pieces += [coiled.moved((side * 1.16, y, _DECK_M + 0.28)) for side in (-1, 1)]
    sag = np.linspace(0, 1, 17)
    for side in (-1, 1):
        y = _PILE_Y[1] + (_PILE_Y[3] - _PILE_Y[1]) * sag
        z = _DECK_M + 0.5 - 0.28 * np.sin(np.pi * sag)
        pieces.append(tube(np.stack([sag * 0 + side * 1.16, y, z], 1), 0.02, 6))
    coil = np.linspace(0, 2 * np.pi * 6, 110)
    radius = 0.3 - 0.018 * coil / (2 * np.pi)
    flat = np.stack([radius * np.cos(coil), radius * np.sin(coil), 0.02 + 0.006 * coil / np.pi], 1)
    pieces.append(tube(flat, 0.022, 6).moved((0.62, -6.7, _DECK_M)))
    return pieces


def _bollards() -> list[Piece]:
    outline = [(0.0, 0.0), (0.16, 0.0), (0.16, 0.03), (0.08, 0.06), (0.075, 0.2), (0.13, 0.24)]
    outline += [(0.13, 0.28), (0.06, 0.31), (0.0, 0.31)]
    made = lathe(filleted(outline, 0.02), 20)
    return [made.moved((x, -7.2, _DECK_M)) for x in (-0.75, 0.75)]


def _ladder() -> list[Piece]:
    pieces = [box((0.06, 0.08, 2.0), (-1.2, y, 0.35), 0.01, (0.1, 0.2)) for y in (-6.3, -6.75)]
    pieces += [
        box((0.05, 0.42, 0.06), (-1.2, -6.525, z), 0.01, (0.4, z))
        for z in (-0.3, 0.0, 0.3, 0.6, 0.9)
    ]
    return [piece.painted(np.array([0.6, 0.58, 0.55])) for piece in pieces]


def _grey_wood() -> Array:
    """The grain of the boat's wood, bleached by salt."""
    grain = wood_picture(448, 448, 13)
    light = grain.mean(axis=2, keepdims=True)
    light = 0.68 + 0.4 * (light - light.min()) / (light.max() - light.min())
    return mix(light * srgb("#b3a797"), grain, 0.14)


# --- the crate -----------------------------------------------------------------------------------


def crate(folder: Path) -> Path:
    """A fish crate, 0.8 m long, 0.55 m wide, 0.42 m high, with rope handles; stands on z = 0."""
    model = Model("crate")
    wood = model.material("crate wood", roughness=0.8, picture=jpeg(wood_picture(384, 384, 23), 78))
    rope = model.material("rope", "#c6b48b", roughness=0.9)
    iron = model.material("iron", "#3a3b3d", roughness=0.5, metallic=0.6)
    float_red = model.material("floats", "#c0452b", roughness=0.5)
    model.node("crate", {wood: _slats(), rope: _handles(), iron: _nails(), float_red: _floats()})
    return model.save(folder)


def _slats() -> list[Piece]:
    rng = np.random.default_rng(3)
    pieces: list[Piece] = []

    def add(size: tuple[float, float, float], at: tuple[float, float, float]) -> None:
        shade = rng.uniform(0.8, 1.1)
        made = box(size, at, 0.006, (rng.uniform(0, 2), rng.uniform(0, 1)))
        pieces.append(made.painted(np.array([1.0, 0.98, 0.95]) * min(shade, 1.0)))

    for i in range(3):
        z = 0.085 + 0.13 * i
        for side in (-1, 1):
            add((0.8, 0.018, 0.115), (0, side * 0.266, z))
            add((0.018, 0.51, 0.115), (side * 0.372, 0, z))
    for i in range(4):
        add((0.74, 0.118, 0.016), (0, -0.192 + 0.128 * i, 0.032))
    for x in (-0.375, 0.375):
        for y in (-0.25, 0.25):
            add((0.045, 0.045, 0.42), (np.sign(x) * 0.345, np.sign(y) * 0.235, 0.21))
    return pieces


def _handles() -> list[Piece]:
    u = np.linspace(0, np.pi, 13)
    pieces = []
    for side in (-1, 1):
        path = np.stack(
            [side * (0.385 + 0.05 * np.sin(u)), 0.11 * np.cos(u), 0.33 - 0.06 * np.sin(u)], 1
        )
        pieces.append(tube(path, 0.013, 6))
    coil = np.linspace(0, 2 * np.pi * 5, 100)
    heap = np.stack(
        [
            0.17 * np.cos(coil) - 0.12,
            0.14 * np.sin(coil),
            0.3 + 0.006 * coil + 0.015 * np.sin(3.1 * coil),
        ],
        1,
    )
    return [*pieces, tube(heap, 0.015, 6)]


def _nails() -> list[Piece]:
    knob = Piece(ball(1).vertices * [0.007, 0.004, 0.007], ball(1).faces)
    heights = (0.06, 0.11, 0.19, 0.24, 0.32, 0.37)
    places = [(x, side * 0.276, z) for side in (-1, 1) for x in (-0.345, 0.345) for z in heights]
    return [knob.moved(at) for at in places]


def _floats() -> list[Piece]:
    """Three cork floats in the net."""
    outline = [
        (0.0, -0.07),
        (0.03, -0.068),
        (0.055, -0.04),
        (0.06, 0.0),
        (0.055, 0.04),
        (0.03, 0.068),
    ]
    made = lathe([*outline, (0.0, 0.07)], 16)
    places = (
        ((0.2, 0.1, 0.38), 70, 20),
        ((0.12, -0.12, 0.37), 85, 100),
        ((0.27, -0.04, 0.4), 60, 160),
    )
    return [made.moved(at, turn_z(b) @ turn_x(a)) for at, a, b in places]
