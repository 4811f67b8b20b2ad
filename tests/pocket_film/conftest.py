"""Clips made with the weights that the package brings: small, and each made once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from reelwright.assets import build_mesh
from reelwright.engine import decode_frames
from reelwright.engine.clip.fitting import encode_frames
from reelwright.engine.clip.pipeline import ClipLatents
from reelwright.generate import Clip, ClipRequest, SoundPlacement
from reelwright.generate.ltx import (
    LtxSettings,
    decode_clip,
    decode_retake,
    draft_clip,
    read_words,
    refine_clip,
    release,
)
from reelwright.generate.ltx.loaded import open_models
from reelwright.generate.ltx.settings import ControlKind
from reelwright.keyframes import Keyframe
from reelwright.models import WeightSet, installed_weights
from reelwright.shapes import ShotFrames, generation_size
from reelwright.stage import StagedShot, stage_shot
from reelwright.storyboard import Film, resolve_scenes

RATE = Fraction(24)
SIZE = generation_size((128, 128))
WORDS = "A red sphere stands on a grey floor."

Pixels = NDArray[np.uint8]


def film_of(seconds: float = 33 / 24, **camera: Any) -> Film:
    """A red ball that rolls past a blue box, before a camera that moves a little."""
    return Film(
        title="Ball",
        size=SIZE.delivered,
        props={
            "ball": {"shape": "sphere", "color": "#c02020"},
            "box": {"shape": "box", "color": "#2040b0"},
        },
        shots=[
            {
                "id": "roll",
                "seconds": seconds,
                "prompt": "A red sphere rolls past a blue box on the floor.",
                "camera": {"at": [0, -6, 1.6], "look_at": [0, 0, 0.6], "move": "dolly-in"}
                | {"distance": 0.6, **camera},
                "place": [
                    {
                        "prop": "ball",
                        "at": [-1.4, 0, 0.5],
                        "keys": [{"t_s": seconds, "at": [0.9, -0.3, 0.5]}],
                    },
                    {"prop": "box", "at": [0.9, 1.8, 0.5]},
                ],
            }
        ],
    )


@dataclass(frozen=True)
class Made:
    """A clip and where its parts lie.

    Attributes:
        request: What was asked.
        words: Its words, read.
        draft: Its first pass.
        latents: Its last pass.
        folder: The decoded clip.
        clip: The same.
    """

    request: ClipRequest
    words: Path
    draft: Path
    latents: Path
    folder: Path
    clip: Clip

    @property
    def frames(self) -> Pixels:
        """All of its frames."""
        return np.stack([self.clip.frames[i] for i in range(self.clip.num_frames)])

    def sound(self, name: str = "generated") -> NDArray[np.float32]:
        """All of a stem."""
        stem = self.clip.stems[name]
        return stem.read(0, stem.num_samples)


@dataclass
class Maker:
    """Makes clips with the installed weights, through every pass they have."""

    weights: WeightSet
    folder: Path
    _count: int = 0
    _words: dict[str, Path] = field(default_factory=dict)

    def words(self, prompt: str) -> Path:
        """Words, read once."""
        if prompt not in self._words:
            out = self.folder / f"words{len(self._words)}"
            read_words(prompt, "", self.weights, out)
            self._words[prompt] = out
        return self._words[prompt]

    def make(
        self,
        prompt: str = WORDS,
        num_frames: int = 17,
        *,
        previous: Made | None = None,
        of: Made | None = None,
        staged: StagedShot | None = None,
        control: ControlKind = "depth",
        seed: int = 5,
        **fields: Any,
    ) -> Made:
        """Make a clip; with `of` and `retake`, a range of that one again."""
        self._count += 1
        out = self.folder / str(self._count)
        frames = ShotFrames(num_frames, num_frames)
        request = ClipRequest("lamp", frames, RATE, SIZE, seed=seed, **fields)
        words, draft, refined = self.words(prompt), out / "draft", out / "refined"
        before = None if previous is None else previous.folder
        settings = LtxSettings(control=(control, 1.0))
        kept = () if of is None else (of.draft,)
        starts = before if of is None else None
        draft_clip(request, words, staged, starts, self.weights, settings, draft, sources=kept)
        kept = () if of is None else (of.draft, of.latents)
        refine_clip(
            request, words, staged, starts, draft, self.weights, settings, refined, sources=kept
        )
        home = out / "clip"
        if of is None:
            clip = decode_clip(request, refined, before, self.weights, settings, home)
        else:
            clip = decode_retake(request, refined, of.folder, before, self.weights, settings, home)
        return Made(request, words, draft, refined, home, clip)

    def through_codec(self, frame: Pixels) -> Pixels:
        """A frame as the weights' codec gives it back: the best that a keyframe can become."""
        models = open_models(self.weights, "cpu")
        height, width = frame.shape[:2]
        with torch.no_grad(), models.video_vae() as vae:
            latent = encode_frames(vae, torch.from_numpy(frame)[None], (width, height), None)
        decoded = decode_frames(ClipLatents(latent, None, 24.0, 0, None, ()), models)
        (shown,) = torch.cat(list(decoded))
        return (shown * 255).round().to(torch.uint8).numpy()

    def keyframe(self, frame: Pixels, at: int, strength: float = 1.0) -> Keyframe:
        """A frame as a keyframe."""
        self._count += 1
        path = self.folder / f"key{self._count}.png"
        Image.fromarray(frame).save(path)
        return Keyframe(path, at, strength)


@pytest.fixture(scope="session")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Maker]:
    """The weights that the package brings; without them it is broken, and these tests fail."""
    sets = installed_weights()
    assert sets, "the package's own weights are missing"
    yield Maker(replace(sets[0], refiner=None), tmp_path_factory.mktemp("pocket"))
    release()


@pytest.fixture(scope="session")
def staged(tmp_path_factory: pytest.TempPathFactory) -> StagedShot:
    """33 frames of the ball that rolls."""
    folder, film = tmp_path_factory.mktemp("staged"), film_of()
    scene = resolve_scenes(film)["roll"]
    assert scene is not None
    names = dict.fromkeys(placed.prop_name for placed in scene.props)
    meshes = {name: build_mesh(film.props[name], folder, folder / name) for name in names}
    stage_shot(scene, meshes, folder / "shot")
    return StagedShot.load(folder / "shot")


@pytest.fixture(scope="session")
def stage_frames(staged: StagedShot) -> Pixels:
    """Its colours."""
    return np.concatenate(list(staged.color.chunks(33)))


@pytest.fixture(scope="session")
def plain(maker: Maker) -> Made:
    """A clip of words alone."""
    return maker.make()


def bell(path: Path, seconds: float) -> SoundPlacement:
    """A struck bell on disk, as a sound that drives a shot."""
    import wave

    at = np.arange(round(seconds * 48_000)) / 48_000
    samples = 0.5 * np.sin(2 * np.pi * 660 * at) * np.exp(-4 * at)
    pcm = np.repeat((samples * 32767).astype("<i2")[:, None], 2, axis=1)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(48_000)
        file.writeframes(pcm.tobytes())
    return SoundPlacement(path, mode="drive", fade_in_s=0.0, fade_out_s=0.0)


def psnr(some: NDArray[Any], others: NDArray[Any]) -> float:
    """Peak signal to noise, dB, of values to 255."""
    error = np.mean((some.astype(np.float64) - others.astype(np.float64)) ** 2)
    return float(10 * np.log10(255**2 / max(error, 1e-9)))
