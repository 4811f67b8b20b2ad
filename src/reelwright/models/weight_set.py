"""`WeightSet`: the files that a clip is made with, and what they can do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwright.errors import InputError

_READ = (".safetensors", ".gguf", ".json", ".model")
"""Endings of what is read of a folder of weights; the rest of it decides nothing."""


@dataclass(frozen=True, slots=True)
class LoraUse:
    """A small set of weights that joins the model's own.

    Attributes:
        file: A LoRA, safetensors.
        strengths: How strongly, pass by pass; the last one repeats. 0 leaves it out of a pass.
    """

    file: Path
    strengths: tuple[float, ...] = (1.0,)

    def strength(self, index: int) -> float:
        """How strongly it joins in a pass, counted from 0."""
        return self.strengths[min(index, len(self.strengths) - 1)]


@dataclass(frozen=True, slots=True)
class WeightSet:
    """Weights of one model, and what they can do.

    Attributes:
        name: `pocket`, or `custom`; for people and provenance.
        checkpoint: Files or folders that together hold transformer and codecs.
        text_encoder: Gemma 3: a folder or a file.
        label: What its clips are called in front of people.
        tokenizer: Folder of the tokenizer; None for the one that the text encoder brings.
        upsampler: The latent upsampler's file; without one a clip is made in one pass.
        refiner: A x2 upscaler of pixels, for finishing; None for none.
        loras: What joins the transformer.
        distilled: Few steps without guidance; else many, guided.
        control: `depth`: takes the staged depth as reference by itself, in every pass. None: only
            through a LoRA for control.
        compressed_stills: Trained on frames of compressed films, so that a flawless still looks
            to it like a photograph, which does not move: stills are compressed once before.
    """

    name: str
    checkpoint: tuple[Path, ...]
    text_encoder: Path
    label: str
    tokenizer: Path | None = None
    upsampler: Path | None = None
    refiner: Path | None = None
    loras: tuple[LoraUse, ...] = ()
    distilled: bool = True
    control: str | None = None
    compressed_stills: bool = False

    @property
    def paths(self) -> tuple[Path, ...]:
        """Everything that is named, files and folders."""
        single = (self.text_encoder, self.tokenizer, self.upsampler, self.refiner)
        named = (*self.checkpoint, *(path for path in single if path is not None))
        return (*named, *(lora.file for lora in self.loras))

    def files(self) -> tuple[Path, ...]:
        """Every file whose content decides pixels: folders and indices expanded, sorted.

        Raises:
            InputError: Something that is named is not there.
        """
        return tuple(sorted({file for path in self.paths for file in expanded(path)}))

    def to_json(self) -> dict[str, Any]:
        """As plain values; `from_json` reads them."""
        return {
            "name": self.name,
            "checkpoint": [str(path) for path in self.checkpoint],
            "text_encoder": str(self.text_encoder),
            "label": self.label,
            "tokenizer": _text(self.tokenizer),
            "upsampler": _text(self.upsampler),
            "refiner": _text(self.refiner),
            "loras": [
                {"file": str(lora.file), "strengths": list(lora.strengths)} for lora in self.loras
            ],
            "distilled": self.distilled,
            "control": self.control,
            "compressed_stills": self.compressed_stills,
        }

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> WeightSet:
        """Read what `to_json` wrote.

        Raises:
            InputError: It is not a weight set.
        """
        try:
            return cls(
                name=str(held["name"]),
                checkpoint=tuple(Path(path) for path in held["checkpoint"]),
                text_encoder=Path(held["text_encoder"]),
                label=str(held["label"]),
                tokenizer=_path(held["tokenizer"]),
                upsampler=_path(held["upsampler"]),
                refiner=_path(held["refiner"]),
                loras=tuple(
                    LoraUse(Path(lora["file"]), tuple(float(s) for s in lora["strengths"]))
                    for lora in held["loras"]
                ),
                distilled=bool(held["distilled"]),
                control=held["control"],
                compressed_stills=bool(held["compressed_stills"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"This does not name a set of weights ({error!r}).", "Plan the film again."
            ) from error


def expanded(path: Path) -> Iterator[Path]:
    """The files that a path of weights stands for.

    Args:
        path: A file; an index, which stands for itself and the shards beside it; or a folder.

    Raises:
        InputError: There is nothing, or a folder without weights.
    """
    if path.name.endswith(".index.json") and path.is_file():
        yield path
        yield from sorted(path.parent.glob("*.safetensors"))
    elif path.is_file():
        yield path
    elif path.is_dir():
        found = list(_inside(path.rglob("*"), path))
        if not found:
            raise InputError(
                "This folder holds no weights.",
                "Name the folder that has the .safetensors files, or the file itself.",
                where=str(path),
            )
        yield from found
    else:
        raise InputError("There is nothing here.", "Check the path.", where=str(path))


def _inside(found: Iterable[Path], folder: Path) -> Iterator[Path]:
    """Files that are read; hidden ones are other programs' own."""
    for path in found:
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix in _READ and not hidden and path.is_file():
            yield path


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _path(text: str | None) -> Path | None:
    return None if text is None else Path(text)
