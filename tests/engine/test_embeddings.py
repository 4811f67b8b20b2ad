"""From words to contexts end to end on a tiny model, and what the cache promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer as Backend
from tokenizers import normalizers
from tokenizers.models import BPE

from reelwright.engine import Checkpoint, Compute, TextPath, load_text_path
from reelwright.engine.checkpoints.config import TransformerConfig
from reelwright.engine.checkpoints.names import connector_name
from reelwright.engine.memory.residency import Residency
from reelwright.engine.text.connector import Connector, connector_shape
from reelwright.engine.text.embeddings import (
    Contexts,
    EmbeddingCache,
    embed,
    embedding_key,
    text_path_digest,
)
from reelwright.engine.text.features import SplitProjection
from reelwright.engine.text.gemma import Gemma
from reelwright.engine.text.gemma_config import parse_gemma_config
from reelwright.engine.text.text_encoder import TextEncoder, load_text_encoder, text_encoder_digest
from reelwright.engine.text.tokenizer import TruncationWarning
from reelwright.errors import CheckpointError, InputError, NumericsError, ResourceError

LENGTH, WIDTH, LAYERS = 16, 32, 2

GEMMA: dict[str, Any] = {
    "model_type": "gemma3_text",
    "vocab_size": 64,
    "hidden_size": WIDTH,
    "intermediate_size": 64,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "sliding_window": 6,
    "sliding_window_pattern": 2,
}
TRANSFORMER: dict[str, Any] = {
    "connector_num_attention_heads": 2,
    "connector_attention_head_dim": 8,
    "connector_num_layers": 1,
    "audio_connector_num_attention_heads": 1,
    "audio_connector_attention_head_dim": 8,
    "connector_apply_gated_attention": True,
}


def _save_tokenizer(folder: Path, length: int = LENGTH) -> None:
    vocabulary = ["<pad>", "<eos>", "<bos>", "<unk>", "\u2581", *"abcdefghijklmnopqrstuvwxyz"]
    ids = {text: index for index, text in enumerate(vocabulary)}
    backend = Backend(BPE(ids, [], unk_token="<unk>"))
    backend.normalizer = normalizers.Replace(" ", "\u2581")
    backend.save(str(folder / "tokenizer.json"))
    settings = {"bos_token": "<bos>", "pad_token": "<pad>", "model_max_length": length}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def _save_encoder(folder: Path, **changes: Any) -> Path:
    folder.mkdir()
    fields = GEMMA | changes
    torch.manual_seed(5)
    gemma = Gemma(parse_gemma_config(fields, "test"))
    tensors = {f"model.{name}": tensor for name, tensor in gemma.state_dict().items()}
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(fields))
    _save_tokenizer(folder)
    return folder


def _save_text_path(path: Path, registers: int = 8, inputs: int = WIDTH * (LAYERS + 1)) -> Path:
    torch.manual_seed(6)
    config = TransformerConfig(**TRANSFORMER)
    tensors = {
        f"text_embedding_projection.{name}": tensor
        for name, tensor in SplitProjection(inputs, 16, 8).state_dict().items()
    }
    for stream in ("video", "audio"):
        connector = Connector(connector_shape(config, registers, audio=stream == "audio"))
        torch.nn.init.normal_(connector.learnable_registers)
        prefix = f"model.diffusion_model.{stream}_embeddings_connector."
        state = connector.state_dict().items()
        tensors |= {prefix + connector_name(name): tensor for name, tensor in state}
    save_file(tensors, path, {"config": json.dumps({"transformer": TRANSFORMER})})
    return path


@pytest.fixture(autouse=True)
def _by_count_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models are let go without the collector, which takes 0.2 s in a process this full."""
    monkeypatch.setattr("gc.collect", lambda: 0)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tiny text encoder's folder and a checkpoint of a text path that fits it."""
    folder = tmp_path_factory.mktemp("words")
    return _save_encoder(folder / "encoder"), _save_text_path(folder / "path.safetensors")


