"""LTX-2.3 in native PyTorch: checkpoints, text path, transformer, sampling, codecs.

Usable as a library by itself; it knows nothing of films. Open a `Checkpoint`, build the parts that
it has, condition `Tokens`, and let a sampler walk them down a schedule.
"""

from reelwright.engine.checkpoints.checkpoint import Checkpoint, Component
from reelwright.engine.checkpoints.identity import Identity
from reelwright.engine.checkpoints.lora import LoraMetadata, lora_deltas, lora_metadata, stack_loras
from reelwright.engine.clip.clip_decode import decode_frames, decode_sound
from reelwright.engine.clip.clip_facts import ModelFacts, model_facts
from reelwright.engine.clip.clip_models import Models
from reelwright.engine.clip.clip_plan import ClipPlan, plan_clip
from reelwright.engine.clip.clip_request import ClipRequest, Control, Picture, Sound, Source, Tail
from reelwright.engine.clip.clip_state import (
    ClipState,
    PassLatents,
    clip_digest,
    load_state,
    save_state,
)
from reelwright.engine.clip.clip_words import read_texts
from reelwright.engine.clip.pass_run import Step, Watch
from reelwright.engine.clip.passes import (
    Lora,
    Pass,
    PassPlan,
    SamplerKind,
    distilled,
    guided,
    high_quality,
)
from reelwright.engine.clip.pipeline import ClipLatents, make_clip
from reelwright.engine.clip.still_codec import blemish_still
from reelwright.engine.codecs.audio_vae import AudioVae, load_audio_vae
from reelwright.engine.codecs.pixel_upscaler import PixelUpscaler, load_pixel_upscaler
from reelwright.engine.codecs.statistics import Statistics, load_statistics
from reelwright.engine.codecs.tiling import AxisTiling, CountTiling, Tiling
from reelwright.engine.codecs.upsampler import LatentUpsampler, load_upsampler
from reelwright.engine.codecs.video_vae import VideoVae, load_video_vae, to_rgb
from reelwright.engine.codecs.vocoder import Vocoder, WideVocoder, load_vocoder
from reelwright.engine.denoiser.capture import captured, compile_blocks
from reelwright.engine.denoiser.models import load_transformer
from reelwright.engine.denoiser.patchify import (
    patchify,
    patchify_audio,
    unpatchify,
    unpatchify_audio,
)
from reelwright.engine.denoiser.positions import AudioScale, VideoScale, num_audio_latents
from reelwright.engine.denoiser.transformer import StreamInput, StreamLevels, Transformer
from reelwright.engine.memory.loading import verify_finite
from reelwright.engine.memory.residency import RESIDENT, Blocks, Residency, load_blocks
from reelwright.engine.sampling.conditioning import (
    Conditioning,
    KeptFrames,
    Keyframe,
    Reference,
    Retake,
    VideoSpace,
    condition,
    retake,
)
from reelwright.engine.sampling.denoise import GuidedDenoise, StreamRun
from reelwright.engine.sampling.guidance import Guider
from reelwright.engine.sampling.loop import run_sampler
from reelwright.engine.sampling.noise import (
    NoiseUse,
    Purpose,
    ReferenceNoise,
    noise,
    seeded,
    seeded_standardised,
)
from reelwright.engine.sampling.res2s import Res2s
from reelwright.engine.sampling.sampler import (
    Ancestral,
    Denoise,
    Euler,
    GradientEstimating,
    Lcm,
    Sampler,
    SamplerState,
)
from reelwright.engine.sampling.schedule import (
    DISTILLED,
    DISTILLED_REFINE,
    beta_sigmas,
    linear_quadratic_sigmas,
    ltx2_sigmas,
)
from reelwright.engine.sampling.tokens import Tokens, audio_tokens, video_tokens
from reelwright.engine.storage.shards import shard_paths
from reelwright.engine.storage.tensor_file import TensorFile
from reelwright.engine.storage.weights import Compute, Format, LoraDelta, Slot, WeightSource
from reelwright.engine.text.embeddings import Contexts, EmbeddingCache, embed, text_path_digest
from reelwright.engine.text.text import TextPath, load_text_path
from reelwright.engine.text.text_encoder import (
    HiddenStates,
    TextEncoder,
    load_text_encoder,
    text_encoder_digest,
)
from reelwright.engine.text.tokenizer import Tokenizer, TruncationWarning, load_tokenizer

__all__ = [
    "DISTILLED",
    "DISTILLED_REFINE",
    "RESIDENT",
    "Ancestral",
    "AudioScale",
    "AudioVae",
    "AxisTiling",
    "Blocks",
    "Checkpoint",
    "ClipLatents",
    "ClipPlan",
    "ClipRequest",
    "ClipState",
    "Component",
    "Compute",
    "Conditioning",
    "Contexts",
    "Control",
    "CountTiling",
    "Denoise",
    "EmbeddingCache",
    "Euler",
    "Format",
    "GradientEstimating",
    "GuidedDenoise",
    "Guider",
    "HiddenStates",
    "Identity",
    "KeptFrames",
    "Keyframe",
    "LatentUpsampler",
    "Lcm",
    "Lora",
    "LoraDelta",
    "LoraMetadata",
    "ModelFacts",
    "Models",
    "NoiseUse",
    "Pass",
    "PassLatents",
    "PassPlan",
    "Picture",
    "PixelUpscaler",
    "Purpose",
    "Reference",
    "ReferenceNoise",
    "Res2s",
    "Residency",
    "Retake",
    "Sampler",
    "SamplerKind",
    "SamplerState",
    "Slot",
    "Sound",
    "Source",
    "Statistics",
    "Step",
    "StreamInput",
    "StreamLevels",
    "StreamRun",
    "Tail",
    "TensorFile",
    "TextEncoder",
    "TextPath",
    "Tiling",
    "Tokenizer",
    "Tokens",
    "Transformer",
    "TruncationWarning",
    "VideoScale",
    "VideoSpace",
    "VideoVae",
    "Vocoder",
    "Watch",
    "WeightSource",
    "WideVocoder",
    "audio_tokens",
    "beta_sigmas",
    "blemish_still",
    "captured",
    "clip_digest",
    "compile_blocks",
    "condition",
    "decode_frames",
    "decode_sound",
    "distilled",
    "embed",
    "guided",
    "high_quality",
    "linear_quadratic_sigmas",
    "load_audio_vae",
    "load_blocks",
    "load_pixel_upscaler",
    "load_state",
    "load_statistics",
    "load_text_encoder",
    "load_text_path",
    "load_tokenizer",
    "load_transformer",
    "load_upsampler",
    "load_video_vae",
    "load_vocoder",
    "lora_deltas",
    "lora_metadata",
    "ltx2_sigmas",
    "make_clip",
    "model_facts",
    "noise",
    "num_audio_latents",
    "patchify",
    "patchify_audio",
    "plan_clip",
    "read_texts",
    "retake",
    "run_sampler",
    "save_state",
    "seeded",
    "seeded_standardised",
    "shard_paths",
    "stack_loras",
    "text_encoder_digest",
    "text_path_digest",
    "to_rgb",
    "unpatchify",
    "unpatchify_audio",
    "verify_finite",
    "video_tokens",
]
