"""Which weights make a film's clips, and where they run.

In this order: those that a person names; those that the environment names; those that the film was
last made with, where they still lie; those that are installed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.env import CHECKPOINT, TEXT_ENCODER, UPSAMPLER, path_from
from reelwright.errors import InputError
from reelwright.plan import CPU, Arrange, PlanLock

if TYPE_CHECKING:
    from reelwright.machine import Machine
    from reelwright.models import WeightSet
    from reelwright.plan import Words
    from reelwright.storyboard import Film, Scene, Shot

_WORDS_PER_TOKEN = 0.625
_TORCH_KINDS = {"cuda": ("cuda", "hip"), "xpu": ("xpu",), "mps": ("mps",)}


def weights_for(named: Sequence[WeightSet] | None, lock: PlanLock | None) -> tuple[WeightSet, ...]:
    """The sets of weights that a film can be made with, the preferred first.

    Args:
        named: Those that the person named; None for none, and an empty list for an animatic.
        lock: What the film was last made with; None to choose anew.

    Raises:
        InputError: The environment names a file that is not there.
        CheckpointError: It names one that is no weights.
    """
    from reelwright.models import installed_weights

    if named is not None:
        return tuple(_placed(each) for each in named)
    from_environment = _environment_weights()
    if from_environment is not None:
        return (_placed(from_environment),)
    last = None if lock is None else _last_weights(lock)
    installed = installed_weights()
    return installed if last is None else (last, *installed)


def named_weights(
    checkpoint: Sequence[Path] | None,
    text_encoder: Path | None,
    upsampler: Path | None,
    loras: Sequence[tuple[Path, float]],
) -> WeightSet | None:
    """What a person's options name; what they leave out is the environment's.

    Returns:
        None where nothing is named.

    Raises:
        InputError: A file is not there, or there is nothing to join a LoRA to.
        CheckpointError: One is no weights.
    """
    from reelwright.models import custom_weights, installed_weights

    if not checkpoint and text_encoder is None and upsampler is None and not loras:
        return None
    files = tuple(checkpoint or ()) or _environment_checkpoint()
    if not files and loras and text_encoder is None and upsampler is None:
        return _with_loras(installed_weights(), loras)
    return custom_weights(
        checkpoint=files,
        text_encoder=text_encoder or path_from(TEXT_ENCODER),
        upsampler=upsampler or path_from(UPSAMPLER),
        loras=loras,
    )


def arrange_words() -> Arrange:
    """How a shot's words are arranged: by rule, as long as the text encoder reads."""

    def arrange(film: Film, shot: Shot, scene: Scene | None, weights: WeightSet) -> Words:
        from reelwright.prompt import DEFAULT_MAX_WORDS
        from reelwright.prompt import arrange as by_rule

        most = min(DEFAULT_MAX_WORDS, int(_num_tokens(weights) * _WORDS_PER_TOKEN))
        return by_rule(film, shot, scene=scene, max_words=most)

    return arrange


def accelerator_for(machine: Machine) -> str:
    """The device that a model runs on unless it was said: one that this torch can use, or the CPU.

    Of a machine that is only thought of, the torch is thought to fit.
    """
    if not machine.accelerators:
        return CPU
    device = machine.accelerators[0].device
    if machine.preset:
        return device
    from reelwright.machine.doctor import installed_torch

    torch = installed_torch()
    fits = torch is not None and torch.kind in _TORCH_KINDS[device.partition(":")[0]]
    return device if fits else CPU


def _placed(weights: WeightSet) -> WeightSet:
    """The set by whole paths: those that a person gives are relative to where the person is."""

    def whole(path: Path | None) -> Path | None:
        return None if path is None else path.expanduser().absolute()

    return replace(
        weights,
        checkpoint=tuple(path.expanduser().absolute() for path in weights.checkpoint),
        text_encoder=weights.text_encoder.expanduser().absolute(),
        tokenizer=whole(weights.tokenizer),
        upsampler=whole(weights.upsampler),
        refiner=whole(weights.refiner),
        loras=tuple(
            replace(lora, file=lora.file.expanduser().absolute()) for lora in weights.loras
        ),
    )


def _environment_checkpoint() -> tuple[Path, ...]:
    named = os.environ.get(CHECKPOINT.name, "").strip()
    return tuple(Path(each).expanduser() for each in named.split(os.pathsep) if each.strip())


def _environment_weights() -> WeightSet | None:
    from reelwright.models import custom_weights

    files = _environment_checkpoint()
    if not files:
        return None
    return custom_weights(
        checkpoint=files,
        text_encoder=path_from(TEXT_ENCODER),
        upsampler=path_from(UPSAMPLER),
    )


def _last_weights(lock: PlanLock) -> WeightSet | None:
    """The weights that the lock names a place of, if they still lie there."""
    from reelwright.models import WeightSet

    held: Any = lock.weights.get("set")
    if held is None:
        return None
    try:
        weights = WeightSet.from_json(held)
        weights.files()
    except InputError:
        return None
    return weights


def _with_loras(installed: Sequence[WeightSet], loras: Sequence[tuple[Path, float]]) -> WeightSet:
    """The best that is installed with LoRAs over it, as a person's own set."""
    from reelwright.models import LoraUse

    if not installed:
        raise InputError(
            "There are no weights that a LoRA could join.",
            "Name them with --checkpoint and --text-encoder.",
            where="lora",
        )
    missing = [file for file, _ in loras if not file.is_file()]
    if missing:
        raise InputError(
            "There is nothing here.", "Check the path that --lora names.", where=str(missing[0])
        )
    more = tuple(LoraUse(file, (strength,)) for file, strength in loras)
    return replace(installed[0], name="custom", loras=(*installed[0].loras, *more))


def _num_tokens(weights: WeightSet) -> int:
    """How many tokens the text encoder reads at most, as its tokenizer says; else 1,024."""
    folder = weights.tokenizer or weights.text_encoder
    try:
        facts = json.loads((folder / "tokenizer_config.json").read_bytes())
        return max(16, min(1024, int(facts["model_max_length"])))
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return 1024
