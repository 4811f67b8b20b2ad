"""A prop's .glb made ready for Blender's importer: nodes named by number, nothing that moves.

Where every node stands at every frame is worked out on our side and goes into the job; so Blender
and the built-in stage play the same animation by the same code.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

from reelwright.assets.gltf_file import JSON_CHUNK, MAGIC
from reelwright.errors import AssetError
from reelwright.stage.blender.job import node_name

_HEAD = 20
_SKINNED = "Blender draws it as it was modelled, not in its rest pose: its skin is not played."


def write_named_glb(source: Path, target: Path) -> str | None:
    """Copy a built mesh with its nodes renamed and its animations, skins and cameras left out.

    Args:
        source: `Mesh.path`.
        target: The copy.

    Returns:
        What Blender will show otherwise than the built-in stage; None where nothing.

    Raises:
        AssetError: The mesh is damaged.
    """
    try:
        data = source.read_bytes()
        length = _json_length(data)
        document = json.loads(data[_HEAD : _HEAD + length])
        skinned = bool(document.get("skins"))
        text = json.dumps(_renamed(document), separators=(",", ":")).encode("utf-8")
    except (OSError, ValueError, TypeError, AttributeError, struct.error) as error:
        raise AssetError(
            "The built mesh cannot be read.",
            "Delete the folder and render again: it is made anew.",
            where=str(source),
        ) from error
    text += b" " * (-len(text) % 4)
    body = data[_HEAD + length :]
    head = struct.pack("<4s4I", MAGIC, 2, _HEAD + len(text) + len(body), len(text), JSON_CHUNK)
    target.write_bytes(head + text + body)
    return _SKINNED if skinned else None


def _json_length(data: bytes) -> int:
    magic, _, _, length, kind = struct.unpack("<4s4I", data[:_HEAD])
    if magic != MAGIC or kind != JSON_CHUNK:
        raise ValueError("not a binary glTF")
    return int(length)


def _renamed(document: dict[str, Any]) -> dict[str, Any]:
    for name in ("animations", "skins", "cameras"):
        document.pop(name, None)
    for index, node in enumerate(document.get("nodes", [])):
        node["name"] = node_name(index)
        for name in ("skin", "camera"):
            node.pop(name, None)
        node.get("extensions", {}).pop("KHR_lights_punctual", None)
    document.get("extensions", {}).pop("KHR_lights_punctual", None)
    return document
