"""A film while it is planned: what every part of the planner looks at and adds to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from reelwright.plan.capabilities import Capabilities
from reelwright.plan.costs import Work
from reelwright.plan.digests import DigestStore, FileUse
from reelwright.plan.enlarging import Enlarged, enlarged_film
from reelwright.plan.graph import Graph
from reelwright.plan.ways import ShotTries
from reelwright.plan.weight_files import WeightFiles
from reelwright.shapes import GenerationSize, generation_size

if TYPE_CHECKING:
    from reelwright.models import WeightSet
    from reelwright.storyboard import Film, LoadedFilm, Prop, Scene, Shot

AssetFiles = Callable[["Prop", Path], tuple[Path, ...]]
"""Which files a prop is made from: `reelwright.assets.prop_files`, handed in from above."""


class Words(Protocol):
    """A shot's words as a video model reads them."""

    @property
    def text(self) -> str:
        """What is to be seen and heard."""

    @property
    def negative(self) -> str:
        """What is not."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know of it."""


Arrange = Callable[["Film", "Shot", "Scene | None", "WeightSet"], Words]
"""How a shot's words are arranged for weights: `reelwright.prompt.arrange`, handed in from above.
"""


@dataclass(frozen=True, slots=True)
class Sketch:
    """The film, the graph that grows from it, and what decides how.

    Attributes:
        loaded: The film.
        graph: Its stages so far.
        digests: Digests of its files.
        asset_files: Which files a prop is made from.
        capabilities: What can be carried out.
        tier: What the film is made as.
        shots: The shots that are planned, in the film's order.
        takes: Takes of every shot; None leaves the storyboard's.
        arrange: How words are arranged for a model.
        weights: What the model's clips are made with; None where none makes them.
        tries: What was tried of shots whose clips broke a guard, by shot.
    """

    loaded: LoadedFilm
    graph: Graph
    digests: DigestStore
    asset_files: AssetFiles
    capabilities: Capabilities
    tier: str
    shots: tuple[Shot, ...]
    takes: int | None
    arrange: Arrange | None = None
    weights: WeightFiles | None = None
    tries: Mapping[str, ShotTries] = field(default_factory=dict)

    @property
    def film(self) -> Film:
        """The film as the director wrote it."""
        return self.loaded.film

    @property
    def is_whole(self) -> bool:
        """Whether every shot is planned."""
        return len(self.shots) == len(self.film.shots)

    @property
    def size(self) -> GenerationSize:
        """Delivered and generated size."""
        return generation_size(self.film.size, self.film.fit)

    def tries_of(self, shot: Shot, first_key: str) -> ShotTries:
        """What was tried for a shot, if that was for the clip that has this first pass."""
        known = self.tries.get(shot.id)
        return known if known is not None and known.of == first_key else ShotTries(first_key)

    @property
    def enlarged(self) -> Enlarged | None:
        """How the film is delivered larger than it is made; None where it is not."""
        return enlarged_film(self.film, self.tier)

    def file(self, name: str) -> FileUse:
        """A file of the project that the storyboard names; AssetError if it cannot be read."""
        return self.digests.use(self.loaded.root / name)

    def prop_files(self, prop: Prop) -> list[FileUse]:
        """The files that a prop is made from; a built-in shape without a picture has none."""
        if prop.file is None and prop.texture is None and prop.image is None:
            return []
        return [self.digests.use(path) for path in self.asset_files(prop, self.loaded.root)]

    def generated(self, shot: Shot) -> Work:
        """Frames of a shot as they are generated."""
        width, height = self.size.generated
        return Work(self.film.frames_of(shot).generated, width, height)

    def delivered(self, shot: Shot) -> Work:
        """Frames of a shot as the film shows them."""
        width, height = self.film.size
        return Work(self.film.frames_of(shot).delivered, width, height)

    def shown(self) -> Work:
        """All frames of what is planned, and its sound."""
        frames = sum(self.film.frames_of(shot).delivered for shot in self.shots)
        width, height = self.film.size
        return Work(frames, width, height, sound_s=float(frames / self.film.frame_rate))

    def start_frames(self) -> list[int]:
        """The first frame of each planned shot in what is planned."""
        starts, start = [], 0
        for shot in self.shots:
            starts.append(start)
            start += self.film.frames_of(shot).delivered
        return starts
