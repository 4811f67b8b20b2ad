from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from reelwright.engine.storage.header import Header, parse_header, read_header
from reelwright.errors import CheckpointError

FIELD = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}


def _bytes(fields: dict[str, Any], data: int = 24) -> bytes:
    text = json.dumps(fields).encode()
    return len(text).to_bytes(8, "little") + text + bytes(data)


def _refusal(tmp_path: Path, content: bytes) -> CheckpointError:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        read_header(path)
    assert str(path) in caught.value.where
    assert caught.value.mend
    return caught.value


def test_reads_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(_bytes({"__metadata__": {"who": "me"}, "a": FIELD}))
    header = read_header(path)
    entry = header.entries["a"]
    assert (entry.dtype, entry.shape, entry.nbytes) == ("F32", (2, 3), 24)
    assert entry.start == header.nbytes
    assert header.metadata == {"who": "me"}


def test_absent_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_header(tmp_path / "absent.safetensors")


def test_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_header(tmp_path)


@pytest.mark.parametrize("content", [b"", b"1234567", (2**63).to_bytes(8, "little") + b"{}"])
def test_absurd_length(tmp_path: Path, content: bytes) -> None:
    assert "header of" in _refusal(tmp_path, content).what


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"[1]", "not a JSON object"),
        (b"{", "not the JSON"),
        (b"\xff\xfe", "not the JSON"),
        (b'{"a": 1, "a": 2}', "stands twice"),
        (b"[" * 100_000, "not the JSON"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "not the JSON"),
        (b'{"__metadata__": {"a": 1}}', "table of texts"),
    ],
)
def test_not_a_header(tmp_path: Path, text: bytes, words: str) -> None:
    refusal = _refusal(tmp_path, len(text).to_bytes(8, "little") + text)
    assert words in refusal.what


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"dtype": "F31"}, "not known"),
        ({"dtype": None}, "not known"),
        ({"shape": [2, -3]}, "not a short list"),
        ({"shape": [2, 3.0]}, "not a short list"),
        ({"shape": [2, True]}, "not a short list"),
        ({"shape": [1] * 9}, "not a short list"),
        ({"shape": "2x3"}, "not a short list"),
        ({"shape": [2**40, 2**40]}, "takes"),
        ({"data_offsets": [0]}, "two places"),
        ({"data_offsets": [24, 0]}, "span -24"),
        ({"data_offsets": [0, 20]}, "span 20"),
        ({"data_offsets": [0, 2**64]}, "two places"),
        ({"data_offsets": [24, 48]}, "truncated"),
    ],
)
def test_entry_that_cannot_be(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    refusal = _refusal(tmp_path, _bytes({"a": FIELD | change}))
    assert words in refusal.what
    assert refusal.where.endswith(": a")


def test_overlap_gap_and_rest(tmp_path: Path) -> None:
    overlap = {"a": FIELD, "b": FIELD | {"data_offsets": [20, 44]}}
    assert "overlaps" in _refusal(tmp_path, _bytes(overlap, 44)).what
    gap = {"a": FIELD, "b": FIELD | {"data_offsets": [28, 52]}}
    assert "gap" in _refusal(tmp_path, _bytes(gap, 52)).what
    assert "4 bytes at the end" in _refusal(tmp_path, _bytes({"a": FIELD}, 28)).what


def test_truncated_file_names_its_tensor(tmp_path: Path) -> None:
    content = save({"first": torch.zeros(4), "second": torch.zeros(4)})
    refusal = _refusal(tmp_path, content[:-8])
    assert "truncated" in refusal.what
    assert "second" in refusal.where


def test_mutations_are_refused_or_sound(tmp_path: Path) -> None:
    """However a header is damaged, it is refused, or what is left of it holds together."""
    half = torch.zeros(4, dtype=torch.bfloat16)
    content = save({"a": torch.zeros(2, 3), "b": half, "c": torch.ones(())}, {"config": "{}"})
    length = 8 + int.from_bytes(content[:8], "little")
    chance = random.Random(11)
    path = tmp_path / "mutant.safetensors"
    refused = 0
    for _ in range(400):
        mutant = bytearray(content)
        for _ in range(chance.randint(1, 4)):
            place = chance.randrange(length)
            choice = chance.random()
            if choice < 0.5:
                mutant[place] = chance.randrange(256)
            elif choice < 0.75:
                mutant[place] = chance.choice(b'0123456789{}[]",:-')
            else:
                del mutant[place : place + chance.randint(1, 8)]
        path.write_bytes(bytes(mutant))
        header = _try(path)
        if header is None:
            refused += 1
            continue
        spans = sorted((e.start, e.stop) for e in header.entries.values())
        assert all(0 <= start <= stop <= len(mutant) for start, stop in spans)
        assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert refused > 200


def _try(path: Path) -> Header | None:
    try:
        return read_header(path)
    except CheckpointError:
        return None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 1 << 50))
def test_any_bytes(text: bytes, size: int) -> None:
    with pytest.raises(CheckpointError, match="somewhere"):
        parse_header(b"\x00" + text, size, "somewhere")
