from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from reelwright.engine import Checkpoint, Compute, Format, TensorFile, load_transformer
from reelwright.engine.checkpoints.checkpoint import DIFFUSION
from reelwright.engine.memory.loading import resident
from reelwright.engine.storage.gguf_file import GgufFile
from reelwright.engine.storage.gguf_source import is_readable
from reelwright.errors import CheckpointError

Q8 = gguf.GGMLQuantizationType.Q8_0
CPU = torch.device("cpu")


def _write(path: Path, tensors: dict[str, torch.Tensor], **words: str) -> Path:
    """Matrices of whole blocks as Q8_0, all else in float32."""
    writer = gguf.GGUFWriter(path, "ltxv")
    for name, text in words.items():
        writer.add_string(name, text)
    writer.add_array("tokenizer.ggml.tokens", [str(i) for i in range(20)])
    for name, tensor in tensors.items():
        numbers = tensor.float().numpy()
        if tensor.ndim == 2 and tensor.shape[1] % 32 == 0:
            blocks = gguf.quants.quantize(numbers, Q8)
            writer.add_tensor(name, blocks, raw_dtype=Q8)
        else:
            writer.add_tensor(name, numbers)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture
def small(tmp_path: Path, generator: torch.Generator) -> Path:
    """A file of a quantised matrix and a plain vector."""
    tensors = {
        "patchify_proj.weight": torch.randn(4, 64, generator=generator),
        "patchify_proj.bias": torch.randn(3, generator=generator),
    }
    return _write(tmp_path / "small.gguf", tensors, config='{"transformer": {"num_layers": 7}}')


def test_tensors_and_words(small: Path) -> None:
    file = GgufFile(small)
    assert file.metadata["general.architecture"] == "ltxv"
    assert "tokenizer.ggml.tokens" not in file.metadata
    entry = file.entry("patchify_proj.weight")
    assert (entry.dtype, entry.shape, entry.nbytes) == ("Q8_0", (4, 64), 4 * 2 * 34)
    assert file.tensor("patchify_proj.bias").shape == (3,)


def test_a_checkpoint_takes_it_for_a_transformer(small: Path) -> None:
    checkpoint = Checkpoint.open(small)
    weights = checkpoint.weights(DIFFUSION)
    source = weights["patchify_proj.weight"]
    assert source.storage == Format.GGUF
    assert source.nbytes == 272
    ready = resident(source, Compute.FLOAT32, CPU)
    blocks = GgufFile(small).tensor("patchify_proj.weight").numpy().reshape(4, -1)
    assert torch.equal(ready, torch.from_numpy(gguf.quants.dequantize(blocks, Q8)))
    assert checkpoint.has_config("transformer")


@pytest.mark.parametrize("kind", ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q4_0", "Q8_0", "IQ4_XS"])
def test_quantisations_that_are_read(kind: str) -> None:
    assert is_readable(kind)


def test_quantisation_that_is_not_known() -> None:
    assert not is_readable("Q9_Z")


def test_a_model_equals_its_dequantised_self(goldens: Path, tmp_path: Path) -> None:
    source = goldens / "transformer_av23.checkpoint.safetensors"
    if not source.exists():
        pytest.skip("no transformer_av23 in this folder")
    original, metadata = load_file(source), TensorFile(source).metadata
    bare = {name.removeprefix(DIFFUSION): tensor for name, tensor in original.items()}
    packed = Checkpoint.open(_write(tmp_path / "model.gguf", bare, config=metadata["config"]))
    weights = packed.weights(DIFFUSION)
    assert sum(weight.storage == Format.GGUF for weight in weights.values()) > 50
    plain = {
        DIFFUSION + name: resident(weight, Compute.FLOAT32, CPU) for name, weight in weights.items()
    }
    save_file(plain, tmp_path / "plain.safetensors", metadata)
    one = load_transformer(packed)
    two = load_transformer(Checkpoint.open(tmp_path / "plain.safetensors"))
    exact = load_transformer(Checkpoint.open(source))
    for (name, a), b, c in zip(
        one.named_parameters(), two.parameters(), exact.parameters(), strict=True
    ):
        assert torch.equal(a, b), name
        assert (a - c).abs().max() <= c.abs().max() / 127, name


def _refused(path: Path) -> str:
    with pytest.raises(CheckpointError) as caught:
        GgufFile(path)
    assert caught.value.mend
    return f"{caught.value.where} {caught.value.what}"


def test_files_that_cannot_be(small: Path, tmp_path: Path) -> None:
    content = small.read_bytes()
    path = tmp_path / "bad.gguf"

    def refused(changed: bytes) -> str:
        path.write_bytes(changed)
        return _refused(path)

    assert "not a GGUF" in refused(b"FUGG" + content[4:])
    assert "version 9" in refused(content[:4] + b"\x09\0\0\0" + content[8:])
    assert "truncated" in refused(content[:30])
    assert "truncated" in refused(content[:-200])
    assert "claims" in refused(content[:8] + (1 << 60).to_bytes(8, "little") + content[16:])
    assert "cannot be mapped" in refused(b"")
    kind = content.index(b"patchify_proj.weight") + len("patchify_proj.weight") + 4 + 16
    assert "not known" in refused(content[:kind] + b"\xee\0\0\0" + content[kind + 4 :])


def test_mutations_are_refused_or_sound(small: Path, tmp_path: Path) -> None:
    content, chance, refused = small.read_bytes(), random.Random(3), 0
    length = content.index(b"patchify_proj.bias") + 60
    path = tmp_path / "mutant.gguf"
    for _ in range(400):
        mutant = bytearray(content)
        for _ in range(chance.randint(1, 3)):
            mutant[chance.randrange(length)] = chance.randrange(256)
        path.write_bytes(bytes(mutant))
        opened = _try(lambda: GgufFile(path))
        refused += opened is None
        if opened is not None:
            assert all(0 <= e.start <= e.stop <= len(mutant) for e in opened.entries.values())
    assert refused > 100


def _try(make: Callable[[], GgufFile]) -> GgufFile | None:
    try:
        return make()
    except CheckpointError:
        return None


def test_original_shapes_are_restored(tmp_path: Path) -> None:
    writer = gguf.GGUFWriter(tmp_path / "odd.gguf", "ltxv")
    writer.add_array("comfy.gguf.orig_shape.x", [4, 3])
    writer.add_tensor("x", np.zeros((2, 6), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert GgufFile(tmp_path / "odd.gguf").tensor("x").shape == (4, 3)
