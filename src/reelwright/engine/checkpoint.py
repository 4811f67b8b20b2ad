"""One index over the weights that a person has: what they are, what is there, what is missing.

The official release is one file that holds everything but the language model; others keep it in
parts. A `Checkpoint` takes one or more files, safetensors or GGUF, and shows them as one, under the
official single file's names. What it is, is told from its tensors, never from a file's own name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any

from torch import Tensor

from reelwright.engine.config import S, parse_section
from reelwright.engine.gguf_file import MAGIC, GgufFile
from reelwright.engine.identity import Identity, identify
from reelwright.engine.stored import stored_weights
from reelwright.engine.tensor_file import MappedFile, TensorFile
from reelwright.engine.weights import WeightSource
from reelwright.errors import CheckpointError


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
_UPSAMPLER = ("initial_conv.", "res_blocks.", "post_upsample_res_blocks.", "final_conv.")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An open checkpoint.

    Attributes:
        files: Every file, in the order given.
        metadata: What the files say of themselves; JSON is parsed, the first file to have a name
            wins.
        identity: Which generation it is, and how that was told.
        components: What it holds.
    """

    files: tuple[MappedFile, ...]
    metadata: Mapping[str, Any]
    identity: Identity
    components: frozenset[Component]
    _names: Mapping[str, tuple[MappedFile, str]] = field(repr=False)

    @classmethod
    def open(cls, *paths: Path) -> Checkpoint:
        """Open one file, or the parts of a model as one.

        Args:
            paths: Safetensors or GGUF files.

        Raises:
            CheckpointError: A file cannot be read, or two of them hold the same tensor.
        """
        files = tuple(map(open_file, paths))
        metadata: dict[str, Any] = {}
        names: dict[str, tuple[MappedFile, str]] = {}
        for file in files:
            metadata = {**_parse_values(file.metadata), **metadata}
            prefix = _missing_prefix(file.entries)
            for name in file.entries:
                _add(names, prefix + name, file, name)
        components = frozenset(map(_component, names))
        return cls(files, metadata, identify(names, metadata), components, names)

    @property
    def where(self) -> str:
        """Its files, for messages."""
        return ", ".join(str(file.path) for file in self.files)

    @property
    def missing(self) -> frozenset[Component]:
        """What the official single file has and this does not."""
        return FULL - self.components

    @property
    def names(self) -> Iterable[str]:
        """Every tensor, under the official name."""
        return self._names.keys()

    def tensor(self, name: str) -> Tensor:
        """View a tensor by its official name.

        Raises:
            CheckpointError: There is none.
        """
        if name not in self._names:
            raise CheckpointError(
                f"There is no tensor {name!r}.",
                "Add the file that has it.",
                where=self.where,
                tensor=name,
            )
        file, own = self._names[name]
        return file.tensor(own)

    def config(self, kind: type[S], *path: str) -> S:
        """Read a section of the config.

        Args:
            kind: The section's model.
            path: Names of the nested sections; none for a flat config.

        Raises:
            CheckpointError: The file has no such section, or it cannot be built.
        """
        where = f"{self.where}: config {'.'.join(path)}".rstrip()
        section = self.metadata.get("config")
        for name in path:
            section = section.get(name) if isinstance(section, dict) else None
        if not isinstance(section, dict):
            raise CheckpointError(
                "The file's metadata lacks this section of the config.",
                "Use a file that carries its config, or add one that does.",
                where=where,
            )
        return parse_section(kind, section, where)

    def has_config(self, *path: str) -> bool:
        """Whether the config has a section of this name."""
        section = self.metadata.get("config")
        for name in path:
            section = section.get(name) if isinstance(section, dict) else None
        return isinstance(section, dict)

    def weights(self, prefix: str, without: tuple[str, ...] = ()) -> dict[str, WeightSource]:
        """The weights under a prefix, by what follows it, as sources.

        Args:
            prefix: Of the official names, e.g. `vae.decoder.`.
            without: Beginnings, after the prefix, to leave out.

        Raises:
            CheckpointError: A weight is stored in a way that cannot be read.
        """
        found = {
            name.removeprefix(prefix): (file, own)
            for name, (file, own) in self._names.items()
            if name.startswith(prefix) and not name.removeprefix(prefix).startswith(without)
        }
        return stored_weights(found, self.where)

    def close(self) -> None:
        """Let the maps go."""
        for file in self.files:
            file.close()

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_file(path: Path) -> MappedFile:
    """Open one file of weights; which kind it is, its first bytes say.

    Raises:
        CheckpointError: The file cannot be read or its header contradicts itself.
    """
    try:
        with path.open("rb") as file:
            first = file.read(len(MAGIC))
    except OSError:
        first = b""  # refused below, with the reason
    return GgufFile(path) if first == MAGIC else TensorFile(path)


def _add(
    names: dict[str, tuple[MappedFile, str]], official: str, file: MappedFile, own: str
) -> None:
    if official in names:
        first = names[official][0].path
        raise CheckpointError(
            f"The tensor stands in {first} too.",
            "Give each part of the model once.",
            where=f"{file.path}: {own}",
            tensor=own,
        )
    names[official] = (file, own)


def _parse_values(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Each value as JSON where it is JSON, else as text."""
    values: dict[str, Any] = {}
    for name, text in metadata.items():
        try:
            values[name] = json.loads(text)
        except (ValueError, RecursionError):
            values[name] = text
    return values


def _missing_prefix(names: Iterable[str]) -> str:
    """What a part kept by itself has lost of the official names."""
    some = tuple(names)
    if any(name.startswith((DIFFUSION, *_PREFIXES)) or ".lora_" in name for name in some):
        return ""
    if any(name.startswith(_BARE_TRANSFORMER) for name in some):
        return DIFFUSION
    if any(name.startswith(_UPSAMPLER) for name in some):
        return ""
    return "vae." if any(name.startswith(_BARE_VAE) for name in some) else ""


def _component(name: str) -> Component:
    if ".lora_" in name:
        return Component.LORA
    if name.startswith(DIFFUSION):
        bare = name.removeprefix(DIFFUSION)
        return Component.CONNECTORS if bare.startswith(CONNECTORS) else Component.TRANSFORMER
    for prefix, component in _PREFIXES.items():
        if name.startswith(prefix):
            return component
    return Component.UPSAMPLER
