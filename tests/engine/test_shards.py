from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from reelwright.engine.storage.shards import shard_paths
from reelwright.errors import CheckpointError


def _shards(folder: Path) -> Path:
    """Two shards and an index that names the second first."""
    save_file({"b": torch.ones(2), "c": torch.ones(1)}, folder / "model-1.safetensors")
    save_file({"a": torch.ones(3)}, folder / "model-2.safetensors")
    return _index(
        folder,
        {"a": "model-2.safetensors", "b": "model-1.safetensors", "c": "model-1.safetensors"},
    )


def _index(folder: Path, places: object) -> Path:
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return path


def _refused(path: Path, words: str) -> None:
    with pytest.raises(CheckpointError, match=words) as caught:
        shard_paths(path)
    assert str(path) in caught.value.where
    assert caught.value.mend


def test_a_file_is_itself(tmp_path: Path) -> None:
    assert shard_paths(tmp_path / "absent.safetensors") == (tmp_path / "absent.safetensors",)


def test_an_index_orders_its_shards(tmp_path: Path) -> None:
    index = _shards(tmp_path)
    wanted = (tmp_path / "model-2.safetensors", tmp_path / "model-1.safetensors")
    assert shard_paths(index) == shard_paths(tmp_path) == wanted


def test_a_folder_without_an_index(tmp_path: Path) -> None:
    _shards(tmp_path).unlink()
    (tmp_path / "._model-0.safetensors").write_bytes(b"another program's")
    assert [path.name for path in shard_paths(tmp_path)] == [
        "model-1.safetensors",
        "model-2.safetensors",
    ]


def test_folders_that_do_not_say_what(tmp_path: Path) -> None:
    _refused(tmp_path, "no safetensors")
    _shards(tmp_path)
    (tmp_path / "other.fp16.safetensors.index.json").write_text("{}")
    _refused(tmp_path, "2 indices")


@pytest.mark.parametrize(
    ("places", "words"),
    [
        ({}, "no weight_map"),
        (["model-1.safetensors"], "no weight_map"),
        ({"a": 7}, "not the name"),
        ({"a": "../model-2.safetensors"}, "not the name"),
        ({"a": "/etc/passwd"}, "not the name"),
        ({"a": "sub/model-2.safetensors"}, "not the name"),
        ({"a": "..\\model-2.safetensors"}, "not the name"),
        ({"a": "C:model-2.safetensors"}, "not the name"),
        ({"a": "model-2.bin"}, "not the name"),
        ({"a": "model-3.safetensors"}, "missing"),
        ({"a": "model-1.safetensors"}, "has no tensor 'a'"),
        ({"nowhere": "model-1.safetensors"}, "has no tensor 'nowhere'"),
    ],
)
def test_indices_that_cannot_be(tmp_path: Path, places: object, words: str) -> None:
    _shards(tmp_path)
    _refused(_index(tmp_path, places), words)


def test_a_tensor_in_two_shards(tmp_path: Path) -> None:
    index = _shards(tmp_path)
    save_file({"a": torch.ones(3), "b": torch.ones(2)}, tmp_path / "model-2.safetensors")
    _refused(index, "'b' stands in")


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"weight_map": NaN}',
        b"[" * 100_000,
        b"9" * 10_000,
        b'{"weight_map": {"a": "x", "a": "y"}}',
    ],
)
def test_indices_that_are_no_json(tmp_path: Path, text: bytes) -> None:
    index = tmp_path / "model.safetensors.index.json"
    index.write_bytes(text)
    _refused(index, "cannot be used")


def test_mutations_are_refused_or_sound(tmp_path: Path) -> None:
    index = _shards(tmp_path)
    content, chance, refused = index.read_bytes(), random.Random(5), 0
    for _ in range(400):
        mutant = bytearray(content)
        for _ in range(chance.randint(1, 3)):
            mutant[chance.randrange(len(mutant))] = chance.randrange(256)
        index.write_bytes(bytes(mutant))
        try:
            found = shard_paths(index)
        except CheckpointError:
            refused += 1
        else:
            assert all(path.parent == tmp_path for path in found)
    assert refused > 200
