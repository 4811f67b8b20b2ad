"""The weights that come with the package."""

from __future__ import annotations

from pathlib import Path

from reelwright.models.weight_set import WeightSet

_POCKET = Path(__file__).parent / "pocket"


def installed_weights(folder: Path = _POCKET) -> tuple[WeightSet, ...]:
    """Which sets of weights are installed, the best first.

    Args:
        folder: Where the package keeps its own.

    Returns:
        None at all where transformer or text encoder are missing; upsampler and refiner only
        where they lie there too.
    """
    checkpoint, text_encoder = folder / "model.safetensors", folder / "text_encoder"
    if not checkpoint.is_file() or not (text_encoder / "config.json").is_file():
        return ()
    return (
        WeightSet(
            name="pocket",
            checkpoint=(checkpoint,),
            text_encoder=text_encoder,
            label="pocket",
            upsampler=_if_there(folder / "upsampler.safetensors"),
            refiner=_if_there(folder / "refiner.safetensors"),
            control="depth",
        ),
    )


def _if_there(file: Path) -> Path | None:
    return file if file.is_file() else None
