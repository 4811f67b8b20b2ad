from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from reelwright.engine import (
    Checkpoint,
    Compute,
    GuidedDenoise,
    Guider,
    StreamRun,
    load_transformer,
)
from reelwright.engine.checkpoints.config import TransformerConfig
from reelwright.engine.checkpoints.names import transformer_name
from reelwright.engine.denoiser.transformer import Transformer
from reelwright.engine.memory.residency import (
    RESIDENT,
    Blocks,
    Residency,
    load_blocks,
    split_blocks,
)
from reelwright.engine.sampling.tokens import audio_tokens, video_tokens
from reelwright.engine.storage.weights import LoraDelta, PlainSource
from reelwright.errors import CheckpointError, InputError

Save = Callable[..., Path]
Tensors = dict[str, Tensor]

CPU = torch.device("cpu")
PREFIX = "model.diffusion_model."
CONFIG: dict[str, Any] = {
    "num_attention_heads": 2,
    "attention_head_dim": 32,
    "in_channels": 4,
    "out_channels": 4,
    "num_layers": 3,
    "cross_attention_dim": 64,
    "audio_num_attention_heads": 2,
    "audio_attention_head_dim": 16,
    "audio_in_channels": 6,
    "audio_out_channels": 6,
    "audio_cross_attention_dim": 32,
    "apply_gated_attention": True,
    "cross_attention_adaln": True,
    "caption_proj_before_connector": True,
}


SECTIONS = {"transformer": CONFIG}


@pytest.fixture(scope="module")
def tensors() -> Tensors:
    """Random weights of a joint model, by official name."""
    with torch.device("meta"):
        model = Transformer(TransformerConfig(**CONFIG))
    generator = torch.Generator().manual_seed(2)
    return {
        PREFIX + transformer_name(name): torch.randn(tensor.shape, generator=generator) * 0.2
        for name, tensor in model.state_dict().items()
    }


def _is_matrix(name: str, tensor: Tensor) -> bool:
    blocks = "transformer_blocks." in name and name.endswith(".weight")
    return blocks and tensor.ndim == 2 and tensor.shape[1] % 32 == 0


def _as_float8(tensors: Tensors) -> Tensors:
    packed: Tensors = {}
    for name, tensor in tensors.items():
        packed[name] = tensor.bfloat16()
        if _is_matrix(name, tensor):
            scale = tensor.abs().max() / 448
            packed[name] = (tensor / scale).to(torch.float8_e4m3fn)
            packed[f"{name}_scale"] = scale
    return packed


def _as_gguf(tensors: Tensors, path: Path, config: dict[str, Any]) -> Path:
    writer = gguf.GGUFWriter(path, "ltxv")
    writer.add_string("config", json.dumps({"transformer": config}))
    for name, tensor in tensors.items():
        own, kind = name.removeprefix(PREFIX), gguf.GGMLQuantizationType.Q8_0
        if _is_matrix(name, tensor):
            writer.add_tensor(own, gguf.quants.quantize(tensor.numpy(), kind), raw_dtype=kind)
        else:
            writer.add_tensor(own, tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="module")
