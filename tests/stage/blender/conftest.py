"""A real Blender where there is one, and small scenes for it."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from reelwright.assets import build_mesh
from reelwright.errors import ReelwrightError
from reelwright.shapes import GenerationSize, ShotFrames
from reelwright.stage.blender import BlendScene, find_blender
from reelwright.storyboard import Film, resolve_scenes

MAKER = Path(__file__).parent / "make_blend.py"
LENS = {
    "keys": [
        {"t_s": 0, "at": [0, -5, 1.6], "look_at": [0, 0, 0.6], "lens_mm": 35},
        {"t_s": 0.1, "at": [0.6, -4.6, 1.4], "look_at": [0, 0, 0.7], "lens_mm": 45},
    ]
}


@pytest.fixture(scope="session")
def blender():
    """The Blender of this computer."""
    try:
        return find_blender()
    except ReelwrightError as error:
        pytest.skip(str(error))


def make_film(seconds=5 / 24, camera=None, **shot):
    return Film(
        size=(128, 128),
        fps=24,
        props={
            "box": {"shape": "box"},
            "ball": {"shape": "sphere"},
            "cone": {"shape": "cone", "turn_deg": [20, 0, 0]},
        },
        ground={"pattern": "checker"},
        shots=[
            {
                "id": "shot",
                "seconds": seconds,
                "camera": camera or LENS,
                "place": [
                    {"prop": "box", "at": [-0.8, 0, 0.5], "turn_deg": [0, 0, 20]},
                    {
                        "prop": "ball",
                        "keys": [
                            {"t_s": 0, "at": [0.6, 0.5, 0.7], "turn_deg": [0, 0, 0]},
                            {
                                "t_s": 0.1,
                                "at": [1.0, 0, 1.0],
                                "turn_deg": [30, 40, 0],
                                "scale": [1, 1.3, 0.8],
                            },
                        ],
                    },
                    {"prop": "cone", "at": [0.1, 1.5, 0.5]},
                ],
                **shot,
            }
        ],
    )


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A scene of three props that move, under a camera whose lens changes, and its meshes."""
    root = tmp_path_factory.mktemp("small")
    film = make_film()
    scene = resolve_scenes(film)["shot"]
    return scene, {name: build_mesh(film.props[name], root, root / name) for name in film.props}


@pytest.fixture(scope="session")
def make_blend(blender, tmp_path_factory):
    """Make a .blend in Blender: `make_blend(frames=24, camera="no")`."""

    def make(**wish):
        out = tmp_path_factory.mktemp("blend") / "set.blend"
        words = [str(out), *(f"{name}={value}" for name, value in wish.items())]
        command = blender.command(Path("job"))[:-3]
        start = [*command, str(MAKER)]
        subprocess.run([*start, "--", *words], check=True, capture_output=True)
        return out

    return make


def hand_scene(blend, frames=9, rate=24, size=(128, 128), **more):
    return BlendScene(
        "shot", blend, ShotFrames(frames, frames), Fraction(rate),
        GenerationSize(size, size, "crop"), **more,
    )  # fmt: skip
