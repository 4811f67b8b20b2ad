"""Clips made as the product makes them: its weights, its passes, its decoders."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from tools.pocket.clips import Clip
from torch import Tensor
from torch.nn.functional import interpolate

from reelwright.engine import (
    ClipLatents,
    ClipRequest,
    Contexts,
    Control,
    Models,
    Pass,
    Picture,
    PixelUpscaler,
    Sound,
    decode_frames,
    decode_sound,
    make_clip,
    read_texts,
)
from reelwright.generate.ltx.loaded import open_models
from reelwright.generate.ltx.passes import shot_passes
from reelwright.generate.ltx.refiner import open_refiner
from reelwright.generate.ltx.settings import LtxSettings
from reelwright.models import WeightSet, installed_weights


@dataclass(frozen=True, slots=True)
class Given:
    """What a clip is made from, of a staged one.

    Attributes:
        first: Its first frame.
        last: Its last frame.
        depth: Its staged depth.
    """

    first: bool = False
    last: bool = False
    depth: bool = False


@dataclass
class Maker:
    """The weights that are installed, open.

    Args:
        weights: What makes clips.
        device: Where.
    """

    weights: WeightSet
    device: str = "cpu"
    _contexts: dict[str, Contexts] = field(default_factory=dict, repr=False)

    @classmethod
    def installed(cls, device: str = "cpu") -> Maker:
        """With the weights that come with the package."""
        found = installed_weights()
        if not found:
            raise SystemExit("No pocket weights lie in the package: run tools.pocket.export first.")
        return cls(found[0], device)

    @cached_property
    def digest(self) -> str:
        """Of all files of the weights."""
        found = hashlib.sha256()
        for file in self.weights.files():
            found.update(file.name.encode() + hashlib.sha256(file.read_bytes()).digest())
        return found.hexdigest()[:16]

    @cached_property
    def models(self) -> Models:
        """The model, opened as the product opens it."""
        return open_models(self.weights, self.device)

    @cached_property
    def refiner(self) -> PixelUpscaler | None:
        """The pixel refiner; None where none is installed."""
        return open_refiner(self.weights.refiner, self.device, "auto")

    def refined(self, pixels: Tensor) -> Tensor:
        """Pixels [3, F, H, W] through the refiner, larger by its scale."""
        assert self.refiner is not None
        frames = (pixels.permute(1, 2, 3, 0) + 1) / 2
        return as_shown(self.refiner.upscale(frames.contiguous()).permute(3, 0, 1, 2) * 2 - 1)

    def read(self, texts: Sequence[str]) -> None:
        """Read texts at once, so that the text encoder is loaded once."""
        missing = [text for text in dict.fromkeys(texts) if text not in self._contexts]
        if missing:
            found = read_texts(
                missing,
                self.models,
                self.weights.text_encoder,
                tokenizer=self.weights.tokenizer,
            )
            self._contexts.update(zip(missing, found, strict=True))

    def passes(self, size: tuple[int, int]) -> tuple[Pass, ...]:
        """How the product makes a clip of a size."""
        facts, identity = self.models.facts, self.models.checkpoint.identity
        return shot_passes(self.weights, LtxSettings(), facts, identity.generation, size)

    def make(
        self,
        text: str,
        seed: int,
        *,
        size: tuple[int, int],
        num_frames: int,
        frame_rate: float,
        clip: Clip | None = None,
        given: Given | None = None,
    ) -> ClipLatents:
        """Make a clip.

        Args:
            text: What it shows.
            seed: Of its noise.
            size: Width and height, pixels.
            num_frames: 8k+1.
            frame_rate: Frames per second.
            clip: The staged one that it is made from.
            given: What of it.
        """
        self.read([text])
        pictures, controls = guides(clip, given or Given())
        request = ClipRequest(
            width=size[0],
            height=size[1],
            num_frames=num_frames,
            frame_rate=frame_rate,
            seed=seed,
            contexts=self._contexts[text],
            pictures=pictures,
            controls=controls,
            passes=self.passes(size),
        )
        return make_clip(request, self.models)

    def make_like(self, clip: Clip, given: Given, seed: int, text: str) -> ClipLatents:
        """Make a clip from what a staged one gives, of its own size and length."""
        frames, height, width = clip.depth.shape
        rate = float(clip.facts["frame_rate"])
        return self.make(
            text, seed, size=(width, height), num_frames=frames, frame_rate=rate,
            clip=clip, given=given,
        )  # fmt: skip

    def pixels(self, clip: ClipLatents) -> Tensor:
        """Frames as they are shown: bytes, as pixels [3, F, H, W] in [-1, 1]."""
        frames = torch.cat(list(decode_frames(clip, self.models)))
        return as_shown(frames.permute(3, 0, 1, 2) * 2 - 1)

    def sound(self, clip: ClipLatents) -> Sound | None:
        """What is heard."""
        return decode_sound(clip, self.models)


def guides(clip: Clip | None, given: Given) -> tuple[tuple[Picture, ...], tuple[Control, ...]]:
    """Pictures and controls, as the product gives them to the engine."""
    if clip is None:
        return (), ()
    pictures = []
    if given.first:
        pictures.append(Picture(clip.frames[:1], 0))
    if given.last:
        pictures.append(Picture(clip.frames[-1:], len(clip.frames) - 1))
    grey = clip.depth[..., None].expand(-1, -1, -1, 3)
    return tuple(pictures), (Control(grey),) if given.depth else ()


def as_shown(pixels: Tensor) -> Tensor:
    """Pixels in [-1, 1] rounded to bytes."""
    return ((pixels.clamp(-1, 1) + 1) * 127.5).round() / 127.5 - 1


def resized(pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Pixels [3, F, H, W] at another width and height: bicubic, averaged where they shrink."""
    shrinks = size[1] < pixels.shape[2]
    frames = pixels.transpose(0, 1)
    scaled = interpolate(frames, (size[1], size[0]), mode="bicubic", antialias=shrinks)
    return as_shown(scaled.transpose(0, 1))
