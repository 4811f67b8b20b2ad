"""What a shot asks of its video model, resolved: every choice that decides its latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reelwright.models import WeightSet
    from reelwright.storyboard import Shot

_DISTILLED_STEPS = (8, 3)
_GUIDED_STEPS = (30, 3)


@dataclass(frozen=True, slots=True)
class ModelChoices:
    """Choices for one shot.

    Attributes:
        steps: Denoising steps of each pass, as asked; empty for the model's own.
        guidance: Guidance scale; None for the model's own.
        control: What of the staged frames steers every frame: `depth` or `none`.
        strength: How firmly.
        distilled: The model needs few steps and no guidance.
    """

    steps: tuple[int, ...]
    guidance: float | None
    control: str
    strength: float
    distilled: bool

    @property
    def is_guided(self) -> bool:
        """Whether what should not be seen is read at all."""
        return not self.distilled if self.guidance is None else self.guidance != 1.0

    def num_steps(self, number: int) -> int:
        """Steps of a pass, counted from 0."""
        default = _DISTILLED_STEPS if self.distilled else _GUIDED_STEPS
        return self.steps[number] if number < len(self.steps) else default[number]

    def evaluations(self, number: int) -> int:
        """How often the model is asked in a pass; guidance asks it twice a step."""
        guided = number == 0 and self.is_guided
        return self.num_steps(number) * (2 if guided else 1)

    def to_json(self, number: int) -> dict[str, Any]:
        """As the recipe of a pass holds them: what comes after it decides nothing of it."""
        return {
            "steps": list(self.steps[: number + 1]),
            "guidance": self.guidance,
            "control": [self.control, self.strength],
            "distilled": self.distilled,
        }


def model_choices(shot: Shot, weights: WeightSet, staged: bool) -> ModelChoices:
    """Resolve a shot's settings; what it leaves open is the weights' own way.

    Args:
        shot: The shot.
        weights: What makes its clip.
        staged: Whether there are staged frames that could steer it.
    """
    model = shot.model
    kind: str = weights.control or "none"
    strength = 1.0
    if model.control is not None:
        kind, strength = model.control.kind, float(model.control.strength)
    if not staged or kind == "none" or strength == 0:
        kind, strength = "none", 0.0
    guidance = None if model.guidance is None else float(model.guidance)
    return ModelChoices(tuple(model.steps or ()), guidance, kind, strength, weights.distilled)


def has_second_pass(weights: WeightSet) -> bool:
    """Whether a draft is made at half size and refined: what that needs is among the weights.

    A distilled model refines by itself, a full one with a LoRA that joins the second pass alone.
    """
    able = weights.distilled or any(
        lora.strength(0) == 0 and lora.strength(1) != 0 for lora in weights.loras
    )
    return weights.upsampler is not None and able
