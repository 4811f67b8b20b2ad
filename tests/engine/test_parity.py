from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from reelwright.engine.parity import find_cases, run_case
from reelwright.engine.parity.__main__ import main


def _folder() -> Path:
    beside = Path(__file__).parents[3] / "shared" / "goldens"
    return Path(os.environ.get("REELWRIGHT_GOLDENS") or beside)


CASES = [path.name.removesuffix(".case.safetensors") for path in find_cases(_folder())]


def test_there_are_recorded_results(goldens: Path) -> None:
    assert find_cases(goldens)


@pytest.mark.parametrize("name", CASES)
def test_case(goldens: Path, name: str) -> None:
    outcome = run_case(goldens / f"{name}.case.safetensors")
    assert outcome.passed, str(outcome)


def _copy(goldens: Path, folder: Path, name: str, **changes: object) -> Path:
    source = goldens / f"{name}.case.safetensors"
    tensors = load_file(source)
    from reelwright.engine import TensorFile

    meta = json.loads(TensorFile(source).metadata["case"]) | changes
    path = folder / source.name
    save_file(tensors, path, {"case": json.dumps(meta)})
    return path


def test_unknown_kind_fails(
    goldens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _copy(goldens, tmp_path, "steppers", kind="telepathy")
    assert main([str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "telepathy" in lines[0]
    assert lines[-1] == "0 passed, 1 failed"


def test_wrong_number_fails(
    goldens: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = _copy(goldens, tmp_path, "steppers")
    assert main([str(tmp_path)]) == 0
    tensors = load_file(path)
    tensors["out.euler.1"] += 1e-3
    from reelwright.engine import TensorFile

    save_file(tensors, path, TensorFile(path).metadata)
    capsys.readouterr()
    assert main([str(tmp_path)]) == 1
    assert "FAIL  euler.1" in capsys.readouterr().out


def test_not_a_number_fails(goldens: Path, tmp_path: Path) -> None:
    path = _copy(goldens, tmp_path, "steppers")
    tensors = load_file(path)
    tensors["in.sample"][:] = float("nan")
    from reelwright.engine import TensorFile

    save_file(tensors, path, TensorFile(path).metadata)
    assert not run_case(path).passed


def test_output_that_nobody_computes_fails(goldens: Path, tmp_path: Path) -> None:
    path = _copy(goldens, tmp_path, "audio_vae.roundtrip")
    meta = json.loads(_metadata(path)["case"])
    tensors = load_file(path) | {"out.moonlight": torch.zeros(2)}
    meta["tensors"]["out.moonlight"] = {"shape": [2], "dtype": "float32"}
    save_file(tensors, path, {"case": json.dumps(meta)})
    (tmp_path / "audio_vae.checkpoint.safetensors").symlink_to(
        goldens / "audio_vae.checkpoint.safetensors"
    )
    outcome = run_case(path)
    assert not outcome.passed
    assert "moonlight" in outcome.fault


def _metadata(path: Path) -> dict[str, str]:
    from reelwright.engine import TensorFile

    return TensorFile(path).metadata


def test_missing_checkpoint_fails(goldens: Path, tmp_path: Path) -> None:
    outcome = run_case(_copy(goldens, tmp_path, "vocoder20"))
    assert not outcome.passed
    assert "vocoder20.checkpoint" in outcome.fault


def test_empty_folder_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out == "0 passed, 0 failed\n"


def test_no_folder_is_a_wrong_call(tmp_path: Path) -> None:
    assert main([]) == 2
    assert main([str(tmp_path / "absent")]) == 2
