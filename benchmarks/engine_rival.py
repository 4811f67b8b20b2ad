"""One random checkpoint in two layouts, and one step of it on either side.

The same tensors are written as the official single file, which the engine maps, and as a diffusers
folder. A step is everything that a noise level costs: its modulation and the pass through all
blocks, video and audio together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from reelwright.engine import (
    Checkpoint,
    Compute,
    GuidedDenoise,
    StreamRun,
    Transformer,
    audio_tokens,
    load_transformer,
    video_tokens,
)
from reelwright.engine.checkpoints.config import TransformerConfig
from reelwright.engine.checkpoints.names import transformer_name

RATE = 24.0

DIFFUSERS_NAMES = (
    ("audio_prompt_adaln_single", "audio_prompt_adaln"),
    ("prompt_adaln_single", "prompt_adaln"),
    ("av_ca_video_scale_shift_adaln_single", "av_cross_attn_video_scale_shift"),
    ("av_ca_a2v_gate_adaln_single", "av_cross_attn_video_a2v_gate"),
    ("av_ca_audio_scale_shift_adaln_single", "av_cross_attn_audio_scale_shift"),
    ("av_ca_v2a_gate_adaln_single", "av_cross_attn_audio_v2a_gate"),
    ("scale_shift_table_a2v_ca_video", "video_a2v_cross_attn_scale_shift_table"),
    ("scale_shift_table_a2v_ca_audio", "audio_a2v_cross_attn_scale_shift_table"),
    ("patchify_proj", "proj_in"),
    ("q_norm", "norm_q"),
    ("k_norm", "norm_k"),
)


@dataclass(frozen=True)
class Load:
    """What one step is given.

    Attributes:
        grid: Latent frames, rows, columns.
        audio: Audio tokens.
        text: Text tokens of each stream.
    """

    grid: tuple[int, int, int]
    audio: int
    text: int = 1024

    @property
    def tokens(self) -> int:
        """Video tokens."""
        return self.grid[0] * self.grid[1] * self.grid[2]


LOADS = {
    64: Load((4, 4, 4), 26, text=128),
    1056: Load((4, 12, 22), 26),
    3960: Load((11, 15, 24), 84),
}
"""By their number of video tokens."""


def config_of(heads: int, layers: int) -> dict[str, Any]:
    """The 2.3 architecture with its own head widths, any number of heads and blocks."""
    return {
        "num_attention_heads": heads,
        "attention_head_dim": 128,
        "cross_attention_dim": heads * 128,
        "num_layers": layers,
        "audio_num_attention_heads": heads,
        "audio_attention_head_dim": 64,
        "audio_cross_attention_dim": heads * 64,
        "apply_gated_attention": True,
        "cross_attention_adaln": True,
        "caption_proj_before_connector": True,
        "frequencies_precision": "float64",
        "av_ca_timestep_scale_multiplier": 1000.0,
        "rope_type": "split",
    }


def write_layouts(folder: Path, heads: int, layers: int) -> None:
    """Write the checkpoint both ways, once; a folder that has it is left alone."""
    done = folder / f"done-{heads}-{layers}"
    if done.exists():
        return
    config = config_of(heads, layers)
    with torch.device("meta"):
        shapes = Transformer(TransformerConfig.model_validate(config)).state_dict()
    generator = torch.Generator().manual_seed(11)
    tensors = {
        transformer_name(name): _random(name, tuple(tensor.shape), generator)
        for name, tensor in shapes.items()
    }
    official = {f"model.diffusion_model.{name}": tensor for name, tensor in tensors.items()}
    metadata = {"config": json.dumps({"transformer": config}), "model_version": "2.3.0"}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(official, folder / "model.safetensors", metadata)
    rival = folder / "diffusers"
    rival.mkdir(exist_ok=True)
    renamed = {_diffusers_name(name): tensor for name, tensor in tensors.items()}
    save_file(renamed, rival / "diffusion_pytorch_model.safetensors", {"format": "pt"})
    (rival / "config.json").write_text(json.dumps(_diffusers_config(config)))
    done.touch()


def _random(name: str, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    if "_norm.weight" in name:
        return torch.ones(shape, dtype=torch.bfloat16)
    scale = 0.5 / shape[-1] ** 0.5 if len(shape) == 2 else 0.02
    return (torch.randn(shape, generator=generator) * scale).bfloat16()


def _diffusers_name(name: str) -> str:
    for official, theirs in DIFFUSERS_NAMES:
        name = name.replace(official, theirs)
    return re.sub(r"adaln_single\b", "time_embed", name)


def _diffusers_config(config: dict[str, Any]) -> dict[str, Any]:
    same = (
        "num_attention_heads",
        "attention_head_dim",
        "cross_attention_dim",
        "num_layers",
        "audio_num_attention_heads",
        "audio_attention_head_dim",
        "audio_cross_attention_dim",
        "rope_type",
    )
    return {
        "_class_name": "LTX2VideoTransformer3DModel",
        **{key: config[key] for key in same},
        "gated_attn": True,
        "audio_gated_attn": True,
        "cross_attn_mod": True,
        "audio_cross_attn_mod": True,
        "use_prompt_embeddings": False,
        "rope_double_precision": True,
    }


@dataclass(frozen=True)
class Given:
    """The numbers that both sides start from."""

    video: Tensor
    audio: Tensor
    text: Tensor
    audio_text: Tensor

    @classmethod
    def make(cls, load: Load, heads: int, dtype: torch.dtype, device: torch.device) -> Given:
        """Random, the same every time."""
        generator = torch.Generator().manual_seed(5)

        def draw(*shape: int) -> Tensor:
            return torch.randn(shape, generator=generator).to(device, dtype)

        return cls(
            draw(1, load.tokens, 128),
            draw(1, load.audio, 128),
            draw(1, load.text, heads * 128),
            draw(1, load.text, heads * 64),
        )


class Ours:
    """The engine: a run is laid out once for all its levels, a step is the pass alone."""

    name = "reelwright"

    def __init__(self, folder: Path, heads: int, compute: Compute, device: torch.device) -> None:
        checkpoint = Checkpoint.open(folder / "model.safetensors")
        self.model = load_transformer(checkpoint, compute=compute, device=device)

    def prepare(self, load: Load, given: Given, levels: Sequence[float]) -> None:
        """Lay out a run."""
        self.latents = (given.video, given.audio)
        frames, height, width = load.grid
        video = video_tokens(given.video.float().mT.reshape(1, -1, frames, height, width), RATE)
        audio = audio_tokens(given.audio.float().reshape(1, load.audio, 8, 16).transpose(1, 2))
        streams = [
            StreamRun("video", video, given.text),
            StreamRun("audio", audio, given.audio_text),
        ]
        self.denoise = GuidedDenoise(self.model, streams, levels)

    def step(self, level: float) -> tuple[Tensor, ...]:
        """Velocities at a level, from the predictions that the engine makes of them."""
        predicted = self.denoise(self.latents, level)
        return tuple(
            (x.float() - x0.float()) / level for x, x0 in zip(self.latents, predicted, strict=True)
        )


class Theirs:
    """diffusers, as its pipeline calls it: rotations given, one timestep for all tokens."""

    name = "diffusers"

    def __init__(self, folder: Path, heads: int, compute: Compute, device: torch.device) -> None:
        from diffusers import LTX2VideoTransformer3DModel

        made = LTX2VideoTransformer3DModel.from_pretrained(
            folder / "diffusers", torch_dtype=compute.dtype
        )
        self.model = made.to(device).eval()

    def prepare(self, load: Load, given: Given, levels: Sequence[float]) -> None:
        """Make what its pipeline makes once."""
        frames, height, width = load.grid
        device = given.video.device
        model = self.model
        self.arguments = {
            "hidden_states": given.video,
            "audio_hidden_states": given.audio,
            "encoder_hidden_states": given.text,
            "audio_encoder_hidden_states": given.audio_text,
            "num_frames": frames,
            "height": height,
            "width": width,
            "fps": RATE,
            "audio_num_frames": load.audio,
            "video_coords": model.rope.prepare_video_coords(
                1, frames, height, width, device, fps=RATE
            ),
            "audio_coords": model.audio_rope.prepare_audio_coords(1, load.audio, device),
            "return_dict": False,
        }

    def step(self, level: float) -> tuple[Tensor, ...]:
        """Velocities at a level."""
        timestep = torch.tensor([level * 1000.0], device=self.arguments["hidden_states"].device)
        return self.model(**self.arguments, timestep=timestep, sigma=timestep)  # type: ignore[no-any-return]
