"""A very small film for a very small random model.

Two staged shots, of which the second goes on from the first, and one of words and a picture that a
given sound drives.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from PIL import Image

TINY = Path(__file__).parent.parent / "engine" / "tiny_checkpoint.py"
FILM = """\
[film]
title = "Tiny"
size = [64, 64]
fps = 12
seed = 3

[props.ball]
shape = "sphere"

[[shots]]
id = "near"
seconds = 0.75
prompt = "A ball rolls."
sound = "a hum"
model.steps = [STEPS, 2]
[shots.camera]
move = "dolly-in"
at = [0, -5, 1.4]
look_at = [0, 0, 0.5]
[[shots.place]]
prop = "ball"

[[shots]]
id = "on"
seconds = 0.5
continues = "near"
prompt = "It goes on."
model.steps = [STEPS, 2]
[[shots.audio]]
file = "bell.wav"

[[shots]]
id = "words"
seconds = 0.5
prompt = "The sea."
first = "red.png"
model = { steps = [STEPS, 2], loras = [{ file = "lora.safetensors", strength = [1.0, 0.5] }] }
[[shots.audio]]
file = "bell.wav"
mode = "drive"
"""


def write_weights(folder: Path) -> dict[str, str]:
    """Write a whole model in the official layouts; returns the environment that names it."""
    tiny = _tiny_checkpoint()
    folder.mkdir(parents=True)
    tiny.write_checkpoint(folder / "model.safetensors")
    tiny.write_upsampler(folder / "upsampler.safetensors")
    tiny.write_text_encoder(folder / "text_encoder")
    return {
        "REELWRIGHT_CHECKPOINT": str(folder / "model.safetensors"),
        "REELWRIGHT_TEXT_ENCODER": str(folder / "text_encoder"),
        "REELWRIGHT_UPSAMPLER": str(folder / "upsampler.safetensors"),
    }


def write_film(root: Path, steps: int = 3) -> Path:
    """Write the film into a new folder; returns the storyboard."""
    root.mkdir(parents=True)
    _tiny_checkpoint().write_lora(root / "lora.safetensors")
    _sibling("small_film").tone(root / "bell.wav", 880, 0.3)
    Image.new("RGB", (80, 60), (200, 30, 30)).save(root / "red.png")
    path = root / "storyboard.toml"
    path.write_text(FILM.replace("STEPS", str(steps)))
    return path


def _tiny_checkpoint() -> Any:
    return _module(TINY)


def _sibling(name: str) -> Any:
    return _module(Path(__file__).with_name(f"{name}.py"))


def _module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module
