"""Which files a prop is made of, and that each lies inside the project.

Cheap by intent: it reads names, not arrays, so that cache keys cost milliseconds.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from reelwright.assets.limits import MAX_FILE_BYTES
from reelwright.errors import AssetError, relative_name

if TYPE_CHECKING:
    from reelwright.storyboard import Prop

MODEL_SUFFIXES = (".glb", ".gltf", ".obj", ".ply", ".stl")
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:")


def prop_files(prop: Prop, root: Path) -> tuple[Path, ...]:
    """Every file that a prop is made from, the model first; for cache keys.

    Args:
        prop: The prop as the storyboard has it.
        root: The project's folder.

    Returns:
        Absolute paths: the model, what it names (buffers, pictures, material libraries and their
        textures) and the prop's own texture or picture; empty for a plain built-in shape.

    Raises:
        AssetError: A file is missing, cannot be read, or lies outside the project.
    """
    from reelwright.assets.gltf_file import gltf_files
    from reelwright.assets.obj_text import obj_files

    found: dict[Path, None] = {}
    if prop.file is not None:
        path = project_file(prop.file, root)
        found[path] = None
        suffix = model_suffix(path, root)
        if suffix in (".glb", ".gltf"):
            found.update(dict.fromkeys(gltf_files(path, root)))
        elif suffix == ".obj":
            found.update(dict.fromkeys(obj_files(path, root)))
    for picture in (prop.texture, prop.image):
        if picture is not None:
            found[project_file(picture, root)] = None
    return tuple(found)


def model_suffix(path: Path, root: Path) -> str:
    """The kind of a model file, in small letters.

    Raises:
        AssetError: It is none that can be read.
    """
    suffix = path.suffix.lower()
    if suffix not in MODEL_SUFFIXES:
        raise AssetError(
            f'A prop cannot be made from a "{path.suffix}" file.',
            f"Export it as .glb; {', '.join(MODEL_SUFFIXES)} can be read.",
            where=relative_name(path, root),
        )
    return suffix


def project_file(name: str | Path, root: Path) -> Path:
    """The path of a file that the storyboard names.

    Raises:
        AssetError: It is missing, no file, too big, or outside the project.
    """
    return _inside(root / name, root, str(name))


def linked_file(uri: str, owner: Path, root: Path) -> Path:
    """The path of a file that another file of the project names by a relative address.

    Args:
        uri: As it stands in the file; may be percent-encoded.
        owner: The file it stands in.
        root: The project's folder.

    Raises:
        AssetError: It is an address of the net, is missing, or lies outside the project.
    """
    where = relative_name(owner, root)
    if _SCHEME.match(uri):
        raise AssetError(
            f'It needs "{_short(uri)}"; a prop is made from files of the project alone.',
            "Save that file beside the model, or export a .glb with everything inside.",
            where=where,
        )
    for name in (uri, unquote(uri)):
        # A file may really be called `50%20oak.png`; as written comes first.
        try:
            return _inside(owner.parent / name.replace("\\", "/"), root, name, where)
        except AssetError as error:
            refused = error
    raise refused


def read_file(path: Path, root: Path) -> bytes:
    """The bytes of a file of the project.

    Raises:
        AssetError: It cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise AssetError(
            f"It cannot be read: {error.strerror or error}.",
            "Check that the file is there and that you may read it.",
            where=relative_name(path, root),
        ) from error


def _inside(path: Path, root: Path, name: str, where: str = "") -> Path:
    said = where or _short(name)
    needs = f'It needs "{_short(name)}"; that file' if where else "The file"
    try:
        real, home = path.resolve(), root.resolve()
        inside = real.is_relative_to(home)
        is_file = inside and real.is_file()
        size = real.stat().st_size if is_file else 0
    except (OSError, ValueError, RuntimeError) as error:  # names too long, NUL, loops of links
        raise AssetError(f"{needs} cannot be opened.", "Correct its name.", where=said) from error
    if not inside:
        raise AssetError(
            f"{needs} lies outside the project.",
            f"Copy it into the project's folder ({home.name}) and name it from there.",
            where=said,
        )
    if not is_file:
        raise AssetError(f"{needs} is not there.", "Put it there, or correct its name.", where=said)
    if size > MAX_FILE_BYTES:
        raise AssetError(
            f"{needs} has {size / 2**30:.1f} GiB; {MAX_FILE_BYTES // 2**30} are the most.",
            "Reduce the model (fewer triangles, smaller textures) and export it again.",
            where=said,
        )
    return real


def _short(text: str) -> str:
    clean = "".join(c if c.isprintable() else "?" for c in text)
    return clean if len(clean) <= 80 else f"{clean[:77]}..."
