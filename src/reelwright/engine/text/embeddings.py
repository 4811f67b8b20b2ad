"""From words to contexts, and the cache that keeps what was made.

The text encoder is 24 GB for a result of 12.6 MB that depends on nothing but the text and the
weights. So results are kept on disk by the content of both, and a film whose words have not changed
loads neither the encoder nor the connectors.
"""

from __future__ import annotations

import gc
import hashlib
import os
import secrets
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int
from safetensors.torch import save
from torch import Tensor

from reelwright.disk import disk_error
from reelwright.engine.checkpoints.checkpoint import CONNECTORS, DIFFUSION, Checkpoint
from reelwright.engine.storage.tensor_file import TensorFile
from reelwright.engine.storage.weights import Compute
from reelwright.engine.text.features import SharedProjection, SplitProjection
from reelwright.engine.text.text import PROJECTION, TextPath
from reelwright.engine.text.text_encoder import HiddenStates, TextEncoder, sample_digest
from reelwright.errors import CheckpointError, InputError, ReelwrightError

FORMAT = "reelwright-embedding-1"

MAX_CACHE_BYTES = 2 << 30
"""160 texts at LTX-2.3's size."""

STALE_S = 3600.0
"""Age at which a half-written file belongs to a writer that was killed."""


@dataclass(frozen=True, slots=True)
class Contexts:
    """What the streams of the transformer attend to, for one text.

    Attributes:
        video: Of the video stream.
        audio: Of the audio stream; None if the model has none.
    """

    video: Float[Tensor, "1 S V"]
    audio: Float[Tensor, "1 S A"] | None


def embedding_key(text: str, digests: tuple[str, str]) -> str:
    """Name what a text becomes.

    Args:
        text: The words; space around them does not matter.
        digests: Of the text encoder and of the text path, what they compute in included.
    """
    parts = (FORMAT, *digests, text.strip())
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def text_path_digest(checkpoint: Checkpoint, *, compute: Compute = Compute.FLOAT32) -> str:
    """The digest of the text path, without loading it.

    Args:
        checkpoint: Has the connectors and the projection.
        compute: What their products run in.
    """
    wanted = (PROJECTION, *(DIFFUSION + prefix for prefix in CONNECTORS))
    names = [name for name in checkpoint.names if name.startswith(wanted)]
    tensors = {name: checkpoint.tensor(name) for name in names}
    samples = [
        (f"{name} {tensor.dtype} {list(tensor.shape)}", tensor.reshape(-1).view(torch.uint8))
        for name, tensor in tensors.items()
    ]
    config = checkpoint.metadata.get("config")
    section = config.get("transformer") if isinstance(config, Mapping) else None
    said = repr(sorted(section.items())) if isinstance(section, Mapping) else ""
    total = hashlib.sha256(f"{compute}\0{said}\0{sample_digest(samples)}".encode())
    return total.hexdigest()