class Loader:
    """Loads both, counts, and sees to it that never both are there."""

    def __init__(self, encoder: Path, path: Path) -> None:
        self.files = encoder, path
        self.digests = text_encoder_digest(encoder), text_path_digest(Checkpoint.open(path))
        self.loaded: list[str] = []
        self.alive: list[weakref.ref[Any]] = []

    def encoder(self) -> TextEncoder:
        self.loaded.append("encoder")
        encoder = load_text_encoder(self.files[0])
        self.alive += [weakref.ref(encoder), weakref.ref(encoder.gemma)]
        return encoder

    def text_path(self) -> TextPath:
        assert all(reference() is None for reference in self.alive)
        self.loaded.append("text path")
        path = load_text_path(Checkpoint.open(self.files[1]))
        self.alive += [weakref.ref(path.projection), weakref.ref(path.video)]
        return path

    def embed(self, *texts: str, cache: EmbeddingCache | None = None) -> tuple[Contexts, ...]:
        return embed(
            texts,
            encoder=self.encoder,
            text_path=self.text_path,
            digests=self.digests,
            cache=cache,
        )


@pytest.fixture
def loader(model: tuple[Path, Path]) -> Loader:
    return Loader(*model)


def _never(*_: object) -> Any:
    raise AssertionError("loaded in spite of the cache")


def _same(one: Contexts, two: Contexts) -> bool:
    assert one.audio is not None
    assert two.audio is not None
    return torch.equal(one.video, two.video) and torch.equal(one.audio, two.audio)


def test_words_become_contexts(loader: Loader, model: tuple[Path, Path]) -> None:
    texts = ("a red ball", "", "a red ball")
    made = loader.embed(*texts)
    assert loader.loaded == ["encoder", "text path"]
    assert all(reference() is None for reference in loader.alive)
    assert [context.video.shape for context in made] == [(1, LENGTH, 16)] * 3
    assert not _same(made[0], made[1])
    hidden = load_text_encoder(model[0]).encode(["a red ball"])
    assert hidden.states.shape == (1, LENGTH, WIDTH, LAYERS + 1)
    assert hidden.valid.tolist() == [[0] * 5 + [1] * 11]
    path = load_text_path(Checkpoint.open(model[1]))
    video, audio = path.encode(hidden.states, hidden.valid)
    for context in (made[0], made[2]):
        assert _same(context, Contexts(video, audio))
        assert not context.video.requires_grad
        assert not context.video.is_inference()


def test_streamed_words_are_the_same(model: tuple[Path, Path]) -> None:
    resident = load_text_encoder(model[0], compute=Compute.BFLOAT16)
    streamed = load_text_encoder(model[0], compute=Compute.BFLOAT16, residency=Residency(2))
    texts = ["a dog", "the sea is loud"[:LENGTH]]
    assert torch.equal(resident.encode(texts).states, streamed.encode(texts).states)
    assert resident.digest == streamed.digest


def test_a_hit_loads_nothing(loader: Loader, tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path / "deep" / "cache")
    made = loader.embed("a dog", "a cat", cache=cache)
    again = embed(
        ["a cat", " a dog \n"],
        encoder=_never,
        text_path=_never,
        digests=loader.digests,
        cache=cache,
    )
    assert _same(again[0], made[1])
    assert _same(again[1], made[0])
    loader.embed("a cat", "a cow", cache=cache)
    assert loader.loaded.count("encoder") == 2
    assert embed([], encoder=_never, text_path=_never, digests=loader.digests) == ()


