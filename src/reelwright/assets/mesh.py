"""A prop that is ready to be staged: a folder with `mesh.glb` and a few facts in `mesh.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reelwright.errors import AssetError

GLB_NAME = "mesh.glb"
JSON_NAME = "mesh.json"
_MEND = "Delete the folder and render again: it is made anew."

Point = tuple[float, float, float]
Bounds = tuple[Point, Point]


@dataclass(frozen=True, slots=True)
class Mesh:
    """Handed from assets to stage.

    Attributes:
        path: `mesh.glb`, inside the folder that was built.
        bounds_m: Lowest and highest corner in the prop's own axes (Z up, metres), at rest, after
            the rest transform (size, scale, turn).
        source: What it was made from: a project-relative file, or `shape:<name>`.
        animations: Names of what can be played; the first is what `auto` plays.
        num_triangles: What is drawn.
        warnings: What of the source is not shown, in plain words.
    """

    path: Path
    bounds_m: Bounds
    source: str
    animations: tuple[str, ...]
    num_triangles: int
    warnings: tuple[str, ...]

    @staticmethod
    def load(folder: Path) -> Mesh:
        """Read what `build_mesh` wrote.

        Raises:
            AssetError: The folder holds no mesh, or a damaged one.
        """
        file = folder / JSON_NAME
        try:
            return _mesh_from_json(folder, json.loads(file.read_text("utf-8")))
        except OSError as error:
            raise AssetError("The built mesh is missing.", _MEND, where=str(file)) from error
        except (KeyError, TypeError, ValueError) as error:
            raise AssetError("The built mesh is damaged.", _MEND, where=str(file)) from error

    def save(self) -> None:
        """Write `mesh.json` beside the mesh; the folder's place is not in it."""
        facts = {
            "animations": list(self.animations),
            "bounds_m": [list(corner) for corner in self.bounds_m],
            "num_triangles": self.num_triangles,
            "source": self.source,
            "warnings": list(self.warnings),
        }
        text = json.dumps(facts, indent=1, sort_keys=True) + "\n"
        self.path.with_name(JSON_NAME).write_bytes(text.encode("utf-8"))


def _mesh_from_json(folder: Path, facts: dict[str, Any]) -> Mesh:
    low, high = (_point(corner) for corner in facts["bounds_m"])
    return Mesh(
        path=folder / GLB_NAME,
        bounds_m=(low, high),
        source=str(facts["source"]),
        animations=tuple(str(name) for name in facts["animations"]),
        num_triangles=int(facts["num_triangles"]),
        warnings=tuple(str(warning) for warning in facts["warnings"]),
    )


def _point(corner: list[float]) -> Point:
    x, y, z = (float(number) for number in corner)
    return (x, y, z)
