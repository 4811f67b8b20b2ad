"""One shot: words, pictures it must pass through, sound, camera and what stands before it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SerializerFunctionWrapHandler, field_serializer

from reelwright.storyboard.camera import Camera
from reelwright.storyboard.entry import Entry
from reelwright.storyboard.fields import FilePath, Name, Number, Seed, Share, Text, Whole
from reelwright.storyboard.light import Ground, Light
from reelwright.storyboard.model_settings import ModelSettings
from reelwright.storyboard.place import Place
from reelwright.storyboard.retake import Retake
from reelwright.storyboard.sound import PlacedSound

MAX_SHOT_S = 3600
KEYFRAME_SOURCES = ("paint", "stage", "none")
"""Where a keyframe comes from, if not from a picture."""


class KeyframeSpec(Entry):
    """A picture that the shot passes through."""

    frame: Whole = Field(
        ge=-1_000_000,
        le=1_000_000,
        description="Frame of the shot, from 0; negative counts from the end, -1 is the last.",
    )
    from_: FilePath = Field(
        alias="from",
        description="paint (the keyframes room), stage (the staged frame), none, or a picture in "
        "the project.",
    )
    strength: Share = Field(default=1.0, description="How firmly the model is held to it, 0 to 1.")

    @property
    def picture(self) -> str | None:
        """The picture it is read from, if it is one."""
        return None if self.from_ in KEYFRAME_SOURCES else self.from_

    def resolved_frame(self, num_frames: int) -> int:
        """The frame counted from 0 in a shot of so many delivered frames."""
        return self.frame if self.frame >= 0 else num_frames + self.frame


class FirstKeyframe(KeyframeSpec):
    """The keyframe at a shot's beginning."""

    frame: Whole = Field(
        default=0,
        ge=-1_000_000,
        le=1_000_000,
        description="Frame of the shot; default 0, the first.",
    )


class LastKeyframe(KeyframeSpec):
    """The keyframe at a shot's end."""

    frame: Whole = Field(
        default=-1,
        ge=-1_000_000,
        le=1_000_000,
        description="Frame of the shot; default -1, the last; -12 is half a second before it.",
    )


def _from_word(value: Any) -> Any:
    """`first = "stage"` is short for `first = { from = "stage" }`."""
    return {"from": value} if isinstance(value, str) else value


class Shot(Entry):
    """One shot of the film."""

    id: Name = Field(description="Name of the shot, unique: letters, digits, - and _, at most 64.")
    seconds: Number = Field(
        gt=0,
        le=MAX_SHOT_S,
        description="Length in seconds, above 0, at most 3600; delivered to the nearest frame.",
    )
    prompt: Text = Field(default="", description="What is seen, in words.")
    sound: Text = Field(default="", description="What is heard, in words, for the model.")
    dialogue: Text = Field(default="", description="What is said, in words, for the model.")
    continues: Name | None = Field(
        default=None,
        description="An earlier shot that this one goes on from: things stay where they were, the "
        "camera begins where it ended.",
    )
    takes: Whole = Field(default=1, ge=1, le=64, description="How many takes are made, 1 to 64.")
    take: Whole | None = Field(
        default=None, ge=1, le=64, description="Which take is used, from 1. Default the first."
    )
    seed: Seed | None = Field(
        default=None,
        description="Seed of chance. Default: derived from the film's seed and the id.",
    )
    scene: FilePath | None = Field(
        default=None, description="A .blend in the project, staged by hand; wins over `place`."
    )
    first: Annotated[
        FirstKeyframe | None,
        BeforeValidator(_from_word, json_schema_input_type=str | FirstKeyframe | None),
    ] = Field(
        default=None,
        description="The picture that the shot begins with: paint, stage, none, a picture, or "
        "{ from, strength, frame }.",
    )
    last: Annotated[
        LastKeyframe | None,
        BeforeValidator(_from_word, json_schema_input_type=str | LastKeyframe | None),
    ] = Field(
        default=None,
        description="The picture that the shot ends with: paint, stage, none, a picture, or "
        "{ from, strength, frame }.",
    )
    keyframes: tuple[KeyframeSpec, ...] = Field(
        default=(), max_length=256, description="Pictures that it passes through between."
    )
    camera: Camera | None = Field(default=None, description="Lens, place and move of the camera.")
    light: Light | None = Field(
        default=None, description="Light of this shot; what it does not name is the film's."
    )
    ground: Ground | None = Field(
        default=None, description="Ground of this shot; what it does not name is the film's."
    )
    place: tuple[Place, ...] = Field(
        default=(), max_length=4096, description="The props that stand in it."
    )
    audio: tuple[PlacedSound, ...] = Field(
        default=(), max_length=1000, description="Recordings placed in it."
    )
    retakes: tuple[Retake, ...] = Field(
        default=(),
        max_length=64,
        description="Ranges that the video model makes again, one after another; an animatic has "
        "none.",
    )
    model: ModelSettings = Field(
        default_factory=ModelSettings,
        description="Settings of the video model; all optional.",
    )

    @field_serializer("light", "ground", mode="wrap")
    def _only_what_is_named(
        self, value: Light | Ground | None, handler: SerializerFunctionWrapHandler
    ) -> Any:
        """What a shot's light does not name is the film's, so only what is named is written."""
        return None if value is None else value.model_dump(exclude_unset=True, by_alias=True)

    @property
    def is_staged(self) -> bool:
        """Whether it says what is to be seen by more than words."""
        return self.camera is not None or bool(self.place) or self.scene is not None

    @property
    def chosen_take(self) -> int:
        """The take that goes into the film, from 1."""
        return 1 if self.take is None else self.take

    def resolved_keyframes(self, num_frames: int) -> tuple[tuple[int, KeyframeSpec], ...]:
        """Every keyframe that is wanted, with its frame counted from 0, in order of time.

        Args:
            num_frames: Delivered frames of the shot.
        """
        wanted = [spec for spec in (self.first, *self.keyframes, self.last) if spec is not None]
        found = [(s.resolved_frame(num_frames), s) for s in wanted if s.from_ != "none"]
        return tuple(sorted(found, key=lambda pair: pair[0]))
