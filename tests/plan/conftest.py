from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from reelwright.machine import Machine
from reelwright.plan import CAPABILITIES, DigestStore, Plan, make_plan
from reelwright.storyboard import LoadedFilm, Prop, load_film

GIB = 1 << 30

FILM = """\
[film]
title = "Three shots"
size = [64, 48]
seed = 7

[props.ball]
shape = "sphere"

[props.box]
file = "box.obj"

[[music]]
file = "theme.wav"

[[shots]]
id = "one"
seconds = 1
prompt = "A ball."
[shots.camera]
move = "dolly-in"
[[shots.place]]
prop = "ball"
[[shots.audio]]
file = "bell.wav"
from_prop = "ball"

[[shots]]
id = "two"
seconds = 1
[shots.camera]
lens_mm = 50
[[shots.place]]
prop = "ball"
[[shots.place]]
prop = "box"
at = [1, 0, 0]

[[shots]]
id = "three"
seconds = 1
continues = "two"

[[shots]]
id = "words"
seconds = 0.5
prompt = "A title."
"""


@pytest.fixture
def machine() -> Machine:
    return Machine(
        name="bench", system="Linux x86_64", cpu="a CPU", cpu_threads=2, ram_bytes=16 * GIB,
        ram_free_bytes=12 * GIB, disk_free_bytes=100 * GIB, disk_path="/",
    )  # fmt: skip


def wav(path: Path, value: int = 1) -> None:
    """A short WAV; another value is another file."""
    data = struct.pack("<h", value) * 480
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1,
                       48_000, 96_000, 2, 16, b"data", len(data))  # fmt: skip
    path.write_bytes(head + data)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    wav(tmp_path / "theme.wav")
    wav(tmp_path / "bell.wav", 2)
    (tmp_path / "box.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    return tmp_path


@pytest.fixture
def write(root: Path) -> Callable[..., LoadedFilm]:
    """Write the film, with words replaced, and load it."""

    def writer(*changes: tuple[str, str], extra: str = "", text: str = FILM) -> LoadedFilm:
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path = root / "storyboard.toml"
        path.write_text(text + extra)
        return load_film(path)

    return writer


def asset_files(prop: Prop, root: Path) -> tuple[Path, ...]:
    return (root / prop.file,) if prop.file else ()


@pytest.fixture
def plan(machine: Machine, root: Path) -> Callable[..., Plan]:
    def planner(loaded: LoadedFilm, on: Machine = machine, **options: Any) -> Plan:
        digests = options.pop("digests", None) or DigestStore(None, root)
        return make_plan(loaded, on, digests=digests, asset_files=asset_files, **options)

    return planner


@pytest.fixture
def everything() -> Any:
    """Capabilities of a build that can do all: nothing is refused."""
    from reelwright.plan import StageKind

    ltx = replace(
        CAPABILITIES.backends[0], name="ltx", tiers=("draft", "standard", "final"), label="ltx",
        needs=(StageKind.STAGE, StageKind.KEYFRAMES),
        settings=frozenset({"backend", "negative", "steps", "guidance", "control", "loras"}),
        sound_modes=frozenset({"mix", "replace", "duck", "drive"}), speaks=True, reads_words=True,
        takes_differ=True,
    )  # fmt: skip
    return replace(
        CAPABILITIES, tiers=("animatic", "draft", "standard", "final"),
        backends=(*CAPABILITIES.backends, ltx),
        prop_sources=frozenset({"file", "shape", "prompt", "image"}),
        keyframe_sources=frozenset({"stage", "none", "paint", "picture"}),
        scene_files=frozenset({".blend"}), upscalers=frozenset({"lanczos", "rtx-vsr"}),
    )  # fmt: skip
