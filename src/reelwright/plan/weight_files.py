"""The files of a set of weights, with their digests: what of them decides which stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reelwright.plan.canonical import artifact_key
from reelwright.plan.digests import DigestStore, FileUse

if TYPE_CHECKING:
    from reelwright.models import WeightSet


@dataclass(frozen=True, slots=True)
class WeightFiles:
    """A set of weights, and the digests of its files.

    A file is read for its digest once, and again only when the file system says that it changed.

    Attributes:
        weights: The set.
        digests: Digests that are kept between runs.
    """

    weights: WeightSet
    digests: DigestStore
    _known: dict[Path, FileUse] = field(default_factory=dict)

    def words(self) -> tuple[FileUse, ...]:
        """What decides how words are read."""
        return self._of(replace(self.weights, upsampler=None, refiner=None, loras=()))

    def first_pass(self) -> tuple[FileUse, ...]:
        """What decides the first pass: all but what comes after it."""
        return self._of(replace(self.weights, upsampler=None, refiner=None))

    def second_pass(self) -> tuple[FileUse, ...]:
        """What decides the second pass."""
        return self._of(replace(self.weights, refiner=None))

    def decode(self, *, refined: bool) -> tuple[FileUse, ...]:
        """What decides the pictures that latents become."""
        refiner = self.weights.refiner if refined else None
        return self._of(replace(self.weights, upsampler=None, refiner=refiner, loras=()))

    def all(self) -> tuple[FileUse, ...]:
        """Every file of the set."""
        return self._of(self.weights)

    def loras(self, number: int) -> list[dict[str, Any]]:
        """The LoRAs in their order with their strength in a pass, as recipes hold them."""
        return [
            {
                "sha256": self.use(each.file).sha256,
                "strength": each.strength(number),
            }
            for each in self.weights.loras
        ]

    def with_loras(self, more: Sequence[Any]) -> WeightFiles:
        """The same with the LoRAs of a shot after its own."""
        if not more:
            return self
        weights = replace(self.weights, loras=(*self.weights.loras, *more))
        return WeightFiles(weights, self.digests, self._known)

    def model_bytes(self) -> int:
        """Bytes of the checkpoint."""
        return sum(use.identity[1] for use in self.words()) - self.encoder_bytes()

    def encoder_bytes(self) -> int:
        """Bytes of the text encoder."""
        home = self.weights.text_encoder
        files = replace(self.weights, upsampler=None, refiner=None, loras=()).files()
        inside = [path for path in files if path == home or home in path.parents]
        return sum(self.use(path).identity[1] for path in inside)

    @property
    def sha256(self) -> str:
        """What tells the set from others: a digest of its files, wherever they lie."""
        return artifact_key({"files": sha256s(self.all())})

    def to_json(self) -> dict[str, Any]:
        """What a plan says of its weights: their names, their digest, and where they lie."""
        uses = self.all()
        return {
            "name": self.weights.name,
            "label": self.weights.label,
            "sha256": self.sha256,
            "bytes": sum(use.identity[1] for use in uses),
            "num_files": len(uses),
            "set": self.weights.to_json(),
        }

    def use(self, path: Path) -> FileUse:
        """A file with its digest.

        Raises:
            AssetError: It cannot be read.
        """
        if path not in self._known:
            self._known[path] = self.digests.use(path)
        return self._known[path]

    def _of(self, weights: WeightSet) -> tuple[FileUse, ...]:
        return tuple(self.use(path) for path in weights.files())


def sha256s(uses: Sequence[FileUse]) -> list[str]:
    """Digests alone: what a file is called decides nothing."""
    return [use.sha256 for use in uses]
