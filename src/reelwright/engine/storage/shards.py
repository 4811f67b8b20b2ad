"""Weights that are spread over several files: which files those are, in which order.

An index names the shard of every tensor. It is outside data like the shards themselves: a name in
it that leaves its folder is refused, and what it says is compared with what the shards hold.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reelwright.engine.storage.header import read_header
from reelwright.engine.storage.json_file import read_json
from reelwright.errors import CheckpointError

INDEX_SUFFIX = ".index.json"
SHARD_SUFFIX = ".safetensors"


def shard_paths(path: Path) -> tuple[Path, ...]:
    """Find the files that a path stands for.

    Args:
        path: A file of weights, an index (`*.index.json`), or a folder with either.

    Returns:
        A file itself; an index's shards in the order in which it first names them; a folder's
        safetensors files by name if it has no index.

    Raises:
        CheckpointError: There is nothing there, the folder has more than one index, or the index
            does not agree with its shards.
    """
    if not path.is_dir():
        return _indexed(path) if path.name.endswith(INDEX_SUFFIX) else (path,)
    indices = _visible(path, SHARD_SUFFIX + INDEX_SUFFIX)
    if len(indices) > 1:
        names = ", ".join(index.name for index in indices)
        raise CheckpointError(
            f"The folder has {len(indices)} indices: {names}.",
            "Name the one to use.",
            where=str(path),
        )
    if indices:
        return _indexed(indices[0])
    files = _visible(path, SHARD_SUFFIX)
    if not files:
        raise CheckpointError(
            "The folder has no safetensors files.",
            "Name a file of weights, or a folder that has them.",
            where=str(path),
        )
    return files


def _visible(folder: Path, suffix: str) -> tuple[Path, ...]:
    """Files of a folder by their ending, sorted; hidden ones are other programs' own."""
    found = (entry for entry in folder.iterdir() if entry.name.endswith(suffix))
    return tuple(sorted(entry for entry in found if not entry.name.startswith(".")))


def _indexed(index: Path) -> tuple[Path, ...]:
    places = _weight_map(index)
    shards = {name: index.parent / name for name in dict.fromkeys(places.values())}
    holders: dict[str, str] = {}
    for name, shard in shards.items():
        if not shard.is_file():
            raise _refuse(f"The shard {name!r} is missing", index)
        for tensor in read_header(shard).entries:
            if tensor in holders:
                raise _refuse(f"{tensor!r} stands in {holders[tensor]!r} and in {name!r}", index)
            holders[tensor] = name
    for tensor, name in places.items():
        if holders.get(tensor) != name:
            raise _refuse(f"The shard {name!r} has no tensor {tensor!r}", index)
    return tuple(shards.values())


def _weight_map(index: Path) -> Mapping[str, str]:
    places = read_json(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise _refuse("It has no weight_map", index)
    for name in places.values():
        if not isinstance(name, str) or not _is_plain(name):
            raise _refuse(f"{str(name)[:80]!r} is not the name of a shard beside it", index)
    return places


def _is_plain(name: str) -> bool:
    """Whether a name stays in its folder, on every system."""
    return name.endswith(SHARD_SUFFIX) and not any(part in name for part in ("/", "\\", ":", "\0"))


def _refuse(what: str, index: Path) -> CheckpointError:
    return CheckpointError(
        f"The index does not agree with its shards. {what[:300]}.",
        "Download the whole folder again.",
        where=str(index),
    )
