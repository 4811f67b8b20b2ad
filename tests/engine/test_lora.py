from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from reelwright.engine import Checkpoint, TensorFile, lora_deltas, stack_loras
from reelwright.engine.checkpoints.checkpoint import Component
from reelwright.engine.checkpoints.lora import lora_metadata
from reelwright.errors import CheckpointError

Save = Callable[..., Path]

Q = "transformer_blocks.0.attn1.to_q"
CPU = torch.device("cpu")


def _halves(module: str, down: str = "lora_A", up: str = "lora_B") -> dict[str, Tensor]:
    return {
        f"{module}.{down}.weight": torch.full((2, 4), 0.5),
        f"{module}.{up}.weight": torch.full((6, 2), 2.0),
    }


@pytest.mark.parametrize(
    ("module", "down", "up"),
    [
        (f"diffusion_model.{Q}", "lora_A", "lora_B"),
        (f"model.diffusion_model.{Q}", "lora_A", "lora_B"),
        (f"transformer.{Q}", "lora_A", "lora_B"),
        (Q, "lora_A", "lora_B"),
        (f"base_model.model.{Q}", "lora_A.default", "lora_B.default"),
        (f"diffusion_model.{Q}", "lora_down", "lora_up"),
        (f"transformer.{Q}", "lora.down", "lora.up"),
    ],
)
def test_layouts(save: Save, module: str, down: str, up: str) -> None:
    (found,) = lora_deltas(TensorFile(save(_halves(module, down, up))), 0.5).items()
    assert found[0] == f"{Q}.weight"
    assert torch.equal(found[1].dense(CPU), torch.full((6, 4), 1.0))


@pytest.mark.parametrize(
    ("theirs", "official"),
    [
        ("proj_in", "patchify_proj"),
        ("audio_proj_in", "audio_patchify_proj"),
        ("time_embed.linear", "adaln_single.linear"),
        ("audio_prompt_adaln.linear", "audio_prompt_adaln_single.linear"),
        ("av_cross_attn_video_a2v_gate.linear", "av_ca_a2v_gate_adaln_single.linear"),
        ("transformer_blocks.3.ff.net.0.proj", "transformer_blocks.3.ff.net.0.proj"),
    ],
)
def test_names_of_diffusers(save: Save, theirs: str, official: str) -> None:
    assert set(lora_deltas(TensorFile(save(_halves(f"transformer.{theirs}"))), 1.0)) == {
        f"{official}.weight"
    }


@pytest.mark.parametrize("alpha", [torch.tensor(8.0), torch.tensor([8.0]).bfloat16()])
def test_alpha_scales_by_its_share_of_the_rank(save: Save, alpha: Tensor) -> None:
    module = f"diffusion_model.{Q}"
    tensors = _halves(module, "lora_down", "lora_up") | {f"{module}.alpha": alpha}
    delta = lora_deltas(TensorFile(save(tensors)), 0.5)[f"{Q}.weight"]
    assert delta.strength == 0.5 * 8 / 2


def _with(**more: Tensor) -> dict[str, Tensor]:
    return _halves(f"diffusion_model.{Q}") | more


@pytest.mark.parametrize(
    ("tensors", "words"),
    [
        (_with(x=torch.ones(1)), "not a half"),
        (_with(**{"a.dora_scale": torch.ones(1)}), "DoRA"),
        (_with(**{"a.hada_w1_a": torch.ones(1)}), "LoHa"),
        (_with(**{"a.lokr_w1": torch.ones(1)}), "LoKr"),
        (_with(**{"a.diff_b": torch.ones(1)}), "full change"),
        (_with(**{"a.alpha": torch.ones(1)}), "not a half"),
        (_with(**{f"diffusion_model.{Q}.alpha": torch.ones(2)}), "not a number"),
        (_halves("lora_unet_transformer_blocks_0_attn1_to_q", "lora_down", "lora_up"), "kohya"),
        (_halves("a") | {"a.lora_B.weight": torch.ones(6, 3)}, "do not fit"),
        ({"a.lora_down.weight": torch.ones(2, 4)}, "lora_up half"),
        ({k: t.to(torch.int32) for k, t in _halves("a").items()}, "stored as I32"),
        (_with() | _halves(f"transformer.{Q}"), "changed twice"),
    ],
)
def test_files_that_are_refused(save: Save, tensors: dict[str, Tensor], words: str) -> None:
    path = save(tensors)
    with pytest.raises(CheckpointError, match=words) as caught:
        lora_deltas(TensorFile(path), 1.0)
    assert str(path) in caught.value.where
    assert caught.value.mend


def test_what_a_reference_is_scaled_by(save: Save) -> None:
    words = {"reference_downscale_factor": "2", "ss_base_model": "ltx2"}
    found = lora_metadata(TensorFile(save(_with(), metadata=words)))
    assert found.reference_downscale == 2
    assert found.reference_temporal_scale is None
    assert found.words["ss_base_model"] == "ltx2"


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "half"])
def test_scales_that_cannot_be(save: Save, text: str) -> None:
    file = TensorFile(save(_with(), metadata={"reference_temporal_scale_factor": text}))
    with pytest.raises(CheckpointError, match="not a positive number"):
        lora_metadata(file)


def test_loras_beside_a_model(save: Save) -> None:
    """They are handed out, and are no part of the model; two may change the same weights."""
    model = save({f"{Q}.weight": torch.ones(6, 4)}, name="model")
    loras = [save(_with(), name=name) for name in ("one", "two")]
    checkpoint = Checkpoint.open(model, *loras)
    assert checkpoint.components == {Component.TRANSFORMER, Component.LORA}
    assert [file.path for file in checkpoint.loras] == loras
    assert len(list(checkpoint.names)) == 1
    stack = stack_loras([(file, 1.0) for file in checkpoint.loras])
    assert len(stack[f"{Q}.weight"]) == 2
