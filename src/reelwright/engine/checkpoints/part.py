"""What one path brings to a checkpoint: tensors under official names, and what it says of itself.

A path may be one file, an index of shards, a folder of either, or a folder in diffusers' layout.
Each gives parts; a part is what belongs together, so that what it lacks of the official names can
be told from all of its tensors.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reelwright.engine.checkpoints.component import Component, component_of, is_lora, missing_prefix
from reelwright.engine.checkpoints.diffusers_layout import Rename, diffusers_parts
from reelwright.engine.storage.gguf_file import MAGIC, GgufFile
from reelwright.engine.storage.shards import INDEX_SUFFIX, SHARD_SUFFIX, shard_paths
from reelwright.engine.storage.tensor_file import MappedFile, TensorFile
from reelwright.errors import CheckpointError

Names = dict[str, tuple[MappedFile, str]]
"""Official name to the file that has the tensor, and the name there."""


@dataclass(frozen=True, slots=True)
class Part:
    """Files that belong together.

    Attributes:
        files: Open.
        names: Their tensors; none of a LoRA, which changes a model and is no part of one.
        metadata: What they say of themselves; JSON is parsed.
        components: What they hold.
        is_lora: Whether they change a model.
    """

    files: tuple[MappedFile, ...]
    names: Names = field(repr=False)
    metadata: Mapping[str, Any]
    components: frozenset[Component]
    is_lora: bool = False

    @property
    def where(self) -> str:
        """Its first file, for messages."""
        return str(self.files[0].path)


def open_parts(path: Path) -> tuple[Part, ...]:
    """Open what a path stands for.

    Args:
        path: A safetensors or GGUF file, a shard index, a folder of safetensors files, or a
            pipeline's or part's folder in diffusers' layout.

    Raises:
        CheckpointError: Something there cannot be read.
    """
    found = diffusers_parts(path)
    if found:
        return tuple(
            _part([open_file(each) for each in part.paths], part.official, {"config": part.config})
            for part in found
        )
    paths = shard_paths(path)
    together = path.name.endswith(INDEX_SUFFIX) or _has_index(path)
    groups = [paths] if together else [(each,) for each in paths]
    return tuple(_part([open_file(each) for each in group]) for group in groups)


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


def add_name(names: Names, official: str, file: MappedFile, own: str) -> None:
    """Note where a tensor is.

    Raises:
        CheckpointError: It is somewhere else too.
    """
    if official in names:
        first = names[official][0].path
        raise CheckpointError(
            f"The tensor stands in {first} too.",
            "Give each part of the model once.",
            where=f"{file.path}: {own}",
            tensor=own,
        )
    names[official] = (file, own)


def _part(
    files: list[MappedFile],
    official: Rename | None = None,
    known: Mapping[str, Any] | None = None,
) -> Part:
    metadata: dict[str, Any] = dict(known or {})
    for file in files:
        metadata = {**parse_values(file.metadata), **metadata}
    own_names = [name for file in files for name in file.entries]
    if is_lora(own_names):
        return Part(tuple(files), {}, metadata, frozenset({Component.LORA}), is_lora=True)
    prefix = "" if official else missing_prefix(own_names)
    names: Names = {}
    for file in files:
        for name in file.entries:
            add_name(names, official(name) if official else prefix + name, file, name)
    return Part(tuple(files), names, metadata, _components(names))


def _components(names: Iterable[str]) -> frozenset[Component]:
    return frozenset(component for name in names if (component := component_of(name)) is not None)


def _has_index(path: Path) -> bool:
    return path.is_dir() and any(path.glob(f"*{SHARD_SUFFIX}{INDEX_SUFFIX}"))


def parse_values(metadata: Mapping[str, str]) -> dict[str, Any]:
    """Each value as JSON where it is JSON, else as text."""
    values: dict[str, Any] = {}
    for name, text in metadata.items():
        try:
            values[name] = json.loads(text)
        except (ValueError, RecursionError):
            values[name] = text
    return values
