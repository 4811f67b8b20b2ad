"""From the transformer to predictions: passes, guidance, and what is kept.

The passes of one step (with the text, without it, spoilt, deaf) are samples of one batch and go
through each block together. What they differ in is decided here once: their texts, their skipped
attentions, the rotations and masks; and the modulation of every level that the sampler will ask
for, once per distinct level of a token.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from reelwright.engine.denoiser.modulation import Levels
from reelwright.engine.denoiser.perturbation import BlockPlan, Perturbation, Skip, plan_blocks
from reelwright.engine.denoiser.stream import StreamLayout, StreamStep
from reelwright.engine.denoiser.transformer import StreamInput, StreamLevels, Transformer
from reelwright.engine.sampling.guidance import NEUTRAL, Guider, skips_step
from reelwright.engine.sampling.sampler import Latents
from reelwright.engine.sampling.steps import denoised_from_velocity
from reelwright.engine.sampling.tokens import Tokens
from reelwright.errors import InputError

T = TypeVar("T")

PassKind = Literal["cond", "uncond", "perturbed", "isolated"]

DEAF = (Perturbation(Skip.AUDIO_TO_VIDEO), Perturbation(Skip.VIDEO_TO_AUDIO))
"""Neither stream hears the other, in any block."""


@dataclass(frozen=True, slots=True)
class StreamRun:
    """What one stream brings to a run.

    Attributes:
        kind: Which stream.
        tokens: Its tokens, conditioned.
        context: Its text.
        negative: The text to steer away from; None to keep its own.
        guider: How it is guided.
    """

    kind: Literal["video", "audio"]
    tokens: Tokens
    context: Float[Tensor, "B S C"]
    negative: Float[Tensor, "B S C"] | None = None
    guider: Guider = NEUTRAL

    @property
    def self_skip(self) -> Skip:
        """Its self-attention."""
        return Skip.VIDEO_SELF if self.kind == "video" else Skip.AUDIO_SELF


def passes_of(streams: Iterable[StreamRun]) -> tuple[PassKind, ...]:
    """The passes that a step needs; one alone if every guider is neutral."""
    guiders = [stream.guider for stream in streams]
    kinds: list[PassKind] = ["cond"]
    if any(guider.cfg_scale != 1 for guider in guiders):
        kinds.append("uncond")
    if any(guider.stg_scale != 0 for guider in guiders):
        kinds.append("perturbed")
    if any(guider.modality_scale != 1 for guider in guiders):
        kinds.append("isolated")
    return tuple(kinds)


@dataclass
class GuidedDenoise:
    """Predicts the clean latents of a run.

    Args:
        model: The transformer.
        streams: Video, audio, or both in this order.
        sigmas: Levels that will be asked for; others are prepared when they are.
        predicted: The last prediction, where a run goes on that was saved.

    Attributes:
        passes: What is predicted at each step.
        predicted: The last prediction of each stream: what a step that a guider skips uses again,
            and so a part of what a run must save.
    """

    model: Transformer
    streams: Sequence[StreamRun]
    sigmas: Iterable[float] = ()
    predicted: Latents = ()
    passes: tuple[PassKind, ...] = field(init=False)
    _layouts: tuple[StreamLayout | None, StreamLayout | None] = field(init=False, repr=False)
    _plans: tuple[BlockPlan, ...] = field(init=False, repr=False)
    _steps: dict[float, tuple[StreamStep | None, StreamStep | None]] = field(
        init=False, repr=False, default_factory=dict
    )

    def __post_init__(self) -> None:
        kinds = [stream.kind for stream in self.streams]
        if kinds not in (["video"], ["audio"], ["video", "audio"]):
            raise InputError(f"A run of {kinds} is not known.", "Give video, audio, or both.")
        self.passes = passes_of(self.streams)
        device = next(self.model.parameters()).device
        self.streams = [replace(s, tokens=s.tokens.to(device)) for s in self.streams]
        batch = self.streams[0].tokens.mask.shape[0]
        per_pass = [self._perturbations(kind) for kind in self.passes]
        samples = [skips for skips in per_pass for _ in range(batch)]
        self._plans = plan_blocks(samples, self.model.config.num_layers, device)
        self._layouts = self.model.layout(*self._pair([self._input(s) for s in self.streams]))
        self._prepare(tuple(dict.fromkeys(self.sigmas)))

    def __call__(self, latents: Latents, sigma: float, step: int = 0) -> Latents:
        """Predict, guided, with what is kept put back.

        A stream that its guider skips gives its last prediction again. The model is left out only
        where every stream does: one that goes on still has to see and hear the other.

        Args:
            latents: Tokens of each stream.
            sigma: Their noise level.
            step: Number of the sampler's step.
        """
        skipped = [
            bool(self.predicted) and skips_step(step, stream.guider.skip_step)
            for stream in self.streams
        ]
        if not all(skipped):
            fresh = self._predict(latents, sigma)
            self.predicted = tuple(
                self.predicted[k] if again else fresh[k] for k, again in enumerate(skipped)
            )
        return self.predicted

    def _predict(self, latents: Latents, sigma: float) -> Latents:
        count = len(self.passes)
        repeated = [x.repeat(count, 1, 1) for x in latents]
        velocities = self.model(self._pair(repeated), self._step(sigma), self._layouts, self._plans)
        predicted = zip(self.streams, latents, filter(_is_there, velocities), strict=True)
        return tuple(self._guide(stream, x, v, sigma) for stream, x, v in predicted)

    def pin(self, latents: Latents) -> Latents:
        """Put back what is kept."""
        return tuple(s.tokens.pin(x) for s, x in zip(self.streams, latents, strict=True))

    def _guide(self, stream: StreamRun, latent: Tensor, velocity: Tensor, sigma: float) -> Tensor:
        tokens = stream.tokens
        levels = tokens.mask * (0.0 if tokens.given else sigma)
        cond, *others = (
            denoised_from_velocity(latent, part, levels)
            for part in velocity.float().chunk(len(self.passes))
        )
        named = dict(zip(self.passes[1:], others, strict=True))
        return tokens.pin(stream.guider.combine(cond, **named))

    def _perturbations(self, kind: PassKind) -> tuple[Perturbation, ...]:
        if kind == "isolated":
            return DEAF
        if kind != "perturbed":
            return ()
        return tuple(
            Perturbation(stream.self_skip, frozenset(stream.guider.stg_blocks))
            for stream in self.streams
            if stream.guider.stg_scale != 0
        )

    def _input(self, stream: StreamRun) -> StreamInput:
        negative = stream.context if stream.negative is None else stream.negative
        texts = [negative if kind == "uncond" else stream.context for kind in self.passes]
        return StreamInput(stream.tokens.positions, torch.cat(texts), mask=stream.tokens.groups)

    def _step(self, sigma: float) -> tuple[StreamStep | None, StreamStep | None]:
        if sigma not in self._steps:
            self._prepare((sigma,))
        return self._steps[sigma]

    def _prepare(self, sigmas: Sequence[float]) -> None:
        """Make what levels decide, all at once: the layers that do are read once, not per step."""
        levels = [
            self._pair([self._levels(stream.tokens, sigma) for stream in self.streams])
            for sigma in sigmas
        ]
        if levels:
            self._steps.update(zip(sigmas, self.model.steps(levels), strict=True))

    def _levels(self, tokens: Tokens, sigma: float) -> StreamLevels:
        level = 0.0 if tokens.given else sigma
        mask = tokens.mask.squeeze(-1).repeat(len(self.passes), 1)
        return StreamLevels(
            Levels.of(mask).times(level), torch.full(mask.shape[:1], level, device=mask.device)
        )

    def _pair(self, values: Sequence[T]) -> tuple[T | None, T | None]:
        """Video and audio, of the streams that there are."""
        kinds = [stream.kind for stream in self.streams]
        by_kind = dict(zip(kinds, values, strict=True))
        return by_kind.get("video"), by_kind.get("audio")


def _is_there(value: Tensor | None) -> bool:
    return value is not None
