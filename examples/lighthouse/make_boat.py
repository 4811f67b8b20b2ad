"""A clinker-built sailing dinghy, 4.9 m, with somebody at the tiller.

Bow toward +x; the origin lies amidships on the water's surface.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from make_modelling import (
    Array,
    Model,
    Piece,
    ball,
    box,
    filleted,
    grid,
    joined,
    jpeg,
    lathe,
    mix,
    png,
    srgb,
    step,
    tiling,
    tube,
    turn_x,
    turn_y,
    turn_z,
    vec,
)

_LENGTH = 4.9
_STRAKES = 7
_LAP = 0.014
_MAST_X = 0.85
_BOOM_Z = 1.28
_PERIOD_S = 4.0


def boat(folder: Path) -> Path:
    """Model the dinghy; its animation `bob` is 4 s long."""
    model = Model("boat")
    paint = model.material("painted planks", roughness=0.45, picture=png(_hull_picture(), 48))
    wood = model.material("varnished wood", roughness=0.4, picture=jpeg(wood_picture(448, 448), 78))
    spar = model.material("spruce", "#c9a066", roughness=0.45)
    rope = model.material("rope", "#cdbb93", roughness=0.9)
    cloth = model.material(
        "sail", roughness=0.85, picture=jpeg(_sail_picture(), 82), double_sided=True
    )
    flag = model.material("pennant", "#c23b2c", roughness=0.8, double_sided=True)
    coat = model.material("oilskin", "#e0a92c", roughness=0.45)
    dark = model.material("trousers and boots", "#2b3440", roughness=0.7)
    skin = model.material("skin", "#c98d6b", roughness=0.6)
    hull = model.node("hull", None)
    model.node(
        "planks", {paint: [_hull(outside=True)], wood: [_hull(outside=False), *_inside()]}, hull
    )
    model.node("sailor", {coat: _coat(), dark: _boots(), skin: _skin()}, hull)
    rig = model.node("rig", {spar: _mast(), rope: _stays()}, hull)
    main = model.node("mainsail", {cloth: [_main()], spar: [_boom()]}, rig, (_MAST_X - 0.04, 0, 0))
    model.node("jib", {cloth: [_jib()]}, rig)
    streamer = model.node("pennant", {flag: [_pennant()]}, rig, (_MAST_X, 0, 5.28))
    model.animate(
        "bob",
        _PERIOD_S,
        {hull: {"at": _heave, "turn": _roll}, main: {"turn": _swing}, streamer: {"turn": _flutter}},
    )
    return model.save(folder)


# --- how it moves --------------------------------------------------------------------------------


def _wave(u: Array, times: int, shift: float = 0.0) -> Array:
    return np.sin(2 * np.pi * (times * u + shift))


def _heave(u: Array) -> Array:
    up = 0.045 * _wave(u, 1) + 0.012 * _wave(u, 2, 0.3)
    return np.stack([u * 0, u * 0, up], axis=1)


def _roll(u: Array) -> Array:
    roll = 5.5 + 2.4 * _wave(u, 1, 0.15) + 0.6 * _wave(u, 3)
    pitch = 1.6 * _wave(u, 1, 0.4) + 0.5 * _wave(u, 2)
    return np.array([turn_y(-b) @ turn_x(a) for a, b in zip(roll, pitch, strict=True)])


def _swing(u: Array) -> Array:
    return np.array([turn_z(1.6 * a) for a in _wave(u, 1, 0.25) + 0.3 * _wave(u, 2)])


def _flutter(u: Array) -> Array:
    turns = 9 * _wave(u, 3) + 5 * _wave(u, 5, 0.2)
    return np.array([turn_z(a) @ turn_y(4 * np.sin(a)) for a in turns])


# --- the hull ------------------------------------------------------------------------------------


def _station(u: Array) -> tuple[Array, Array, Array, Array]:
    """Half-beam at the gunwale, its height, the keel's height and x, from stern (0) to bow (1)."""
    x = -_LENGTH / 2 + _LENGTH * u
    beam = 0.86 * (1 - np.clip((u - 0.42) / 0.58, 0, 1) ** 2.3) * (0.82 + 0.18 * step(0, 0.42, u))
    sheer = (
        0.52 + 0.10 * np.clip(1 - u / 0.4, 0, 1) ** 2 + 0.34 * np.clip((u - 0.35) / 0.65, 0, 1) ** 2
    )
    keel = (
        -0.24
        + 0.10 * np.clip(1 - u / 0.35, 0, 1) ** 1.6
        + 0.5 * np.clip((u - 0.72) / 0.28, 0, 1) ** 3
    )
    return beam + 0.012, sheer, keel, x + 0.16 * np.clip((u - 0.8) / 0.2, 0, 1) ** 2


