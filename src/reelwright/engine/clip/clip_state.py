"""Where the making of a clip is: a value that can be saved after any step and gone on from."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import secrets
from collections.abc import Iterator, Mapping
from enum import Enum
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors.torch import save
from torch import Tensor

from reelwright.disk import disk_error
from reelwright.engine.clip.clip_models import Models
from reelwright.engine.clip.clip_request import ClipRequest
from reelwright.engine.sampling.sampler import Latents, SamplerState
from reelwright.engine.storage.tensor_file import TensorFile
from reelwright.errors import CheckpointError, InputError

_FORMAT = "reelwright-clip-state-1"
_STREAMS = ("latents", "memory", "predicted")
_PLAIN = (Enum, Fraction, str, int, float, torch.dtype)


@dataclasses.dataclass(frozen=True, slots=True)
class PassLatents:
    """What a pass made.

    Attributes:
        video: Normalised, float32, on the CPU; None where nothing is seen.
        audio: The same of its sound; None where nothing is heard.
        shapes: Of the tokens of each stream, those appended included.
    """

    video: Float[Tensor, "1 C F H W"] | None
    audio: Float[Tensor, "1 D L M"] | None
    shapes: tuple[tuple[int, ...], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class ClipState:
    """Where the making of a clip is.

    Attributes:
        pass_index: The pass that is being made.
        step: Steps of it that are done.
        sampler: What its sampler goes on from.
        predicted: The last prediction of each stream.
        finished: What the passes before made.
        digest: Of the request and the model.
        fingerprint: Of what it was computed on.
    """

    pass_index: int
    step: int
    sampler: SamplerState
    predicted: Latents
    finished: tuple[PassLatents, ...]
    digest: str
    fingerprint: str


def clip_digest(request: ClipRequest, models: Models) -> str:
    """A name for what is being made: equal requests of the same files have the same.

    A file is told by its name, its size and its first megabyte, which holds a checkpoint's header.
    """
    digest = hashlib.sha256()
    files = [*models.checkpoint.files, *(models.upsampler.files if models.upsampler else ())]
    for part in _told((models.compute, [Path(file.path) for file in files], request)):
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def fingerprint(models: Models) -> str:
    """What numbers depend on besides: equal ones give equal bits."""
    device = models.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    threads = torch.get_num_threads()
    return f"torch {torch.__version__}, {device.type} {name}, {threads} threads"


def save_state(path: Path, state: ClipState) -> None:
    """Save where the making of a clip is: whole, or not at all.

    Args:
        path: A safetensors file; replaced if it is there.
        state: From a `watch`.

    Raises:
        ResourceError: The disk is full; what was there before is untouched.
        MediaError: The file may not be written.
    """
    words = {
        "format": _FORMAT,
        "pass_index": state.pass_index,
        "step": state.step,
        "digest": state.digest,
        "fingerprint": state.fingerprint,
        "shapes": [made.shapes for made in state.finished],
    }
    data = save(_tensors(state), {"state": json.dumps(words)})
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise disk_error(error, path) from error


def load_state(path: Path) -> ClipState:
    """Load a state that `save_state` wrote.

    Raises:
        InputError: The file is not one, or is cut short.
    """
    try:
        with TensorFile(path) as file:
            words = json.loads(file.metadata.get("state", "{}"))
            if words.get("format") != _FORMAT:
                raise _unreadable(path)
            tensors = {name: file.tensor(name).clone() for name in file.entries}
        shapes = [tuple(tuple(shape) for shape in made) for made in words["shapes"]]
        return ClipState(
            words["pass_index"],
            words["step"],
            SamplerState(_series(tensors, "latents"), _series(tensors, "memory")),
            _series(tensors, "predicted"),
            tuple(
                PassLatents(
                    tensors.get(f"finished.{i}.video"), tensors.get(f"finished.{i}.audio"), made
                )
                for i, made in enumerate(shapes)
            ),
            words["digest"],
            words["fingerprint"],
        )
    except (CheckpointError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> InputError:
    return InputError(
        "This is no saved state of a clip, or it is cut short.",
        "Remove it, and the clip is made from its beginning.",
        where=str(path),
    )


def _tensors(state: ClipState) -> dict[str, Tensor]:
    series = (state.sampler.latents, state.sampler.memory, state.predicted)
    named: dict[str, Tensor] = {}
    for name, latents in zip(_STREAMS, series, strict=True):
        named |= {f"{name}.{i}": x for i, x in enumerate(latents)}
    for i, made in enumerate(state.finished):
        named |= {
            f"finished.{i}.{stream}": x
            for stream, x in (("video", made.video), ("audio", made.audio))
            if x is not None
        }
    # Copies: a state may hold one tensor twice, which the format refuses.
    return {name: x.detach().cpu().clone().contiguous() for name, x in named.items()}


def _series(tensors: Mapping[str, Tensor], name: str) -> Latents:
    count = sum(key.startswith(f"{name}.") for key in tensors)
    return tuple(tensors[f"{name}.{i}"] for i in range(count))


def _told(value: Any) -> Iterator[bytes | memoryview]:
    """A value as bytes that no other value has."""
    yield type(value).__name__.encode()
    if isinstance(value, Tensor):
        yield f"{value.dtype} {list(value.shape)}".encode()
        yield value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data
    elif isinstance(value, Path):
        with value.open("rb") as file:
            yield f"{value.name} {value.stat().st_size}".encode()
            yield hashlib.sha256(file.read(2**20)).digest()
    elif dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            yield field.name.encode()
            yield from _told(getattr(value, field.name))
    elif isinstance(value, (tuple, list)):
        yield str(len(value)).encode()
        for item in value:
            yield from _told(item)
    elif value is None or isinstance(value, _PLAIN):
        yield repr(value).encode()
    else:
        raise InputError(
            f"A {type(value).__name__} in a request cannot be told from another.",
            "Use the request's own values.",
        )
