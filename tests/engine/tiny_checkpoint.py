"""A whole model in the official layout, very small and random, for tests of what runs through it.

Its factors are not LTX-2's: 4 frames and 8 by 8 pixels to a latent cell, 20 latent frames of sound
a second. What passes with it has no size written into it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer as Backend
from tokenizers import normalizers
from tokenizers.models import BPE
from torch import Tensor, nn

from reelwright.engine.checkpoints.checkpoint import Checkpoint
from reelwright.engine.checkpoints.config import (
    AudioLayout,
    TransformerConfig,
    UpsamplerConfig,
    VideoVaeConfig,
    VocoderConfig,
)
from reelwright.engine.checkpoints.names import connector_name, transformer_name
from reelwright.engine.clip.clip_models import Models
from reelwright.engine.clip.clip_request import ClipRequest
from reelwright.engine.codecs.audio_vae import AudioDecoder, AudioEncoder
from reelwright.engine.codecs.upsampler import LatentUpsampler
from reelwright.engine.codecs.video_decoder import VideoDecoder
from reelwright.engine.codecs.video_encoder import VideoEncoder
from reelwright.engine.codecs.vocoder import Vocoder
from reelwright.engine.denoiser.transformer import Transformer
from reelwright.engine.text.connector import Connector, connector_shape
from reelwright.engine.text.embeddings import Contexts
from reelwright.engine.text.features import SplitProjection
from reelwright.engine.text.gemma import Gemma
from reelwright.engine.text.gemma_config import parse_gemma_config

TEXT_LAYERS, TEXT_WIDTH, TEXT_LENGTH = 2, 32, 16
CHANNELS, MELS = 4, 16
VIDEO_WIDTH, AUDIO_WIDTH = 16, 8
REGISTERS = 8
BLOCKS = [["res_x", 1], *[["compress_all_res", {"multiplier": 1}], ["res_x", 1]] * 2]
DIFFUSION = "model.diffusion_model."

CONFIG: dict[str, Any] = {
    "transformer": {
        "num_attention_heads": 2,
        "attention_head_dim": 8,
        "in_channels": CHANNELS,
        "out_channels": CHANNELS,
        "num_layers": 2,
        "cross_attention_dim": VIDEO_WIDTH,
        "audio_num_attention_heads": 2,
        "audio_attention_head_dim": 4,
        "audio_in_channels": 8,
        "audio_out_channels": 8,
        "audio_cross_attention_dim": AUDIO_WIDTH,
        "rope_type": "split",
        "frequencies_precision": "float64",
        "cross_attention_adaln": True,
        "apply_gated_attention": True,
        "caption_proj_before_connector": True,
        "av_ca_timestep_scale_multiplier": 1000.0,
        "connector_num_attention_heads": 2,
        "connector_attention_head_dim": 8,
        "connector_num_layers": 1,
        "connector_apply_gated_attention": True,
        "connector_positional_embedding_max_pos": [4096],
        "audio_connector_num_attention_heads": 2,
        "audio_connector_attention_head_dim": 4,
    },
    "vae": {
        "_class_name": "CausalVideoAutoencoder",
        "latent_channels": CHANNELS,
        "encoder_blocks": BLOCKS,
        "decoder_blocks": [[k.removesuffix("_res"), options] for k, options in BLOCKS],
        "encoder_base_channels": 8,
        "decoder_base_channels": 8,
        "patch_size": 2,
        "timestep_conditioning": False,
        "spatial_padding_mode": "zeros",
    },
    "audio_vae": {
        "model": {
            "params": {
                "ddconfig": {
                    "z_channels": 2,
                    "ch": 4,
                    "ch_mult": [1, 1, 1],
                    "num_res_blocks": 1,
                    "mel_bins": MELS,
                },
                "sampling_rate": 8000,
            }
        },
        "preprocessing": {
            "stft": {"filter_length": 256, "hop_length": 100, "win_length": 256},
            "mel": {"n_mel_channels": MELS, "mel_fmin": 0.0, "mel_fmax": 4000.0},
        },
    },
    "vocoder": {
        "upsample_initial_channel": 8,
        "upsample_rates": [5, 5, 4],
        "upsample_kernel_sizes": [11, 11, 8],
        "resblock_kernel_sizes": [3],
        "resblock_dilation_sizes": [[1, 3]],
        "output_sampling_rate": 8000,
        "num_mels": MELS,
    },
}

UPSAMPLER = {"_class_name": "LatentUpsampler", "in_channels": CHANNELS, "mid_channels": 32}


GEMMA: dict[str, Any] = {
    "model_type": "gemma3_text",
    "vocab_size": 64,
    "hidden_size": TEXT_WIDTH,
    "intermediate_size": 64,
    "num_hidden_layers": TEXT_LAYERS,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "sliding_window": 6,
    "sliding_window_pattern": 2,
}


def _same(name: str) -> str:
    return name


def _random(
    module: nn.Module, prefix: str, name: Callable[[str], str] = _same
) -> Iterator[tuple[str, Tensor]]:
    generator = torch.Generator().manual_seed(len(prefix) + 1)
    for own, tensor in module.state_dict().items():
        drawn = torch.randn(tensor.shape, generator=generator)
        drawn = drawn * (0.3 if tensor.ndim > 1 else 0.1)
        yield prefix + name(own), (1.0 + drawn if own.endswith("norm.weight") else drawn).bfloat16()


def _diffusion(config: TransformerConfig, video: bool, audio: bool) -> Iterator[tuple[str, Tensor]]:
    yield from _random(Transformer(config, video=video, audio=audio), DIFFUSION, transformer_name)
    for stream, wanted in (("video", True), ("audio", audio)):
        if wanted:
            shape = connector_shape(config, REGISTERS, audio=stream == "audio")
            prefix = f"{DIFFUSION}{stream}_embeddings_connector."
            yield from _random(Connector(shape), prefix, connector_name)
    projection = SplitProjection((TEXT_LAYERS + 1) * TEXT_WIDTH, VIDEO_WIDTH, AUDIO_WIDTH)
    yield from _random(projection, "text_embedding_projection.")


def _codecs() -> Iterator[tuple[str, Tensor]]:
    vae = VideoVaeConfig.model_validate(CONFIG["vae"])
    audio = AudioLayout.model_validate(CONFIG["audio_vae"]["model"]["params"]["ddconfig"])
    yield from _random(VideoEncoder(vae), "vae.encoder.")
    yield from _random(VideoDecoder(vae), "vae.decoder.")
    yield from _random(AudioEncoder(audio), "audio_vae.encoder.")
    yield from _random(AudioDecoder(audio), "audio_vae.decoder.")
    vocoder = Vocoder(VocoderConfig.model_validate(CONFIG["vocoder"]))
    yield from _random(vocoder, "vocoder.", lambda name: name.removeprefix("generator."))
    for codec, channels in (("vae", CHANNELS), ("audio_vae", 2 * MELS // 4)):
        statistics = f"{codec}.per_channel_statistics"
        yield f"{statistics}.mean-of-means", torch.linspace(-0.2, 0.2, channels)
        yield f"{statistics}.std-of-means", torch.linspace(0.8, 1.2, channels)


def write_checkpoint(path: Path, *, video: bool = True, audio: bool = True) -> Path:
    """Write everything but the language model into one file.

    Args:
        path: Where to.
        video: Whether the transformer has a video stream.
        audio: Whether it has an audio stream.
    """
    config = TransformerConfig(**CONFIG["transformer"])
    tensors = dict([*_diffusion(config, video, audio), *_codecs()])
    save_file(tensors, path, {"config": json.dumps(CONFIG), "model_version": "2.3.0"})
    return path


def write_upsampler(path: Path) -> Path:
    """Write the latent upsampler's file: twice the sides."""
    made = LatentUpsampler(UpsamplerConfig(in_channels=CHANNELS, mid_channels=32))
    save_file(dict(_random(made, "")), path, {"config": json.dumps(UPSAMPLER)})
    return path


