"""What a shot asks of LTX; everything has the weights' own default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from reelwright.errors import InputError, SettingError

ControlKind = Literal["depth", "none"]
Precision = Literal["auto", "float32", "bfloat16", "float16"]

_PRECISIONS = ("auto", "float32", "bfloat16", "float16")
_CONTROLS = ("depth", "none")


@dataclass(frozen=True, slots=True)
class LtxSettings:
    """What a shot asks of LTX.

    Attributes:
        steps: Denoising steps, pass by pass; a pass that is not named has its default.
        guidance: Away from the negative words, in the first pass; 1 is none, None the default.
        control: What of the staged frames the model is held to, and how firmly, 0 to 1.
        precision: What products run in; `auto` is float32 for small weights on a CPU, else
            bfloat16.
        beyond: Frames to make behind the shot's own, which are cut off: a keyframe at the very end
            is reached better where the film goes on.
        other_tiles: Decode large clips in tiles that lie elsewhere than usual.

    Raises:
        SettingError: A setting that cannot be.
    """

    steps: tuple[int, ...] = ()
    guidance: float | None = None
    control: tuple[ControlKind, float] = ("depth", 1.0)
    precision: Precision = "auto"
    beyond: int = 0
    other_tiles: bool = False

    def __post_init__(self) -> None:
        for step in self.steps:
            if not 1 <= step <= 200:
                raise SettingError(f"{step} steps cannot be taken.", "Use 1 to 200.", where="steps")
        if self.guidance is not None and not 0 <= self.guidance <= 30:
            raise SettingError(
                f"A guidance of {self.guidance} cannot be.", "Use 0 to 30.", where="guidance"
            )
        kind, strength = self.control
        if kind not in _CONTROLS:
            raise SettingError(
                f'Nothing can be controlled by "{kind}" yet.',
                'Use "depth" or "none".',
                where="control.kind",
            )
        if not 0 <= strength <= 1:
            raise SettingError(
                f"A control of {strength} cannot be kept.", "Use 0 to 1.", where="control.strength"
            )
        if self.precision not in _PRECISIONS:
            raise SettingError(
                f'There is no precision "{self.precision}".',
                f"Use one of {', '.join(_PRECISIONS)}.",
                where="precision",
            )
        if not 0 <= self.beyond <= 64:
            raise SettingError(
                f"{self.beyond} frames cannot be made behind a shot.", "Use 0 to 64.",
                where="beyond",
            )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """As plain values; `from_json` reads them."""
        return asdict(self) | {"steps": list(self.steps), "control": list(self.control)}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> LtxSettings:
        """Read what `to_json` wrote.

        Raises:
            InputError: These are no settings.
        """
        try:
            kind, strength = held["control"]
            guidance = held["guidance"]
            return cls(
                steps=tuple(int(step) for step in held["steps"]),
                guidance=None if guidance is None else float(guidance),
                control=(kind, float(strength)),
                precision=held["precision"],
                beyond=int(held.get("beyond", 0)),
                other_tiles=bool(held.get("other_tiles", False)),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"These are no settings of LTX ({error!r}).", "Plan the film again."
            ) from error