def checkpoints(tensors: Tensors, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same model as each storage has it."""
    folder, words = tmp_path_factory.mktemp("stored"), {"config": json.dumps(SECTIONS)}
    half = {name: tensor.bfloat16() for name, tensor in tensors.items()}
    stored = {"float32": tensors, "bfloat16": half, "float8": _as_float8(tensors)}
    paths = {name: folder / f"{name}.safetensors" for name in stored}
    for name, parts in stored.items():
        save_file(parts, paths[name], words)
    return paths | {"q8_0": _as_gguf(tensors, folder / "model.gguf", CONFIG)}


def _lora(tensors: Tensors) -> dict[str, list[LoraDelta]]:
    """A change to one weight of the second block and one of an end."""
    generator = torch.Generator().manual_seed(6)
    loras = {}
    for name in ("transformer_blocks.1.attn1.to_q.weight", "patchify_proj.weight"):
        rows, columns = tensors[PREFIX + name].shape
        down = torch.randn(2, columns, generator=generator)
        loras[name] = [LoraDelta(down, torch.randn(rows, 2, generator=generator), 0.3)]
    return loras


def _denoise(model: Transformer, guider: Guider | None = None) -> tuple[Tensor, ...]:
    """Two steps, with and without guidance."""
    generator = torch.Generator().manual_seed(8)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    guider = guider or Guider()
    video, audio = (
        video_tokens(draw(1, 4, 2, 2, 2), 24.0),
        audio_tokens(draw(1, 2, 5, 3)),
    )
    streams = [
        StreamRun("video", video, draw(1, 6, 64), draw(1, 6, 64), guider),
        StreamRun("audio", audio, draw(1, 6, 32), draw(1, 6, 32), guider),
    ]
    denoise = GuidedDenoise(model, streams, (0.9, 0.4))
    device = next(model.parameters()).device
    latents = (video.clean.to(device), audio.clean.to(device))
    for sigma in (0.9, 0.4):
        latents = denoise(latents, sigma)
    return latents


@pytest.mark.parametrize(
    ("storage", "compute", "with_lora"),
    [
        ("float32", Compute.FLOAT32, False),
        ("float32", Compute.BFLOAT16, True),
        ("bfloat16", Compute.BFLOAT16, False),
        ("bfloat16", Compute.FLOAT32, True),
        ("float8", Compute.BFLOAT16, False),
        ("float8", Compute.FLOAT32, True),
        ("q8_0", Compute.BFLOAT16, True),
        ("q8_0", Compute.FLOAT32, False),
    ],
)
def test_streamed_equals_resident(
    checkpoints: dict[str, Path],
    tensors: Tensors,
    storage: str,
    compute: Compute,
    with_lora: bool,
) -> None:
    loras = _lora(tensors) if with_lora else {}
    checkpoint = Checkpoint.open(checkpoints[storage])
    kept, streamed = (
        load_transformer(checkpoint, compute=compute, loras=loras, residency=Residency(slots))
        for slots in (None, 2)
    )
    assert streamed.blocks.streamed
    assert not kept.blocks.streamed
    results = zip(_denoise(kept), _denoise(streamed), strict=True)
    assert all(torch.equal(a, b) for a, b in results)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("with_lora", [False, True])
@pytest.mark.parametrize("storage", ["float32", "bfloat16", "float8", "q8_0"])
def test_streamed_equals_resident_on_a_gpu(
    checkpoints: dict[str, Path], tensors: Tensors, storage: str, with_lora: bool
) -> None:
    loras = _lora(tensors) if with_lora else {}
    checkpoint, device = Checkpoint.open(checkpoints[storage]), torch.device("cuda")
    kept, streamed = (
        load_transformer(
            checkpoint,
            compute=Compute.BFLOAT16,
            device=device,
            loras=loras,
            residency=Residency(slots),
        )
        for slots in (None, 2)
    )
    results = zip(_denoise(kept), _denoise(streamed), strict=True)
    assert all(torch.equal(a, b) for a, b in results)


def test_lora_reaches_streamed_blocks(checkpoints: dict[str, Path], tensors: Tensors) -> None:
    """Of the block's change alone: the one of an end would show in a model of either kind."""
    checkpoint = Checkpoint.open(checkpoints["bfloat16"])
    loras = {name: lora for name, lora in _lora(tensors).items() if "blocks" in name}
    bare, changed = (
        load_transformer(checkpoint, loras=changes, residency=Residency(2))
        for changes in ({}, loras)
    )
    assert not torch.equal(_denoise(bare)[0], _denoise(changed)[0])


def test_guidance_adds_no_copies(checkpoints: dict[str, Path]) -> None:
    guider = Guider(cfg_scale=3.0, stg_scale=1.0, stg_blocks=(1,), modality_scale=2.0)
    model = load_transformer(Checkpoint.open(checkpoints["bfloat16"]), residency=Residency(2))
    _denoise(model)
    plain = model.blocks.copies
    assert plain == 2 * 3 * 86, "two steps, three blocks, every weight once"
    _denoise(model, guider)
    assert model.blocks.copies == 2 * plain


def test_names_and_parameters(checkpoints: dict[str, Path], tensors: Tensors) -> None:
    kept = load_transformer(Checkpoint.open(checkpoints["float32"]))
    assert {PREFIX + transformer_name(name) for name in kept.state_dict()} == set(tensors)
    assert not any(parameter.requires_grad for parameter in kept.parameters())
    streamed = load_transformer(Checkpoint.open(checkpoints["float32"]), residency=Residency(2))
    assert not any(name.startswith("blocks.") for name in streamed.state_dict())
    assert len(streamed.blocks) == len(kept.blocks) == 3


def test_a_transformer_of_its_own_can_be_trained() -> None:
    model = Transformer(TransformerConfig(**CONFIG))
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.1)
    assert sum(name.startswith("blocks.2.") for name, _ in model.named_parameters()) == 86
    _velocity(model).square().mean().backward()  # type: ignore[no-untyped-call]
    assert model.blocks.bodies[2].video.self_attention.to_q.weight.grad is not None
    other = Transformer(TransformerConfig(**CONFIG))
    other.load_state_dict(model.state_dict())
    assert torch.equal(_velocity(other), _velocity(model))


def _velocity(model: Transformer) -> Tensor:
    from reelwright.engine.denoiser.modulation import Levels
    from reelwright.engine.denoiser.positions import video_positions
    from reelwright.engine.denoiser.transformer import StreamInput, StreamLevels

    level = StreamLevels(Levels.of(torch.full((1, 8), 0.5)), torch.tensor([0.5]))
    given = StreamInput(video_positions((2, 2, 2), 24.0), torch.ones(1, 5, 64))
    latent = torch.linspace(-1, 1, 32).view(1, 8, 4)
    found, _ = model((latent, None), model.step(level, None), model.layout(given, None))
    assert found is not None
    return found


