"""Steering a prediction away from worse ones: arithmetic on predictions of the clean latent.

A step may be predicted several times: with the text, without it, with self-attention spoilt in some
blocks, with the streams deaf to each other. What separates the first from each of the others is
added to it, more or less of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

Prediction = Float[Tensor, " *S"]


def cfg_delta(cond: Prediction, uncond: Prediction, scale: float) -> Prediction:
    """Classifier-free guidance: what to add to `cond`.

    Source: Ho and Salimans 2022, arXiv:2207.12598.
    """
    return (scale - 1.0) * (cond - uncond)


def stg_delta(cond: Prediction, perturbed: Prediction, scale: float) -> Prediction:
    """Spatio-temporal guidance: what to add to `cond`.

    Source: Hyung et al. 2024, arXiv:2411.18664.
    """
    return scale * (cond - perturbed)


def cfg_star_delta(
    cond: Float[Tensor, B * S], uncond: Float[Tensor, B * S], scale: float
) -> Float[Tensor, B * S]:
    """Classifier-free guidance against the part of `uncond` that lies along `cond`, per sample.

    Source: Fan et al. 2025, CFG-Zero*, arXiv:2503.18886.
    """
    along, length = _dot(cond, uncond), _dot(uncond, uncond)
    return (scale - 1.0) * (cond - along / (length + 1e-8) * uncond)


def apg_delta(
    cond: Float[Tensor, B * S],
    uncond: Float[Tensor, B * S],
    scale: float,
    *,
    eta: float = 1.0,
    norm_threshold: float = 0.0,
) -> Float[Tensor, B * S]:
    """Adaptive projected guidance: what to add to `cond`.

    Args:
        cond: Prediction with the text.
        uncond: Prediction without it.
        scale: Of the guidance.
        eta: How much of the part along `cond`, which oversaturates, is kept.
        norm_threshold: Longest difference, per sample; 0 for any length.

    Source: Sadat et al. 2024, arXiv:2410.02416.
    """
    difference = cond - uncond
    if norm_threshold > 0:
        length = _dot(difference, difference).sqrt()
        difference = difference * (norm_threshold / length).clamp(max=1.0)
    along = _dot(difference, cond) / _dot(cond, cond) * cond
    return (scale - 1.0) * (difference - along + eta * along)


def rescale(prediction: Prediction, cond: Prediction, share: float) -> Prediction:
    """Bring a guided prediction part of the way back to `cond`'s deviation.

    The deviation is over the whole tensor, batch and appended tokens included.

    Args:
        prediction: Guided.
        cond: Unguided.
        share: How far; 0 leaves it, 1 gives it exactly `cond`'s deviation.

    Source: Lin et al. 2023, arXiv:2305.08891.
    """
    factor = cond.std() / prediction.std()
    return prediction * (share * factor + (1.0 - share))


def _dot(a: Float[Tensor, B * S], b: Float[Tensor, B * S]) -> Tensor:
    """Per sample, to be broadcast."""
    products = (a * b).flatten(1).sum(dim=1)
    return products.view(-1, *(1,) * (a.ndim - 1))


@dataclass(frozen=True, slots=True)
class Guider:
    """How one stream is guided. A neutral one leaves the prediction alone.

    Attributes:
        cfg_scale: Away from no text; 1 is neutral.
        stg_scale: Away from spoilt self-attention; 0 is neutral.
        stg_blocks: Blocks whose self-attention is spoilt.
        rescale_scale: How far the deviation is brought back.
        modality_scale: Away from the streams deaf to each other; 1 is neutral.
        skip_step: Steps after each guided one that use its prediction again; 0 for none.
    """

    cfg_scale: float = 1.0
    stg_scale: float = 0.0
    stg_blocks: tuple[int, ...] = ()
    rescale_scale: float = 0.0
    modality_scale: float = 1.0
    skip_step: int = 0

    def combine(
        self,
        cond: Prediction,
        *,
        uncond: Prediction | None = None,
        perturbed: Prediction | None = None,
        isolated: Prediction | None = None,
    ) -> Prediction:
        """Guide a prediction; a pass that was not made is left out."""
        prediction = cond
        if uncond is not None:
            prediction = prediction + cfg_delta(cond, uncond, self.cfg_scale)
        if perturbed is not None:
            prediction = prediction + stg_delta(cond, perturbed, self.stg_scale)
        if isolated is not None:
            prediction = prediction + cfg_delta(cond, isolated, self.modality_scale)
        if self.rescale_scale and prediction is not cond:
            prediction = rescale(prediction, cond, self.rescale_scale)
        return prediction


NEUTRAL = Guider()


def skips_step(step: int, skip_step: int) -> bool:
    """Whether a stream's last prediction is used again: all steps but every (skip_step + 1)-th."""
    return step % (skip_step + 1) != 0
