"""One random model in every layout that people have it in: the same numbers from each."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from reelwright.engine.memory.loading import CPU, resident
from reelwright.engine.memory.residency import Residency
from reelwright.engine.storage.int8 import Int8Source
from reelwright.engine.storage.mxfp8 import Mxfp8Source
from reelwright.engine.storage.nvfp4 import tile_scales
from reelwright.engine.storage.weights import (
    Compute,
    Float8Source,
    Format,
    Nvfp4Source,
    PlainSource,
    WeightSource,
)
from reelwright.engine.text.gemma import Gemma
from reelwright.engine.text.gemma_config import GEMMA3_12B
from reelwright.engine.text.gemma_gguf import ZeroCentredSource
from reelwright.engine.text.gemma_layouts import load_gemma, open_gemma
from reelwright.engine.text.gemma_rows import pick_rows
from reelwright.engine.text.text_encoder import load_text_encoder, text_encoder_digest
from reelwright.errors import CheckpointError, InputError

ROWS, WIDTH, INNER, LAYERS, HEADS, SHARED, HEAD = 96, 32, 64, 3, 4, 2, 16
LENGTH = 12
SENTENCES = [torch.tensor([2, 5, 90, 7, 31, 8, 64, 11]), torch.tensor([2])]

CONFIG: dict[str, Any] = {
    "model_type": "gemma3_text",
    "vocab_size": ROWS,
    "hidden_size": WIDTH,
    "intermediate_size": INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": SHARED,
    "head_dim": HEAD,
    "query_pre_attn_scalar": HEAD,
    "sliding_window": 5,
    "sliding_window_pattern": 3,
    "rope_theta": 50_000.0,
    "rope_scaling": {"rope_type": "linear", "factor": 8.0},
}

PARTS = {
    "self_attn.q_proj": ("attn_q", (HEADS * HEAD, WIDTH)),
    "self_attn.k_proj": ("attn_k", (SHARED * HEAD, WIDTH)),
    "self_attn.v_proj": ("attn_v", (SHARED * HEAD, WIDTH)),
    "self_attn.o_proj": ("attn_output", (WIDTH, HEADS * HEAD)),
    "self_attn.q_norm": ("attn_q_norm", (HEAD,)),
    "self_attn.k_norm": ("attn_k_norm", (HEAD,)),
    "mlp.gate_proj": ("ffn_gate", (INNER, WIDTH)),
    "mlp.up_proj": ("ffn_up", (INNER, WIDTH)),
    "mlp.down_proj": ("ffn_down", (WIDTH, INNER)),
    "input_layernorm": ("attn_norm", (WIDTH,)),
    "post_attention_layernorm": ("post_attention_norm", (WIDTH,)),
    "pre_feedforward_layernorm": ("ffn_norm", (WIDTH,)),
    "post_feedforward_layernorm": ("post_ffw_norm", (WIDTH,)),
}
NAMES = {
    f"layers.{i}.{ours}.weight": (f"blk.{i}.{theirs}.weight", shape)
    for i in range(LAYERS)
    for ours, (theirs, shape) in PARTS.items()
} | {
    "embed_tokens.weight": ("token_embd.weight", (ROWS, WIDTH)),
    "norm.weight": ("output_norm.weight", (WIDTH,)),
}
Weights = dict[str, Tensor]


@pytest.fixture
def weights(generator: torch.Generator) -> Weights:
    """Rounded to bfloat16, in which the layouts agree to the bit."""
    return {
        name: (torch.randn(shape, generator=generator) * 0.25).bfloat16().float()
        for name, (_, shape) in NAMES.items()
    }


@pytest.fixture
def expected(weights: Weights, tmp_path: Path) -> Gemma:
    """Of the folder of one plain file."""
    return _model(_folder(tmp_path / "expected", weights, "model."))


def _folder(path: Path, weights: Weights, prefix: str, shards: int = 1, **extra: Any) -> Path:
    path.mkdir()
    (path / "config.json").write_text(json.dumps(extra.pop("config", CONFIG)))
    named = {prefix + name: tensor for name, tensor in weights.items()} | extra
    names = sorted(named)
    index = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        mine = names[shard::shards]
        save_file({name: named[name].contiguous() for name in mine}, path / file)
        index |= dict.fromkeys(mine, file)
    if shards > 1:
        text = json.dumps({"metadata": {}, "weight_map": index})
        (path / "model.safetensors.index.json").write_text(text)
    return path


def _single(path: Path, tensors: Weights, config: Any = CONFIG) -> Path:
    words = {} if config is None else {"config": json.dumps(config)}
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path, words)
    return path


def _gguf(
    path: Path,
    weights: Weights,
    *,
    quantised: bool = False,
    arch: str = "gemma3",
    extra: str = "output.weight",
) -> Path:
    writer = gguf.GGUFWriter(path, arch)
    writer.add_embedding_length(WIDTH)
    writer.add_feed_forward_length(INNER)
    writer.add_block_count(LAYERS)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(SHARED)
    writer.add_key_length(HEAD)
    writer.add_value_length(HEAD)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_sliding_window(5)
    writer.add_sliding_window_pattern(3)
    writer.add_rope_freq_base(50_000.0)
    writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
    writer.add_rope_scaling_factor(8.0)
    for ours, tensor in weights.items():
        stored = tensor + 1.0 if ours.endswith("norm.weight") else tensor
        if quantised and tensor.ndim == 2:
            kind = gguf.GGMLQuantizationType.Q8_0
            blocks = gguf.quants.quantize(stored.numpy(), kind)
            writer.add_tensor(NAMES[ours][0], blocks, raw_dtype=kind)
        else:
            writer.add_tensor(NAMES[ours][0], stored.numpy())
    writer.add_tensor(extra, np.zeros((2, 2), dtype=np.float32))
    writer.add_tokenizer_model("llama")
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", *map(chr, range(33, 33 + ROWS - 4))]
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * ROWS)
    writer.add_token_types([3, 3, 3, 2] + [1] * (ROWS - 4))
    writer.add_bos_token_id(2)
    writer.add_pad_token_id(0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _model(path: Path, beside: Path | None = None, **choices: Any) -> Gemma:
    return load_gemma(open_gemma(path, beside), **choices)


def _check_same(one: Gemma, two: Gemma) -> None:
    """The same weights, to the bit, and the same states.

    A product's last bit depends on where its weight lies in memory, which for a view of a file is
    where it lies in the file: states of two files may differ by 1e-6.
    """
    others = dict(two.named_parameters())
    for name, parameter in one.named_parameters():
        assert torch.equal(parameter, others[name]), name
    found, wanted = (model.encode(SENTENCES, LENGTH) for model in (one, two))
    assert found.abs().amax() > 1
    assert torch.equal(found[..., 0], wanted[..., 0])
    tolerance = 1e-5 if found.dtype == torch.float32 else 3e-2
    assert (found - wanted).abs().max() <= tolerance * wanted.abs().max()


def _check_exact(path: Path) -> None:
    """What is stored packed runs as a model of its dequantised weights does, to the bit."""
    files = open_gemma(path)
    plain = Gemma(files.config).requires_grad_(False)
    plain.load_state_dict(
        {name: resident(source, Compute.FLOAT32, CPU) for name, source in files.weights.items()}
    )
    packed = _model(path)
    for parameter in packed.parameters():
        parameter.data = parameter.clone()  # not where the file has it, see `_check_same`
    assert torch.equal(packed.encode(SENTENCES, LENGTH), plain.encode(SENTENCES, LENGTH))


SIGHT = {
    "vision_tower.vision_model.head.weight": torch.zeros(2),
    "multi_modal_projector.norm.weight": torch.zeros(2),
}


@pytest.mark.parametrize(
    ("prefix", "others"),
    [
        ("language_model.model.", SIGHT | {"language_model.lm_head.weight": torch.zeros(2)}),
        (
            "model.language_model.",
            {"model." + name: tensor for name, tensor in SIGHT.items()}
            | {"lm_head.weight": torch.zeros(2)},
        ),
        ("model.", {"lm_head.weight": torch.zeros(2)}),
        ("", {}),
    ],
)
def test_folders(
    weights: Weights, expected: Gemma, tmp_path: Path, prefix: str, others: Weights
) -> None:
    seeing = {"model_type": "gemma3", "text_config": CONFIG, "vision_config": {}}
    path = _folder(tmp_path / "sharded", weights, prefix, shards=3, config=seeing, **others)
    _check_same(_model(path), expected)
    _check_same(_model(path / "model.safetensors.index.json"), expected)


def test_folder_in_bfloat16_is_read_where_it_lies(
    weights: Weights, expected: Gemma, tmp_path: Path
) -> None:
    half = {name: tensor.bfloat16() for name, tensor in weights.items()}
    path = _folder(tmp_path / "half", half, "model.")
    _check_same(_model(path), expected)
    files = open_gemma(path)
    model = load_gemma(files, compute=Compute.BFLOAT16)
    ours = dict(model.named_parameters())
    for name, source in files.weights.items():
        if name != "embed_tokens.weight":
            stored = source.view(Compute.BFLOAT16)
            assert stored is not None
            assert ours[name].data_ptr() == stored.data_ptr()
    assert "embed_tokens.weight" not in ours


def test_single_file(weights: Weights, expected: Gemma, tmp_path: Path) -> None:
    half = {f"model.{name}": tensor.bfloat16() for name, tensor in weights.items()}
    extras = {"spiece_model": torch.zeros(9, dtype=torch.uint8), **SIGHT}
    path = _single(tmp_path / "one.safetensors", half | extras)
    _check_same(_model(path), expected)
    bare = _single(tmp_path / "bare.safetensors", half | extras, config=None)
    (tmp_path / "config.json").write_text(json.dumps(CONFIG))
    _check_same(_model(bare, tmp_path), expected)
    with pytest.raises(CheckpointError, match="carries no config, and with 3 layers"):
        open_gemma(bare)


@pytest.mark.parametrize("suffix", ["weight_scale", "scale_weight"])
def test_scaled_float8_equals_its_dequantised_self(
    weights: Weights, tmp_path: Path, suffix: str
) -> None:
    packed: Weights = {"scaled_fp8": torch.zeros(2).to(torch.float8_e4m3fn)}
    plain: Weights = {}
    for name, tensor in weights.items():
        if tensor.ndim == 1:
            packed[f"model.{name}"] = plain[name] = tensor
            continue
        scale = tensor.abs().max() / 448
        data = (tensor / scale).to(torch.float8_e4m3fn)
        packed[f"model.{name}"] = data
        packed[f"model.{name.removesuffix('weight')}{suffix}"] = scale
        plain[name] = data.float() * scale
    path = _single(tmp_path / "fp8.safetensors", packed)
    assert open_gemma(path).weights["layers.0.mlp.up_proj.weight"].storage == Format.FLOAT8
    _check_exact(path)
    for compute in (Compute.FLOAT32, Compute.BFLOAT16):
        folder = _folder(tmp_path / f"{compute}", plain, "model.")
        _check_same(_model(path, compute=compute), _model(folder, compute=compute))


def test_nvfp4_equals_its_dequantised_self(
    weights: Weights, tmp_path: Path, generator: torch.Generator
) -> None:
    packed = {f"model.{name}": tensor for name, tensor in weights.items()}
    plain = dict(weights)
    for name in ("layers.1.mlp.up_proj", "embed_tokens"):
        source = _nvfp4(weights[f"{name}.weight"].shape, generator)
        key = f"model.{name}"
        packed[f"{key}.weight"] = source.packed
        packed[f"{key}.weight_scale"] = source.block_scale
        packed[f"{key}.weight_scale_2"] = source.tensor_scale
        text = json.dumps({"format": "nvfp4"}).encode()
        packed[f"{key}.comfy_quant"] = torch.tensor(list(text), dtype=torch.uint8)
        plain[f"{name}.weight"] = resident(source, Compute.FLOAT32, CPU)
    path = _single(tmp_path / "fp4.safetensors", packed)
    assert open_gemma(path).weights["layers.1.mlp.up_proj.weight"].storage == Format.NVFP4
    _check_exact(path)
    _check_same(_model(path), _model(_folder(tmp_path / "plain", plain, "model.")))


def _nvfp4(shape: torch.Size, generator: torch.Generator) -> Nvfp4Source:
    rows, columns = shape
    packed = torch.randint(0, 256, (rows, columns // 2), generator=generator, dtype=torch.uint8)
    scales = torch.rand(rows, columns // 16, generator=generator).to(torch.float8_e4m3fn)
    tiled = tile_scales(scales.float()).to(torch.float8_e4m3fn)
    return Nvfp4Source("w", packed, tiled, torch.tensor(0.2))


def test_gguf(weights: Weights, expected: Gemma, tmp_path: Path) -> None:
    path = _gguf(tmp_path / "plain.gguf", weights)
    _check_same(_model(path), expected)


def test_gguf_equals_its_dequantised_self(weights: Weights, tmp_path: Path) -> None:
    path = _gguf(tmp_path / "packed.gguf", weights, quantised=True)
    files = open_gemma(path)
    assert files.weights["embed_tokens.weight"].storage == Format.GGUF
    plain = {name: resident(source, Compute.FLOAT32, CPU) for name, source in files.weights.items()}
    _check_exact(path)
    _check_same(_model(path), _model(_folder(tmp_path / "plain", plain, "model.")))
    half = {name: tensor.bfloat16() for name, tensor in plain.items()}
    rounded = _folder(tmp_path / "half", half, "model.")
    _check_same(*(_model(each, compute=Compute.BFLOAT16) for each in (path, rounded)))


def test_a_packed_gguf_is_streamed_to_the_bit(weights: Weights, tmp_path: Path) -> None:
    path = _gguf(tmp_path / "packed.gguf", weights, quantised=True)
    streamed = _model(path, residency=Residency(2))
    assert streamed.layers.streamed
    assert not list(streamed.layers.parameters())
    found = streamed.encode(SENTENCES, LENGTH)
    assert torch.equal(found, _model(path).encode(SENTENCES, LENGTH))


def test_a_gguf_brings_its_tokenizer(weights: Weights, tmp_path: Path) -> None:
    path = _gguf(tmp_path / "plain.gguf", weights)
    encoder = load_text_encoder(path)
    assert encoder.digest == text_encoder_digest(path)
    hidden = encoder.encode([" ab\n"])
    assert int(hidden.valid.sum()) == 3
    tokens = torch.tensor([2, 4 + ord("a") - 33, 4 + ord("b") - 33])
    assert torch.equal(hidden.states, encoder.gemma.encode([tokens], 1024))


def test_rows_are_those_of_the_whole(generator: torch.Generator) -> None:
    rows = torch.tensor([299, 0, 128, 128, 37])
    table = torch.randn(300, 64, generator=generator)
    eight = (table / 4).to(torch.float8_e4m3fn)
    for source in (
        PlainSource("w", table),
        PlainSource("w", eight),
        Float8Source("w", eight, torch.tensor(0.5)),
        Float8Source("w", eight, torch.rand(300, 1, generator=generator)),
        _nvfp4(torch.Size((300, 80)), generator),
        Int8Source("w", (table * 30).to(torch.int8), torch.rand(300, 1, generator=generator)),
        _mxfp8(eight, generator),
        _other(table),
    ):
        whole = resident(source, Compute.FLOAT32, CPU)
        picked = pick_rows(source, rows)
        assert picked.shape == (5, whole.shape[1])
        assert picked.nbytes < source.nbytes
        assert torch.equal(resident(picked, Compute.FLOAT32, CPU), whole[rows])


def _mxfp8(data: Tensor, generator: torch.Generator) -> Mxfp8Source:
    rows, columns = data.shape
    powers = torch.randint(-20, 20, (rows, columns // 32), generator=generator)
    tiled = tile_scales(torch.exp2(powers.float())).to(torch.float8_e8m0fnu)
    return Mxfp8Source("w", data, tiled)


def _other(table: Tensor) -> WeightSource:
    """Stored in a way that rows are not picked from: read whole."""
    return ZeroCentredSource(PlainSource("w", table))


def test_a_token_that_has_no_row(weights: Weights, tmp_path: Path) -> None:
    model = _model(_folder(tmp_path / "model", weights, "model."))
    with pytest.raises(InputError, match=f"token {ROWS}, and the text encoder knows {ROWS}"):
        model.encode([torch.tensor([2, ROWS])], LENGTH)


Change = Callable[[Weights], object]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda w: w.pop("layers.2.mlp.up_proj.weight"), "missing"),
        (lambda w: w.update({"layers.3.mlp.up_proj.weight": torch.zeros(2)}), "accounts for it"),
        (lambda w: w.update({"layers.2.mlp.up_proj.weight": torch.zeros(2, 2)}), "shape is [2, 2]"),
        (lambda w: w.update({"norm.weight": torch.zeros(32, dtype=torch.int32)}), "I32"),
        (lambda w: w.pop("layers.0.self_attn.q_norm.weight"), "another model"),
        (lambda w: w.update({"language_model.model.norm.weight": torch.zeros(2)}), "twice"),
    ],
)
def test_tensors_that_do_not_fit(
    weights: Weights, tmp_path: Path, change: Change, said: str
) -> None:
    change(weights)
    named = {
        name if name.startswith("language") else f"model.{name}": tensor
        for name, tensor in weights.items()
    }
    with pytest.raises(CheckpointError) as caught:
        open_gemma(_single(tmp_path / "bad.safetensors", named))
    assert said in caught.value.what
    assert "bad.safetensors" in caught.value.where
    assert caught.value.mend


def test_another_model(tmp_path: Path) -> None:
    t5 = {"encoder.block.0.layer.0.SelfAttention.q.weight": torch.zeros(2, 2)}
    with pytest.raises(CheckpointError, match=r"another model: .* but encoder\.block"):
        open_gemma(_single(tmp_path / "t5.safetensors", t5, config=None))
    config = {"model_type": "gemma4"}
    with pytest.raises(CheckpointError, match="'gemma4', not Gemma 3"):
        open_gemma(_folder(tmp_path / "gemma4", t5, "", config=config))
    with pytest.raises(CheckpointError, match="cannot be read"):
        open_gemma(tmp_path / "nothing.safetensors")


def test_another_gguf(weights: Weights, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="'llama', not Gemma 3"):
        open_gemma(_gguf(tmp_path / "llama.gguf", weights, arch="llama"))
    with pytest.raises(CheckpointError, match="not one of Gemma 3's"):
        open_gemma(_gguf(tmp_path / "odd.gguf", weights, extra="v.blk.0.attn_q.weight"))
    del weights["norm.weight"]
    with pytest.raises(CheckpointError, match="missing"):
        open_gemma(_gguf(tmp_path / "part.gguf", weights))


def test_lone_files_of_the_real_size_need_no_config(tmp_path: Path) -> None:
    """Only as far as the check of names: 48 layers of the right norms, all else missing."""
    names = [f"model.layers.{i}.mlp.down_proj.weight" for i in range(48)]
    tensors = dict.fromkeys(names, torch.zeros(1))
    for mark in ("self_attn.q_norm", "pre_feedforward_layernorm"):
        tensors[f"model.layers.0.{mark}.weight"] = torch.zeros(1)
    tensors["model.norm.weight"] = torch.zeros(int(GEMMA3_12B["hidden_size"]))
    path = tmp_path / "12b.safetensors"
    save_file({name: tensor.clone() for name, tensor in tensors.items()}, path)
    with pytest.raises(CheckpointError) as caught:
        open_gemma(path)
    assert "It is missing" in caught.value.what
    assert "embed_tokens.weight" in caught.value.where
