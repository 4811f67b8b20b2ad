"""Against transformers on tiny random models: the numbers, the config's forms, the gradients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from reelwright.engine.memory.residency import Residency
from reelwright.engine.storage.weights import Compute
from reelwright.engine.text.gemma import Gemma
from reelwright.engine.text.gemma_config import parse_gemma_config
from reelwright.engine.text.gemma_gguf import gguf_config
from reelwright.engine.text.gemma_layouts import load_gemma, open_gemma
from reelwright.engine.text.gemma_sequence import CHUNK
from reelwright.errors import CheckpointError

TINY: dict[str, Any] = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 7,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "query_pre_attn_scalar": 24,
    "sliding_window": 5,
    "sliding_window_pattern": 3,
    "rope_theta": 50_000.0,
    "rope_local_base_freq": 500.0,
    "rope_scaling": {"rope_type": "linear", "factor": 8.0},
}
LENGTH = 24


def _oracle(**changes: Any) -> Any:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(3)
    config = transformers.Gemma3TextConfig(**TINY | changes)
    model = transformers.Gemma3TextModel(config).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.25)
    return model


@pytest.fixture(scope="session")
def oracle() -> Any:
    """A random model of transformers: seven layers, every third of them global."""
    return _oracle()


@pytest.fixture(scope="session")
def folder(oracle: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same, saved as transformers does."""
    path = tmp_path_factory.mktemp("gemma")
    oracle.save_pretrained(path)
    return path


