"""From a checkpoint to a module that can run: built on the meta device, checked, then filled.

Nothing is allocated before every name and shape has been compared with the file. Our modules are
named for what they are; `official` turns such a name into the checkpoint's.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor, nn

from reelwright.engine.storage.weights import Compute, LoraDelta, Slot, WeightSource
from reelwright.errors import CheckpointError

M = TypeVar("M", bound=nn.Module)

NO_LORAS: Mapping[str, Sequence[LoraDelta]] = {}

CPU = torch.device("cpu")


def same_name(name: str) -> str:
    """The name map of a module whose names are the checkpoint's."""
    return name


def build(
    make: Callable[[], M],
    weights: Mapping[str, WeightSource],
    *,
    where: str,
    prefix: str = "",
    compute: Compute = Compute.FLOAT32,
    device: torch.device = CPU,
    official: Callable[[str], str] = same_name,
    loras: Mapping[str, Sequence[LoraDelta]] = NO_LORAS,
) -> M:
    """Make a module and give it its weights.

    Args:
        make: Makes the module; called on the meta device.
        weights: Its weights by official name, all of them and no others.
        where: The checkpoint, for messages.
        prefix: What stands before its weights' names in the checkpoint, for messages.
        compute: What its products run in.
        device: Where it runs.
        official: Turns the module's names into the checkpoint's.
        loras: Changes to weights, by official name.

    Returns:
        The module, without gradients; on the CPU its weights are views of the file where nothing
        has to change.

    Raises:
        CheckpointError: A tensor is missing, to spare, or of another shape; or a LoRA is for
            another model.
    """
    module = on_meta(make, where)
    wanted = {official(name): tensor for name, tensor in module.state_dict().items()}
    check_weights(wanted, weights, f"{where}: {prefix}")
    check_loras(weights, loras)
    return fill(module, weights, compute=compute, device=device, official=official, loras=loras)


def fill(
    module: M,
    weights: Mapping[str, WeightSource],
    *,
    compute: Compute,
    device: torch.device,
    official: Callable[[str], str] = same_name,
    loras: Mapping[str, Sequence[LoraDelta]] = NO_LORAS,
) -> M:
    """Give a module on the meta device its weights, for good, once they have been checked.

    Args:
        module: From `on_meta`.
        weights: All of its weights by official name; others are left alone.
        compute: What its products run in.
        device: Where it runs.
        official: Turns the module's names into the checkpoint's.
        loras: Changes to weights, by official name.

    Returns:
        The module itself, without gradients.
    """
    state = {
        name: resident(weights[official(name)], compute, device, loras.get(official(name), ()))
        for name in module.state_dict()
    }
    module.load_state_dict(state, strict=True, assign=True)
    return module.requires_grad_(False).eval()


def on_meta(make: Callable[[], M], where: str) -> M:
    """Make a module without memory.

    Raises:
        CheckpointError: Its config asks for layers that cannot be.
    """
    try:
        with torch.device("meta"), warnings.catch_warnings():
            # A hostile config may ask for a layer of nothing; the check of shapes refuses it.
            warnings.filterwarnings("ignore", message="Initializing zero-element tensors")
            return make()
    except (ValueError, RuntimeError, ZeroDivisionError, OverflowError) as error:
        raise CheckpointError(
            f"The config asks for layers that cannot be built ({str(error)[:120]}).",
            "Use a checkpoint with its config unchanged.",
            where=where,
        ) from error


def verify_finite(weights: Mapping[str, WeightSource], where: str) -> None:
    """Read every weight and refuse what is not a number. Takes as long as reading the file.

    Args:
        weights: From `Checkpoint.weights`.
        where: The checkpoint, for messages.

    Raises:
        CheckpointError: The first weight with NaN or infinity.
    """
    for source in weights.values():
        if not bool(torch.isfinite(resident(source, Compute.FLOAT32, CPU)).all()):
            raise CheckpointError(
                "The weight has numbers that are not finite.",
                "Download the file again; if it stays so, its publisher has to mend it.",
                where=f"{where}: {source.name}",
                tensor=source.name,
            )


def resident(
    source: WeightSource, compute: Compute, device: torch.device, loras: Sequence[LoraDelta] = ()
) -> Tensor:
    """A weight ready for a product, kept for good.

    Args:
        source: The weight at rest.
        compute: What its product runs in.
        device: Where.
        loras: Changes to add.

    Returns:
        The stored tensor itself where that needs no change, else a new one.
    """
    stored = source.view(compute)
    if stored is not None and not loras and device.type == "cpu":
        return stored
    ready = torch.empty(source.shape, dtype=compute.dtype, device=device)
    source.materialise(Slot(ready), compute, loras)
    return ready


def check_weights(
    wanted: Mapping[str, Tensor],
    weights: Mapping[str, WeightSource],
    where: str,
) -> None:
    """Compare what a module needs with what a checkpoint has.

    Args:
        wanted: What the module needs, by official name.
        weights: What there is, by official name.
        where: The checkpoint and what stands before the names in it.

    Raises:
        CheckpointError: The first tensor that is missing, to spare, or of another shape.
    """
    for name, tensor in wanted.items():
        if name not in weights:
            raise _refuse("It is missing.", where + name, name)
        found, shape = weights[name].shape, tuple(tensor.shape)
        if found != shape:
            raise _refuse(
                f"Its shape is {list(found)}, but the config asks for {list(shape)}.",
                where + name,
                name,
            )
    spare = [name for name in weights if name not in wanted]
    if spare:
        more = f" (and {len(spare) - 1} more)" if len(spare) > 1 else ""
        raise _refuse(f"Nothing in the config accounts for it{more}.", where + spare[0], spare[0])


def check_loras(
    weights: Mapping[str, WeightSource],
    loras: Mapping[str, Sequence[LoraDelta]],
    prefix: str = "",
) -> None:
    """Compare LoRAs with the weights that they change.

    Args:
        weights: What there is, by official name.
        loras: Changes, by official name.
        prefix: What stands before the names, for messages.

    Raises:
        CheckpointError: A LoRA changes a weight that the model lacks, or one of another shape.
    """
    for name, deltas in loras.items():
        shape = weights[name].shape if name in weights else None
        for delta in deltas:
            found = (delta.up.shape[0], delta.down.shape[1])
            if found != shape:
                has = "lacks" if shape is None else f"has as {list(shape)}"
                raise CheckpointError(
                    f"The LoRA changes a weight of {list(found)}, which the model {has}.",
                    "Use a LoRA that was trained for this model.",
                    where=prefix + name,
                    tensor=prefix + name,
                )


def _refuse(what: str, where: str, tensor: str) -> CheckpointError:
    return CheckpointError(
        f"The tensor does not fit the model. {what}",
        "Use a checkpoint whose config belongs to its tensors.",
        where=where,
        tensor=tensor,
    )
