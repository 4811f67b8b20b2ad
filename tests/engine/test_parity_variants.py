"""Folders like the recorded ones, with other names, orders, sizes and counts: all pass too.

Each variant's results follow from recorded ones: a batch is the same sample twice, a LoRA is the
sum of its ranks, one scale is the same scale per row. So the runner is held to true numbers on
inputs that nobody recorded.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from reelwright.engine import TensorFile
from reelwright.engine.parity import find_cases, run_case
from reelwright.engine.parity.__main__ import main

Tensors = dict[str, Tensor]
Meta = dict[str, Any]


class Folder:
    """A folder of variants.

    Args:
        goldens: The recorded results.
        path: Where variants go.
    """

    def __init__(self, goldens: Path, path: Path) -> None:
        self.goldens, self.path = goldens, path

    def case(self, name: str) -> tuple[Meta, Tensors]:
        """A recorded case; skips where the folder has none of this name."""
        source = self.goldens / f"{name}.case.safetensors"
        if not source.exists():
            pytest.skip(f"no {name} in this folder")
        return json.loads(TensorFile(source).metadata["case"]), load_file(source)

    def write(self, name: str, meta: Meta, tensors: Tensors) -> Path:
        """A variant, and what it runs on beside it if it is not there."""
        named = meta["checkpoint"] or []
        for file in [named] if isinstance(named, str) else named:
            if not (self.path / file).exists():
                (self.path / file).symlink_to(self.goldens / file)
        path = self.path / f"{name}.case.safetensors"
        save_file({key: t.contiguous() for key, t in tensors.items()}, path, _words(case=meta))
        return path

    def checkpoint(self, name: str, source: str, change: Callable[[Tensors], Tensors]) -> str:
        """A changed checkpoint."""
        file = TensorFile(self.goldens / source)
        tensors = change(load_file(self.goldens / source))
        save_file(tensors, self.path / name, dict(file.metadata))
        return name


def _words(**fields: Any) -> dict[str, str]:
    return {key: json.dumps(value) for key, value in fields.items()}


@pytest.fixture
def folder(goldens: Path, tmp_path: Path) -> Folder:
    return Folder(goldens, tmp_path)


def _passes(path: Path) -> None:
    outcome = run_case(path)
    assert outcome.passed, str(outcome)


SAMPLE = [
    "transformer_av23.keyframe",
    "transformer_lora",
    "transformer_nvfp4",
    "text23",
    "video_vae_tiling.decode",
    "audio_decode_chain",
    "upsampler_x2",
    "steppers",
]


def test_other_names_and_orders(folder: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing rests on what a file is called, or on which tensor comes first in it."""
    for i, name in enumerate(SAMPLE):
        meta, tensors = folder.case(name)
        named = meta["checkpoint"] or []
        renamed = []
        for j, file in enumerate([named] if isinstance(named, str) else named):
            other = folder.checkpoint(
                f"weights {i}-{j}.safetensors",
                file,
                lambda given: dict(reversed(given.items())),
            )
            renamed.append(other)
        meta["checkpoint"] = renamed[0] if isinstance(named, str) else renamed or None
        meta["name"] = f"variant {i}"
        folder.write(f"v{i}", meta, dict(reversed(tensors.items())))
    assert main([str(folder.path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(SAMPLE) + 1
    assert lines[0].startswith("variant 0")
    assert lines[-1] == f"{len(SAMPLE)} passed, 0 failed"


BATCHES = [
    "transformer_av23.uniform",
    "transformer_av23.keyframe",
    "transformer_av23.context_mask",
    "transformer_av23.attention_strength",
    "transformer_av23.video_only_input",
    "transformer_av20_interleaved.uniform",
    "transformer_v23_videoonly.uniform",
    "transformer_fp8",
    "text20",
    "video_vae23.roundtrip",
    "video_vae_tcond.decode",
    "video_vae_tiling.encode",
    "audio_vae.roundtrip",
    "vocoder20",
    "vocoder23",
    "upsampler_temporal",
    "loop_distilled",
]


@pytest.mark.parametrize("name", BATCHES)
def test_a_larger_batch(folder: Folder, name: str) -> None:
    """The same samples twice give the same results twice."""
    meta, tensors = folder.case(name)
    alone = ("in.latent_mean", "in.latent_std", "out.linear.", "in.linear.")
    doubled = {}
    for key, tensor in tensors.items():
        single = tensor.ndim == 0 or key.startswith(alone) or "rgb" in key
        spatial = key.startswith("in.noise.") and tensor.ndim == 2
        doubled[key] = tensor if single or spatial else torch.cat((tensor, tensor))
    _passes(folder.write("batch", meta, doubled))


def test_three_loras(folder: Folder) -> None:
    """The second of two LoRAs cut in two by rank, its halves of other strengths."""
    meta, tensors = folder.case("transformer_lora")
    base, first, second = meta["checkpoint"]
    strength = meta["params"]["strengths"][1]

    def half(part: slice, factor: float) -> Callable[[Tensors], Tensors]:
        return lambda given: {
            name: (
                tensor.float()[part] * factor if ".lora_A" in name else tensor[:, part].float()
            ).contiguous()
            for name, tensor in given.items()
        }

    rank = next(t.shape[0] for n, t in load_file(folder.goldens / second).items() if "_A" in n)
    cut = rank // 2
    files = [
        folder.checkpoint("b.safetensors", second, half(slice(None, cut), 2.0)),
        folder.checkpoint("c.safetensors", second, half(slice(cut, None), 0.5)),
    ]
    meta["checkpoint"] = [base, first, *files]
    meta["params"]["strengths"] = [meta["params"]["strengths"][0], strength / 2, strength * 2]
    kept = {key: t for key, t in tensors.items() if not key.startswith(("out.bf16", "out.debug"))}
    renamed = {key.replace("exact_ab.", "exact_abc."): t for key, t in kept.items()}
    meta["tensors"] = {k.replace("exact_ab.", "exact_abc."): v for k, v in meta["tensors"].items()}
    assert any("exact_abc" in key for key in renamed)
    _passes(folder.write("three", meta, renamed))


@pytest.mark.parametrize("shape", [(1,), "rows", "column"])
def test_float8_with_a_scale_per_row(folder: Folder, shape: Any) -> None:
    meta, tensors = folder.case("transformer_fp8")

    def widen(given: Tensors) -> Tensors:
        changed = dict(given)
        for name, tensor in given.items():
            if name.endswith(".weight_scale"):
                rows = given[name.removesuffix("_scale")].shape[0]
                size = {"rows": (rows,), "column": (rows, 1)}.get(str(shape), (1,))
                changed[name] = tensor.expand(size).clone()
        return changed

    meta["checkpoint"] = folder.checkpoint("rows.safetensors", meta["checkpoint"], widen)
    _passes(folder.write("rows", meta, tensors))


def test_tiles_larger_than_the_film(folder: Folder) -> None:
    """Cut in one tile, another codec's latent decodes as it does whole."""
    meta, tensors = folder.case("video_vae23.roundtrip")
    cut = {axis: {"tile_size": 512, "overlap": 64} for axis in ("height", "width")}
    cut["frames"] = {"tile_size": 64, "overlap": 8}
    meta |= {"kind": "video_vae.tiled_decode"}
    meta["params"] = {"chunk_frames_all": [tensors["out.decoded"].shape[2]]}
    meta["tensors"] = {
        "in.latent": {},
        "out.tiled_all": {"meaning": f"tiling {cut} (pixels/frames)"},
    }
    renamed = {"in.latent": tensors["out.latent"], "out.tiled_all": tensors["out.decoded"]}
    _passes(folder.write("tiles", meta, renamed))


def test_other_frame_rates(folder: Folder) -> None:
    """Twice the rate: half the seconds; rows and columns stay."""
    meta, tensors = folder.case("positions")
    name = next(k for k in tensors if k.startswith("out.video.") and not k.endswith("mask"))
    about = meta["tensors"][name]
    rate = float(about["meaning"].split("fps ")[1].split(",")[0])
    about["meaning"] = about["meaning"].replace(f"fps {rate}", f"fps {2 * rate}")
    faster = tensors[name].clone()
    faster[:, 0] /= 2
    meta["tensors"] = {"out.video.faster": about}
    _passes(folder.write("rate", meta, {"out.video.faster": faster}))


@pytest.mark.parametrize("missing", ["video", "audio"])
def test_a_loop_of_one_stream(folder: Folder, missing: str) -> None:
    """The transformer alone decides a step: one step at one level, against the recorded pass."""
    kept = "audio" if missing == "video" else "video"
    meta, tensors = folder.case(f"transformer_av23.{kept}_only_input")
    grid, rate = meta["params"]["video_latent_grid"], meta["params"]["fps"]
    sigma = float(tensors[f"in.{kept}.sigma"][0])
    latent, velocity = tensors[f"in.{kept}.latent"], tensors[f"out.{kept}.velocity"]
    if not torch.allclose(tensors[f"in.{kept}.timesteps"], torch.tensor(sigma)):
        pytest.skip("the recorded pass has levels of its own")
    end = latent.float() - sigma * velocity.float()  # one Euler step to level 0
    given = {f"in.noise.{kept}": latent, f"in.context.{kept}": tensors[f"in.{kept}.context"]}
    if kept == "video":
        own = end[:, : grid[0] * grid[1] * grid[2]]
        shape = (end.shape[0], *grid, end.shape[2])
        wanted = {"out.video": own.reshape(shape).movedim(-1, 1)}
    else:
        split = end.unflatten(2, (2, -1))  # two channels of bands
        wanted = {"out.audio": split.transpose(1, 2)}
    meta |= {"kind": "loop_distilled", "tensors": {}, "tolerance": 1e-4}
    meta["params"] = {
        "video_latent_grid": grid,
        "fps": rate,
        "sigmas": [sigma, 0.0],
        "noise_scale": 1.0,
    }
    _passes(folder.write("one", meta, given | wanted))


def test_cases_that_are_not_as_their_kind_should_be(
    folder: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each fails by a line of its own, and the next ones still run."""
    meta, tensors = folder.case("steppers")
    folder.write("a", meta | {"kind": "transformer"}, tensors)
    folder.write("b", meta | {"params": {"sigmas": 7}}, tensors)
    folder.write("c", meta, {k: t for k, t in tensors.items() if k.startswith("in.")})
    folder.write("d", meta | {"tolerance": "none"}, tensors)
    folder.write("e", meta | {"kind": ["steppers"]}, tensors)
    folder.write("f", meta | {"tensors": []}, tensors)
    folder.write("g", meta, tensors)
    (folder.path / "h.case.safetensors").write_bytes(b"nothing")
    assert len(find_cases(folder.path)) == 8
    assert main([str(folder.path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 9
    assert lines[-1] == "1 passed, 7 failed"
    assert all("FAIL" in line for line in (*lines[:6], lines[7]))


def test_nothing_allowed_and_nothing_wrong(folder: Folder) -> None:
    """A tolerance of zero is met by equal numbers."""
    meta, tensors = folder.case("guiders")
    name = next(key for key in tensors if key.startswith("out.skip_step"))
    about = {name: meta["tensors"][name]}
    inputs = {key: tensor for key, tensor in tensors.items() if key.startswith("in.")}
    path = folder.write(
        "zero",
        meta | {"tensors": about, "tolerance": 0.0},
        inputs | {name: tensors[name]},
    )
    for entry in about.values():
        entry.pop("tolerance", None)
    _passes(path)