@pytest.fixture
def batch(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Three texts padded on the left: 24, 9 and 1 tokens."""
    tokens = torch.randint(3, 96, (3, LENGTH), generator=generator)
    valid = torch.ones_like(tokens)
    valid[1, :-9] = 0
    valid[2, :-1] = 0
    return tokens * valid, valid


def _expected(oracle: Any, tokens: Tensor, valid: Tensor) -> Tensor:
    with torch.no_grad():
        states = oracle(tokens, attention_mask=valid, output_hidden_states=True).hidden_states
    return torch.stack(states, dim=-1) * valid[:, :, None, None]


def _gap(found: Tensor, expected: Tensor) -> float:
    """Largest difference of any layer, relative to that layer's largest number."""
    gaps = (found - expected).abs().amax((0, 1, 2)) / expected.abs().amax((0, 1, 2))
    return float(gaps.max())


def _own(folder: Path, **choices: Any) -> Gemma:
    return load_gemma(open_gemma(folder), **choices)


def _sentences(tokens: Tensor, valid: Tensor) -> list[Tensor]:
    return [row[keep.bool()] for row, keep in zip(tokens, valid, strict=True)]


def test_equals_transformers(oracle: Any, folder: Path, batch: tuple[Tensor, Tensor]) -> None:
    tokens, valid = batch
    expected = _expected(oracle, tokens, valid)
    model = _own(folder)
    with torch.no_grad():
        padded = model(tokens, valid)
    assert padded.isfinite().all()
    assert _gap(padded * valid[:, :, None, None], expected) <= 1e-5
    unpadded = model.encode(_sentences(tokens, valid), LENGTH)
    assert unpadded.shape == (3, LENGTH, 32, 8)
    assert _gap(unpadded, expected) <= 1e-5
    assert not unpadded[1, :-9].any()


def test_long_texts_in_chunks(generator: torch.Generator, tmp_path: Path) -> None:
    oracle = _oracle(num_hidden_layers=2, sliding_window=100, sliding_window_pattern=2)
    oracle.save_pretrained(tmp_path)
    length = 2 * CHUNK + 40
    tokens = torch.randint(3, 96, (2, length), generator=generator)
    valid = torch.ones_like(tokens)
    valid[0, :300] = 0
    expected = _expected(oracle, tokens, valid)
    model = _own(tmp_path)
    with torch.no_grad():
        padded = model(tokens, valid) * valid[:, :, None, None]
    assert _gap(padded, expected) <= 1e-5
    assert _gap(model.encode(_sentences(tokens, valid), length), expected) <= 1e-5


def test_bfloat16_stays_near(oracle: Any, folder: Path, batch: tuple[Tensor, Tensor]) -> None:
    tokens, valid = batch
    expected = _expected(oracle, tokens, valid)
    half = type(oracle).from_pretrained(folder, dtype=torch.bfloat16).eval()
    theirs = _expected(half, tokens, valid).float()
    ours = _own(folder, compute=Compute.BFLOAT16).encode(_sentences(tokens, valid), LENGTH)
    assert ours.dtype == torch.bfloat16
    assert torch.equal(ours[..., 0].float(), theirs[..., 0])  # the factor is rounded too
    # Both round at the same places: 1.6e-2 and 1.7e-2 of the largest number.
    assert _gap(ours.float(), expected) <= 1.5 * _gap(theirs, expected)


def test_a_text_does_not_depend_on_the_others(folder: Path, batch: tuple[Tensor, Tensor]) -> None:
    model, sentences = _own(folder), _sentences(*batch)
    together = model.encode(sentences, LENGTH)
    for row, sentence in zip(together, sentences, strict=True):
        assert torch.equal(model.encode([sentence], LENGTH)[0], row)


def test_streamed_equals_resident(folder: Path, batch: tuple[Tensor, Tensor]) -> None:
    sentences = _sentences(*batch)
    resident = _own(folder).encode(sentences, LENGTH)
    for compute in (Compute.FLOAT32, Compute.BFLOAT16):
        resident = _own(folder, compute=compute).encode(sentences, LENGTH)
        streamed = _own(folder, compute=compute, residency=Residency(2))
        assert streamed.layers.streamed
        assert torch.equal(streamed.encode(sentences, LENGTH), resident)
        assert torch.equal(streamed.encode(sentences, LENGTH), resident)


def test_can_be_trained(oracle: Any, batch: tuple[Tensor, Tensor]) -> None:
    tokens, valid = batch
    model = Gemma(parse_gemma_config(oracle.config.to_dict(), "config"))
    model.load_state_dict(oracle.state_dict())
    keep = valid[:, :, None, None]
    (model(tokens, valid) * keep).square().mean().backward()
    states = oracle(tokens, attention_mask=valid, output_hidden_states=True).hidden_states
    (torch.stack(states, dim=-1) * keep).square().mean().backward()
    theirs = dict(oracle.named_parameters())
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        gap = (parameter.grad - theirs[name].grad).abs().max() / theirs[name].grad.abs().max()
        assert gap <= 1e-4, name
    oracle.zero_grad()


def test_a_new_model_starts_with_unit_embeddings() -> None:
    model = Gemma(parse_gemma_config({"model_type": "gemma3_text", **TINY}, "config"))
    embedded = model.embed_tokens(torch.arange(96))
    assert 0.8 < float(embedded.detach().square().mean().sqrt()) < 1.2


OLD = {"model_type": "gemma3_text", **TINY}
NEW = {
    key: value
    for key, value in OLD.items()
    if not key.startswith("rope") and key != "sliding_window_pattern"
} | {
    "layer_types": ["sliding_attention", "sliding_attention", "full_attention"] * 2
    + ["sliding_attention"],
    "rope_parameters": {
        "full_attention": {"rope_theta": 50_000.0, "rope_type": "linear", "factor": 8.0},
        "sliding_attention": {"rope_theta": 500.0, "rope_type": "default"},
    },
}


def test_forms_of_the_config_agree() -> None:
    old, new = parse_gemma_config(OLD, "old"), parse_gemma_config(NEW, "new")
    assert old == new
    seeing = {"model_type": "gemma3", "text_config": OLD, "vision_config": {"hidden_size": 7}}
    assert parse_gemma_config(seeing, "seeing") == old
    assert old.rope_parameters["full_attention"].divisor == 8.0
    assert old.rope_parameters["sliding_attention"].divisor == 1.0
    older = OLD | {"rope_scaling": {"type": "linear", "factor": 8.0}}
    assert parse_gemma_config(older, "older") == old


def test_what_published_configs_leave_out() -> None:
    fields = {"model_type": "gemma3_text", "num_hidden_layers": 12, "rope_scaling": None}
    config = parse_gemma_config(fields, "config")
    assert (config.head_dim, config.vocab_size, config.rms_norm_eps) == (256, 262208, 1e-6)
    assert [i for i, kind in enumerate(config.layer_types) if kind == "full_attention"] == [5, 11]
    assert config.rope_parameters["full_attention"].rope_theta == 1e6
    assert config.rope_parameters["sliding_attention"].rope_theta == 1e4
    assert config.window("sliding_attention") == 4096
    assert parse_gemma_config(fields | {"sliding_window": None}, "x").sliding_window is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "gemma2"}, "gemma2"),
        ({"model_type": "gemma3n_text"}, "gemma3n_text"),
        ({"model_type": "gemma3", "text_config": {"model_type": "llama"}}, "llama"),
        ({"hidden_activation": "relu"}, "relu"),
        ({"attn_logit_softcapping": 30.0}, "attn_logit_softcapping"),
        ({"use_bidirectional_attention": True}, "use_bidirectional_attention"),
        ({"layer_types": ["full_attention"]}, "1 layers"),
        ({"layer_types": ["linear_attention"] * 7}, "layer_types"),
        ({"sliding_window_pattern": 0}, "pattern of 0"),
        ({"num_key_value_heads": 3}, "share 3"),
        ({"head_dim": 15}, "head_dim"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 2.0}}, "rope_type"),
        ({"rope_parameters": {"rope_theta": 1e4}}, "rope_parameters"),
        ({"hidden_size": 1 << 40}, "hidden_size"),
        ({"num_hidden_layers": "many"}, "sliding_window_pattern"),
    ],
)
def test_configs_that_are_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        parse_gemma_config(OLD | change, "folder/config.json")
    assert said in caught.value.what
    assert "Gemma 3 12B" in caught.value.mend
    assert caught.value.where == "folder/config.json"


