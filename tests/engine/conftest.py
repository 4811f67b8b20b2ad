"""Checks every shape annotation of the engine, and makes small checkpoints."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from jaxtyping import install_import_hook
from torch import Tensor

with install_import_hook("reelwright.engine", "beartype.beartype"):
    import reelwright.engine
    import reelwright.engine.parity  # noqa: F401 - imported under the hook, before any test does

from safetensors.torch import save_file

Save = Callable[..., Path]


def golden_folder() -> Path | None:
    """Where the recorded results are, if anywhere."""
    beside = Path(__file__).parents[3] / "shared" / "goldens"
    folder = Path(os.environ.get("REELWRIGHT_GOLDENS") or beside)
    return folder if any(folder.glob("*.case.safetensors")) else None


@pytest.fixture(scope="session")
def goldens() -> Path:
    """The folder of recorded results; without it, skipped, or on CI failed."""
    folder = golden_folder()
    if folder is None:
        reason = "no recorded results: set REELWRIGHT_GOLDENS to their folder"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Writes a safetensors file with a config."""

    def write(
        tensors: dict[str, Tensor],
        config: Any = None,
        name: str = "model",
        metadata: dict[str, str] | None = None,
    ) -> Path:
        path = tmp_path / f"{name}.safetensors"
        words = dict(metadata or {})
        if config is not None:
            words["config"] = json.dumps(config)
        save_file({key: t.clone().contiguous() for key, t in tensors.items()}, path, words or None)
        return path

    return write


@pytest.fixture
def generator() -> torch.Generator:
    """Random numbers that are the same every time."""
    return torch.Generator().manual_seed(7)
