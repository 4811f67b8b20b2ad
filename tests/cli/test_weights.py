"""Weights on the command line: what the options name, and what the doctor says of them."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from reelwright.cli import main
from reelwright.cli.options import lora_strengths
from reelwright.errors import SettingError
from reelwright.models import WeightSet


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder of files that look like weights."""
    folder = tmp_path / "weights"
    (folder / "text").mkdir(parents=True)
    for name in ("a", "b", "up", "lora", "text/model"):
        (folder / f"{name}.safetensors").write_bytes(struct.pack("<Q", 2) + b"{}")
    (folder / "text" / "config.json").write_text("{}")
    return folder


@pytest.fixture
def storyboard(tmp_path: Path) -> Path:
    path = tmp_path / "storyboard.toml"
    path.write_text('[[shots]]\nid = "a"\nseconds = 1\nprompt = "The sea."\n')
    return path


def words(weights: Path) -> list[str]:
    return [
        "--checkpoint", str(weights / "a.safetensors"), str(weights / "b.safetensors"),
        "--text-encoder", str(weights / "text"), "--upsampler", str(weights / "up.safetensors"),
        "--lora", str(weights / "lora.safetensors"), "0.8",
    ]  # fmt: skip


def test_a_plan_says_which_weights_and_why(
    storyboard: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", str(storyboard), *words(weights)]) == 0
    said = capsys.readouterr()
    assert "(a.safetensors)" in said.out
    assert "draft/a#1" in said.out
    assert "refine/a#1" in said.out
    assert "generated as standard, the best that is installed" in said.err
    assert "6 files" in said.err


def test_render_hands_them_on(
    storyboard: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    class StopError(Exception):
        pass

    def render(film: Path, **options: Any) -> None:
        asked.update(options)
        raise StopError

    monkeypatch.setattr("reelwright.production.render", render)
    with pytest.raises(StopError):
        main(["render", str(storyboard), *words(weights)])
    (named,) = asked["weights"]
    assert [path.name for path in named.checkpoint] == ["a.safetensors", "b.safetensors"]
    assert named.loras[0].strengths == (0.8,)
    with pytest.raises(StopError):
        main(["render", str(storyboard)])
    assert asked["weights"] is None


def test_what_is_not_there_is_refused(
    storyboard: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", str(storyboard), "--checkpoint", str(weights / "none")]) == 2
    assert "text-encoder" in capsys.readouterr().err
    encoder = ["--text-encoder", str(weights / "text")]
    assert main(["plan", str(storyboard), "--checkpoint", str(weights / "none"), *encoder]) == 2
    assert "nothing here" in capsys.readouterr().err


def test_loras_have_strengths() -> None:
    found = lora_strengths(["a.safetensors", "0.8", "b.safetensors", "c.safetensors", "-1"])
    assert found == (
        (Path("a.safetensors"), 0.8), (Path("b.safetensors"), 1.0), (Path("c.safetensors"), -1.0),
    )  # fmt: skip
    with pytest.raises(SettingError):
        lora_strengths(["0.8", "a.safetensors"])


def test_the_doctor_lists_what_is_installed(
    weights: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["doctor", str(weights)])
    assert "No video model is installed" in capsys.readouterr().out
    installed = WeightSet(
        "pocket", (weights / "a.safetensors",), weights / "text", "pocket", control="depth"
    )
    monkeypatch.setattr("reelwright.models.installed_weights", lambda: (installed,))
    main(["doctor", str(weights)])
    said = capsys.readouterr().out
    assert "pocket (0 MB, follows staged depth)" in said