@pytest.mark.parametrize("num_slots", [1, 0, -3])
def test_a_ring_of_fewer_than_two(num_slots: int) -> None:
    with pytest.raises(InputError, match=f"ring of {num_slots}") as caught:
        Residency(num_slots)
    assert "2 slots or more" in caught.value.mend
    assert RESIDENT.num_slots is None


@pytest.mark.parametrize("residency", [RESIDENT, Residency(2)])
@pytest.mark.parametrize(
    ("change", "words", "where"),
    [
        ({"to_q": None}, "missing", "layers.1.to_q"),
        ({"to_q": torch.ones(2, 3)}, r"\[2, 3\].*\[2, 2\]", "layers.1.to_q"),
        ({"other": torch.ones(1)}, "accounts for it", "layers.1.other"),
    ],
)
def test_blocks_that_do_not_fit(
    residency: Residency, change: dict[str, Tensor | None], words: str, where: str
) -> None:
    """Nothing is read before every block was checked: the first block here cannot be read."""
    whole: dict[str, Tensor | None] = {"to_q": torch.ones(2, 2)}
    blocks = [whole, whole | change]
    sources = [{n: _Unread(n, t) for n, t in b.items() if t is not None} for b in blocks]
    with pytest.raises(CheckpointError, match=words) as caught:
        _load(sources, residency)
    assert caught.value.where == f"model: {where}"


@pytest.mark.parametrize("residency", [RESIDENT, Residency(2)])
def test_lora_for_other_blocks(residency: Residency) -> None:
    sources = [{"to_q": _Unread("to_q", torch.ones(2, 2))}] * 2
    delta = LoraDelta(torch.ones(1, 5), torch.ones(2, 1), 1.0)
    with pytest.raises(CheckpointError, match=r"\[2, 5\].*has as \[2, 2\]") as caught:
        _load(sources, residency, [{}, {"to_q": [delta]}])
    assert caught.value.where == "layers.1.to_q"


class _Unread(PlainSource):
    def view(self, compute: Compute) -> Tensor | None:
        raise AssertionError("read before all was checked")


def _load(
    sources: list[dict[str, _Unread]],
    residency: Residency,
    loras: list[dict[str, list[LoraDelta]]] | None = None,
) -> Blocks[nn.Linear]:
    return load_blocks(
        lambda: nn.Linear(2, 2, bias=False),
        sources,
        compute=Compute.FLOAT32,
        device=CPU,
        residency=residency,
        official=lambda name: name.replace("weight", "to_q"),
        loras=loras or (),
        where="model",
        prefix=lambda index: f"layers.{index}.",
    )


def test_a_checkpoint_without_one_blocks_weight(tensors: Tensors, save: Save) -> None:
    lost = f"{PREFIX}transformer_blocks.1.audio_attn2.to_k.bias"
    path = save({n: t for n, t in tensors.items() if n != lost}, SECTIONS)
    for residency in (RESIDENT, Residency(2)):
        with pytest.raises(CheckpointError, match="missing") as caught:
            load_transformer(Checkpoint.open(path), residency=residency)
        assert caught.value.where == f"{path}: {lost}"


def test_values_are_sorted_by_block() -> None:
    values = {"blocks.0.a": 1, "blocks.10.a.b": 2, "blocks.x.a": 3, "ends.0.a": 4, "blocks.0.c": 5}
    sorted_ = split_blocks(values, "blocks.", 11)
    assert sorted_[0] == {"a": 1, "c": 5}
    assert sorted_[10] == {"a.b": 2}
    assert sum(map(len, sorted_)) == 3


MEASURE = """
import sys, torch
from pathlib import Path
torch.set_num_threads(1)
from reelwright.engine.checkpoints.checkpoint import Checkpoint
from reelwright.engine.denoiser.models import load_transformer
from reelwright.engine.memory.residency import Residency

def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))

checkpoint = Checkpoint.open(Path(sys.argv[1]))
before = anonymous()
model = load_transformer(checkpoint, residency=Residency(2))
peak = anonymous()
for block in model.blocks:
    peak = max(peak, anonymous())
print(peak - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_memory_of_a_streamed_model_is_that_of_its_slots(tmp_path: Path) -> None:
    """100 MB in float32 and a quarter of that at rest, in 24 blocks."""
    config = CONFIG | {"num_layers": 24, "attention_head_dim": 128, "cross_attention_dim": 256}
    with torch.device("meta"):
        model = Transformer(TransformerConfig(**config), audio=False)
    block = sum(parameter.nbytes for parameter in model.blocks.bodies[0].parameters())
    assert 24 * block > 95e6
    named = {
        PREFIX + transformer_name(name): torch.zeros(tensor.shape)
        for name, tensor in model.state_dict().items()
    }
    path = _as_gguf(named, tmp_path / "model.gguf", config)

    command = [sys.executable, "-c", MEASURE, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    # Measured: 11.2 MB, of which the slots are 8.5; all blocks resident 105.6 MB.
    assert 2 * block < int(done.stdout) < 2 * block + 16e6
