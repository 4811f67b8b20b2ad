"""What a stream brings to the blocks: its sizes, what holds for a run, what a step decides."""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from reelwright.engine.denoiser.mask import AttentionMask
from reelwright.engine.denoiser.rope import RopeTable


@dataclass(frozen=True, slots=True)
class StreamShape:
    """The sizes of one stream.

    Attributes:
        width: Of its tokens.
        heads: Of its attentions.
        head_width: Of one head.
        context_width: Of its text.
        ff_bias: Whether its feed-forward layer has biases.
    """

    width: int
    heads: int
    head_width: int
    context_width: int
    ff_bias: bool


@dataclass(frozen=True, slots=True)
class BlockShape:
    """What all blocks of a transformer have in common.

    Attributes:
        video: Sizes of the video stream; None if the model has none.
        audio: Sizes of the audio stream; None if the model has none.
        gated: Whether attention heads are gated.
        modulated_text: Whether attention to the text is modulated by the noise level.
        eps: Of every normalisation.
    """

    video: StreamShape | None
    audio: StreamShape | None
    gated: bool
    modulated_text: bool
    eps: float

    @property
    def rows(self) -> int:
        """Rows of modulation of a stream."""
        return 9 if self.modulated_text else 6


@dataclass(frozen=True, slots=True)
class StreamLayout:
    """What one stream keeps for a whole run.

    Attributes:
        rope: Rotations of its self-attention.
        context: Its text, as its blocks read it.
        cross_rope: Rotations towards the other stream; None if the model has one stream.
        mask: Who sees whom in self-attention; None for everyone.
        context_mask: What of the text is seen; None for all.
    """

    rope: RopeTable
    context: Float[Tensor, "B S D"]
    cross_rope: RopeTable | None = None
    mask: AttentionMask | None = None
    context_mask: AttentionMask | None = None


@dataclass(frozen=True, slots=True)
class StreamStep:
    """What the noise levels of one step decide for one stream.

    Attributes:
        modulation: Rows of each distinct level: shift, scale, gate of self-attention; the same of
            the feed-forward layer; the same of attention to the text, where that is modulated.
        embedded: Embedding of each distinct level, for the output head.
        index: Which level each token has; None where a sample has one.
        prompt: Shift and scale of the text; None where it is not modulated by the level.
        cross: Scale and shift towards the other stream as listener, then as source.
        cross_gate: Gate of what is heard from the other stream; follows the other's level.
    """

    modulation: Float[Tensor, "B U R D"]
    embedded: Float[Tensor, "B U D"]
    index: Int[Tensor, "B T"] | None = None
    prompt: Float[Tensor, "B 2 D"] | None = None
    cross: Float[Tensor, "B U 4 D"] | None = None
    cross_gate: Float[Tensor, "B 1 D"] | None = None


@dataclass(frozen=True, slots=True)
class Stream:
    """One stream on its way through the blocks.

    Attributes:
        hidden: Its tokens.
        step: What the noise levels decide.
        layout: What holds for the run.
    """

    hidden: Float[Tensor, "B T D"]
    step: StreamStep
    layout: StreamLayout

    def at(self, hidden: Float[Tensor, "B T D"]) -> Stream:
        """The same stream further on."""
        return Stream(hidden, self.step, self.layout)
