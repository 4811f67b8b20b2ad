from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from reelwright.engine.storage.tensor_file import TORCH_DTYPES, TensorFile
from reelwright.errors import CheckpointError

Save = Callable[..., Path]


def test_every_type_comes_back(save: Save) -> None:
    kinds = [
        torch.bool,
        torch.uint8,
        torch.int8,
        torch.int16,
        torch.int32,
        torch.int64,
        torch.float16,
        torch.bfloat16,
        torch.float32,
        torch.float64,
        torch.float8_e4m3fn,
        torch.float8_e5m2,
    ]
    assert set(kinds) <= set(TORCH_DTYPES.values())
    written = {str(kind): torch.tensor([[0, 1, 1], [1, 0, 1]]).to(kind) for kind in kinds}
    with TensorFile(save(written)) as file:
        for name, tensor in written.items():
            found = file.tensor(name)
            assert found.dtype == tensor.dtype
            assert torch.equal(found.float(), tensor.float())


def test_tensors_are_views_of_one_map(save: Save) -> None:
    file = TensorFile(save({"a": torch.arange(8.0), "b": torch.arange(8.0)}))
    a, again, b = file.tensor("a"), file.tensor("a"), file.tensor("b")
    assert a.data_ptr() == again.data_ptr()
    assert a.untyped_storage().data_ptr() == b.untyped_storage().data_ptr()


def test_scalars_and_empty_tensors(save: Save) -> None:
    file = TensorFile(save({"one": torch.tensor(2.5), "none": torch.zeros(0, 3)}))
    assert file.tensor("one").item() == 2.5
    assert file.tensor("none").shape == (0, 3)


def test_misaligned_tensor_is_copied(tmp_path: Path) -> None:
    numbers = torch.arange(3, dtype=torch.float32)
    text = json.dumps(
        {
            "pad": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]},
            "odd": {"dtype": "F32", "shape": [3], "data_offsets": [1, 13]},
        }
    ).encode()
    text += b" " * (-len(text) % 8)
    path = tmp_path / "odd.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text + b"\0" + numbers.numpy().tobytes())
    assert torch.equal(TensorFile(path).tensor("odd"), numbers)


def test_unknown_name(save: Save) -> None:
    with pytest.raises(CheckpointError, match="no tensor 'b'") as caught:
        TensorFile(save({"a": torch.zeros(1)})).tensor("b")
    assert caught.value.facts["tensor"] == "b"