def _section(u: Array, v: Array) -> Array:
    """Points of the starboard skin: v = 0 is the keel, 1 the gunwale."""
    beam, sheer, keel, x = _station(u)
    fine = np.clip((u - 0.55) / 0.45, 0, 1)  # sections go from round to V toward the bow
    out = (1 - fine) * np.sin(np.pi / 2 * v) ** 0.8 + fine * v**1.15
    up = (
        (1 - fine) * (1 - np.cos(np.pi / 2 * v)) ** 0.85 * 0.72
        + (1 - fine) * 0.28 * v**3
        + fine * v
    )
    rake = 0.1 * fine * v  # the stem leans forward
    return np.stack([x + rake, beam * out, keel + (sheer - keel) * up], axis=-1)


def _hull(outside: bool) -> Piece:
    """Seven planks a side, each lapping over the one below."""
    stations = np.linspace(0, 1, 33)
    sides = []
    for plank in range(_STRAKES):
        low, high = plank / _STRAKES, (plank + 1) / _STRAKES
        v = np.array([low, low, (low + high) / 2, high])
        lap = np.array([0.0, _LAP, 0.6 * _LAP, 0.15 * _LAP]) if outside else np.full(4, -0.012)
        u_grid, v_grid = np.meshgrid(stations, v)
        points = _section(u_grid, v_grid)
        normal = _outwards(u_grid, v_grid)
        points = points + normal * lap[:, None, None]
        points[..., 1] = np.maximum(points[..., 1], 0.0)
        uvs = np.stack([u_grid, 1 - v_grid], -1)
        if not outside:
            uvs = np.stack([points[..., 0] * 0.45, (v_grid * 0.9) + 0.37 * plank], -1)
        sides.append(grid(points, uvs))
    starboard = joined(sides)
    # `grid` of rows upward and columns forward faces -y: that is port's outside.
    port = starboard.mirrored(1)
    both = [starboard, port]
    flipped = [_flipped(piece) for piece in both] if outside else both
    return joined([*flipped, _transom(outside)])


def _flipped(piece: Piece) -> Piece:
    normals = None if piece.normals is None else -piece.normals
    return Piece(piece.vertices, piece.faces[:, ::-1], normals, piece.uvs, piece.colors)


def _half_beam(x: float, height: float) -> float:
    """How far the skin is from the middle at a place."""
    u = (x + _LENGTH / 2) / _LENGTH
    v = np.linspace(0, 1, 200)
    rows = _section(np.full(200, u), v)
    return float(np.interp(height, rows[:, 2], rows[:, 1]))


def _outwards(u: Array, v: Array) -> Array:
    d = 1e-3
    along = _section(np.clip(u + d, 0, 1), v) - _section(np.clip(u - d, 0, 1), v)
    up = _section(u, np.clip(v + d, 0, 1)) - _section(u, np.clip(v - d, 0, 1))
    normal = np.cross(up, along)
    return normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-9)


def _transom(outside: bool) -> Piece:
    v = np.linspace(0, 1, 15)
    half = _section(np.zeros(15), v)
    rim = np.vstack([half[::-1], half[1:] * [1, -1, 1]])
    shift = -0.012 if outside else 0.025
    rim = rim + vec(shift, 0, 0)
    middle = np.array([rim[0, 0], 0, 0.25])
    points = np.array([rim, np.broadcast_to(middle, rim.shape)])
    uvs = np.stack([points[..., 1] * 0.8 + 0.5, points[..., 2] * 0.8], axis=-1)
    if outside:
        uvs = np.stack([0.02 + 0.02 * points[..., 1], 0.5 - 0.7 * points[..., 2]], axis=-1)
    piece = grid(points, uvs)
    normal = np.tile([-1.0 if outside else 1.0, 0, 0], (len(piece.vertices), 1))
    corners = piece.vertices[piece.faces[0]]
    facing = np.cross(corners[1] - corners[0], corners[2] - corners[0])[0]
    faces = piece.faces if facing * normal[0, 0] > 0 else piece.faces[:, ::-1]
    return Piece(piece.vertices, faces, normal, piece.uvs)


