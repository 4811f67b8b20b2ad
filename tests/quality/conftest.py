"""A small world with exact stage data: spheres and boxes on textured ground under a sky.

Rendered by ray casting, so that depth, mask and motion are exact; the picture differs from the
stage as a video model's does: grain, and a slow wobble of up to half a pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from reelwright.audio import Audio, AudioWriter
from reelwright.frames import ArrayFrames

RATE = Fraction(24)
SIZE = (240, 136)
PROPS = ("ball", "crate", "globe")


@dataclass(frozen=True)
class Stage:
    color: ArrayFrames
    depth: ArrayFrames
    mask: ArrayFrames
    motion: ArrayFrames
    intrinsics: NDArray[Any]
    world_from_camera: NDArray[Any]
    props: tuple[str, ...] = PROPS


@dataclass(frozen=True)
class World:
    kind: str = "moving"
    seed: int = 1
    num_frames: int = 25
    size: tuple[int, int] = SIZE
    start: int = 0
    grain: float = 1.0
    wobble: float = 0.3
    gain: float = 1.0
    speed: float = 1.0  # of the picture against its stage
    missing: int = 0  # number of the prop that the picture leaves out
    aside: float = 0.0  # how far the picture moves the first prop, metres to the right
    spread: float = 2.1  # from one prop to the next, metres; near 1 they overlap
    behind: float = 0.0  # how much farther each prop is staged than the one before, metres
    contrast: float = 1.0  # of the textures
    front: int = 0  # number of the prop that the picture paints before all others


@dataclass(frozen=True)
class Shot:
    frames: NDArray[np.uint8]
    stage: Stage
    world: World = field(default_factory=World)

    def with_frames(self, frames: NDArray[Any]) -> Shot:
        return replace(self, frames=np.clip(np.rint(frames), 0, 255).astype(np.uint8))


class _Texture:
    """A sum of waves in space: band limited, so that it can be sampled anywhere."""

    def __init__(self, rng: np.random.Generator, contrast: float, count: int = 10) -> None:
        length = np.exp(rng.uniform(np.log(0.15), np.log(2.5), count))
        direction = rng.standard_normal((count, 3))
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        self.wave = (2 * np.pi * direction / length[:, None]).astype(np.float32)
        self.phase = rng.uniform(0, 2 * np.pi, count).astype(np.float32)
        self.size = (length / length.sum() * contrast * 3).astype(np.float32)
        self.base = rng.uniform(0.25, 0.75, 3).astype(np.float32)

    def __call__(self, points: NDArray[Any], depth: NDArray[Any] | float) -> NDArray[np.float32]:
        """Colour at points; what is far away fades before it can alias."""
        fade = 1 / (1 + (np.asarray(depth, np.float32) / 9) ** 4)
        waves = np.cos(points.astype(np.float32) @ self.wave.T + self.phase) @ self.size * fade
        return np.clip(self.base * (1 + waves[..., None]), 0.02, 1.2)


@dataclass
class _Body:
    box: bool
    centre: NDArray[np.float64]
    velocity: NDArray[np.float64]
    radius: float
    texture: _Texture


class _Scene:
    def __init__(self, world: World) -> None:
        rng = np.random.default_rng(world.seed)
        self.world = world
        self.rng = rng
        still = world.kind == "static"
        pace = 0.0 if still else 0.03
        self.ground = _Texture(rng, 0.28)
        self.sky = _Texture(rng, 0.12)
        self.bodies = [
            _Body(
                index == 1,
                np.array(
                    [
                        (index - 1) * world.spread + rng.uniform(-0.2, 0.2),
                        (index - 1) * world.behind + rng.uniform(-0.5, 0.7),
                        0.75,
                    ]
                ),
                np.array([rng.uniform(-pace, pace), rng.uniform(-pace, pace), 0.0]),
                rng.uniform(0.6, 0.8),
                _Texture(rng, 0.2),
            )
            for index in range(3)
        ]
        for texture in (self.ground, self.sky, *(body.texture for body in self.bodies)):
            texture.size *= np.float32(world.contrast)
        for index, body in enumerate(self.bodies):
            body.texture.base = np.roll(np.array([0.9, 0.45, 0.25], np.float32), index)
        self.light = np.array([0.4, -0.6, 0.7]) / np.linalg.norm([0.4, -0.6, 0.7])
        self.gone = self.front = 0
        self.handheld = rng.standard_normal((400, 2)).cumsum(axis=0) * 0.0012

    def camera(self, frame: float) -> NDArray[np.float64]:
        pace = {"moving": 0.03, "fast": 0.16, "dark": 0.03, "handheld": 0.0}.get(self.world.kind, 0)
        eye = np.array([pace * (frame - 8), -6.5 + 0.5 * pace * frame, 1.9])
        target = np.array([0.3 * pace * (frame - 8), 0.0, 0.7])
        if self.world.kind == "handheld":
            target[[0, 2]] += 6 * self.handheld[int(frame)]
        forward = (target - eye) / np.linalg.norm(target - eye)
        right = np.cross(forward, [0, 0, 1])
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3, 0], pose[:3, 1], pose[:3, 2] = right, np.cross(forward, right), forward
        pose[:3, 3] = eye
        return pose

    def picture(self, on: bool) -> None:
        """Show what the picture makes of the stage, or the stage itself."""
        self.gone = self.world.missing if on else 0
        self.front = self.world.front if on else 0
        self.bodies[0].centre[0] += self.world.aside if on else -self.world.aside

    def intrinsics(self) -> NDArray[np.float64]:
        width, height = self.world.size
        return np.array([[width, 0, width / 2], [0, width, height / 2], [0, 0, 1.0]])

    def cast(self, frame: float, pixels: NDArray[np.float64]) -> tuple[Any, ...]:
        """Depth, mask index, world point and normal seen at pixel positions [H, W, 2]."""
        pose, inverse = self.camera(frame), np.linalg.inv(self.intrinsics())
        ones = np.ones((*pixels.shape[:2], 1))
        rays = (np.concatenate((pixels, ones), axis=-1) @ inverse.T) @ pose[:3, :3].T
        eye = pose[:3, 3]
        with np.errstate(divide="ignore", invalid="ignore"):
            down = np.where(rays[..., 2] < -1e-4, -eye[2] / rays[..., 2], np.inf)
        depth = np.where(down < 40, down, np.inf)
        index = np.zeros(depth.shape, np.uint16)
        normal = np.broadcast_to(np.array([0.0, 0.0, 1.0]), rays.shape).copy()
        for number, body in enumerate(self.bodies, start=1):
            if number == self.gone:
                continue
            hit, facing = _hit(body, eye - body.centre - body.velocity * frame, rays)
            over = (index > 0) & np.isfinite(hit)
            nearer = (hit < depth) & ((index == 0) | (index != self.front))
            nearer |= over & (number == self.front)
            depth = np.where(nearer, hit, depth)
            index[nearer] = number
            normal[nearer] = facing[nearer]
        point = eye + rays * np.where(np.isfinite(depth), depth, 1.0)[..., None]
        return depth, index, point, normal, rays

    def color(self, frame: float, pixels: NDArray[np.float64]) -> NDArray[np.float32]:
        depth, index, point, normal, rays = self.cast(frame, pixels)
        shade = 0.45 + 0.55 * np.clip(normal @ self.light, 0, 1)
        direction = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
        color = self.sky(4 * direction, 0.0) * 1.1
        for number in range(len(self.bodies) + 1):
            mine = (index == number) & np.isfinite(depth)
            if not mine.any():
                continue
            moved = point[mine]
            if number:
                body = self.bodies[number - 1]
                moved = moved - body.centre - body.velocity * frame
            texture = self.bodies[number - 1].texture if number else self.ground
            color[mine] = texture(moved, depth[mine]) * shade[mine, None]
        return np.clip(color * self.world.gain, 0, 1) ** (1 / 2.2 if self.world.gain == 1 else 1)

    def motion(self, frame: int, pixels: NDArray[np.float64]) -> tuple[Any, ...]:
        depth, index, point, _, rays = self.cast(frame, pixels)
        for number, body in enumerate(self.bodies, start=1):
            point[index == number] += body.velocity
        pose = self.camera(frame + 1)
        seen = np.where(np.isfinite(depth)[..., None], point - pose[:3, 3], rays)
        local = (seen @ pose[:3, :3]) @ self.intrinsics().T
        return depth, index, local[..., :2] / local[..., 2:] - pixels


def _hit(body: _Body, origin: NDArray[Any], rays: NDArray[Any]) -> tuple[Any, Any]:
    if body.box:
        with np.errstate(divide="ignore", invalid="ignore"):
            sides = np.stack(((-body.radius - origin) / rays, (body.radius - origin) / rays))
        low, high = sides.min(axis=0), sides.max(axis=0)
        near, far = low.max(axis=-1), high.min(axis=-1)
        normal = -np.sign(rays) * (low == near[..., None])
        return np.where((near < far) & (near > 0), near, np.inf), normal
    a = (rays * rays).sum(axis=-1)
    b = rays @ origin
    disc = b * b - a * (origin @ origin - body.radius**2)
    near = (-b - np.sqrt(np.maximum(disc, 0))) / a
    normal = (origin + rays * near[..., None]) / body.radius
    return np.where((disc > 0) & (near > 0), near, np.inf), normal


def _pixels(size: tuple[int, int]) -> NDArray[np.float64]:
    return np.stack(np.meshgrid(np.arange(size[0]) + 0.5, np.arange(size[1]) + 0.5), axis=-1)


def _soften(picture: NDArray[Any]) -> NDArray[Any]:
    """What a lens does to edges: 1 2 1 both ways."""
    for axis in (0, 1):
        ends = [(1, 1) if axis == index else (0, 0) for index in range(3)]
        wide = np.pad(picture, ends, mode="edge")
        parts = [np.take(wide, range(k, k + picture.shape[axis]), axis=axis) for k in range(3)]
        picture = 0.25 * parts[0] + 0.5 * parts[1] + 0.25 * parts[2]
    return picture


def _wobble(pixels: NDArray[np.float64], frame: int, size: float) -> NDArray[np.float64]:
    x, y = pixels[..., 0] / 60, pixels[..., 1] / 60
    right = np.sin(x + 0.13 * frame) * np.cos(1.3 * y - 0.07 * frame)
    down = np.cos(1.1 * x - 0.09 * frame) * np.sin(y + 0.11 * frame)
    return pixels + size * np.stack((right, down), axis=-1)


@lru_cache(maxsize=32)
def render(world: World) -> Shot:
    """A shot of a world. Its staged colour is the picture without what went wrong."""
    right = replace(world, speed=1.0, missing=0, aside=0.0, front=0)
    if world != right:
        clean = render(right)
        return replace(_render(world), stage=clean.stage, world=world)
    return _render(world)


def _render(world: World) -> Shot:
    scene = _Scene(world)
    width, height = world.size
    pixels = _pixels(world.size)
    frames, depths, masks, motions = [], [], [], []
    for index in range(world.start, world.start + world.num_frames):
        scene.picture(True)
        sharp = scene.color(index * world.speed, _wobble(pixels, index, world.wobble))
        scene.picture(False)
        color = 255 * _soften(sharp) + scene.rng.normal(0, world.grain, (height, width, 1))
        frames.append(np.clip(np.rint(color), 0, 255).astype(np.uint8))
        depth, mask, motion = scene.motion(index, pixels)
        depths.append(depth.astype(np.float32))
        masks.append(mask)
        motions.append(motion.astype(np.float32))
    color = np.stack(frames)
    count = world.num_frames
    stage = Stage(
        ArrayFrames(color),
        ArrayFrames(np.stack(depths)),
        ArrayFrames(np.stack(masks)),
        ArrayFrames(np.stack(motions[: count - 1] or motions)),
        np.stack([scene.intrinsics()] * count),
        np.stack([scene.camera(world.start + index) for index in range(count)]),
    )
    return Shot(color, stage, world)


WORLDS = {
    "moving": World(),
    "fast": World("fast", 2),
    "static": World("static", 3),
    "handheld": World("handheld", 4),
    "dark": World("dark", 5, gain=0.06),
    "black": World("dark", 6, gain=0.02),
}


@pytest.fixture(scope="session")
def shot() -> Callable[..., Shot]:
    """Make a clean shot: `shot("moving")`, or with other settings of its world."""

    def make(kind: str = "moving", **settings: Any) -> Shot:
        return render(replace(WORLDS[kind], **settings))

    return make


@pytest.fixture(scope="session")
def rate() -> Fraction:
    return RATE


@pytest.fixture
def sound(tmp_path: Path) -> Callable[..., Audio]:
    """Write samples [n] or [channels, n] as a stereo sound."""
    made = iter(range(1000))

    def write(samples: NDArray[Any]) -> Audio:
        stereo = np.broadcast_to(np.atleast_2d(samples), (2, np.atleast_2d(samples).shape[1]))
        path = tmp_path / f"sound{next(made)}.wav"
        with AudioWriter(path) as writer:
            writer.write(stereo)
        return Audio.open(path)

    return write
