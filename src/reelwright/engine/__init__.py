"""LTX-2.3 in native PyTorch: checkpoints, text path, transformer, sampling, codecs.

Usable as a library by itself; it knows nothing of films. Open a `Checkpoint`, build the parts that
it has, condition `Tokens`, and let a sampler walk them down a schedule.
"""

from reelwright.engine.audio_vae import AudioVae, load_audio_vae
from reelwright.engine.checkpoint import Checkpoint, Component
from reelwright.engine.conditioning import (
    Conditioning,
    KeptFrames,
    Keyframe,
    Reference,
    Retake,
    VideoSpace,
    condition,
    retake,
)
from reelwright.engine.denoise import GuidedDenoise, StreamRun
from reelwright.engine.guidance import Guider
from reelwright.engine.identity import Identity
from reelwright.engine.loading import verify_finite
from reelwright.engine.loop import run_sampler
from reelwright.engine.lora import lora_deltas, stack_loras
from reelwright.engine.models import load_transformer
from reelwright.engine.noise import NoiseUse, Purpose, noise, seeded, seeded_standardised
from reelwright.engine.patchify import patchify, patchify_audio, unpatchify, unpatchify_audio
from reelwright.engine.positions import AudioScale, VideoScale, num_audio_latents
from reelwright.engine.res2s import Res2s
from reelwright.engine.sampler import (
    Ancestral,
    Denoise,
    Euler,
    GradientEstimating,
    Lcm,
    Sampler,
    SamplerState,
)
from reelwright.engine.schedule import (
    DISTILLED,
    DISTILLED_REFINE,
    beta_sigmas,
    linear_quadratic_sigmas,
    ltx2_sigmas,
)
from reelwright.engine.statistics import Statistics, load_statistics
from reelwright.engine.tensor_file import TensorFile
from reelwright.engine.text import TextPath, load_text_path
from reelwright.engine.tiling import AxisTiling, CountTiling, Tiling
from reelwright.engine.tokens import Tokens, audio_tokens, video_tokens
from reelwright.engine.transformer import StreamInput, StreamLevels, Transformer
from reelwright.engine.upsampler import LatentUpsampler, load_upsampler
from reelwright.engine.video_vae import VideoVae, load_video_vae, to_rgb
from reelwright.engine.vocoder import Vocoder, WideVocoder, load_vocoder
from reelwright.engine.weights import Compute, Format, LoraDelta, Slot, WeightSource

__all__ = [
    "DISTILLED",
    "DISTILLED_REFINE",
    "Ancestral",
    "AudioScale",
    "AudioVae",
    "AxisTiling",
    "Checkpoint",
    "Component",
    "Compute",
    "Conditioning",
    "CountTiling",
    "Denoise",
    "Euler",
    "Format",
    "GradientEstimating",
    "GuidedDenoise",
    "Guider",
    "Identity",
    "KeptFrames",
    "Keyframe",
    "LatentUpsampler",
    "Lcm",
    "LoraDelta",
    "NoiseUse",
    "Purpose",
    "Reference",
    "Res2s",
    "Retake",
    "Sampler",
    "SamplerState",
    "Slot",
    "Statistics",
    "StreamInput",
    "StreamLevels",
    "StreamRun",
    "TensorFile",
    "TextPath",
    "Tiling",
    "Tokens",
    "Transformer",
    "VideoScale",
    "VideoSpace",
    "VideoVae",
    "Vocoder",
    "WeightSource",
    "WideVocoder",
    "audio_tokens",
    "beta_sigmas",
    "condition",
    "linear_quadratic_sigmas",
    "load_audio_vae",
    "load_statistics",
    "load_text_path",
    "load_transformer",
    "load_upsampler",
    "load_video_vae",
    "load_vocoder",
    "lora_deltas",
    "ltx2_sigmas",
    "noise",
    "num_audio_latents",
    "patchify",
    "patchify_audio",
    "retake",
    "run_sampler",
    "seeded",
    "seeded_standardised",
    "stack_loras",
    "to_rgb",
    "unpatchify",
    "unpatchify_audio",
    "verify_finite",
    "video_tokens",
]