def _inside() -> list[Piece]:
    """Gunwales, thwarts, ribs, floor boards, keel, stem, rudder and tiller."""
    pieces: list[Piece] = []
    u = np.linspace(0, 1, 33)
    edge = _section(u, np.ones_like(u))
    for sign in (1, -1):
        rail = edge * [1, sign, 1] + vec(0, 0.006 * sign, 0.012)
        pieces.append(tube(rail, 0.032, 8))
    pieces.append(tube([edge[0] * [1, 1, 1], edge[0] * [1, -1, 1]], 0.03, 8))
    for i, (x, height, deep) in enumerate(
        ((-1.55, 0.24, 0.42), (-0.25, 0.24, 0.24), (0.85, 0.27, 0.26))
    ):
        beam = min(_half_beam(x - deep / 2, height), _half_beam(x + deep / 2, height)) - 0.015
        pieces.append(box((deep, 2 * beam, 0.035), (x, 0, height), 0.012, (0.31 * i, 0.2 * i)))
    for at in np.linspace(0.06, 0.9, 15):
        for sign in (1, -1):
            rib = (
                _section(np.full(9, at), np.linspace(0.05, 1, 9))
                - _outwards(np.full(9, at), np.linspace(0.05, 1, 9)) * 0.02
            )
            pieces.append(tube(rib * [1, sign, 1], 0.013, 5))
    for i, y in enumerate((-0.26, -0.13, 0.0, 0.13, 0.26)):
        pieces.append(
            box((2.3, 0.12, 0.02), (-0.5, y, -0.08 + 0.14 * y * y), 0.006, (0.4 * i, 0.13 * i))
        )
    keel_u = np.linspace(0, 1, 25)
    keel = _section(keel_u, np.zeros(25)) + vec(0, 0, -0.03)
    stem = _section(np.ones(8), np.linspace(0, 1, 8)) * [1, 0, 1] + vec(0.02, 0, 0)
    pieces.append(
        tube(np.vstack([keel * [1, 0, 1], stem, stem[-1:] + vec(0.02, 0, 0.09)]), 0.034, 6)
    )
    pieces.append(
        box((0.3, 0.035, 0.95), (-_LENGTH / 2 - 0.17, 0, 0.02), 0.014, (0.1, 0.7)).moved()
    )
    tiller = [(-_LENGTH / 2 - 0.2, 0, 0.6), (-_LENGTH / 2 + 0.1, 0, 0.68), (-1.72, 0.1, 0.72)]
    pieces.append(tube(tiller, [0.028, 0.024, 0.018], 7))
    return pieces


# --- the rig -------------------------------------------------------------------------------------


def _mast() -> list[Piece]:
    z = np.linspace(-0.1, 5.3, 9)
    mast = tube(np.stack([z * 0 + _MAST_X, z * 0, z], 1), np.linspace(0.052, 0.026, 9), 12)
    knob = lathe([(0, 0), (0.045, 0.01), (0.05, 0.05), (0, 0.09)], 12).moved((_MAST_X, 0, 5.28))
    sprit = tube([(2.5, 0, 0.86), (2.95, 0, 0.98)], [0.035, 0.022], 8)
    return [mast, knob, sprit]


def _boom() -> Piece:
    """Along -x from the mast, the sail let out a little to port."""
    return tube([(0.05, 0, _BOOM_Z), (-2.75, 0, _BOOM_Z + 0.12)], [0.036, 0.026], 8).moved(
        turn=turn_z(-13)
    )


def _stays() -> list[Piece]:
    top = np.array([_MAST_X, 0, 4.75])
    feet = [(2.86, 0, 0.96), (0.55, 0.82, 0.56), (0.55, -0.82, 0.56)]
    lines = [tube([top, foot], 0.008, 5) for foot in feet]
    end = np.array([_MAST_X, 0, _BOOM_Z]) + turn_z(-13) @ np.array([-2.3, 0, 0.1])
    sheet = [end, end * [1, 0.6, 0.62] + vec(-0.05, 0, 0), (-2.1, 0.05, 0.42)]
    u = np.linspace(0, 12 * np.pi, 70)
    coil = np.stack([1.72 + 0.13 * np.cos(u), 0.13 * np.sin(u), 0.3 + 0.0026 * u], 1)
    return [*lines, tube(sheet, 0.009, 5), tube(coil, 0.012, 5)]


def _main() -> Piece:
    """Three-cornered, with a belly to port; made about the mast."""
    s, h = np.meshgrid(np.linspace(0, 1, 17), np.linspace(0, 1, 25))
    foot, luff = 2.62, 3.85
    width = foot * (1 - h) ** 0.92 + 0.02
    x = -s * width - 0.06 - 0.12 * np.sin(np.pi * h) * s
    z = _BOOM_Z + 0.06 + h * luff + 0.11 * s * (1 - h)
    belly = (
        0.42
        * np.sin(np.pi * np.minimum(s * 0.8 + 0.05, 1))
        * np.sin(np.pi * (0.12 + 0.83 * h))
        * (1 - 0.5 * h)
    )
    twist = np.radians(-13 - 9 * h)
    points = np.stack(
        [x * np.cos(twist) + belly * np.sin(-twist), x * np.sin(twist) + belly, z], -1
    )
    return grid(points, np.stack([1 - s * width / foot, 1 - h], -1))