class EmbeddingCache:
    """Contexts on disk, one file each, the longest unused removed first.

    A file is written beside its place and moved there when it is whole, so a reader never sees
    half of one; and its content is compared with its checksum when it is read.

    Args:
        folder: Where; made when something is kept.
        max_bytes: Size that is not exceeded, the newest entry apart.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_CACHE_BYTES) -> None:
        self.folder, self.max_bytes = folder, max_bytes

    def get(self, key: str) -> Contexts | None:
        """Read an entry; None if there is none or it is corrupt."""
        path = self._path(key)
        try:
            with TensorFile(path) as file:
                tensors = {name: file.tensor(name).clone() for name in file.entries}
                words = file.metadata
        except CheckpointError:
            return None
        known = words.get("format") == FORMAT and words.get("key") == key
        if not known or words.get("checksum") != _checksum(tensors) or "video" not in tensors:
            return None
        with suppress(OSError):  # a cache that may only be read serves too
            os.utime(path)
        return Contexts(tensors["video"], tensors.get("audio"))

    def put(self, key: str, contexts: Contexts) -> None:
        """Keep an entry, and remove others if there are too many.

        Raises:
            ResourceError: The disk is full.
            MediaError: The folder cannot be written.
        """
        tensors = {"video": contexts.video.detach().cpu().contiguous()}
        if contexts.audio is not None:
            tensors["audio"] = contexts.audio.detach().cpu().contiguous()
        words = {"format": FORMAT, "key": key, "checksum": _checksum(tensors)}
        path = self._path(key)
        part = path.with_name(f".{key}.{secrets.token_hex(4)}.part")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            part.write_bytes(save(tensors, words))
            part.replace(path)
        except OSError as error:
            raise disk_error(error, path) from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        self._shrink(path)

    def _path(self, key: str) -> Path:
        return self.folder / f"{key}.safetensors"

    def _shrink(self, newest: Path) -> None:
        """Remove what killed writers left, then the entries that were used longest ago."""
        entries = []
        for path in self.folder.iterdir():
            with suppress(OSError):  # another process may have removed it
                status = path.stat()
                if path.suffix == ".part" and time.time() - status.st_mtime > STALE_S:
                    path.unlink()
                elif path.suffix == ".safetensors":
                    entries.append((status.st_mtime, status.st_size, path))
        total = sum(nbytes for _, nbytes, _ in entries)
        for _, nbytes, path in sorted(entries):
            if total <= self.max_bytes:
                return
            if path != newest:
                with suppress(OSError):
                    path.unlink()
                total -= nbytes


def embed(
    texts: Sequence[str],
    *,
    encoder: Callable[[], TextEncoder],
    text_path: Callable[[], TextPath],
    digests: tuple[str, str],
    cache: EmbeddingCache | None = None,
) -> tuple[Contexts, ...]:
    """Make the contexts of texts.

    Nothing is loaded if all of them are in the cache. Otherwise the text encoder is loaded, run
    once over all that are missing, and gone before the text path is loaded; both are gone on
    return.

    Args:
        texts: Any number; the same one twice is made once.
        encoder: Loads the text encoder.
        text_path: Loads the text path.
        digests: Of the text encoder and the text path: `text_encoder_digest` (or
            `TextEncoder.digest`) and `text_path_digest`.
        cache: Where results are kept; None keeps none.

    Returns:
        A pair of contexts for each text, on the CPU.

    Warns:
        TruncationWarning: A text is too long.
        UserWarning: A result could not be kept.

    Raises:
        InputError: The text encoder does not fit the text path.
    """
    keys = [embedding_key(text, digests) for text in texts]
    found = {key: cache.get(key) if cache is not None else None for key in keys}
    missing = {key: text for key, text in zip(keys, texts, strict=True) if found[key] is None}
    if missing:
        hidden = _encode(encoder, list(missing.values()))
        _collect()
        made = _contexts(text_path, hidden)
        _collect()
        for key, fresh in zip(missing, made, strict=True):
            found[key] = fresh
            _keep(cache, key, fresh)
    return tuple(contexts for key in keys if (contexts := found[key]) is not None)


def _encode(encoder: Callable[[], TextEncoder], texts: Sequence[str]) -> HiddenStates:
    """Load the encoder and let it go with this function's frame."""
    return encoder().encode(texts)


@torch.no_grad()
def _contexts(text_path: Callable[[], TextPath], hidden: HiddenStates) -> list[Contexts]:
    """One text at a time: at 2.3's size the features' input is 385 MB each."""
    path = text_path()
    _check_fit(path, hidden)
    device = next(path.projection.parameters()).device
    made = []
    for states, valid in zip(hidden.states, hidden.valid, strict=True):
        video, audio = path.encode(states[None].to(device), valid[None].to(device))
        made.append(Contexts(video.cpu(), None if audio is None else audio.cpu()))
    return made


def _check_fit(path: TextPath, hidden: HiddenStates) -> None:
    _, length, width, count = hidden.states.shape
    inputs = _inputs(path.projection)
    if inputs != width * count:
        raise InputError(
            f"The text encoder has {count} states of width {width}, {width * count} numbers a "
            f"token; the checkpoint's text projection takes {inputs}.",
            "Use the text encoder that the checkpoint was trained with.",
        )
    for connector in (path.video, path.audio):
        if connector is not None and length % connector.shape.num_registers:
            raise InputError(
                f"The tokenizer pads texts to {length} tokens, which the connectors' "
                f"{connector.shape.num_registers} registers do not divide.",
                "Use the tokenizer_config.json that belongs to the checkpoint: its "
                "model_max_length is the length.",
            )


def _inputs(projection: SharedProjection | SplitProjection) -> int:
    if isinstance(projection, SharedProjection):
        return projection.aggregate_embed.in_features
    return projection.video_aggregate_embed.in_features


def _keep(cache: EmbeddingCache | None, key: str, contexts: Contexts) -> None:
    if cache is None:
        return
    try:
        cache.put(key, contexts)
    except ReelwrightError as error:
        warnings.warn(f"An embedding could not be kept for next time: {error}", stacklevel=3)


def _checksum(tensors: Mapping[str, Tensor]) -> str:
    total = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name}{tensor.dtype}{tuple(tensor.shape)}".encode())
        data: Int[Tensor, " N"] = tensor.reshape(-1).view(torch.uint8)
        total.update(data.numpy().data)
    return total.hexdigest()


def _collect() -> None:
    """Give memory back now: the next model may need all of it."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
