"""From the tensors of a file to weight sources: which of them belong together.

A quantised weight is stored as a weight and its scales. Which layers are quantised, and how, is
read from each layer's own tensors: no list of layers stands anywhere in the code.
"""

from __future__ import annotations

from collections.abc import Mapping

from reelwright.engine.gguf_source import GgufSource, is_readable
from reelwright.engine.header import TensorEntry
from reelwright.engine.nvfp4 import GROUP, padded_scale_shape
from reelwright.engine.tensor_file import MappedFile
from reelwright.engine.weights import Float8Source, Nvfp4Source, PlainSource, WeightSource
from reelwright.errors import CheckpointError

Stored = Mapping[str, tuple[MappedFile, str]]
"""Tensors by official name: the file that has each, and the name there."""

_SCALES = (".weight_scale", ".weight_scale_2", ".scale_weight", ".input_scale", ".scale_input")
_MARKERS = (".comfy_quant",)
"""Tensors that only describe the ones beside them."""

_FLOATS = {"F32", "F16", "BF16", "F8_E4M3"}


def stored_weights(found: Stored, where: str) -> dict[str, WeightSource]:
    """Make a source of every weight.

    Args:
        found: Tensors of a component.
        where: The checkpoint, for messages.

    Returns:
        A source per weight, under its official name; scales are inside the sources.

    Raises:
        CheckpointError: A weight's type is not a float's, or its scales do not fit it.
    """
    weights: dict[str, WeightSource] = {}
    for name, (file, own) in found.items():
        if name.endswith((*_SCALES, *_MARKERS)) and _has_weight(name, found):
            continue
        weights[name] = _source(name, file.entry(own), found, where)
    return weights


def _has_weight(name: str, found: Stored) -> bool:
    return f"{name.rpartition('.')[0]}.weight" in found


def _sibling(name: str, suffixes: tuple[str, ...], found: Stored) -> TensorEntry | None:
    for suffix in suffixes:
        file, own = found.get(name.removesuffix(".weight") + suffix, (None, ""))
        if file is not None and name.endswith(".weight"):
            return file.entry(own)
    return None


def _source(name: str, entry: TensorEntry, found: Stored, where: str) -> WeightSource:
    file, own = found[name]
    scale = _sibling(name, (".weight_scale", ".scale_weight"), found)
    if entry.dtype == "U8" and scale is not None:
        return _nvfp4(name, entry, scale, found, where)
    if is_readable(entry.dtype) and entry.dtype not in _FLOATS:
        return GgufSource(own, file.tensor(own), entry.dtype, entry.shape)
    if entry.dtype not in _FLOATS:
        raise _refuse(entry, f"{entry.dtype} is not a type that weights are read from", where)
    if scale is None:
        return PlainSource(own, file.tensor(own))
    if entry.dtype != "F8_E4M3":
        raise _refuse(entry, f"It has a scale, but is stored as {entry.dtype}", where)
    if scale.dtype != "F32" or scale.shape not in ((), (1,), (*entry.shape[:1], 1)):
        raise _refuse(entry, f"Its scale is {scale.dtype} {list(scale.shape)}", where)
    given = _sibling(name, (".input_scale", ".scale_input"), found)
    return Float8Source(
        own,
        file.tensor(own),
        file.tensor(scale.name),
        None if given is None else file.tensor(given.name),
    )


def _nvfp4(
    name: str, entry: TensorEntry, scale: TensorEntry, found: Stored, where: str
) -> WeightSource:
    second = _sibling(name, (".weight_scale_2",), found)
    if second is None or second.dtype != "F32" or second.shape not in ((), (1,)):
        raise _refuse(entry, "It is stored as U8 without a float32 weight_scale_2", where)
    if len(entry.shape) != 2 or entry.shape[1] * 2 % GROUP:
        raise _refuse(entry, f"{list(entry.shape)} bytes are not whole groups of NVFP4", where)
    wanted = padded_scale_shape(entry.shape[0], entry.shape[1] * 2)
    if scale.dtype != "F8_E4M3" or scale.shape != wanted:
        raise _refuse(
            entry,
            f"Its block scales are {scale.dtype} {list(scale.shape)}, not F8_E4M3 {list(wanted)}",
            where,
        )
    file, own = found[name]
    tensor_scale = file.tensor(second.name).reshape(())
    return Nvfp4Source(own, file.tensor(own), file.tensor(scale.name), tensor_scale)


def _refuse(entry: TensorEntry, what: str, where: str) -> CheckpointError:
    return CheckpointError(
        f"The weight cannot be read: {what}.",
        "Use a checkpoint in bf16, fp16, fp32, scaled fp8 or nvfp4.",
        where=f"{where}: {entry.name}",
        tensor=entry.name,
    )
