"""Cases of the transformer: plain, with LoRAs, and from quantised files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from reelwright.engine.checkpoints.checkpoint import CONNECTORS, DIFFUSION, Checkpoint
from reelwright.engine.checkpoints.lora import fuse_rounded, stack_loras
from reelwright.engine.checkpoints.names import transformer_name
from reelwright.engine.denoiser.mask import GroupMask, SampleMask
from reelwright.engine.denoiser.models import load_transformer
from reelwright.engine.denoiser.modulation import Levels
from reelwright.engine.denoiser.perturbation import BlockPlan, Perturbation, Skip, plan_blocks
from reelwright.engine.denoiser.transformer import StreamInput, StreamLevels, Transformer
from reelwright.engine.memory.loading import CPU, resident
from reelwright.engine.parity.case import Case
from reelwright.engine.storage.float8 import (
    Float8Linear,
    cast_float8,
    is_cast_layer,
    use_float8_products,
)
from reelwright.engine.storage.weights import Compute, Float8Source, LoraDelta, WeightSource

STREAMS = ("video", "audio")


def velocities(case: Case, model: Transformer, prefix: str = "") -> dict[str, Tensor]:
    """Run the transformer once on a case's inputs.

    Args:
        case: Has the inputs of one or both streams.
        model: The transformer.
        prefix: Put before the names of the results.
    """
    there = [case.has(f"{stream}.latent") for stream in STREAMS]
    given = list(zip(STREAMS, there, strict=True))
    inputs = (_input(case, stream) if has else None for stream, has in given)
    levels = (_levels(case, stream) if has else None for stream, has in given)
    latents = tuple(case.given(f"{stream}.latent") if has else None for stream, has in given)
    plans = _plans(case, model.config.num_layers)
    found = model(latents, model.step(*levels), model.layout(*inputs), plans)
    return {
        f"{prefix}{stream}.velocity": velocity
        for stream, velocity in zip(STREAMS, found, strict=True)
        if velocity is not None
    }


def _input(case: Case, stream: str) -> StreamInput:
    masked, strengths = f"{stream}.context_mask", f"{stream}.attention_mask"
    matrices = case.given(strengths) if case.has(strengths) else None
    return StreamInput(
        positions=case.given(f"{stream}.positions").float(),
        context=case.given(f"{stream}.context"),
        context_mask=case.given(masked) if case.has(masked) else None,
        mask=None if matrices is None else SampleMask([*map(GroupMask.from_matrix, matrices)]),
    )


def _levels(case: Case, stream: str) -> StreamLevels:
    tokens = Levels.of(case.given(f"{stream}.timesteps").squeeze(-1))
    return StreamLevels(tokens, case.given(f"{stream}.sigma"))


def _plans(case: Case, num_layers: int) -> tuple[BlockPlan, ...]:
    samples = case.params.get("perturbations")
    if not samples:
        return ()
    perturbations = [
        [
            Perturbation(Skip(skip), None if blocks is None else frozenset(blocks))
            for skip, blocks in sample
        ]
        for sample in samples
    ]
    return plan_blocks(perturbations, num_layers, torch.device("cpu"))


def run_transformer(case: Case) -> Mapping[str, Tensor]:
    """One forward pass."""
    return velocities(case, load_transformer(case.checkpoints()[0]))


def run_lora(case: Case) -> Mapping[str, Tensor]:
    """LoRAs fused, exactly and as the reference rounds; letters say which files take part."""
    base, *files = case.checkpoints()
    strengths = case.params["strengths"]
    results: dict[str, Tensor] = {}
    for label in {output.partition(".")[0] for output in case.outputs}:
        rounding, _, letters = label.partition("_")
        chosen = [ord(letter) - ord("a") for letter in letters]
        loras = stack_loras((files[i].files[0], strengths[i]) for i in chosen)
        if rounding == "bf16":
            model = load_transformer(base)
            _fuse_rounded(model, base, loras)
        else:
            model = load_transformer(base, loras=loras)
        results |= velocities(case, model, f"{label}.")
        if f"{label}.weight" in case.outputs:
            results[f"{label}.weight"] = _parameter(model, _fused_weight(case))
    return results


def _fused_weight(case: Case) -> str:
    """The weight that a case shows after fusion, named in the description of one output."""
    words = [word for output in case.outputs for word in case.meaning(output).split()]
    named = [word for word in words if word.endswith(".weight")]
    if not named:
        raise KeyError("no description names the weight that is shown")
    return named[0]


def _fuse_rounded(
    model: Transformer, base: Checkpoint, loras: Mapping[str, Sequence[LoraDelta]]
) -> None:
    for name, deltas in loras.items():
        weight = base.tensor(DIFFUSION + name)
        _parameter(model, name).copy_(fuse_rounded(weight, deltas, weight.dtype))


def _parameter(model: Transformer, official: str) -> Tensor:
    """A parameter of our transformer by its official name."""
    return next(p for name, p in model.named_parameters() if transformer_name(name) == official)


def run_float8(case: Case) -> Mapping[str, Tensor]:
    """Scaled float8: dequantised, recast without scales, and with products in float8."""
    checkpoint = case.checkpoints()[0]
    weights = checkpoint.weights(DIFFUSION, without=CONNECTORS)
    cast, scaled = load_transformer(checkpoint), load_transformer(checkpoint)
    _cast_layers(cast, weights)
    use_float8_products(scaled, weights, transformer_name)
    results = {
        **velocities(case, load_transformer(checkpoint), "dequant."),
        **velocities(case, cast, "cast."),
        **velocities(case, scaled, "scaled_mm."),
    }
    if "linear.y" in case.outputs:
        layer = case.meaning("linear.y").split()[-1]
        source, bias = weights[f"{layer}.weight"], weights[f"{layer}.bias"]
        if not isinstance(source, Float8Source):
            raise KeyError(f"{layer} is not stored in float8")
        linear = Float8Linear(source, resident(bias, Compute.FLOAT32, CPU))
        results["linear.y"] = linear(case.given("linear.x"))
    return results


def _cast_layers(model: Transformer, weights: Mapping[str, WeightSource]) -> None:
    for name, parameter in model.named_parameters():
        official = transformer_name(name)
        if is_cast_layer(official.rpartition(".")[0]):
            parameter.copy_(cast_float8(parameter))
        elif isinstance(weights[official], Float8Source):
            parameter.copy_(parameter.bfloat16())


def run_nvfp4(case: Case) -> Mapping[str, Tensor]:
    """NVFP4, dequantised: the velocities, and single weights."""
    checkpoint = case.checkpoints()[0]
    weights = checkpoint.weights(DIFFUSION, without=CONNECTORS)
    results = velocities(case, load_transformer(checkpoint), "dequant.")
    for output in case.outputs:
        if output.startswith("weight."):
            source = weights[f"{output.removeprefix('weight.')}.weight"]
            results[output] = resident(source, Compute.FLOAT32, CPU)
    return results


KINDS: Mapping[str, Callable[[Case], Mapping[str, Tensor]]] = {
    "transformer": run_transformer,
    "transformer_fp8": run_float8,
    "transformer_lora": run_lora,
    "transformer_nvfp4": run_nvfp4,
}
