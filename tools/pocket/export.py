"""Everything that is trained, in the official layout, to where the package keeps it.

python -m tools.pocket.export --checkpoint tools/pocket/runs/joint/best.pt
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from tools.pocket.model import CONFIG
from torch import Tensor

from reelwright.engine.checkpoints.checkpoint import DIFFUSION
from reelwright.engine.checkpoints.names import connector_name, transformer_name

_OFFICIAL: dict[str, tuple[str, Callable[[str], str]]] = {
    "transformer.": (DIFFUSION, transformer_name),
    "video_connector.": (DIFFUSION + "video_embeddings_connector.", connector_name),
    "audio_connector.": (DIFFUSION + "audio_embeddings_connector.", connector_name),
    "projection.": ("text_embedding_projection.", str),
}


_LANGUAGE = "language.gemma."


def official_tensors(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a `Pocket` by their official names, without the language model."""
    found = {}
    for name, tensor in weights.items():
        if name.startswith(_LANGUAGE):
            continue
        part = next(part for part in _OFFICIAL if name.startswith(part))
        prefix, rename = _OFFICIAL[part]
        found[prefix + rename(name.removeprefix(part))] = tensor
    return found


def read_part(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and config of a file that holds a part of the model."""
    with safe_open(path, framework="pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        return tensors, json.loads((file.metadata() or {}).get("config", "{}"))


def stored(name: str, tensor: Tensor) -> Tensor:
    """As it is written: bfloat16, statistics as they are."""
    exact = "per_channel_statistics" in name or not tensor.is_floating_point()
    return (tensor if exact else tensor.bfloat16()).contiguous()


def export(checkpoint: Path, parts: list[Path], out: Path) -> int:
    """Write the file.

    Args:
        checkpoint: Of the transformer's training.
        parts: Files with the codecs.
        out: Where to.

    Returns:
        Its size in bytes.
    """
    saved = torch.load(checkpoint, map_location="cpu", weights_only=False)
    tensors = official_tensors(saved["average"])
    config: dict[str, Any] = {"transformer": saved["config"] or CONFIG}
    for path in parts:
        more, section = read_part(path)
        tensors.update(more)
        config.update(section)
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_suffix(".part")
    metadata = {"config": json.dumps(config), "model_version": "2.3-pocket"}
    save_file({name: stored(name, t) for name, t in tensors.items()}, part, metadata=metadata)
    part.replace(out)
    return out.stat().st_size


def export_language(checkpoint: Path, folder: Path, out: Path) -> bool:
    """Write the language model as Hugging Face keeps it, if the checkpoint has one.

    Args:
        checkpoint: Of the transformer's training.
        folder: Has its config and tokenizer.
        out: Folder to write to.
    """
    saved = torch.load(checkpoint, map_location="cpu", weights_only=False)["average"]
    found = {
        "model." + name.removeprefix(_LANGUAGE): tensor.bfloat16().contiguous()
        for name, tensor in saved.items()
        if name.startswith(_LANGUAGE)
    }
    if found:
        out.mkdir(parents=True, exist_ok=True)
        save_file(found, out / "model.safetensors", metadata={"format": "pt"})
        for path in folder.glob("*.json"):
            shutil.copy(path, out / path.name)
    return bool(found)


def main() -> None:
    """Command line."""
    runs = Path("tools/pocket/runs")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", type=Path, default=runs / "joint/best.pt")
    parser.add_argument("--codec", type=Path, default=runs / "codec/vae.safetensors")
    parser.add_argument("--sound", type=Path, default=runs / "audio/pocket-audio.safetensors")
    parser.add_argument("--text", type=Path, default=runs / "text_encoder")
    parser.add_argument("--upsampler", type=Path, default=runs / "upsampler/upsampler.safetensors")
    parser.add_argument("--refiner", type=Path, default=runs / "refiner/refiner.safetensors")
    parser.add_argument("--out", type=Path, default=Path("src/reelwright/models/pocket"))
    given = parser.parse_args()
    export(given.checkpoint, [given.codec, given.sound], given.out / "model.safetensors")
    if not export_language(given.checkpoint, given.text, given.out / "text_encoder"):
        raise SystemExit(f"{given.checkpoint} has no language model: train the joint stage.")
    for path in (given.upsampler, given.refiner):
        if path.exists():
            shutil.copy(path, given.out / path.name)
        else:
            print(f"{path} is not there: nothing is written for it")
    files = sorted(path for path in given.out.rglob("*") if path.is_file())
    for path in files:
        print(f"{path.relative_to(given.out)}: {path.stat().st_size / 1e6:.2f} MB")
    print(f"{sum(path.stat().st_size for path in files) / 1e6:.1f} MB in all")


if __name__ == "__main__":
    main()
