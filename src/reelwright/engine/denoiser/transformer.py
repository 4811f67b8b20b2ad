"""The denoiser: from noisy tokens, text and noise levels to velocities, for sight and sound.

One transformer serves the joint model, the one of video alone and the one of audio alone, and the
generations 2.3 and 2.0: what differs is in the config. What holds for a run (rotations, texts,
masks) is made once by `layout`; what the noise levels of a step decide is made once per distinct
level by `step`; `forward` computes neither.

Source: facts of LTX-2 (Lightricks), arXiv:2601.03233, as pinned by the parity cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Float32, Int, Num
from torch import Tensor, nn

from reelwright.engine.checkpoints.config import TransformerConfig
from reelwright.engine.denoiser.block import Block
from reelwright.engine.denoiser.ends import StreamEnds
from reelwright.engine.denoiser.mask import AttentionMask, KeyMask
from reelwright.engine.denoiser.modulation import Levels
from reelwright.engine.denoiser.perturbation import EVERYTHING, BlockPlan
from reelwright.engine.denoiser.positions import middles
from reelwright.engine.denoiser.rope import RopeTable, rope_table
from reelwright.engine.denoiser.stream import (
    BlockShape,
    Stream,
    StreamLayout,
    StreamShape,
    StreamStep,
)
from reelwright.engine.memory.residency import Blocks


@dataclass(frozen=True, slots=True)
class StreamInput:
    """What a run gives one stream, apart from the latent.

    Attributes:
        positions: Interval of each token on each axis.
        context: Text, as the connector or the language model's projection gives it.
        context_mask: 1 for text to see, 0 for text to leave out, or a float bias; None for all.
        mask: Who sees whom in self-attention; None for everyone.
    """

    positions: Float32[Tensor, "#B A T 2"]
    context: Float[Tensor, "B S C"]
    context_mask: Num[Tensor, "B S"] | None = None
    mask: AttentionMask | None = None


@dataclass(frozen=True, slots=True)
class StreamLevels:
    """The noise of one stream at one step.

    Attributes:
        tokens: Level of each token.
        sigma: Level of the stream as a whole, per sample; 0 for a stream that is given.
    """

    tokens: Levels
    sigma: Float32[Tensor, " B"]


class Transformer(nn.Module):
    """The denoiser.

    Args:
        config: Section `transformer` of the checkpoint's config.
        video: Whether it has a video stream.
        audio: Whether it has an audio stream.

    Attributes:
        video: Ends of the video stream, where there is one.
        audio: Ends of the audio stream, where there is one.
        blocks: What is between the ends, kept or streamed.
    """

    video: StreamEnds
    audio: StreamEnds
    blocks: Blocks[Block]

    def __init__(
        self, config: TransformerConfig, *, video: bool = True, audio: bool = True
    ) -> None:
        super().__init__()
        shape = block_shape(config, video=video, audio=audio)
        self.config = config
        self.joint = video and audio
        if shape.video is not None:
            self.video = StreamEnds(
                config,
                shape.video,
                (config.in_channels, config.out_channels),
                config.positional_embedding_max_pos,
                shape.rows,
                joint=self.joint,
            )
        if shape.audio is not None:
            self.audio = StreamEnds(
                config,
                shape.audio,
                (config.audio_in_channels, config.audio_out_channels),
                config.audio_positional_embedding_max_pos,
                shape.rows,
                joint=self.joint,
            )
        self.blocks = Blocks(Block(shape) for _ in range(config.num_layers))

    def layout(
        self, video: StreamInput | None, audio: StreamInput | None
    ) -> tuple[StreamLayout | None, StreamLayout | None]:
        """Make what holds for a whole run: rotations, texts, masks.

        Args:
            video: What the run gives the video stream; None for none.
            audio: What the run gives the audio stream; None for none.
        """
        return (
            None if video is None else self._layout(self.video, video),
            None if audio is None else self._layout(self.audio, audio),
        )

    def step(
        self, video: StreamLevels | None, audio: StreamLevels | None
    ) -> tuple[StreamStep | None, StreamStep | None]:
        """Make what the noise levels of one step decide.

        A stream's gate for what it hears follows the *other* stream's level as a whole; all else
        follows its own tokens' levels.

        Args:
            video: Levels of the video stream; None for none.
            audio: Levels of the audio stream; None for none.
        """
        return self.steps([(video, audio)])[0]

    def steps(
        self, levels: Sequence[tuple[StreamLevels | None, StreamLevels | None]]
    ) -> list[tuple[StreamStep | None, StreamStep | None]]:
        """Make what the noise levels of several steps decide, in one product each.

        The layers that embed levels are a fortieth of the model but see one row a step: alone they
        cost as much as reading them (0.9 GB in bfloat16), together they do so once for a run.

        Args:
            levels: Of the video and the audio stream of each step, as for `step`; the same streams
                throughout, with as many distinct levels.
        """
        video, audio = ([each for each in stream if each] for stream in zip(*levels, strict=True))
        both = bool(video and audio)
        seen = self._steps(self.video, video, audio if both else None) if video else None
        heard = self._steps(self.audio, audio, video if both else None) if audio else None
        nothing = [None] * len(levels)
        return list(zip(seen or nothing, heard or nothing, strict=True))

    def forward(
        self,
        latents: tuple[Float[Tensor, "B T C"] | None, Float[Tensor, "B L A"] | None],
        steps: tuple[StreamStep | None, StreamStep | None],
        layouts: tuple[StreamLayout | None, StreamLayout | None],
        plans: tuple[BlockPlan, ...] = (),
    ) -> tuple[Float[Tensor, "B T C"] | None, Float[Tensor, "B L A"] | None]:
        """Predict the velocity, d latent / d sigma, of each stream.

        Args:
            latents: Noisy tokens of video and audio; None for a stream that is not there.
            steps: From `step`.
            layouts: From `layout`.
            plans: Which samples take part where, a plan per block; empty for all everywhere.
        """
        video = self._embed("video", latents[0], steps[0], layouts[0])
        audio = self._embed("audio", latents[1], steps[1], layouts[1])
        for block, plan in zip(self.blocks, plans or self._everything(), strict=True):
            video, audio = block(video, audio, plan)
        return (
            None if video is None else self.video.unembed(video),
            None if audio is None else self.audio.unembed(audio),
        )

    def _everything(self) -> tuple[BlockPlan, ...]:
        return (EVERYTHING,) * len(self.blocks)

    def _embed(
        self,
        name: str,
        latent: Tensor | None,
        step: StreamStep | None,
        layout: StreamLayout | None,
    ) -> Stream | None:
        if latent is None or step is None or layout is None:
            return None
        ends: StreamEnds = getattr(self, name)
        return Stream(ends.patchify_proj(latent.to(ends.patchify_proj.weight.dtype)), step, layout)

    def _layout(self, ends: StreamEnds, given: StreamInput) -> StreamLayout:
        weight = ends.patchify_proj.weight
        context = given.context.to(weight.device, weight.dtype)
        if ends.caption_projection is not None:
            context = ends.caption_projection(context)
        keys = given.context_mask
        return StreamLayout(
            rope=self._rope(given.positions, ends.shape.width, ends.shape.heads, ends.max_pos),
            context=context,
            cross_rope=self._cross_rope(given.positions) if self.joint else None,
            mask=None if given.mask is None else given.mask.lay_out(weight.device, weight.dtype),
            context_mask=None
            if keys is None
            else KeyMask.from_valid(keys.to(weight.device), weight.dtype),
        )

    def _cross_rope(self, positions: Float32[Tensor, "B A T 2"]) -> RopeTable:
        """Rotations between the streams: time alone, on one scale for both."""
        config = self.config
        longest = max(
            config.positional_embedding_max_pos[0], config.audio_positional_embedding_max_pos[0]
        )
        width, heads = config.audio_cross_attention_dim, config.audio_num_attention_heads
        return self._rope(positions[:, :1], width, heads, (longest,))

    def _rope(
        self,
        positions: Float32[Tensor, "B A T 2"],
        width: int,
        heads: int,
        max_pos: tuple[float, ...],
    ) -> RopeTable:
        weight = next(self.parameters())  # of an end: blocks may be streamed
        table = rope_table(
            middles(positions),
            width=width,
            heads=heads,
            max_pos=max_pos,
            theta=self.config.positional_embedding_theta,
            double=self.config.double_precision_rope,
            layout=self.config.rope_type,
        )
        return table.to(weight.device, weight.dtype)

    def _steps(
        self, ends: StreamEnds, own: Sequence[StreamLevels], other: Sequence[StreamLevels] | None
    ) -> list[StreamStep]:
        scale = self.config.timestep_scale_multiplier
        device = ends.patchify_proj.weight.device
        tokens = torch.cat([each.tokens.values for each in own], dim=1).to(device) * scale
        modulation, embedded = ends.adaln(tokens)  # [B, n U, R, D]
        parts = {"modulation": modulation, "embedded": embedded}
        if ends.prompt_adaln is not None:
            parts["prompt"] = ends.prompt_adaln(_sigmas(own, device) * scale)[0]  # [B, n, 2, D]
        if other is not None:
            gates = _sigmas(other, device) * self.config.av_ca_timestep_scale_multiplier
            parts["cross"] = ends.cross_adaln(tokens)[0]
            parts["cross_gate"] = ends.cross_gate_adaln(gates)[0]
        each_step = [part.chunk(len(own), dim=1) for part in parts.values()]
        indices = [each.tokens.index for each in own]
        return [
            _stream_step(dict(zip(parts, chunks, strict=True)), index, device)
            for index, *chunks in zip(indices, *each_step, strict=True)
        ]


def _sigmas(levels: Sequence[StreamLevels], device: torch.device) -> Float32[Tensor, "B n"]:
    """The streams' levels as a whole, a step beside the other."""
    return torch.stack([each.sigma for each in levels], dim=1).to(device)


def _stream_step(
    parts: dict[str, Tensor], index: Int[Tensor, "B T"] | None, device: torch.device
) -> StreamStep:
    """One step's share of what was made for several."""
    own = {name: part.contiguous() for name, part in parts.items()}
    for name in ("prompt", "cross_gate"):  # one level a step
        if name in own:
            own[name] = own[name][:, 0]
    return StreamStep(index=None if index is None else index.to(device), **own)


def block_shape(config: TransformerConfig, *, video: bool, audio: bool) -> BlockShape:
    """The sizes of a config's blocks, for the streams that are wanted."""
    seen = StreamShape(
        width=config.width,
        heads=config.num_attention_heads,
        head_width=config.attention_head_dim,
        context_width=config.cross_attention_dim,
        ff_bias=config.ff_bias,
    )
    heard = StreamShape(
        width=config.audio_width,
        heads=config.audio_num_attention_heads,
        head_width=config.audio_attention_head_dim,
        context_width=config.audio_cross_attention_dim,
        ff_bias=config.audio_ff_bias,
    )
    return BlockShape(
        video=seen if video else None,
        audio=heard if audio else None,
        gated=config.apply_gated_attention,
        modulated_text=config.cross_attention_adaln,
        eps=config.norm_eps,
    )
