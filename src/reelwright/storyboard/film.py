"""The film: what stands in a storyboard.

In TOML the settings of the whole stand under `[film]` (`Document`); in Python they are flat
(`Film(title=..., shots=[...])`). Both are made of the same two parts, so no field is written twice.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, ValidationError, model_validator

from reelwright.errors import StoryboardError
from reelwright.shapes import ShotFrames, shot_frames
from reelwright.storyboard.entry import Entry
from reelwright.storyboard.fields import FrameRate, Name, Seed, Text, Whole
from reelwright.storyboard.light import Ground, Light
from reelwright.storyboard.output import Finish, Output
from reelwright.storyboard.prop import Prop
from reelwright.storyboard.shot import Shot
from reelwright.storyboard.sound import Music

Side = Annotated[Whole, Field(ge=16, le=8192, multiple_of=2)]
MAX_SHOTS = 2000
Tier = Literal["animatic", "draft", "standard", "final"]


class FilmSettings(Entry):
    """Settings of the whole film."""

    title: Text = Field(default="Untitled", max_length=500, description="Title of the film.")
    size: tuple[Side, Side] = Field(
        default=(1280, 720),
        description="Width and height that are delivered, pixels, even, 16 to 8192.",
    )
    fps: FrameRate = Field(
        default=Fraction(24),
        description='Frames per second, 1 to 240: a number, or a fraction such as "24000/1001".',
    )
    seed: Seed = Field(default=0, description="Seed of chance, from which each shot's is derived.")
    tier: Tier | None = Field(
        default=None,
        description="animatic: the staged frames; draft: a first pass at half size; standard: the "
        "same, refined; final: standard, upscaled, all gates. Default the best that is installed.",
    )
    style: Text = Field(default="", description="Words that join every prompt.")
    fit: Literal["crop", "pad"] = Field(
        default="crop",
        description="How the generated picture becomes the delivered one: cut, or with bars.",
    )

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second, exact."""
        return self.fps


class Scenes(Entry):
    """What the film is made of."""

    light: Light = Field(default_factory=Light, description="Sun and sky of every shot.")
    ground: Ground = Field(default_factory=Ground, description="Ground of every shot.")
    props: dict[Name, Prop] = Field(
        default_factory=dict, max_length=4096, description="The props, by name."
    )
    music: tuple[Music, ...] = Field(
        default=(), max_length=1000, description="Music under the film."
    )
    shots: tuple[Shot, ...] = Field(
        min_length=1, max_length=MAX_SHOTS, description="The shots, in order."
    )
    finish: Finish = Field(
        default_factory=Finish, description="How picture and sound are finished."
    )
    output: Output = Field(
        default_factory=Output, description="The file that the film is written to."
    )


class Document(Scenes):
    """A Reelwright storyboard: one film."""

    film: FilmSettings = Field(
        default_factory=FilmSettings, description="Title, size, frame rate and the like."
    )


class Film(Scenes, FilmSettings):
    """A film, as a director wrote it.

    Made in Python it is checked as a file is, all problems at once, but for its files, which
    `check_film` looks for.

    Raises:
        StoryboardError: It cannot be carried out.
    """

    @model_validator(mode="wrap")
    @classmethod
    def _checked(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        from reelwright.storyboard.check import check_document
        from reelwright.storyboard.document import document_from_film
        from reelwright.storyboard.problems import (
            MAX_FINDINGS,
            findings_from_validation,
            problems_from_findings,
        )

        try:
            film = handler(data)
        except ValidationError as error:
            findings = findings_from_validation(error, cls)
            raise StoryboardError(problems_from_findings(findings)) from error
        wrong = list(islice(check_document(document_from_film(film), None), MAX_FINDINGS))
        if wrong:
            raise StoryboardError(problems_from_findings(wrong))
        return film

    def shot(self, shot_id: str) -> Shot:
        """The shot with this id.

        Raises:
            KeyError: There is none.
        """
        for shot in self.shots:
            if shot.id == shot_id:
                return shot
        raise KeyError(shot_id)

    def frames_of(self, shot: Shot) -> ShotFrames:
        """How many frames a shot delivers and generates."""
        return shot_frames(shot.seconds, self.fps)

    @property
    def num_frames(self) -> int:
        """Delivered frames of the whole film."""
        return sum(self.frames_of(shot).delivered for shot in self.shots)
