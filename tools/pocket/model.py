"""The pocket's transformer and connectors: their config, how they start, what a batch gives them.

Everything that a run at inference does to its tokens is done here by the same functions of the
engine: `video_tokens`, `condition`, `Transformer.layout`, `step` and `forward`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from tools.pocket.language import Language
from torch import Tensor, nn

from reelwright.engine import (
    KeptFrames,
    Keyframe,
    Reference,
    StreamInput,
    StreamLevels,
    Tokens,
    Transformer,
    VideoSpace,
    video_tokens,
)
from reelwright.engine.checkpoints.config import TransformerConfig
from reelwright.engine.denoiser.modulation import Levels
from reelwright.engine.sampling.conditioning import Conditioning, condition
from reelwright.engine.text.connector import Connector, connector_shape
from reelwright.engine.text.features import SplitProjection

REGISTERS = 64
"""Learnt vectors of a connector, and the length of a text."""

CONFIG: dict[str, Any] = {
    "num_attention_heads": 8,
    "attention_head_dim": 32,
    "in_channels": 128,
    "out_channels": 128,
    "num_layers": 6,
    "cross_attention_dim": 256,
    "norm_eps": 1e-6,
    "positional_embedding_theta": 300.0,
    "positional_embedding_max_pos": [20, 2048, 2048],
    "timestep_scale_multiplier": 1000,
    "audio_num_attention_heads": 8,
    "audio_attention_head_dim": 16,
    "audio_in_channels": 128,
    "audio_out_channels": 128,
    "audio_cross_attention_dim": 128,
    "audio_positional_embedding_max_pos": [20],
    "av_ca_timestep_scale_multiplier": 1000.0,
    "rope_type": "split",
    "frequencies_precision": "float64",
    "apply_gated_attention": True,
    "cross_attention_adaln": True,
    "caption_proj_before_connector": True,
    "caption_channels": 96,
    "use_middle_indices_grid": True,
    "qk_norm": "rms_norm",
    "positional_embedding_type": "rope",
    "activation_fn": "gelu-approximate",
    "connector_num_attention_heads": 8,
    "connector_attention_head_dim": 32,
    "connector_num_layers": 1,
    "audio_connector_num_attention_heads": 8,
    "audio_connector_attention_head_dim": 16,
    "audio_connector_num_layers": 1,
    "connector_positional_embedding_max_pos": [64],
    "connector_apply_gated_attention": True,
}
"""Section `transformer` of the checkpoint's config."""


@dataclass(frozen=True)
class Guides:
    """What a batch of clips is guided by; one layout for the whole batch.

    Attributes:
        first: Whether the first frame is kept.
        stills: Latents of keyframes [B, C, 1, H, W] by pixel frame.
        depth: Latent of the staged depth; None for none.
    """

    first: Tensor | None = None
    stills: dict[int, Tensor] = field(default_factory=dict)
    depth: Tensor | None = None

    def conditionings(self) -> list[Conditioning]:
        """As the engine takes them: replaced, then keyframes, then references."""
        found: list[Conditioning] = []
        if self.first is not None:
            found.append(KeptFrames(self.first))
        found += [Keyframe(latent, frame) for frame, latent in self.stills.items()]
        if self.depth is not None:
            found.append(Reference(self.depth))
        return found


def guided_tokens(latent: Tensor, guides: Guides, frame_rate: float) -> Tokens:
    """Tokens of a clip: its latent to noise, or zeros to make one."""
    frames, height, width = latent.shape[2:]
    space = VideoSpace((frames, height, width), frame_rate)
    return condition(video_tokens(latent, frame_rate), space, guides.conditionings())


class Pocket(nn.Module):
    """All that is trained with the velocity loss.

    Args:
        audio: Whether it has the audio stream.
        language: The language model; None while there is no text.
        config: Section `transformer`.
    """

    projection: SplitProjection | None

    def __init__(
        self,
        *,
        audio: bool = False,
        language: Language | None = None,
        config: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        read = TransformerConfig.model_validate(config or CONFIG)
        self.transformer = Transformer(read, audio=audio)
        shapes = [connector_shape(read, REGISTERS, audio=heard) for heard in (False, True)]
        self.video_connector = Connector(shapes[0])
        self.audio_connector = Connector(shapes[1]) if audio else None
        self.projection = None
        if language is not None:
            inputs = language.sizes[0] * language.sizes[1]
            self.projection = SplitProjection(inputs, shapes[0].width, shapes[1].width)
        start(self)
        self.language = language

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return self.video_connector.learnable_registers.device

    def contexts(
        self, batch: int, captions: list[str] | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Context of each stream.

        Args:
            batch: Samples.
            captions: Of each; None for empty ones.
        """
        if self.language is None or self.projection is None:
            return self._empty(self.video_connector, batch), (
                None if self.audio_connector is None else self._empty(self.audio_connector, batch)
            )
        states, valid = self.language(captions or [""] * batch)
        video, audio = self.projection(states, valid)
        heard = None if self.audio_connector is None else self.audio_connector(audio, valid)
        return self.video_connector(video, valid), heard

    def _empty(self, connector: Connector, batch: int) -> Tensor:
        """The registers alone."""
        nothing = torch.zeros(1, REGISTERS, dtype=torch.int64, device=self.device)
        blank = torch.zeros(1, REGISTERS, connector.shape.width, device=self.device)
        context: Tensor = connector(blank, nothing)
        return context.expand(batch, -1, -1)

    def velocities(
        self,
        latents: tuple[Tensor | None, Tensor | None],
        tokens: tuple[Tokens | None, Tokens | None],
        sigmas: tuple[Tensor, Tensor],
        contexts: tuple[Tensor, Tensor | None],
    ) -> tuple[Tensor | None, Tensor | None]:
        """Predict, each sample at a level of its own.

        Args:
            latents: Noisy tokens of video and audio.
            tokens: What and where they are.
            sigmas: Level of each sample, for each stream.
            contexts: From `contexts`.
        """
        levels = [
            None
            if part is None
            else StreamLevels(Levels.of(part.mask.squeeze(-1).cpu()).times(sigma.cpu()), sigma)
            for part, sigma in zip(tokens, sigmas, strict=True)
        ]
        given = [
            None
            if part is None or context is None
            else StreamInput(part.positions, context, mask=part.groups)
            for part, context in zip(tokens, contexts, strict=True)
        ]
        steps = self.transformer.step(*levels)
        layouts = self.transformer.layout(*given)
        video, audio = self.transformer(latents, steps, layouts)
        return video, audio


@torch.no_grad()
def start(pocket: nn.Module) -> None:
    """First weights: every branch adds nothing yet, every gate is open."""
    for module in pocket.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        if isinstance(module, nn.RMSNorm):
            nn.init.ones_(module.weight)
    closed = ("to_out", "project_out", "proj_out", "adaln.linear", "to_gate_logits")
    for name, parameter in pocket.named_parameters():
        if name.endswith(tuple(f"{part}.weight" for part in closed)):
            parameter.zero_()
        elif "table" in name:
            _open_gates(name, parameter)
        elif name.endswith("learnable_registers"):
            parameter.normal_()


def _open_gates(name: str, table: Tensor) -> None:
    """Shifts and scales 0; rows that gate 1."""
    table.zero_()
    if name.startswith("transformer.blocks."):
        rows = [4] if ".cross." in name else [2, 5, 8]
        for row in rows:
            if row < len(table):
                table[row] = 1.0
