"""From the tensors of a file to weight sources: which of them belong together.

A quantised weight is stored as a weight and its scales. Which layers are quantised, and how, is
read from each layer's own tensors: no list of layers stands anywhere in the code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from torch import Tensor

from reelwright.engine.storage.gguf_source import GgufSource, is_readable
from reelwright.engine.storage.header import TensorEntry
from reelwright.engine.storage.int8 import Int8Source
from reelwright.engine.storage.mxfp8 import GROUP as MXFP8_GROUP
from reelwright.engine.storage.mxfp8 import Mxfp8Source, mxfp8_scale_shape
from reelwright.engine.storage.nvfp4 import GROUP, padded_scale_shape
from reelwright.engine.storage.quant_marks import MARK, Mark, header_marks, layer_mark, unreadable
from reelwright.engine.storage.tensor_file import MappedFile
from reelwright.engine.storage.weights import Float8Source, Nvfp4Source, PlainSource, WeightSource
from reelwright.errors import CheckpointError

Stored = Mapping[str, tuple[MappedFile, str]]
"""Tensors by official name: the file that has each, and the name there."""

_SCALE = (".weight_scale", ".scale_weight")
_INPUT_SCALE = (".input_scale", ".scale_input")
_BESIDE = (*_SCALE, ".weight_scale_2", *_INPUT_SCALE, MARK)
"""Tensors that only describe the ones beside them."""

_FILE_MARK = "scaled_fp8"
"""An empty tensor that older scaled float8 files carry."""

_FLOATS = {"F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}


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
    marks: dict[int, Mapping[str, Mark]] = {}
    weights: dict[str, WeightSource] = {}
    for name, (file, own) in found.items():
        if name.rpartition(".")[2] == _FILE_MARK:
            continue
        if name.endswith(_BESIDE) and f"{name.rpartition('.')[0]}.weight" in found:
            continue
        if id(file) not in marks:
            marks[id(file)] = header_marks(file)
        mark = layer_mark(file, own, marks[id(file)]) if name.endswith(".weight") else {}
        weights[name] = _Layer(name, file, file.entry(own), found, mark, where).source()
    return weights


class _Placed(NamedTuple):
    """A tensor beside a weight; in shards, perhaps in another file."""

    file: MappedFile
    entry: TensorEntry

    @property
    def tensor(self) -> Tensor:
        return self.file.tensor(self.entry.name)

    @property
    def kind(self) -> tuple[str, tuple[int, ...]]:
        return self.entry.dtype, self.entry.shape


@dataclass(frozen=True, slots=True)
class _Layer:
    """One weight and the tensors beside it."""

    name: str
    file: MappedFile
    entry: TensorEntry
    found: Stored = field(repr=False)
    mark: Mark
    where: str

    def source(self) -> WeightSource:
        """The weight, by how it is stored."""
        self.refuse_if(unreadable(self.mark))
        self.refuse_if(self.beside((".pre_quant_scale",)) and "It has a pre_quant_scale")
        entry, scale = self.entry, self.beside(_SCALE)
        if entry.dtype == "U8" and scale is not None:
            return self.nvfp4(scale)
        if entry.dtype == "I8" and scale is not None:
            return Int8Source(entry.name, self.data, self.scales(scale))
        if is_readable(entry.dtype) and entry.dtype not in _FLOATS:
            return GgufSource(entry.name, self.data, entry.dtype, entry.shape)
        if entry.dtype not in _FLOATS:
            self.refuse(f"{entry.dtype} is not a type that weights are read from")
        if scale is None:
            return PlainSource(entry.name, self.data)
        if not entry.dtype.startswith("F8_"):
            self.refuse(f"It has a scale, but is stored as {entry.dtype}")
        if scale.entry.dtype in ("F8_E8M0", "U8"):
            return self.mxfp8(scale)
        whole = bool(self.mark.get("full_precision_matrix_mult"))
        given = None if whole else self.beside(_INPUT_SCALE)
        input_scale = None if given is None else given.tensor
        return Float8Source(entry.name, self.data, self.scales(scale), input_scale)

    @property
    def data(self) -> Tensor:
        """The weight as it is stored."""
        return self.file.tensor(self.entry.name)

    def beside(self, suffixes: tuple[str, ...]) -> _Placed | None:
        """The first of the tensors that are named for this weight."""
        layer = self.name.removesuffix(".weight")
        for suffix in suffixes if layer != self.name else ():
            file, own = self.found.get(layer + suffix, (None, ""))
            if file is not None:
                return _Placed(file, file.entry(own))
        return None

    def scales(self, scale: _Placed) -> Tensor:
        """One scale, or one per row as [out, 1]."""
        rows, (dtype, shape) = self.entry.shape[:1], scale.kind
        if dtype != "F32" or shape not in ((), (1,), rows, (*rows, 1)):
            self.refuse(f"Its scale is {dtype} {list(shape)}")
        return scale.tensor.view(-1, 1) if shape == rows and rows != (1,) else scale.tensor

    def nvfp4(self, scale: _Placed) -> WeightSource:
        """Two 4-bit floats a byte."""
        shape, second = self.entry.shape, self.beside((".weight_scale_2",))
        if second is None or second.kind not in (("F32", ()), ("F32", (1,))):
            self.refuse("It is stored as U8 without a float32 weight_scale_2")
        if len(shape) != 2 or shape[1] * 2 % GROUP:
            self.refuse(f"{list(shape)} bytes are not whole groups of NVFP4")
        self.tiled(scale, "F8_E4M3", padded_scale_shape(shape[0], shape[1] * 2))
        return Nvfp4Source(self.entry.name, self.data, scale.tensor, second.tensor.reshape(()))

    def mxfp8(self, scale: _Placed) -> WeightSource:
        """Float8 with a power of two per group."""
        dtype, shape = self.entry.dtype, self.entry.shape
        if dtype != "F8_E4M3" or len(shape) != 2 or shape[1] % MXFP8_GROUP:
            self.refuse(f"{dtype} {list(shape)} is not whole groups of MXFP8")
        self.tiled(scale, scale.entry.dtype, mxfp8_scale_shape(*shape))
        return Mxfp8Source(self.entry.name, self.data, scale.tensor)

    def tiled(self, scale: _Placed, dtype: str, wanted: tuple[int, int]) -> None:
        """Check the type and the padded shape of block scales."""
        if scale.kind != (dtype, wanted):
            found = f"{scale.kind[0]} {list(scale.kind[1])}"
            self.refuse(f"Its block scales are {found}, not {dtype} {list(wanted)}")

    def refuse_if(self, what: object) -> None:
        """Refuse if there is a reason."""
        if what:
            self.refuse(str(what))

    def refuse(self, what: str) -> NoReturn:
        """Say why the weight cannot be read."""
        raise CheckpointError(
            f"The weight cannot be read: {what}.",
            "Use a checkpoint in bf16, fp16, fp32, fp8, int8, nvfp4, mxfp8 or GGUF.",
            where=f"{self.where}: {self.entry.name}",
            tensor=self.entry.name,
        )
