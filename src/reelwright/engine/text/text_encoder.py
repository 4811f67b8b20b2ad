"""The text encoder: texts in, all hidden states of Gemma 3 out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from reelwright.engine.checkpoints.checkpoint import open_file
from reelwright.engine.memory.loading import CPU
from reelwright.engine.memory.residency import RESIDENT, Residency
from reelwright.engine.storage.gguf_file import GgufFile
from reelwright.engine.storage.shards import INDEX_SUFFIX, shard_paths
from reelwright.engine.storage.tensor_file import MappedFile
from reelwright.engine.storage.weights import Compute
from reelwright.engine.text.gemma import Gemma
from reelwright.engine.text.gemma_layouts import CONFIG, EMBEDDED_PIECES, load_gemma, open_gemma
from reelwright.engine.text.pieces_gguf import gguf_tokenizer
from reelwright.engine.text.pieces_sentencepiece import pieces_tokenizer
from reelwright.engine.text.tokenizer import TOKENIZER, Tokenizer, load_tokenizer, tokenizer_files
from reelwright.errors import CheckpointError, NumericsError

FORWARD = "gemma3-1"
"""Counts up when the forward gives other numbers, so that no digest outlives them."""

SAMPLE_BYTES = 256
"""Read from the middle of every tensor for a digest: 626 tensors of Gemma 3 12B take 160 kB."""


@dataclass(frozen=True, slots=True)
class HiddenStates:
    """What the text encoder makes of texts.

    Attributes:
        states: Of all layers, embeddings first, the last after its norm; zeros at padding.
        valid: 1 for real tokens, 0 for the padding on their left.
    """

    states: Float[Tensor, "B S D L"]
    valid: Int[Tensor, "B S"]


class TextEncoder:
    """Gemma 3 and its tokenizer.

    Args:
        gemma: The model.
        tokenizer: Its tokenizer.
        digest: Names both by their content.

    Attributes:
        digest: Names both by their content.
    """

    def __init__(self, gemma: Gemma, tokenizer: Tokenizer, digest: str) -> None:
        self.gemma, self.tokenizer, self.digest = gemma, tokenizer, digest

    def encode(self, texts: Sequence[str]) -> HiddenStates:
        """Encode texts; each gives the same, to the bit, whatever it is encoded with.

        Args:
            texts: Of any length; an empty one is the start token alone.

        Returns:
            Their states on the CPU, padded on the left to the tokenizer's length: 385 MB a text
            at Gemma 3 12B's size in bfloat16, of which only real tokens take memory.

        Warns:
            TruncationWarning: A text is too long.

        Raises:
            InputError: A token is not in the table of embeddings.
            NumericsError: States are not finite.
        """
        sentences = [self.tokenizer.encode(text) for text in texts]
        _, valid = self.tokenizer.pad(sentences)
        states = self.gemma.encode(sentences, self.tokenizer.length)
        self._check_finite(states, valid)
        return HiddenStates(states, valid)

    def _check_finite(self, states: Float[Tensor, "B S D L"], valid: Int[Tensor, "B S"]) -> None:
        """What stops being a number in any layer is none in the last."""
        if not bool(states[..., -1][valid.bool()].isfinite().all()):
            raise NumericsError(
                f"The text encoder's states are not finite in {states.dtype}.",
                "Compute in bfloat16 or float32: Gemma 3 exceeds float16. If that does not help, "
                "its file is damaged: download it again.",
            )


def load_text_encoder(
    path: Path,
    *,
    tokenizer: Path | None = None,
    compute: Compute = Compute.FLOAT32,
    device: torch.device = CPU,
    residency: Residency = RESIDENT,
) -> TextEncoder:
    """Build the text encoder.

    Args:
        path: A Hugging Face folder (or its index), a pipeline's folder that has it as
            `text_encoder`, a single safetensors file as ComfyUI keeps it, or a GGUF.
        tokenizer: Folder of `tokenizer.json`; None for the one that the model brings, or that a
            pipeline's folder has as `tokenizer`.
        compute: What its products run in.
        device: Where it runs.
        residency: How its layers are kept.

    Raises:
        CheckpointError: It is not Gemma 3, its tensors do not fit its config, or there is no
            tokenizer.
    """
    home = _Home.of(path, tokenizer)
    files = open_gemma(home.weights, home.beside)
    words = _load_tokenizer(home, files.files)
    digest = _digest(files.files, home.small_files, compute)
    gemma = load_gemma(files, compute=compute, device=device, residency=residency)
    return TextEncoder(gemma, words, digest)


def text_encoder_digest(
    path: Path, *, tokenizer: Path | None = None, compute: Compute = Compute.FLOAT32
) -> str:
    """The digest of a text encoder, without loading it.

    Of weights, it is made of every tensor's name, type, shape and 256 bytes from its middle; of
    the config and tokenizer files, of all that is in them. Names of files do not matter.

    Args:
        path: As for `load_text_encoder`.
        tokenizer: As for `load_text_encoder`.
        compute: As for `load_text_encoder`.

    Raises:
        CheckpointError: A file cannot be read.
    """
    home = _Home.of(path, tokenizer)
    files = tuple(map(open_file, shard_paths(home.weights)))
    return _digest(files, home.small_files, compute)


def sample_digest(tensors: Iterable[tuple[str, UInt8[Tensor, " _"]]]) -> str:
    """A digest of tensors: of what describes each, and a sample from the middle of its bytes."""
    total = hashlib.sha256()
    for description, data in sorted(tensors, key=lambda pair: pair[0]):
        start = max(0, (data.numel() - SAMPLE_BYTES) // 2)
        total.update(f"{description}\0".encode())
        total.update(data[start : start + SAMPLE_BYTES].numpy().tobytes())
    return total.hexdigest()


def _digest(files: Sequence[MappedFile], told_by: Iterable[Path], compute: Compute) -> str:
    tensors = (
        (f"{entry.name} {entry.dtype} {list(entry.shape)}", file.bytes_of(entry))
        for file in files
        for entry in file.entries.values()
    )
    total = hashlib.sha256(f"{FORWARD}\0{compute}\0{sample_digest(tensors)}".encode())
    for file in files:
        total.update(repr(sorted(file.metadata.items())).encode())
    for path in told_by:
        with path.open("rb") as text:
            total.update(hashlib.file_digest(text, "sha256").digest())
    return total.hexdigest()


@dataclass(frozen=True, slots=True)
class _Home:
    """Where the parts of a text encoder are.

    Attributes:
        weights: A folder, an index or a file.
        folder: Of the weights; None for a single file.
        tokenizer: A folder or a `tokenizer.json`; None if the weights' file has to bring it.
    """

    weights: Path
    folder: Path | None
    tokenizer: Path | None

    @classmethod
    def of(cls, path: Path, tokenizer: Path | None) -> _Home:
        """Find them; a pipeline's folder keeps each part in one of its own."""
        weights = path / "text_encoder" if (path / "text_encoder").is_dir() else path
        indexed = weights.name.endswith(INDEX_SUFFIX)
        folder = weights if weights.is_dir() else weights.parent if indexed else None
        if tokenizer is None and folder is not None:
            own = (folder.parent / "tokenizer",) if folder.name == "text_encoder" else ()
            places = (folder, *own)
            tokenizer = next((place for place in places if (place / TOKENIZER).is_file()), None)
        return cls(weights, folder, tokenizer)

    @property
    def beside(self) -> Path | None:
        """The folder of the tokenizer."""
        given = self.tokenizer
        return given.parent if given is not None and given.is_file() else given

    @property
    def small_files(self) -> list[Path]:
        """The files beside the weights that shape the encoder."""
        folders = (self.folder, self.beside)
        configs = [folder / CONFIG for folder in folders if folder is not None]
        words = () if self.tokenizer is None else tokenizer_files(self.tokenizer)
        return [file for file in (*dict.fromkeys(configs), *words) if file.is_file()]


def _load_tokenizer(home: _Home, files: Sequence[MappedFile]) -> Tokenizer:
    if home.tokenizer is not None:
        return load_tokenizer(home.tokenizer)
    for file in files:
        if isinstance(file, GgufFile):
            return gguf_tokenizer(file.path)
        if EMBEDDED_PIECES in file.entries:
            data = file.tensor(EMBEDDED_PIECES).numpy().tobytes()
            return pieces_tokenizer(data, f"{file.path}: {EMBEDDED_PIECES}")
    raise CheckpointError(
        "The text encoder comes without a tokenizer.",
        "Give `tokenizer` the folder of Gemma 3's tokenizer.json.",
        where=str(home.weights),
    )
