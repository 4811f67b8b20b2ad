"""Material libraries (.mtl) of Wavefront models.

Colours are taken as linear, as Blender takes them; where a texture is named it stands for the
colour, as most exporters mean it. Read here, since trimesh 5.2 says nothing of a number that is
none or of a texture that is missing, loses all materials over `Kd 0.8` (one number for three),
and reads only the first `mtllib`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import sqrt
from pathlib import Path

from reelwright.assets.fields import DAMAGED
from reelwright.assets.files import linked_file, read_file
from reelwright.assets.geometry import Rgb
from reelwright.assets.picture import decode_picture, embeddable
from reelwright.assets.surface import Look
from reelwright.errors import AssetError, relative_name

_NUM_WORDS = {"-mm": 2, "-o": 3, "-s": 3, "-t": 3}
"""Words that an option of a texture line takes; of the last three, up to that many. Others: 1."""


def read_looks(path: Path, root: Path, warnings: dict[str, None]) -> dict[str, Look]:
    """Read a material library.

    Args:
        path: The .mtl.
        root: The project's folder.
        warnings: What is not drawn is added here.

    Raises:
        AssetError: A number is none, or a texture is missing, damaged or outside the project.
    """
    looks: dict[str, Look] = {}
    look: Look | None = None
    for place, key, rest in _entries(path, root):
        if key == "newmtl":
            look = Look(name=rest)
        elif look is None:
            continue
        elif key == "map_kd":
            picture = linked_file(_texture_name(rest, warnings), path, root)
            where = relative_name(picture, root)
            data, _ = embeddable(read_file(picture, root), where)
            decode_picture(data, where)
            _, _, _, alpha = look.base_color
            look = replace(look, picture=data, base_color=(1.0, 1.0, 1.0, alpha))
        elif key in ("map_bump", "bump", "norm"):
            warnings[f'The normal map of material "{look.name}" is not drawn.'] = None
        else:
            look = _with_entry(look, key, rest, place)
        looks[look.name] = look
    return looks


def texture_files(path: Path, root: Path) -> list[Path]:
    """The textures that a material library names and that are drawn.

    Raises:
        AssetError: One is missing or outside the project.
    """
    return [
        linked_file(_texture_name(rest, {}), path, root)
        for _, key, rest in _entries(path, root)
        if key == "map_kd"
    ]


def _entries(path: Path, root: Path) -> Iterator[tuple[str, str, str]]:
    """Lines as place, key in small letters, rest."""
    name = relative_name(path, root)
    text = read_file(path, root).decode("utf-8", errors="replace")
    for number, line in enumerate(text.split("\n"), start=1):
        key, _, rest = line.strip().replace("\t", " ").partition(" ")
        if key and not key.startswith("#"):
            yield f"{name}:{number}", key.lower(), rest.strip()


def _with_entry(look: Look, key: str, rest: str, place: str) -> Look:
    """A look after one line; keys that are not drawn leave it as it is."""
    red, green, blue, alpha = look.base_color
    if key == "kd":
        if look.picture is None:
            red, green, blue = _color(rest, place)
        return replace(look, base_color=(red, green, blue, alpha))
    if key == "ke":
        return replace(look, emissive=_color(rest, place))
    if key in ("d", "tr"):
        value = _number(rest.removeprefix("-halo").strip(), place)
        alpha = min(max(value if key == "d" else 1.0 - value, 0.0), 1.0)
        mode = look.alpha_mode if alpha == 1.0 else "BLEND"
        return replace(look, base_color=(red, green, blue, alpha), alpha_mode=mode)
    if key == "ns":  # a shine of 0 to 1000, read as Blender reads it
        return replace(look, roughness=1.0 - sqrt(min(max(_number(rest, place), 0), 1000) / 1000))
    if key == "pr":
        return replace(look, roughness=min(max(_number(rest, place), 0.0), 1.0))
    if key == "pm":
        return replace(look, metallic=min(max(_number(rest, place), 0.0), 1.0))
    return look


def _color(rest: str, place: str) -> Rgb:
    words = rest.split()
    if words[:1] == ["spectral"] or words[:1] == ["xyz"]:
        raise AssetError(
            f'A colour is given as "{words[0]}".',
            "Write it as red, green, blue.",
            where=place,
        )
    values = [max(_number(word, place), 0.0) for word in words[:3]]
    if len(values) == 1:  # one number stands for all three
        values *= 3
    if len(values) != 3:
        raise AssetError("A colour needs three numbers.", DAMAGED, where=place)
    return (values[0], values[1], values[2])


def _number(word: str, place: str) -> float:
    try:
        number = float(word.split()[0])
    except (ValueError, IndexError) as error:
        raise AssetError(f'"{word[:20]}" is no number.', DAMAGED, where=place) from error
    if not abs(number) < 1e9:
        raise AssetError(f'"{word[:20]}" is no sensible number.', DAMAGED, where=place)
    return number


def _texture_name(rest: str, warnings: dict[str, None]) -> str:
    """The file of a texture line, behind its options; it may have spaces."""
    while rest.startswith("-"):
        option, _, rest = rest.partition(" ")
        rest = rest.strip()
        warnings["Options of textures in the .mtl (placement, clamping) are not used."] = None
        for _ in range(_NUM_WORDS.get(option, 1)):
            word, _, behind = rest.partition(" ")
            if option in ("-o", "-s", "-t") and not _is_number(word):
                break
            rest = behind.strip()
    return rest


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
