"""The text of a Wavefront .obj: what it names, and its lines as trimesh reads them rightly.

Measured with trimesh 5.2: indices counted back from the face (`f -3 -2 -1`) all land on the last
object, index 0 is taken for 1, faces behind a tab or a blank are not seen, `7/1` beside `7//1`
swaps normals for texture coordinates, and a texture coordinate that is not there drops them all.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path

from reelwright.assets.fields import DAMAGED
from reelwright.assets.files import linked_file, read_file
from reelwright.assets.limits import MAX_TRIANGLES
from reelwright.assets.mtl import texture_files
from reelwright.errors import AssetError

_MTLLIB = re.compile(rb"^[ \t]*mtllib[ \t]+(.+?)[ \t]*\r?$", re.MULTILINE)
_KINDS = {"v": ("vertex", 3), "vt": ("texture coordinate", 2), "vn": ("normal", 3)}
_Corner = tuple[int, int, int]


def obj_files(path: Path, root: Path) -> tuple[Path, ...]:
    """The material libraries that an .obj names, and their textures.

    Raises:
        AssetError: One is missing or outside the project.
    """
    found: dict[Path, None] = {}
    for library in obj_libraries(read_file(path, root), path, root):
        found[library] = None
        found.update(dict.fromkeys(texture_files(library, root)))
    return tuple(found)


def obj_libraries(data: bytes, path: Path, root: Path) -> list[Path]:
    """The .mtl files that an .obj names; several may stand in one line.

    Raises:
        AssetError: One is missing or outside the project.
    """
    found: dict[Path, None] = {}
    for match in _MTLLIB.finditer(data):
        line = match[1].decode("utf-8", errors="replace")
        try:
            found[linked_file(line, path, root)] = None
        except AssetError:
            words = line.split()
            if len(words) == 1:
                raise
            found.update(dict.fromkeys(linked_file(word, path, root) for word in words))
    return list(found)


def tidy_obj(data: bytes, name: str) -> tuple[bytes, list[str]]:
    """Points and faces alone, every number checked, the faces of a material together.

    Args:
        data: The file.
        name: Its name for messages.

    Returns:
        The text, and the materials in the order in which their faces stand in it.

    Raises:
        AssetError: A line is damaged (named), or there is no face.
    """
    text = data.decode("utf-8", errors="replace").replace("\\\r\n", " ").replace("\\\n", " ")
    lines = [line.strip().replace("\t", " ").partition(" ") for line in text.split("\n")]
    sizes = Counter(kind for kind, _, _ in lines)
    seen = dict.fromkeys(_KINDS, 0)
    points: list[str] = []
    corners: dict[str, _Corner] = {}
    faces: dict[str, list[list[_Corner]]] = {}
    material = ""
    for number, (kind, _, rest) in enumerate(lines, start=1):
        if kind in _KINDS:
            seen[kind] += 1
            points.append(_point(kind, rest, f"{name}:{number}"))
        elif kind == "usemtl":
            material = rest.strip()
        elif kind == "f":
            words = rest.split()
            for word in words:
                if word not in corners or "-" in word:  # a corner stands in some six faces
                    corners[word] = _corner(word, seen, sizes, f"{name}:{number}")
            if len(words) > 2:
                faces.setdefault(material, []).append([corners[word] for word in words])
    if not faces:
        raise AssetError(
            "There is not one face in it.", "Export the mesh with its faces.", where=name
        )
    if sizes["f"] > MAX_TRIANGLES:
        raise AssetError(f"It has {sizes['f']} faces.", "Reduce the model.", where=name)
    for index, group in enumerate(faces.values()):
        points += [f"usemtl {index}", *_alike(group)]
    return "\n".join(points).encode(), list(faces)


def _point(kind: str, rest: str, where: str) -> str:
    what, width = _KINDS[kind]
    words = rest.split()
    if kind == "vt" and len(words) == 1:  # a one-dimensional texture coordinate is legal
        words.append("0")
    # Behind a position may stand a weight, which is not used, or a colour.
    words = words[: 6 if kind == "v" and len(words) >= 6 else width]
    try:
        if len(words) >= width and all(math.isfinite(float(word)) for word in words):
            return f"{kind} {' '.join(words)}"
    except ValueError:
        pass  # said below
    raise AssetError(f'"{kind}" needs {width} finite numbers for a {what}.', DAMAGED, where=where)


def _corner(word: str, seen: dict[str, int], sizes: Counter[str], where: str) -> _Corner:
    """`7`, `7/1`, `7//3` or `7/1/3`, counted from 1; 0 is none."""
    out = []
    for kind, text in zip(_KINDS, f"{word}//".split("/"), strict=False):
        try:
            index = given = int(text) if text else 0
        except ValueError as error:
            raise AssetError(f'"{word[:20]}" is no corner.', DAMAGED, where=where) from error
        if given < 0:
            index += seen[kind] + 1
        if index < 0 or index > sizes[kind] or (index == 0 and (given or kind == "v")):
            raise AssetError(
                f"A face uses {_KINDS[kind][0]} {given}; there are {sizes[kind]}.",
                DAMAGED,
                where=where,
            )
        out.append(index)
    return (out[0], out[1], out[2])


def _alike(group: list[list[_Corner]]) -> list[str]:
    """The faces of a material, all written in one way: with what every corner of them has."""
    has_uv = all(uv for face in group for _, uv, _ in face)
    has_normal = all(normal for face in group for _, _, normal in face)
    form = ("{0}/{1}" if has_uv else "{0}/" if has_normal else "{0}") + (
        "/{2}" if has_normal else ""
    )
    return ["f " + " ".join(form.format(*corner) for corner in face) for face in group]
