"""How the staged depth is shown to the model, if it takes one."""

from __future__ import annotations

from dataclasses import dataclass

from reelwright.engine import Control, lora_metadata
from reelwright.engine.checkpoints.checkpoint import open_file
from reelwright.errors import InputError, StageError
from reelwright.generate.ltx.depth_control import depth_clip
from reelwright.generate.ltx.settings import LtxSettings
from reelwright.generate.ltx.span import ShotSpan
from reelwright.generate.request import ClipRequest
from reelwright.models import LoraUse, WeightSet
from reelwright.stage import StagedShot


@dataclass(frozen=True, slots=True)
class StagedControl:
    """What a model follows the staged depth by.

    Attributes:
        strength: How far it is kept, 0 to 1.
        downscale: How many times smaller than the film it is encoded.
        time_stride: Of its frames behind the first, every so-manieth is taken.
        loras: Those that let the model follow it; none where it does so by itself.
    """

    strength: float
    downscale: int = 1
    time_stride: int = 1
    loras: tuple[LoraUse, ...] = ()

    def clip(
        self, staged: StagedShot, span: ShotSpan, size: tuple[int, int]
    ) -> tuple[Control, ...]:
        """The depth at the size of a pass.

        Where the shot goes on from another, nothing is staged for the frames that it goes on
        from: they are kept anyway, and its own first depth stands there.

        Args:
            staged: The shot.
            span: Frames of the model's clip.
            size: Of the pass, pixels.
        """
        width, height = (side // self.downscale for side in size)
        pixels = depth_clip(staged.depth, (width, height), span.tail, span.total)
        return (Control(pixels, self.strength, None, self.downscale, self.time_stride),)


def staged_control(
    weights: WeightSet, settings: LtxSettings, staged: StagedShot | None
) -> StagedControl | None:
    """Decide how a shot's depth is shown; None where it is not.

    Args:
        weights: What makes the clip.
        settings: What was asked.
        staged: The shot; None if it is words alone.

    Raises:
        CheckpointError: A LoRA cannot be read.
    """
    kind, strength = settings.control
    if staged is None or kind == "none" or not strength:
        return None
    if weights.control == kind:
        return StagedControl(strength)
    for lora, (downscale, time_stride) in control_loras(weights).items():
        return StagedControl(strength, downscale, time_stride, (lora,))
    return None


def control_loras(weights: WeightSet) -> dict[LoraUse, tuple[int, int]]:
    """LoRAs that let a model follow a clip, and how small they want it: sides, frames.

    Raises:
        CheckpointError: A LoRA cannot be read.
        InputError: It wants a clip of a size that there is not.
    """
    found = {}
    for lora in weights.loras:
        with open_file(lora.file) as file:
            said = lora_metadata(file)
        if said.reference_downscale is not None:
            scales = (said.reference_downscale, said.reference_temporal_scale or 1.0)
            if any(scale != int(scale) or scale < 1 for scale in scales):
                raise InputError(
                    f"Its reference would be {scales[0]} times smaller and {scales[1]} times "
                    "slower; only whole numbers are made.",
                    "Use another LoRA for control.",
                    where=str(lora.file),
                )
            found[lora] = (int(scales[0]), int(scales[1]))
    return found


def check_staged(request: ClipRequest, staged: StagedShot) -> None:
    """Refuse a staged shot that is not the one asked for.

    Raises:
        StageError: It is of another size or length.
    """
    width, height = request.size.generated
    asked = (request.frames.generated, height, width)
    found = tuple(staged.depth.shape)
    if found != asked:
        raise StageError(
            f"The shot was staged as {found[0]} frames of {found[2]}x{found[1]}, but its clip is "
            f"{asked[0]} of {width}x{height}.",
            "Stage the shot again.",
        )
