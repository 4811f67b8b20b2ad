from __future__ import annotations

import ast
from pathlib import Path

import reelwright.engine as engine

LEAVES = {"disk", "errors", "env", "shapes", "frames", "audio", "progress"}
ROOM = Path(engine.__file__).parent


def test_public_names_are_sorted_and_there() -> None:
    def rank(name: str) -> tuple[int, str]:
        return (0 if name.isupper() else 1 if name[0].isupper() else 2), name

    assert engine.__all__ == sorted(engine.__all__, key=rank)
    assert all(hasattr(engine, name) for name in engine.__all__)


def test_the_engine_imports_only_leaves() -> None:
    for path in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reelwright."):
                room = (node.module or "").split(".")[1]
                assert room in LEAVES | {"engine"}, f"{path.name} imports {node.module}"


def test_files_are_short() -> None:
    for path in ROOM.rglob("*.py"):
        assert len(path.read_text().splitlines()) <= 320, path.name
