"""The parts of a model, told from the official names of their tensors."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Component(StrEnum):
    """A part of a model that can be present or missing."""

    TRANSFORMER = "transformer"
    CONNECTORS = "connectors"
    TEXT_PROJECTION = "text_projection"
    VIDEO_VAE = "video_vae"
    AUDIO_VAE = "audio_vae"
    VOCODER = "vocoder"
    UPSAMPLER = "upsampler"
    LORA = "lora"


FULL = frozenset(
    {
        Component.TRANSFORMER,
        Component.CONNECTORS,
        Component.TEXT_PROJECTION,
        Component.VIDEO_VAE,
        Component.AUDIO_VAE,
        Component.VOCODER,
    }
)
"""What the official single file holds."""

DIFFUSION = "model.diffusion_model."
CONNECTORS = ("video_embeddings_connector.", "audio_embeddings_connector.", "embeddings_connector.")

_PREFIXES = {
    "vae.": Component.VIDEO_VAE,
    "audio_vae.": Component.AUDIO_VAE,
    "vocoder.": Component.VOCODER,
    "text_embedding_projection.": Component.TEXT_PROJECTION,
}
_BARE_TRANSFORMER = ("transformer_blocks.", "patchify_proj.", "audio_patchify_proj.", *CONNECTORS)
_BARE_VAE = ("encoder.", "decoder.", "per_channel_statistics.")
_BARE_PROJECTION = ("aggregate_embed.", "video_aggregate_embed.", "audio_aggregate_embed.")
_UPSAMPLER = (
    "initial_conv.",
    "initial_norm.",
    "res_blocks.",
    "upsampler.",
    "post_upsample_res_blocks.",
    "final_conv.",
)

_SECTIONS = {
    "transformer": (Component.TRANSFORMER, Component.CONNECTORS),
    "vae": (Component.VIDEO_VAE,),
    "audio_vae": (Component.AUDIO_VAE,),
    "vocoder": (Component.VOCODER,),
}


def component_of(name: str) -> Component | None:
    """The part that a tensor of a model belongs to, by its official name; None if to none."""
    if name.startswith(DIFFUSION):
        bare = name.removeprefix(DIFFUSION)
        return Component.CONNECTORS if bare.startswith(CONNECTORS) else Component.TRANSFORMER
    for prefix, component in _PREFIXES.items():
        if name.startswith(prefix):
            return component
    return Component.UPSAMPLER if name.startswith(_UPSAMPLER) else None


def is_lora(names: Iterable[str]) -> bool:
    """Whether a file of these tensors changes a model instead of holding one."""
    return any(".lora_" in name for name in names)


def missing_prefix(names: Iterable[str]) -> str:
    """What a part kept by itself has lost of the official names."""
    some = tuple(names)
    if any(name.startswith((DIFFUSION, *_PREFIXES)) for name in some):
        return ""
    bare = (
        (("diffusion_model.",), "model."),
        (_BARE_TRANSFORMER, DIFFUSION),
        (_UPSAMPLER, ""),
        (_BARE_PROJECTION, "text_embedding_projection."),
        (_BARE_VAE, "vae."),
    )
    for beginnings, prefix in bare:
        if any(name.startswith(beginnings) for name in some):
            return prefix
    return ""


def section_owners(section: str) -> tuple[Component, ...]:
    """The parts that a section of the config speaks of; none if it is of no part."""
    return _SECTIONS.get(section, ())
