"""A pool of clips on disk: shards that one process writes and others read while it does.

A shard `clips-<seed>-<n>.safetensors` holds clips of one size: `frames` uint8 [N, F, H, W, 3],
`depth` uint8 [N, F, H, W] (see `depth.depth_to_grey`), `mask` uint8 [N, F, H, W], mostly `motion`
float16 [N, F-1, H, W, 2], and the facts of each clip as JSON in its metadata. A shard appears whole
or not at all.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

Facts = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class PoolClip:
    """One clip of a pool.

    Attributes:
        frames: uint8 [F, H, W, 3].
        depth: uint8 [F, H, W]; 255 is near, 0 far and sky.
        mask: uint8 [F, H, W]; n is the n-th object.
        motion: float16 [F-1, H, W, 2]; None where the pool was written without it.
        facts: Seed, captions, scene, sounds, camera, `held_out`.
    """

    frames: NDArray[np.uint8]
    depth: NDArray[np.uint8]
    mask: NDArray[np.uint8]
    motion: NDArray[np.float16] | None
    facts: Facts


@dataclass(slots=True, eq=False)
class Pool:
    """Clips in the order in which their shards were named; see `refresh` for new ones.

    Attributes:
        folder: Where the shards lie.
        facts: Of every clip.
        sizes: Frames, height and width of every clip.
    """

    folder: Path
    facts: list[Facts] = field(default_factory=list)
    sizes: list[tuple[int, int, int]] = field(default_factory=list)
    _places: list[tuple[Path, int]] = field(default_factory=list)
    _known: set[str] = field(default_factory=set)

    @staticmethod
    def open(folder: str | Path) -> Pool:
        """Open what is there by now."""
        pool = Pool(Path(folder))
        pool.refresh()
        return pool

    def refresh(self) -> int:
        """Take in shards that have appeared since; how many clips are new."""
        before = len(self.facts)
        for file in sorted(self.folder.glob("clips-*.safetensors")):
            if file.name not in self._known:
                self._take_in(file)
        return len(self.facts) - before

    def _take_in(self, file: Path) -> None:
        with safe_open(file, "numpy") as shard:
            facts = json.loads((shard.metadata() or {})["clips"])
            _, frames, height, width, _ = shard.get_slice("frames").get_shape()
        self._known.add(file.name)
        self.facts += facts
        self.sizes += [(frames, height, width)] * len(facts)
        self._places += [(file, row) for row in range(len(facts))]

    def __len__(self) -> int:
        return len(self.facts)

    def indices(
        self, size: tuple[int, int, int] | None = None, *, held_out: bool | None = False
    ) -> list[int]:
        """Clips of a size (frames, height, width); `held_out` None takes both kinds."""
        return [
            index
            for index, facts in enumerate(self.facts)
            if (size is None or self.sizes[index] == size)
            and (held_out is None or facts["held_out"] == held_out)
        ]

    def clip(self, index: int) -> PoolClip:
        """Read one clip, and nothing else of its shard."""
        file, row = self._places[index]
        with safe_open(file, "numpy") as shard:
            read = {name: shard.get_slice(name)[row : row + 1][0] for name in shard.keys()}  # noqa: SIM118
        return PoolClip(
            read["frames"], read["depth"], read["mask"], read.get("motion"), self.facts[index]
        )


def write_shard(folder: Path, name: str, clips: list[PoolClip]) -> Path:
    """Write clips of one size as `<name>.safetensors`; a reader sees the whole file or none."""
    tensors = {
        "frames": np.stack([clip.frames for clip in clips]),
        "depth": np.stack([clip.depth for clip in clips]),
        "mask": np.stack([clip.mask for clip in clips]),
    }
    motions = [clip.motion for clip in clips if clip.motion is not None]
    if len(motions) == len(clips):
        tensors["motion"] = np.stack(motions)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.safetensors"
    part = folder / f".{name}.part"
    # `save_file` writes memory as it lies: a turned view would come out scrambled.
    tensors = {key: np.ascontiguousarray(tensor) for key, tensor in tensors.items()}
    save_file(tensors, part, {"clips": json.dumps([clip.facts for clip in clips])})
    part.replace(file)
    return file
