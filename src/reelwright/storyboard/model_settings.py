"""What a shot asks of the video model; all of it optional."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from reelwright.storyboard.entry import Entry
from reelwright.storyboard.fields import FilePath, Name, Number, Text, Whole

Weight = Annotated[Number, Field(ge=-4, le=4)]
Weights = Annotated[tuple[Weight, ...], Field(min_length=1, max_length=4)]
Steps = Annotated[Whole, Field(ge=1, le=200)]


def _one_or_more(value: Any) -> Any:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (value,) if is_number else value


class Control(Entry):
    """What steers every frame."""

    kind: Literal["depth", "canny", "pose", "none"] = Field(
        default="depth", description="What of the staged frames the model is held to."
    )
    strength: Number = Field(default=1.0, ge=0, le=2, description="How firmly, 0 to 2.")


class Lora(Entry):
    """A small set of weights that joins the model's own."""

    file: FilePath = Field(description="A .safetensors file in the project.")
    strength: Annotated[
        Weights, BeforeValidator(_one_or_more, json_schema_input_type=Weight | Weights)
    ] = Field(
        default=(1.0,), description="How strongly, -4 to 4; a list has one value for each pass."
    )


class ModelSettings(Entry):
    """Settings of the video model; what is not given is the model's own default."""

    negative: Text = Field(default="", description="Words for what should not be seen or heard.")
    steps: Annotated[tuple[Steps, ...], Field(min_length=1, max_length=4)] | None = Field(
        default=None, description="Denoising steps of each pass, 1 to 200."
    )
    guidance: Number | None = Field(
        default=None, ge=0, le=30, description="Guidance scale, 0 to 30; 1 is none."
    )
    control: Control | None = Field(default=None, description="What steers every frame.")
    loras: tuple[Lora, ...] = Field(default=(), max_length=16, description="LoRAs, in order.")
    backend: Name | None = Field(default=None, description="Which video model, by name, e.g. ltx.")