def test_only_what_is_missing_is_encoded(loader: Loader, tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    loader.embed("a cat", cache=cache)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    loader.embed("a cow", "a cat", cache=cache)
    assert len(list(tmp_path.iterdir())) == 2
    assert all(path.exists() for path in before)


def test_other_weights_other_keys(loader: Loader, model: tuple[Path, Path], tmp_path: Path) -> None:
    encoder, path = model
    keys = {embedding_key("a cat", loader.digests), embedding_key("a dog", loader.digests)}
    other = _save_encoder(tmp_path / "other")
    assert text_encoder_digest(other) == loader.digests[0]  # a copy elsewhere is the same
    digests = [text_encoder_digest(other, compute=Compute.BFLOAT16)]
    (other / "config.json").write_text(json.dumps(GEMMA | {"sliding_window": 7}))
    digests.append(text_encoder_digest(other))
    _save_tokenizer(other, length=8)
    digests.append(text_encoder_digest(other))
    tensors = _tensors(other / "model.safetensors")
    tensors["model.layers.1.mlp.up_proj.weight"] *= 1.01
    save_file(tensors, other / "model.safetensors")
    digests.append(text_encoder_digest(other))
    digests.append(text_encoder_digest(encoder, tokenizer=other))
    keys |= {embedding_key("a cat", (digest, loader.digests[1])) for digest in digests}
    paths = [text_path_digest(Checkpoint.open(path), compute=Compute.BFLOAT16)]
    changed = _save_text_path(tmp_path / "changed.safetensors", registers=16)
    paths.append(text_path_digest(Checkpoint.open(changed)))
    keys |= {embedding_key("a cat", (loader.digests[0], digest)) for digest in paths}
    assert len(keys) == 2 + 5 + 2
    assert load_text_encoder(encoder).digest == loader.digests[0]


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    with Checkpoint.open(path) as checkpoint:
        file = checkpoint.files[0]
        return {name: file.tensor(name).clone() for name in file.entries}


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "truncated": lambda data: data[: len(data) // 2],
    "a bit": lambda data: data[:-5] + bytes([data[-5] ^ 1]) + data[-4:],
    "header": lambda data: b"\xff" * 8 + data[8:],
    "another key": lambda data: data.replace(b'"key":"', b'"key":"0', 1).replace(b"reel", b"eel"),
}


def test_corrupt_entries_are_made_again(loader: Loader, tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    (made,) = loader.embed("a cat", cache=cache)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for name, damage in DAMAGES.items():
        path.write_bytes(damage(whole))
        assert cache.get(path.stem) is None, name
    (again,) = loader.embed("a cat", cache=cache)
    assert _same(made, again)
    found = cache.get(path.stem)
    assert found is not None
    assert _same(found, made)


def test_an_entry_of_another_text_is_not_taken(loader: Loader, tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    loader.embed("a cat", cache=cache)
    (path,) = tmp_path.iterdir()
    key = embedding_key("a dog", loader.digests)
    path.rename(path.with_stem(key))
    assert cache.get(key) is None


KILLED = """
import os, sys, torch
from pathlib import Path
from reelwright.engine.text.embeddings import Contexts, EmbeddingCache
write = Path.write_bytes
def half(self, data):
    write(self, data[:100])
    os._exit(9)
Path.write_bytes = half
EmbeddingCache(Path(sys.argv[1])).put("k", Contexts(torch.ones(1, 4, 8), None))
"""


def test_killed_writes_leave_nothing_half(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KILLED, str(tmp_path)]
    assert subprocess.run(command, check=False).returncode == 9
    cache = EmbeddingCache(tmp_path)
    assert cache.get("k") is None
    (part,) = tmp_path.iterdir()
    cache.put("k", Contexts(torch.ones(1, 4, 8), None))
    assert part.exists()  # its writer might still be at work
    os.utime(part, (time.time() - 7200,) * 2)
    cache.put("k", Contexts(torch.ones(1, 4, 8), None))
    assert [path.name for path in tmp_path.iterdir()] == ["k.safetensors"]
    found = cache.get("k")
    assert found is not None
    assert found.audio is None
    assert torch.equal(found.video, torch.ones(1, 4, 8))


def test_the_longest_unused_go_first(tmp_path: Path) -> None:
    entry = Contexts(torch.zeros(1, 4, 64), None)
    cache = EmbeddingCache(tmp_path, max_bytes=4 * 1024)
    for age, key in enumerate("abc"):
        cache.put(key, entry)
        moment = time.time() - 100 + age
        os.utime(tmp_path / f"{key}.safetensors", (moment, moment))
    assert cache.get("a") is not None  # used now
    cache.put("d", entry)
    assert {path.stem for path in tmp_path.iterdir()} == {"a", "c", "d"}
    small = EmbeddingCache(tmp_path, max_bytes=1)
    small.put("e", entry)
    assert [path.stem for path in tmp_path.iterdir()] == ["e"]


def test_bfloat16_comes_back_as_it_was(tmp_path: Path, generator: torch.Generator) -> None:
    video = torch.randn(1, 4, 8, generator=generator).bfloat16()
    audio = torch.randn(1, 4, 4, generator=generator).bfloat16()
    cache = EmbeddingCache(tmp_path)
    cache.put("k", Contexts(video, audio))
    found = cache.get("k")
    assert found is not None
    assert found.video.dtype == torch.bfloat16
    assert _same(found, Contexts(video, audio))
    found.video.zero_()  # it is no view of the file


def test_a_cache_that_cannot_be_written_is_said(
    loader: Loader, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    cache = EmbeddingCache(tmp_path)
    with pytest.raises(ResourceError, match="disk is full"):
        cache.put("k", Contexts(torch.ones(1, 4, 8), None))
    with pytest.warns(UserWarning, match=r"could not be kept.*disk is full"):
        assert len(loader.embed("a cat", cache=cache)) == 1
    assert not list(tmp_path.iterdir())


def test_an_encoder_that_does_not_fit(model: tuple[Path, Path], tmp_path: Path) -> None:
    narrow = Loader(model[0], _save_text_path(tmp_path / "narrow.safetensors", inputs=64))
    with pytest.raises(InputError, match=r"3 states of width 32, 96 numbers .* takes 64"):
        narrow.embed("a cat")
    odd = Loader(model[0], _save_text_path(tmp_path / "odd.safetensors", registers=7))
    with pytest.raises(InputError, match=r"16 tokens, which the connectors' 7 registers"):
        odd.embed("a cat")


def test_a_long_text_is_said(loader: Loader) -> None:
    with pytest.warns(TruncationWarning, match="the last 5 were dropped"):
        loader.embed("a" * (LENGTH - 1 + 5))


def test_an_encoder_without_a_tokenizer(model: tuple[Path, Path], tmp_path: Path) -> None:
    folder = _save_encoder(tmp_path / "mute")
    tokenizer = tmp_path / "tokenizer"
    tokenizer.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).rename(tokenizer / name)
    with pytest.raises(CheckpointError, match="without a tokenizer") as caught:
        load_text_encoder(folder)
    assert "tokenizer.json" in caught.value.mend
    states = load_text_encoder(folder, tokenizer=tokenizer).encode(["a"]).states
    assert torch.equal(states, load_text_encoder(model[0]).encode(["a"]).states)


def test_a_pipeline_keeps_its_parts_apart(model: tuple[Path, Path], tmp_path: Path) -> None:
    folder = _save_encoder(tmp_path / "text_encoder")
    (tmp_path / "tokenizer").mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).rename(tmp_path / "tokenizer" / name)
    expected = load_text_encoder(model[0])
    for path in (tmp_path, folder):
        encoder = load_text_encoder(path)
        assert torch.equal(encoder.encode(["a"]).states, expected.encode(["a"]).states)
        assert encoder.digest == expected.digest == text_encoder_digest(path)


def test_weights_that_are_not_numbers(model: tuple[Path, Path], tmp_path: Path) -> None:
    folder = _save_encoder(tmp_path / "damaged")
    tensors = _tensors(folder / "model.safetensors")
    tensors["model.layers.0.mlp.up_proj.weight"][3, 4] = float("nan")
    save_file(tensors, folder / "model.safetensors")
    with pytest.raises(NumericsError, match=r"not finite in torch\.float32"):
        load_text_encoder(folder).encode(["a cat", "a dog"])


def test_a_single_file_brings_its_tokenizer(model: tuple[Path, Path], tmp_path: Path) -> None:
    letters = ["<pad>", "<eos>", "<bos>", "<unk>", "\u2581", *"abcdefghijklmnopqrstuvwxyz"]
    kinds = [3, 3, 3, 2] + [1] * 27
    pieces = b"".join(map(_piece, letters, kinds))
    trainer = b"\x18\x02\xc0\x02\x03\xc8\x02\x02\xd0\x02\x01\xd8\x02\x00"
    data = pieces + b"\x12" + bytes([len(trainer)]) + trainer
    tensors = _tensors(model[0] / "model.safetensors")
    tensors["spiece_model"] = torch.tensor(list(data), dtype=torch.uint8)
    path = tmp_path / "one.safetensors"
    save_file(tensors, path, {"config": json.dumps(GEMMA)})
    encoder = load_text_encoder(path)
    hidden = encoder.encode(["a dog"])
    assert hidden.states.shape[1] == 1024
    folder = load_text_encoder(model[0]).encode(["a dog"])
    assert torch.equal(hidden.valid[:, -LENGTH:], folder.valid)
    assert torch.equal(hidden.states[:, -LENGTH:, :, 0], folder.states[..., 0])
    # Positions are other ones, and rotations see only their differences.
    assert torch.allclose(hidden.states[:, -LENGTH:], folder.states, atol=1e-3)
    assert text_encoder_digest(path) == encoder.digest


def _piece(text: str, kind: int) -> bytes:
    data = text.encode()
    piece = b"\x0a" + bytes([len(data)]) + data + b"\x18" + bytes([kind])
    return b"\x0a" + bytes([len(piece)]) + piece
