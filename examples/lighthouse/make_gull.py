"""A herring gull, 1.35 m from wing tip to wing tip, that can flap or glide.

Beak toward +x; the origin is the middle of its body.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from make_modelling import (
    Array,
    Model,
    Piece,
    ball,
    fractal,
    grid,
    lathe,
    linear,
    mix,
    step,
    turn_x,
    turn_y,
    turn_z,
)

_SHOULDER = (0.04, 0.045, 0.035)
_INNER_M = 0.28
_OUTER_M = 0.36


def gull(folder: Path) -> Path:
    """Model the bird; animations: `flap` (0.8 s) and `glide` (6 s)."""
    model = Model("gull")
    feather = model.material("feathers", roughness=0.85, double_sided=True)
    beak = model.material("beak", "#e0a324", roughness=0.45)
    black = model.material("eye", "#101010", roughness=0.2)
    body = model.node("body", {feather: [_body(), _tail()], beak: _beak(), black: _eyes()})
    wings: dict[str, tuple[int, int]] = {}
    for name, side in (("left", 1.0), ("right", -1.0)):
        inner, outer = _wing(0.0, _INNER_M + 0.012), _wing(_INNER_M - 0.05, _INNER_M + _OUTER_M)
        outer = outer.moved((0, -_INNER_M, 0))
        if side < 0:
            inner, outer = inner.mirrored(1), outer.mirrored(1)
        at = (_SHOULDER[0], side * _SHOULDER[1], _SHOULDER[2])
        arm = model.node(f"{name} arm", {feather: [inner]}, body, at)
        hand = model.node(f"{name} hand", {feather: [outer]}, arm, (0, side * _INNER_M, 0))
        wings[name] = (arm, hand)
    model.animate("flap", 0.8, {body: {"at": _rise}, **_beats(wings, _arm_beat, _hand_beat)})
    model.animate("glide", 6.0, {body: {"turn": _lean}, **_beats(wings, _arm_rest, _hand_rest)})
    return model.save(folder)


# --- how it moves --------------------------------------------------------------------------------


def _beats(wings: dict[str, tuple[int, int]], arm_move: object, hand_move: object) -> dict:
    moves = {}
    for side, (arm, hand) in ((1.0, wings["left"]), (-1.0, wings["right"])):
        for node, angle in ((arm, arm_move), (hand, hand_move)):
            moves[node] = {"turn": _about_body(angle, side)}
    return moves


def _about_body(angle: object, side: float) -> object:
    def turns(u: Array) -> Array:
        lift, sweep, twist = angle(u)
        return np.array(
            [
                turn_x(side * a) @ turn_z(side * b) @ turn_y(c)
                for a, b, c in zip(lift, sweep, twist, strict=True)
            ]
        )

    return turns


def _rise(u: Array) -> Array:
    return np.stack([u * 0, u * 0, -0.022 * np.sin(2 * np.pi * (u + 0.02))], axis=1)


def _arm_beat(u: Array) -> tuple[Array, Array, Array]:
    phase = 2 * np.pi * u
    return 12 + 30 * np.sin(phase), -9 + 4 * np.sin(phase), 7 * np.cos(phase)


def _hand_beat(u: Array) -> tuple[Array, Array, Array]:
    # The hand lags: it bends down while the arm rises and is straight on the way down.
    phase = 2 * np.pi * (u - 0.17)
    return -10 + 22 * np.sin(phase), 9 + 8 * np.cos(phase + 0.5), 9 * np.cos(phase)


def _lean(u: Array) -> Array:
    return np.array([turn_x(5 * np.sin(2 * np.pi * a)) for a in u])


def _arm_rest(u: Array) -> tuple[Array, Array, Array]:
    return 14 + 2.5 * np.sin(2 * np.pi * u), -9 + u * 0, u * 0


def _hand_rest(u: Array) -> tuple[Array, Array, Array]:
    return -17 + 2 * np.sin(2 * np.pi * (u + 0.2)), 10 + u * 0, u * 0


# --- its shape -----------------------------------------------------------------------------------


def _body() -> Piece:
    """One skin from beak to rump, lofted from ellipses."""
    x = np.array([-0.27, -0.24, -0.17, -0.08, 0.02, 0.1, 0.15, 0.19, 0.225, 0.255, 0.275, 0.29])
    wide = np.array(
        [0.012, 0.035, 0.058, 0.075, 0.08, 0.068, 0.052, 0.045, 0.047, 0.042, 0.03, 0.012]
    )
    tall = np.array(
        [0.008, 0.025, 0.052, 0.075, 0.082, 0.07, 0.055, 0.048, 0.05, 0.045, 0.032, 0.013]
    )
    up = np.array([0.0, 0.0, -0.005, -0.012, -0.012, 0.0, 0.012, 0.024, 0.03, 0.03, 0.026, 0.02])
    fine = np.linspace(x[0], x[-1], 30)
    wide, tall, up = (np.interp(fine, x, row) for row in (wide, tall, up))
    angle = np.linspace(0, 2 * np.pi, 21)
    points = np.stack(
        [
            np.broadcast_to(fine[:, None], (30, 21)),
            wide[:, None] * np.cos(angle),
            up[:, None] + tall[:, None] * np.sin(angle),
        ],
        axis=-1,
    )
    return grid(points).painted(_body_color)


def _body_color(piece: Piece) -> Array:
    """White, with the grey of the wings between them."""
    points = piece.vertices
    saddle = (
        step(0.03, 0.06, points[:, 2])
        * step(0.12, 0.05, points[:, 0])
        * step(-0.22, -0.14, points[:, 0])
    )
    white = linear("#f2f0ea") * (1 - 0.06 * np.abs(fractal(points * 30, 2, 1)))[:, None]
    return mix(white, linear("#9aa2aa"), saddle)


def _tail() -> Piece:
    """A fan, slightly hollow."""
    s, a = np.meshgrid(np.linspace(0, 1, 6), np.linspace(-1, 1, 13))
    long = 0.16 - 0.008 * np.abs(np.sin(a * 9))
    x = -0.2 - s * long * np.cos(a * 0.35)
    y = s * 0.19 * np.sin(a * 0.45) + 0.035 * a * (1 - s)
    z = 0.004 - 0.02 * s * np.abs(a) + 0.006 * (1 - s)
    return grid(np.stack([x, y, z], -1)).painted(linear("#efece4"))


def _beak() -> list[Piece]:
    outline = [
        (0.0, 0.0),
        (0.017, 0.0),
        (0.013, 0.025),
        (0.009, 0.045),
        (0.004, 0.058),
        (0.0, 0.06),
    ]
    made = lathe(outline, 10)
    bent = made.vertices * [1.15, 0.8, 1]
    bent[:, 0] += 6.0 * np.maximum(bent[:, 2] - 0.03, 0) ** 2 * 2  # the tip hooks down
    return [Piece(bent, made.faces).moved((0.283, 0, 0.022), turn_y(97))]


def _eyes() -> list[Piece]:
    return [
        Piece(ball(1).vertices * 0.0075, ball(1).faces).moved((0.252, side * 0.036, 0.047))
        for side in (1, -1)
    ]


def _wing(start: float, end: float) -> Piece:
    """The left wing between two distances from the shoulder, from its own shoulder."""
    total = _INNER_M + _OUTER_M
    along = np.linspace(start, end, 17 if start else 11)
    s = along / total
    front = (
        0.045
        + 0.055 * np.sin(np.pi * np.clip(s / 0.62, 0, 1))
        - 0.33 * np.clip(s - 0.5, 0, 1) ** 1.5
    )
    chord = 0.185 - 0.02 * s - 0.135 * np.clip((s - 0.45) / 0.55, 0, 1) ** 1.4
    chord = chord * np.sqrt(np.clip((1.03 - s) / 0.06, 0.12, 1))
    rows = []
    for share in (0.0, 0.06, 0.18, 0.4, 0.7, 0.9, 1.0):
        notch = 0.018 * (share == 1.0) * np.abs(np.sin(along * 62))
        x = front - share * chord + notch
        thick = 0.026 * np.sqrt(share) * (1 - share) * 2.2 * (1 - 0.75 * s)
        if start:  # the hand begins inside the arm
            thick = thick * step(start - 0.02, start + 0.06, along)
        rows.append((x, thick, 0.02 * share * (1 - share)))
    top = [np.stack([x, along, camber + thick], -1) for x, thick, camber in rows]
    low = [np.stack([x, along, camber - 0.45 * thick], -1) for x, thick, camber in rows]
    skin = np.array([*low[::-1], *top[1:]])
    return grid(skin).painted(lambda piece: _wing_color(piece, total))


def _wing_color(piece: Piece, total: float) -> Array:
    """Grey above with a white edge behind, black at the tip with white mirrors; white below."""
    points, normals = piece.vertices, piece.with_normals().normals
    s = points[:, 1] / total
    above = (
        np.ones(len(points)) if normals is None or len(normals) != len(points) else normals[:, 2]
    )
    color = mix(linear("#9aa2aa"), linear("#b9bec2"), 0.5 + fractal(points * 25, 2, 3))
    color = mix(color, linear("#f2f0ea"), 1 - step(-0.3, 0.3, above))
    black = step(0.76, 0.84, s + 0.25 * (0.02 - points[:, 0]) * (s > 0.6))
    color = mix(color, linear("#17181a"), black)
    mirror = np.exp(-(((s - 0.955) / 0.02) ** 2))
    return mix(color, linear("#f2f0ea"), mirror)