def write_lora(path: Path, seed: int = 0) -> Path:
    """Write a LoRA of rank 2 for both streams' first attention."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for layer, width in (("attn1.to_q", VIDEO_WIDTH), ("audio_attn1.to_q", AUDIO_WIDTH)):
        name = f"diffusion_model.transformer_blocks.0.{layer}"
        tensors[f"{name}.lora_A.weight"] = torch.randn(2, width, generator=generator)
        tensors[f"{name}.lora_B.weight"] = torch.randn(width, 2, generator=generator)
    save_file(tensors, path)
    return path


def write_text_encoder(folder: Path) -> Path:
    """Write a language model and its tokenizer, as Hugging Face keeps them."""
    folder.mkdir(parents=True)
    gemma = Gemma(parse_gemma_config(GEMMA, "tiny"))
    save_file(dict(_random(gemma, "model.")), folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(GEMMA))
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>", "\u2581", *"abcdefghijklmnopqrstuvwxyz,."]
    backend = Backend(BPE({text: i for i, text in enumerate(pieces)}, [], unk_token="<unk>"))
    backend.normalizer = normalizers.Replace(" ", "\u2581")
    backend.save(str(folder / "tokenizer.json"))
    words = {"bos_token": "<bos>", "pad_token": "<pad>", "model_max_length": TEXT_LENGTH}
    (folder / "tokenizer_config.json").write_text(json.dumps(words))
    return folder


def tiny_models(folder: Path, *, video: bool = True, audio: bool = True) -> Models:
    """Write a model with an upsampler into a folder, and open it."""
    name = f"tiny_{video:d}{audio:d}.safetensors"
    return Models(
        Checkpoint.open(write_checkpoint(folder / name, video=video, audio=audio)),
        Checkpoint.open(write_upsampler(folder / f"upsampler_{video:d}{audio:d}.safetensors")),
    )


def tiny_contexts(seed: int = 1) -> Contexts:
    """The contexts of some text."""
    generator = torch.Generator().manual_seed(seed)
    return Contexts(
        torch.randn(1, REGISTERS, VIDEO_WIDTH, generator=generator),
        torch.randn(1, REGISTERS, AUDIO_WIDTH, generator=generator),
    )


REQUEST = ClipRequest(
    width=48,
    height=32,
    num_frames=9,
    frame_rate=24.0,
    seed=11,
    contexts=tiny_contexts(1),
    negative=tiny_contexts(2),
)
"""A short clip of 3 x 4 x 6 cells and 8 latent frames of sound, distilled in two passes."""


def tiny_request(**changes: Any) -> ClipRequest:
    """`REQUEST` with changes."""
    return replace(REQUEST, **changes)


def tiny_frames(num_frames: int = 1, seed: int = 3, size: tuple[int, int] = (32, 48)) -> Tensor:
    """Random frames of a height and width, uint8."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (num_frames, *size, 3), generator=generator, dtype=torch.uint8)
