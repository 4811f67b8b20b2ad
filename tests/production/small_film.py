"""A very small real film: two staged shots, one of words, a sound and music."""

from __future__ import annotations

import math
import struct
from pathlib import Path

RATE = 48_000
FILM = """\
[film]
title = "Small"
size = [64, 64]
fps = 12
seed = 3

[props.ball]
shape = "sphere"
color = "tomato"

[props.box]
shape = "box"

[[music]]
file = "theme.wav"
gain_db = -12

[[shots]]
id = "near"
seconds = 0.75
[shots.camera]
move = "dolly-in"
at = [0, -5, 1.4]
look_at = [0, 0, 0.5]
[[shots.place]]
prop = "ball"
[[shots.audio]]
file = "bell.wav"
from_prop = "ball"

[[shots]]
id = "on"
seconds = 0.5
continues = "near"
[[shots.place]]
prop = "box"
at = [1.2, 0.5, 0]

[[shots]]
id = "words"
seconds = 0.5
prompt = "The end."
"""


def tone(path: Path, hertz: float, seconds: float) -> None:
    """A sine, 16 bit, mono."""
    count = round(seconds * RATE)
    data = b"".join(
        struct.pack("<h", round(9000 * math.sin(2 * math.pi * hertz * i / RATE)))
        for i in range(count)
    )
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1,
                       RATE, 2 * RATE, 2, 16, b"data", len(data))  # fmt: skip
    path.write_bytes(head + data)


def write_small_film(root: Path) -> Path:
    """Write the film into a new folder; returns the storyboard."""
    root.mkdir(parents=True)
    tone(root / "theme.wav", 220, 2.5)
    tone(root / "bell.wav", 880, 0.3)
    path = root / "storyboard.toml"
    path.write_text(FILM)
    return path
