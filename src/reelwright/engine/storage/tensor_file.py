"""A file of tensors as a read-only map: tensors are views of it, never copies.

Opening costs the header. A tensor's bytes come from disk when they are first read, and stay in the
page cache, not in the process's own memory. The map is read-only (a private writable map of a
46 GB file is refused by Linux on machines with less memory than that), so **nothing may write into
a tensor that came from here**.
"""

from __future__ import annotations

import mmap
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import torch
from jaxtyping import UInt8
from torch import Tensor

from reelwright.engine.storage.header import TensorEntry, read_header
from reelwright.errors import CheckpointError

TORCH_DTYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "I8": torch.int8,
    "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2,
    "F8_E8M0": torch.float8_e8m0fnu,
    "I16": torch.int16,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "I32": torch.int32,
    "F32": torch.float32,
    "I64": torch.int64,
    "F64": torch.float64,
}
"""Torch's element type for each of the format's."""


class MappedFile:
    """A map, and where in it each tensor lies.

    Args:
        path: The file.
        entries: Every tensor by name, all inside the file.
        data: The file's bytes.

    Attributes:
        path: The file.
        entries: Every tensor by name.
        metadata: What the file says of itself, as text by name.
    """

    metadata: Mapping[str, str]

    def __init__(
        self, path: Path, entries: Mapping[str, TensorEntry], data: UInt8[Tensor, " N"]
    ) -> None:
        self.path = path
        self.entries = entries
        self._data = data
        last = max((entry.stop for entry in entries.values()), default=0)
        if data.numel() < last:
            raise CheckpointError(
                "The file grew shorter while it was being opened.",
                "Wait until it is completely written, then try again.",
                where=str(path),
            )

    def tensor(self, name: str) -> Tensor:
        """View one tensor.

        Args:
            name: As written in the file.

        Returns:
            A view of the map, read-only; a copy only where the tensor is not aligned to its
            element size.

        Raises:
            CheckpointError: The file has no such tensor.
        """
        entry = self.entry(name)
        dtype = TORCH_DTYPES[entry.dtype]
        data = self.bytes_of(entry)
        if entry.start % dtype.itemsize:
            data = data.clone()
        return data.view(dtype).view(entry.shape)

    def bytes_of(self, entry: TensorEntry) -> UInt8[Tensor, " N"]:
        """View the bytes of one tensor as they are stored."""
        return self._data[entry.start : entry.stop]

    def entry(self, name: str) -> TensorEntry:
        """Describe one tensor.

        Raises:
            CheckpointError: The file has no such tensor.
        """
        try:
            return self.entries[name]
        except KeyError as error:
            raise CheckpointError(
                f"The file has no tensor {name!r}.",
                "Use a file that has it; `reelwright models` lists what a file holds.",
                where=str(self.path),
                tensor=name,
            ) from error

    def close(self) -> None:
        """Let the map go once no tensor views it any more."""
        self._data = torch.empty(0, dtype=torch.uint8)

    def __enter__(self) -> MappedFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class TensorFile(MappedFile):
    """One open safetensors file.

    Args:
        path: The file.

    Raises:
        CheckpointError: The file cannot be read or its header contradicts itself.
    """

    def __init__(self, path: Path) -> None:
        header = read_header(path)
        self.metadata = header.metadata
        super().__init__(path, header.entries, map_bytes(path))


def map_bytes(path: Path) -> UInt8[Tensor, " N"]:
    """Map a file, read-only.

    Raises:
        CheckpointError: It cannot be mapped.
    """
    try:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError) as error:
        raise CheckpointError(
            f"The file cannot be mapped ({error}).",
            "Check the path, and keep weights on a local disk whose file system supports mapping.",
            where=str(path),
        ) from error
    with warnings.catch_warnings():
        # Torch warns once that the buffer is read-only; that it is, is the point.
        warnings.filterwarnings("ignore", message=".*not writable.*", category=UserWarning)
        return torch.frombuffer(mapped, dtype=torch.uint8)
