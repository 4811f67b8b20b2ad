"""One index over the weights that a person has: what they are, what is there, what is missing.

The official release is one file that holds everything but the language model; others keep it in
parts. A `Checkpoint` takes files (safetensors or GGUF), shard indices and folders, diffusers' too,
and shows them as one, under the official single file's names and config. What it is, is told from
its tensors, never from a file's own name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from torch import Tensor

from reelwright.engine.checkpoints.component import CONNECTORS as CONNECTORS
from reelwright.engine.checkpoints.component import DIFFUSION as DIFFUSION
from reelwright.engine.checkpoints.component import FULL as FULL
from reelwright.engine.checkpoints.component import Component as Component
from reelwright.engine.checkpoints.component import component_of
from reelwright.engine.checkpoints.config import S, parse_section
from reelwright.engine.checkpoints.generations import one_generation
from reelwright.engine.checkpoints.identity import Identity, identify
from reelwright.engine.checkpoints.inference import infer_config
from reelwright.engine.checkpoints.merging import merged_metadata
from reelwright.engine.checkpoints.part import add_name, open_parts
from reelwright.engine.checkpoints.part import open_file as open_file
from reelwright.engine.storage.stored import stored_weights
from reelwright.engine.storage.tensor_file import MappedFile
from reelwright.engine.storage.weights import WeightSource
from reelwright.errors import CheckpointError


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """An open checkpoint.

    Attributes:
        files: Every file, in the order given.
        metadata: What the files say of themselves; JSON is parsed, the first file to have a name
            wins. The sections of `config` are those of the files that hold their tensors.
        identity: Which generation it is, and how that was told.
        components: What it holds.
        loras: Those of the files that are LoRAs, for `stack_loras`; their tensors are no part of
            the model.
        notes: What had to be assumed because no file says it, a sentence each.
    """

    files: tuple[MappedFile, ...]
    metadata: Mapping[str, Any]
    identity: Identity
    components: frozenset[Component]
    loras: tuple[MappedFile, ...]
    notes: tuple[str, ...]
    _names: Mapping[str, tuple[MappedFile, str]] = field(repr=False)

    @classmethod
    def open(cls, *paths: Path) -> Checkpoint:
        """Open one file, or the parts of a model as one.

        Args:
            paths: Safetensors or GGUF files, shard indices, folders of safetensors files, and
                folders in diffusers' layout (a pipeline's or one part's).

        Raises:
            CheckpointError: A file cannot be read, two of them hold the same tensor, or they are
                of different generations of the model.
        """
        parts = [part for path in paths for part in open_parts(path)]
        names: dict[str, tuple[MappedFile, str]] = {}
        for part in parts:
            for official, (file, own) in part.names.items():
                add_name(names, official, file, own)
        one_generation(parts)
        shapes = {name: file.entry(own).shape for name, (file, own) in names.items()}
        metadata, notes = infer_config(merged_metadata(parts), shapes)
        return cls(
            files=tuple(file for part in parts for file in part.files),
            metadata=metadata,
            identity=identify(names, metadata),
            components=frozenset().union(*(part.components for part in parts)),
            loras=tuple(file for part in parts if part.is_lora for file in part.files),
            notes=notes,
            _names=names,
        )

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
        self._refuse_other_models()
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
            prefix: Of the official names, e.g. `vae.decoder.`; empty for what stands in no part
                of the official single file, as an upsampler does.
            without: Beginnings, after the prefix, to leave out.

        Raises:
            CheckpointError: A weight is stored in a way that cannot be read, or the checkpoint is
                of another model.
        """
        self._refuse_other_models()
        found = {
            name.removeprefix(prefix): (file, own)
            for name, (file, own) in self._names.items()
            if name.startswith(prefix)
            and not name.removeprefix(prefix).startswith(without)
            and (prefix or component_of(name) not in FULL)
        }
        return stored_weights(found, self.where)

    def _refuse_other_models(self) -> None:
        model, evidence = self.identity.refused, self.identity.evidence
        if model:
            raise CheckpointError(
                f"This is {model}, told from {evidence!r}.",
                "Use a checkpoint of LTX-2.0 or LTX-2.3.",
                where=self.where,
                model=model,
            )

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