def test_words_of_llama_cpp() -> None:
    words = {
        "general.architecture": "gemma3",
        "gemma3.embedding_length": "32",
        "gemma3.feed_forward_length": "64",
        "gemma3.block_count": "12",
        "gemma3.attention.head_count": "4",
        "gemma3.attention.head_count_kv": "2",
        "gemma3.attention.key_length": "16",
        "gemma3.attention.layer_norm_rms_epsilon": "9.999999974752427e-07",
        "gemma3.attention.sliding_window": "5",
        "gemma3.rope.freq_base": "1000000.0",
        "gemma3.rope.scaling.type": "linear",
        "gemma3.rope.scaling.factor": "8.0",
    }
    config = gguf_config(words, 96, "file.gguf")
    assert (config.vocab_size, config.num_hidden_layers, config.head_dim) == (96, 12, 16)
    assert config.rope_parameters["full_attention"].divisor == 8.0
    assert config.query_pre_attn_scalar == 16.0
    with pytest.raises(CheckpointError, match="'llama', not Gemma 3"):
        gguf_config(words | {"general.architecture": "llama"}, 96, "file.gguf")
    del words["gemma3.attention.key_length"]
    with pytest.raises(CheckpointError, match="head_dim"):
        gguf_config(words, 96, "file.gguf")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_on_a_gpu(folder: Path, batch: tuple[Tensor, Tensor]) -> None:
    sentences, device = _sentences(*batch), torch.device("cuda")
    expected = _own(folder).encode(sentences, LENGTH)
    resident = _own(folder, device=device).encode(sentences, LENGTH)
    streamed = _own(folder, device=device, residency=Residency(2)).encode(sentences, LENGTH)
    assert resident.device.type == "cpu"
    assert _gap(resident, expected) <= 1e-3  # float32 products may run in TF32
    assert torch.equal(streamed, resident)
