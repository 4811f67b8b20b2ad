"""A prop: a thing that can stand in a shot, before it is placed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from reelwright.storyboard.entry import Entry
from reelwright.storyboard.fields import Color, FilePath, Number, Scale, Share, Text, Turn

Shape = Literal["sphere", "box", "cylinder", "cone", "torus", "plane", "capsule"]
Length = Annotated[Number, Field(gt=0, le=1_000_000)]


class Prop(Entry):
    """A thing from a file, a built-in shape, words or a picture: exactly one of the four."""

    file: FilePath | None = Field(
        default=None, description="A mesh in the project: .glb, .gltf, .obj, .ply or .stl."
    )
    shape: Shape | None = Field(
        default=None, description="A built-in shape, of the size `dimensions`."
    )
    prompt: Text | None = Field(
        default=None, min_length=1, description="Words from which a mesh is made."
    )
    image: FilePath | None = Field(
        default=None, description="A picture in the project from which a mesh is made."
    )
    size_m: Length | None = Field(
        default=None,
        description="Length of the largest side in metres, above 0; the mesh is scaled to it. "
        "Without it the size is as in the file.",
    )
    scale: Scale = Field(default=1.0, description="A factor on the size, above 0; joins `size_m`.")
    turn_deg: Turn = Field(
        default=(0.0, 0.0, 0.0),
        description="Rest turn in degrees about the world's x, then y, then z axis.",
    )
    up: Literal["y", "z"] | None = Field(
        default=None,
        description="Which axis of the file points up. Default y for .obj, z for .ply and .stl; "
        "glTF is always y.",
    )
    dimensions: tuple[Length, Length, Length] = Field(
        default=(1.0, 1.0, 1.0),
        description="Width, depth and height of a built-in shape in metres.",
    )
    color: Color | None = Field(
        default=None,
        description="Base colour, sRGB: #rrggbb or a CSS name. Without it as in the file.",
    )
    roughness: Share | None = Field(
        default=None, description="0 is a mirror, 1 is chalk. Without it as in the file."
    )
    metallic: Share | None = Field(
        default=None, description="0 is paint, 1 is bare metal. Without it as in the file."
    )
    texture: FilePath | None = Field(
        default=None, description="A picture in the project that covers the thing."
    )
