"""The parts of a model as a clip needs them: each built when first asked for, and let go.

A part is asked for in a `with` and stays until another is wanted, so that two clips in a row with
the same LoRAs build the transformer once, and no two parts are held together but for a preview.
Where there is memory for all of them, all are kept.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import torch

from reelwright.engine.checkpoints.checkpoint import Checkpoint, open_file
from reelwright.engine.checkpoints.lora import stack_loras
from reelwright.engine.clip.clip_facts import ModelFacts, model_facts
from reelwright.engine.clip.passes import Lora
from reelwright.engine.codecs.audio_vae import AudioVae, load_audio_vae
from reelwright.engine.codecs.tiling import AxisTiling, Tiling
from reelwright.engine.codecs.upsampler import LatentUpsampler, load_upsampler
from reelwright.engine.codecs.video_vae import VideoVae, load_video_vae
from reelwright.engine.codecs.vocoder import Vocoder, WideVocoder, load_vocoder
from reelwright.engine.denoiser.capture import captured
from reelwright.engine.denoiser.models import load_transformer
from reelwright.engine.denoiser.transformer import Transformer
from reelwright.engine.memory.loading import CPU
from reelwright.engine.memory.residency import RESIDENT, Residency
from reelwright.engine.storage.weights import Compute
from reelwright.errors import InputError

T = TypeVar("T")

_Key = tuple[str, Hashable]


@dataclass
class Models:
    """A model at rest, and the parts of it that are ready.

    Args:
        checkpoint: Holds the transformer and the codecs.
        upsampler: The latent upsampler's own file; needed by passes of different sizes.
        compute: What products run in; the vocoder always runs in float32.
        device: Where they run.
        residency: How the blocks of the transformer and the text encoder are kept.
        capture: Whether the transformer's forwards run as CUDA graphs; for a resident one.
        keep_all: Whether every part stays once it is built.

    Attributes:
        facts: What the model takes.
    """

    checkpoint: Checkpoint
    upsampler: Checkpoint | None = None
    compute: Compute = Compute.FLOAT32
    device: torch.device = CPU
    residency: Residency = RESIDENT
    capture: bool = False
    keep_all: bool = False
    facts: ModelFacts = field(init=False)
    _held: dict[_Key, Any] = field(init=False, repr=False, default_factory=dict)
    _in_use: list[_Key] = field(init=False, repr=False, default_factory=list)

    def __post_init__(self) -> None:
        self.facts = model_facts(self.checkpoint, self.upsampler)

    @contextmanager
    def transformer(
        self, loras: tuple[Lora, ...] = (), *, video: bool = True, audio: bool = True
    ) -> Iterator[Transformer]:
        """The denoiser, with LoRAs and the streams that are wanted."""
        make = partial(self._load_transformer, loras, video, audio)
        with ExitStack() as stack:
            part = stack.enter_context(self._part("transformer", (loras, video, audio), make))
            if self.capture:
                stack.enter_context(captured(part))
            yield part

    @contextmanager
    def video_vae(self) -> Iterator[VideoVae]:
        """The video codec."""
        make = partial(load_video_vae, self.checkpoint, compute=self.compute, device=self.device)
        with self._part("video_vae", (), make) as part:
            yield part

    @contextmanager
    def audio_vae(self) -> Iterator[AudioVae]:
        """The audio codec."""
        make = partial(load_audio_vae, self.checkpoint, compute=self.compute, device=self.device)
        with self._part("audio_vae", (), make) as part:
            yield part

    @contextmanager
    def vocoder(self) -> Iterator[Vocoder | WideVocoder]:
        """The vocoder."""
        make = partial(load_vocoder, self.checkpoint, device=self.device)
        with self._part("vocoder", (), make) as part:
            yield part

    @contextmanager
    def latent_upsampler(self) -> Iterator[LatentUpsampler]:
        """The latent upsampler.

        Raises:
            InputError: There is none.
        """
        if self.upsampler is None:
            raise InputError(
                "Passes of different sizes need a latent upsampler.",
                "Open Models with the upsampler's file, or make the clip in one pass.",
            )
        make = partial(load_upsampler, self.upsampler, compute=self.compute, device=self.device)
        with self._part("upsampler", (), make) as part:
            yield part

    def tiling(self, *, other: bool = False) -> Tiling | None:
        """How the video codec cuts large clips: 768 pixels and 80 frames, or the codec's nearest.

        None for a model that shows nothing.

        Args:
            other: Smaller tiles that share more, so that no seam lies where it lay: 640 pixels
                and 64 frames.
        """
        if self.facts.video is None:
            return None
        scale = self.facts.video.scale
        frames, side = ((64, 32), (640, 128)) if other else ((80, 24), (768, 64))
        return Tiling(
            _cut(*frames, scale.time), _cut(*side, scale.height), _cut(*side, scale.width)
        )

    def release(self) -> None:
        """Let every part go that is not in use."""
        self._let_go(list(self._held))

    def _let_go(self, keys: Sequence[_Key]) -> None:
        """Forget parts that nobody uses, and give their memory back at once."""
        gone = [key for key in keys if key not in self._in_use]
        for key in gone:
            del self._held[key]
        if gone and self.device.type == "cuda":
            gc.collect()
            torch.cuda.empty_cache()

    def _load_transformer(self, loras: tuple[Lora, ...], video: bool, audio: bool) -> Transformer:
        with ExitStack() as files:
            opened = [(open_file(lora.path), lora.strength) for lora in loras if lora.strength]
            for file, _ in opened:
                files.callback(file.close)
            return load_transformer(
                self.checkpoint,
                compute=self.compute,
                device=self.device,
                loras=stack_loras(opened),
                video=video,
                audio=audio,
                residency=self.residency,
            )

    @contextmanager
    def _part(self, name: str, settings: Hashable, make: Callable[[], T]) -> Iterator[T]:
        key = (name, settings)
        if key not in self._held:
            # A transformer with other LoRAs never stays beside this one, even where all are kept.
            self._let_go([k for k in self._held if not self.keep_all or k[0] == name])
            self._held[key] = make()
        self._in_use.append(key)
        try:
            yield self._held[key]
        finally:
            self._in_use.remove(key)
            if self._in_use and not self.keep_all:
                self._let_go([key])  # it came in beside another: that one stays


def _cut(size: int, overlap: int, factor: int) -> AxisTiling:
    """Tiles of about a size; at least two cells and an overlap of one."""
    cells, shared = max(2, size // factor), max(1, overlap // factor)
    return AxisTiling(cells, min(shared, cells - 1))
