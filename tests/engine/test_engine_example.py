"""The example of docs/engine.md runs as it stands, only on a small model and a small clip."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.engine.tiny_checkpoint import (
    TEXT_LENGTH,
    VIDEO_WIDTH,
    tiny_models,
    write_checkpoint,
    write_text_encoder,
    write_upsampler,
)

from reelwright.engine.clip.clip_words import read_texts
from reelwright.engine.text.embeddings import EmbeddingCache
from reelwright.engine.text.tokenizer import TruncationWarning

PAGE = Path(__file__).parents[2] / "docs" / "engine.md"
SMALLER = {
    "width=1280": "width=48",
    "height=704": "height=32",
    "num_frames=121": "num_frames=9",
    "(1, 704, 1280, 3)": "(1, 64, 64, 3)",
}


def _example() -> str:
    section = PAGE.read_text(encoding="utf-8").partition("## A clip from words")[2]
    block = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert block is not None
    code = block.group(1)
    for large, small in SMALLER.items():
        assert large in code
        code = code.replace(large, small)
    return code


@pytest.mark.filterwarnings("ignore::reelwright.engine.text.tokenizer.TruncationWarning")
def test_the_example_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "models"
    write_text_encoder(folder / "gemma-3-12b-it")
    write_checkpoint(folder / "ltx-2.3-22b-distilled.safetensors")
    write_upsampler(folder / "ltx-2.3-spatial-upscaler-x2.safetensors")
    monkeypatch.chdir(tmp_path)
    made: dict[str, Any] = {}
    exec(_example(), made)
    assert made["frames"].shape == (9, 32, 48, 3)
    assert made["sound"].wave.shape[0] == 2
    assert torch.isfinite(made["sound"].wave).all()
    assert capsys.readouterr().out.splitlines()[-1] == "11 of 11"


def test_words_become_contexts_and_leave_nothing_behind(tmp_path: Path) -> None:
    models = tiny_models(tmp_path)
    encoder = write_text_encoder(tmp_path / "gemma")
    with models.transformer() as before:
        pass
    with pytest.warns(TruncationWarning):
        texts = read_texts(["a ball", "a ship, far out at sea"], models, encoder)
    assert texts[0].video.shape == (1, TEXT_LENGTH, VIDEO_WIDTH)
    assert not torch.allclose(texts[0].video, texts[1].video, atol=1e-3)
    with models.transformer() as after:
        assert after is not before
    cache = EmbeddingCache(tmp_path / "cache")
    (once,) = read_texts(["a ball"], models, encoder, cache=cache)
    (encoder / "model.safetensors").chmod(0o600)
    (twice,) = read_texts(["a ball"], models, encoder, cache=cache)
    assert torch.equal(once.video, twice.video)
