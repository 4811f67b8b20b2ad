"""Folders in diffusers' layout: which part each holds, under the official names and config.

A pipeline's folder names its parts in `model_index.json`; a part's folder has its `config.json`
beside its weights. Both are outside data: a part's name that leaves the folder is refused, and a
class that is not of LTX-2 is refused by its name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from reelwright.engine.checkpoints import diffusers_names as names
from reelwright.engine.checkpoints.config import Section, parse_section
from reelwright.engine.checkpoints.diffusers_config import (
    DiffusersConnectors,
    DiffusersTransformer,
    DiffusersUpsampler,
)
from reelwright.engine.checkpoints.diffusers_sound import (
    DiffusersAudioVae,
    DiffusersVocoder,
    DiffusersWideVocoder,
)
from reelwright.engine.checkpoints.diffusers_video import DiffusersVideoVae
from reelwright.engine.storage.json_file import read_json
from reelwright.engine.storage.shards import INDEX_SUFFIX, SHARD_SUFFIX, shard_paths
from reelwright.errors import CheckpointError

PIPELINE = "model_index.json"
CONFIG = "config.json"
STEM = "diffusion_pytorch_model"

Rename = Callable[[str], str]

_CLASSES: dict[str, tuple[type[Section], names.Rules]] = {
    "AutoencoderKLLTX2Audio": (DiffusersAudioVae, names.AUDIO_VAE),
    "AutoencoderKLLTX2Video": (DiffusersVideoVae, ()),
    "LTX2LatentUpsamplerModel": (DiffusersUpsampler, ()),
    "LTX2TextConnectors": (DiffusersConnectors, names.CONNECTORS),
    "LTX2VideoTransformer3DModel": (DiffusersTransformer, names.TRANSFORMER),
    "LTX2Vocoder": (DiffusersVocoder, names.VOCODER),
    "LTX2VocoderWithBWE": (DiffusersWideVocoder, names.VOCODER),
}
"""Config and names of each class that is a part of ours."""

_OTHERS = ("scheduler", "text_encoder", "tokenizer", "processor", "prompt_enhancer")
"""Parts of a pipeline that are read elsewhere or not at all."""


@dataclass(frozen=True, slots=True)
class DiffusersPart:
    """One part's folder.

    Attributes:
        paths: Its files of weights.
        config: Its config as official sections.
        official: Turns its names into the official ones.
    """

    paths: tuple[Path, ...]
    config: dict[str, Any]
    official: Rename


def diffusers_parts(path: Path) -> tuple[DiffusersPart, ...]:
    """Find the parts that a path has in diffusers' layout.

    Args:
        path: A pipeline's folder, a part's folder, or the weights or index inside one.

    Returns:
        The parts; none if the path is in another layout.

    Raises:
        CheckpointError: It is a folder of another model, or its config cannot be used.
    """
    if path.is_dir() and (path / PIPELINE).is_file():
        return _pipeline(path)
    folder = path if path.is_dir() else path.parent
    if not (folder / CONFIG).is_file() or not (path.is_dir() or path.name.startswith(STEM)):
        return ()
    fields = read_json(folder / CONFIG)
    if "_diffusers_version" not in fields and str(fields.get("_class_name")) not in _CLASSES:
        return ()
    return (_part(folder, fields, () if path.is_dir() else shard_paths(path)),)


def _pipeline(folder: Path) -> tuple[DiffusersPart, ...]:
    index = read_json(folder / PIPELINE)
    found = []
    for name, entry in index.items():
        if name.startswith("_") or name in _OTHERS or not isinstance(entry, list):
            continue
        if not all(isinstance(word, str) for word in entry) or len(entry) != 2:
            continue  # [null, null]: a part that this pipeline goes without
        if name in (".", "..") or any(mark in name for mark in "/\\:\0"):
            raise _refuse(f"{name[:80]!r} is not the name of a part", folder / PIPELINE)
        if not (folder / name).is_dir():
            continue  # not downloaded: the checkpoint says what is missing
        found.append(_part(folder / name, read_json(folder / name / CONFIG), ()))
    if not found:
        kind = str(index.get("_class_name"))[:80]
        raise _refuse(f"It is a folder of {kind} and has no part of LTX-2", folder / PIPELINE)
    return tuple(found)


def _part(folder: Path, fields: dict[str, Any], paths: tuple[Path, ...]) -> DiffusersPart:
    where = str(folder / CONFIG)
    name = fields.get("_class_name")
    if not isinstance(name, str) or name not in _CLASSES:
        raise _refuse(f"It is of the class {str(name)[:80]!r}, no part of LTX-2", folder / CONFIG)
    kind, rules = _CLASSES[name]
    section: Any = parse_section(kind, fields, where)
    try:
        config = section.official()
    except ValueError as error:
        raise _refuse(f"It cannot be built: {str(error)[:200]}", folder / CONFIG) from error
    if isinstance(section, DiffusersVideoVae):
        official: Rename = partial(names.moved, section.renames(), otherwise="vae.")
    else:
        official = partial(names.renamed, rules)
    return DiffusersPart(paths or _weights(folder), config, official)


def _weights(folder: Path) -> tuple[Path, ...]:
    """The files of a part's folder; beside copies in other precisions, the plain one."""
    for name in (f"{STEM}{SHARD_SUFFIX}{INDEX_SUFFIX}", f"{STEM}{SHARD_SUFFIX}"):
        if (folder / name).is_file():
            return shard_paths(folder / name)
    return shard_paths(folder)


def _refuse(what: str, where: Path) -> CheckpointError:
    return CheckpointError(
        f"The folder cannot be used. {what}.",
        "Use a folder of LTX-2.0 or LTX-2.3 in diffusers' layout, unchanged.",
        where=str(where),
    )
