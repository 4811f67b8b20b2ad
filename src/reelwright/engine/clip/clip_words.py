"""From words to contexts, with a clip's own model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from reelwright.engine.clip.clip_models import Models
from reelwright.engine.text.embeddings import Contexts, EmbeddingCache, embed, text_path_digest
from reelwright.engine.text.text import load_text_path
from reelwright.engine.text.text_encoder import load_text_encoder, text_encoder_digest


def read_texts(
    texts: Sequence[str],
    models: Models,
    text_encoder: Path,
    *,
    tokenizer: Path | None = None,
    cache: EmbeddingCache | None = None,
) -> tuple[Contexts, ...]:
    """Make the contexts of texts.

    What `models` holds is let go first, and of the text encoder and the connectors nothing stays:
    neither is ever in memory beside the transformer. Texts in the cache load nothing.

    Args:
        texts: What the clip shows, or what to steer away from.
        models: Has the projection and the connectors.
        text_encoder: Gemma 3, as `load_text_encoder` takes it.
        tokenizer: Folder of its tokenizer; None for the one that it brings.
        cache: Where results are kept; None keeps none.

    Returns:
        A pair of contexts for each text, on the CPU.

    Raises:
        CheckpointError: The text encoder or the connectors cannot be loaded.
        InputError: The text encoder does not fit the model.
    """
    models.release()
    checkpoint, compute, device = models.checkpoint, models.compute, models.device
    return embed(
        texts,
        encoder=lambda: load_text_encoder(
            text_encoder,
            tokenizer=tokenizer,
            compute=compute,
            device=device,
            residency=models.residency,
        ),
        text_path=lambda: load_text_path(checkpoint, compute=compute, device=device),
        digests=(
            text_encoder_digest(text_encoder, tokenizer=tokenizer, compute=compute),
            text_path_digest(checkpoint, compute=compute),
        ),
        cache=cache,
    )