def _jib() -> Piece:
    s, h = np.meshgrid(np.linspace(0, 1, 13), np.linspace(0, 1, 19))
    tack, head = np.array([2.82, 0, 1.05]), np.array([_MAST_X + 0.22, 0, 4.25])
    clew = np.array([_MAST_X + 0.05, 0.42, 1.2])
    edge = tack + (head - tack) * h[..., None]
    back = clew + (head - clew) * h[..., None]
    points = edge + (back - edge) * s[..., None]
    points[..., 1] += 0.22 * np.sin(np.pi * s) * np.sin(np.pi * (0.1 + 0.85 * h))
    return grid(points, np.stack([0.98 - 0.35 * s * (1 - h), 0.93 - 0.1 * h], -1))


def _pennant() -> Piece:
    s, h = np.meshgrid(np.linspace(0, 1, 15), np.linspace(-1, 1, 3))
    y = 0.05 * np.sin(s * 8) * s
    return grid(np.stack([-0.02 - 0.62 * s, y, 0.1 * h * (1 - 0.85 * s)], -1))


# --- the sailor ----------------------------------------------------------------------------------

_SEAT = (-1.5, -0.3, 0.27)


def _coat() -> list[Piece]:
    body = lathe(
        filleted(
            [
                (0.0, 0.0),
                (0.25, 0.0),
                (0.25, 0.12),
                (0.2, 0.36),
                (0.19, 0.5),
                (0.1, 0.6),
                (0.0, 0.62),
            ],
            0.08,
        ),
        20,
    )
    body = Piece(body.vertices * [0.85, 1.05, 1], body.faces).moved(_SEAT, turn_y(6))
    hat = lathe(
        filleted(
            [
                (0.0, 0.02),
                (0.21, -0.03),
                (0.22, 0.0),
                (0.13, 0.05),
                (0.115, 0.13),
                (0.06, 0.18),
                (0.0, 0.19),
            ],
            0.02,
        ),
        20,
    )
    hat = Piece(hat.vertices * [1.12, 1, 1], hat.faces).moved(
        np.array(_SEAT) + vec(0.03, 0, 0.79), turn_y(-8)
    )
    shoulder = np.array(_SEAT) + vec(0.02, 0, 0.5)
    to_tiller = [shoulder + vec(0, 0.2, 0), shoulder + vec(-0.08, 0.4, -0.14), (-1.7, 0.12, 0.77)]
    to_sheet = [
        shoulder + vec(0, -0.2, 0),
        shoulder + vec(0.2, -0.28, -0.2),
        shoulder + vec(0.42, -0.1, -0.16),
    ]
    arms = [
        tube(_curve(path), [0.085, 0.082, 0.078, 0.074, 0.07, 0.066, 0.062], 10)
        for path in (to_tiller, to_sheet)
    ]
    collar = tube(_ring(0.1, 14) + shoulder + vec(0.01, 0, 0.1), 0.035, 8, closed=True)
    return [body, hat, *arms, collar]


def _boots() -> list[Piece]:
    hip = np.array(_SEAT) + vec(0.08, 0, 0.06)
    pieces = []
    for y in (-0.11, 0.11):
        path = [hip + vec(0, y, 0), hip + vec(0.36, y * 1.2, 0.0), hip + vec(0.46, y * 1.3, -0.34)]
        pieces.append(tube(_curve(path), [0.1, 0.095, 0.09, 0.086, 0.08, 0.075, 0.07], 10))
        foot = ball(2).vertices * [0.13, 0.065, 0.06]
        pieces.append(Piece(foot, ball(2).faces).moved(hip + vec(0.52, y * 1.3, -0.36)))
        eye = Piece(ball(1).vertices * 0.013, ball(1).faces)
        pieces.append(eye.moved(np.array(_SEAT) + vec(0.133, np.sign(y) * 0.038, 0.765)))
    return pieces


def _skin() -> list[Piece]:
    head = Piece(ball(2).vertices * [0.105, 0.095, 0.125], ball(2).faces).moved(
        np.array(_SEAT) + vec(0.04, 0, 0.74)
    )
    nose = Piece(ball(1).vertices * 0.024, ball(1).faces).moved(
        np.array(_SEAT) + vec(0.145, 0, 0.73)
    )
    hands = [(-1.7, 0.12, 0.75), tuple(np.array(_SEAT) + vec(0.47, -0.08, 0.34))]
    return [head, nose, *(Piece(ball(2).vertices * 0.055, ball(2).faces).moved(at) for at in hands)]


