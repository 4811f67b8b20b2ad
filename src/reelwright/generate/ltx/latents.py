"""Latents between the passes of a shot, as they lie in a folder.

`latents.safetensors` has the video and the sound; `pass.json`, written last, says what they are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from reelwright.disk import disk_error
from reelwright.engine import PassLatents, TensorFile
from reelwright.errors import CheckpointError, MediaError
from reelwright.generate.clip import read_manifest
from reelwright.generate.linking import link_or_copy, write_json
from reelwright.generate.ltx.span import ShotSpan

LATENTS, PASS = "latents.safetensors", "pass.json"
_FORMAT = 1
_MEND = "Make the shot's clip again."


@dataclass(frozen=True, slots=True)
class ShotLatents:
    """What a pass made of a shot.

    Attributes:
        made: Its latents.
        index: Which pass, counted from 0.
        count: Passes of the whole clip.
        span: Frames of the model's clip.
        facts: For people and provenance: passes, steps, precision, what was kept.
    """

    made: PassLatents
    index: int
    count: int
    span: ShotSpan
    facts: Mapping[str, Any]

    @property
    def is_draft(self) -> bool:
        """Whether a pass is still to come."""
        return self.index < self.count - 1

    def save(self, folder: Path) -> None:
        """Write them; whoever finds `pass.json` finds all of them.

        Raises:
            ResourceError: The disk is full.
        """
        tensors = {"video": self.made.video, "audio": self.made.audio}
        save_tensors(folder / LATENTS, {k: t for k, t in tensors.items() if t is not None})
        span = self.span
        held = {
            "format": _FORMAT,
            "index": self.index,
            "count": self.count,
            "frames": {"tail": span.tail, "shown": span.shown, "total": span.total},
            "shapes": [list(shape) for shape in self.made.shapes],
            "facts": dict(self.facts),
        }
        write_json(folder / PASS, held)

    @classmethod
    def load(cls, folder: Path) -> ShotLatents:
        """Read them.

        Args:
            folder: The folder, or its latents file.

        Raises:
            MediaError: There are none, or they are not whole.
        """
        home = folder if folder.is_dir() else folder.parent
        held = read_manifest(home / PASS, "pass")
        tensors = load_tensors(home / LATENTS)
        try:
            frames = held["frames"]
            return cls(
                PassLatents(
                    tensors.get("video"),
                    tensors.get("audio"),
                    tuple(tuple(shape) for shape in held["shapes"]),
                ),
                int(held["index"]),
                int(held["count"]),
                ShotSpan(int(frames["tail"]), int(frames["shown"]), int(frames["total"])),
                held["facts"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise MediaError(
                f"The pass does not say what it made ({error!r}).", _MEND, where=str(home / PASS)
            ) from error


def hand_on(source: Path, target: Path) -> None:
    """Give the latents of one folder to another, without copying where links can be made.

    Raises:
        MediaError: There are none.
        ResourceError: The disk is full.
    """
    home = source if source.is_dir() else source.parent
    link_or_copy(home / LATENTS, target / LATENTS)
    write_json(target / PASS, json.loads((home / PASS).read_text(encoding="utf-8")))


def save_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write tensors whole, or not at all; the same ones give the same bytes.

    Raises:
        ResourceError: The disk is full.
    """
    draft = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.write_bytes(save({name: t.contiguous() for name, t in sorted(tensors.items())}))
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise disk_error(error, path) from error


def load_tensors(path: Path) -> dict[str, Tensor]:
    """Read tensors into memory.

    Raises:
        MediaError: They are missing or not whole.
    """
    try:
        with TensorFile(path) as file:
            return {name: file.tensor(name).clone() for name in file.entries}
    except CheckpointError as error:
        raise MediaError(error.what, _MEND, where=str(path)) from error