def _curve(path: list[Array] | list[object], count: int = 7) -> Array:
    a, b, c = (np.array(point, float) for point in path)
    u = np.linspace(0, 1, count)[:, None]
    return (1 - u) ** 2 * a + 2 * u * (1 - u) * b + u**2 * c


def _ring(radius: float, count: int) -> Array:
    a = np.arange(count) / count * 2 * np.pi
    return np.stack([radius * np.cos(a), radius * np.sin(a), a * 0], 1)


# --- pictures ------------------------------------------------------------------------------------


def wood_picture(width: int = 512, height: int = 512, seed: int = 3) -> Array:
    """Grain that runs across the picture."""
    bend = tiling(width, height, (1.6, 4), seed, 2)
    v = np.linspace(0, 1, height)[:, None]
    rings = (v * 9 + 0.7 * bend + 0.12 * tiling(width, height, (4, 30), seed + 1, 3)) % 1
    line = step(0.0, 0.7, rings) * (1 - step(0.86, 1.0, rings))
    fibre = tiling(width, height, (7, 190), seed + 2, 2)
    wood = mix(srgb("#8a5a2c"), srgb("#b98347"), 0.3 + 0.45 * line + 0.2 * fibre)
    pores = step(0.62, 0.95, tiling(width, height, (18, 300), seed + 3, 1))
    return mix(wood, srgb("#5b3618"), pores * 0.35)


def _hull_picture(width: int = 1024, height: int = 384) -> Array:
    """The skin from stern to bow and from gunwale to keel: blue sheer, white, red under water."""
    v, u = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    plank = np.minimum(np.floor(v * _STRAKES), _STRAKES - 1)
    within = v * _STRAKES - plank
    fibre = tiling(width, height, (18, 150), 31, 3)
    cloud = tiling(width, height, (8, 5), 32, 4)
    white = mix(srgb("#f0ebdf"), srgb("#d9d0bd"), 0.4 + 0.35 * cloud + 0.12 * fibre)
    blue = mix(srgb("#27567c"), srgb("#1b4164"), 0.5 + 0.4 * cloud + 0.15 * fibre)
    red = mix(srgb("#963a2d"), srgb("#742c23"), 0.5 + 0.5 * cloud)
    above = _section(u, 1 - v)[..., 2] + 0.004 * cloud
    picture = np.where((plank == 0)[..., None], blue, white)
    picture = mix(picture, red, step(0.0, 0.006, 0.05 - above))
    picture = mix(picture, srgb("#5b4a38"), (1 - step(0.0, 0.06, within)) * 0.55)
    picture = mix(picture, srgb("#6a5a49"), step(0.95, 1.0, within) * 0.35)
    across, down = ((u * 60) % 1 - 0.5) / 60 * width, (within - 0.1) * height / _STRAKES
    nails = np.exp(-((across / 1.6) ** 2) - (down / 1.6) ** 2)
    picture = mix(picture, srgb("#7c6a55"), nails * 0.6)
    scuff = step(0.52, 0.75, tiling(width, height, (40, 40), 33, 4)) * (above > 0.06)
    picture = mix(picture, srgb("#a98f6d"), scuff * 0.45)
    scum = np.exp(-(((above - 0.06) / 0.03) ** 2)) * (0.5 + 0.5 * cloud)
    return mix(picture, srgb("#59603f"), np.clip(scum, 0, 1) * 0.5)


def _sail_picture(width: int = 512, height: int = 512) -> Array:
    """Cream cloth in panels with two broad stripes; row 0 is the head."""
    v, u = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    weave = tiling(width, height, (60, 60), 41, 2)
    fold = tiling(width, height, (3, 9), 42, 3)
    cream = mix(srgb("#efe5cd"), srgb("#dccdaa"), 0.4 + 0.35 * fold + 0.12 * weave)
    rust = mix(srgb("#b5502f"), srgb("#93402a"), 0.5 + 0.4 * fold + 0.15 * weave)
    stripe = ((v > 0.36) & (v < 0.50)) | ((v > 0.60) & (v < 0.74))
    picture = np.where(stripe[..., None], rust, cream)
    seam = np.exp(-((((v * 14) % 1) / 14 * height / 1.4) ** 2)) + np.exp(
        -(((u - 0.992) * width / 4) ** 2)
    )
    seam = seam + np.exp(-(((v - 0.985) * height / 4) ** 2))
    return mix(picture, srgb("#8f7f62"), np.clip(seam, 0, 1) * 0.5)
