"""The linear codec that the pocket's video VAE starts from: two bases, and what they do to pixels.

Patches of 16 by 16 pixels are projected on their principal components, stacked over 8 frames and 2
by 2 patches, and the stack is projected again. Both bases are fitted on clips and their mirror
images, so every component is even or odd: a mirrored clip has the same latent, columns reversed,
with the signs of the odd channels turned. The orders of channels are those of the engine's own
`patch_pixels` and `fold`, which are used here as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from reelwright.engine.codecs.video_layers import fold, patch_pixels, unfold, unpatch_pixels

PATCH = 16
COEFFICIENTS = 32
"""Components of a patch."""

LATENTS = 128
"""Components of a stack."""

STACK = COEFFICIENTS * 32

SPARED = 8
"""Numbers of a stack that the encoder needs for its constant: the last, of least variance."""

TIME, ALL = (2, 1, 1), (2, 2, 2)


@dataclass(frozen=True)
class Bases:
    """A fitted linear codec.

    Attributes:
        patch_mean: Of folded patches.
        patch: Components of patches, rows of norm 1.
        patch_sign: 1 for an even component, -1 for an odd one.
        joint: Components of stacks; the mean of coefficients is taken as 0.
        joint_sign: As for patches.
        std: Deviation of each latent.
        mean: Mean of each latent.
    """

    patch_mean: Tensor
    patch: Tensor
    patch_sign: Tensor
    joint: Tensor
    joint_sign: Tensor
    std: Tensor
    mean: Tensor

    def to(self, device: torch.device) -> Bases:
        """The same on another device."""
        return Bases(**{name: tensor.to(device) for name, tensor in vars(self).items()})

    @property
    def scale(self) -> Tensor:
        """What a latent is divided by: leaves coarse channels larger than fine ones."""
        return (self.std * self.std.mean()).sqrt()

    def coefficients(self, pixels: Tensor) -> Tensor:
        """Of every patch; pixels [B, 3, F, H, W] in [-1, 1]."""
        folded = patch_pixels(pixels, PATCH) - self.patch_mean.view(-1, 1, 1, 1)
        return torch.einsum("kc,bcfhw->bkfhw", self.patch, folded)

    def raw_latent(self, pixels: Tensor) -> Tensor:
        """Latent as the encoder gives it, not yet normalised."""
        return torch.einsum("kc,bcfhw->bkfhw", self.joint, stack(self.coefficients(pixels)))

    def encode(self, pixels: Tensor) -> Tensor:
        """Normalised latent, equal to the engine's up to rounding."""
        shape = (1, -1, 1, 1, 1)
        return (self.raw_latent(pixels) - self.mean.view(shape)) / self.scale.view(shape)

    def decode(self, latent: Tensor) -> Tensor:
        """Pixels of a normalised latent, each cell by itself."""
        shape = (1, -1, 1, 1, 1)
        raw = latent * self.scale.view(shape) + self.mean.view(shape)
        return self.pixels(unstack(torch.einsum("kc,bkfhw->bcfhw", self.joint, raw)))

    def pixels(self, coefficients: Tensor) -> Tensor:
        """Pixels of coefficients."""
        folded = torch.einsum("kc,bkfhw->bcfhw", self.patch, coefficients)
        return unpatch_pixels(folded + self.patch_mean.view(-1, 1, 1, 1), PATCH)


def stack(coefficients: Tensor) -> Tensor:
    """Fold 8 frames and 2 by 2 patches into channels, the first frame standing for 8."""
    for stride in (TIME, TIME, ALL):
        first = coefficients[:, :, :1]
        coefficients = fold(torch.cat((first, coefficients), dim=2), stride)
    return coefficients


def unstack(stacked: Tensor) -> Tensor:
    """The inverse of `stack`."""
    for stride in (ALL, TIME, TIME):
        stacked = unfold(stacked, stride)[:, :, 1:]
    return stacked


def to_pixels(frames: Tensor) -> Tensor:
    """Bytes [F, H, W, 3] or grey [F, H, W] to pixels [3, F, H, W] in [-1, 1]."""
    if frames.ndim == 3:
        frames = frames.unsqueeze(-1).expand(-1, -1, -1, 3)
    return frames.permute(3, 0, 1, 2).float() / 127.5 - 1.0


def fit_patches(clips: Iterable[Tensor], count: int = COEFFICIENTS) -> tuple[Tensor, ...]:
    """Mean, components and signs of patches.

    Args:
        clips: Pixels [3, F, H, W].
        count: How many components.
    """
    side = 3 * PATCH**2
    total, squares, number = torch.zeros(side).double(), torch.zeros(side, side).double(), 0
    for clip in clips:
        folded = patch_pixels(clip[None, :, ::6], PATCH)[0].flatten(1).T
        both = torch.cat((folded, _mirror_patch(folded)))
        total += both.sum(0).double()
        squares += (both.T @ both).double()
        number += len(both)
    mean = total / number
    covariance = squares / number - mean.outer(mean)
    components, signs, _ = _principal(covariance, _mirror_patch, count)
    return mean.float(), components, signs


def fit_stacks(clips: Iterable[Tensor], bases: tuple[Tensor, ...], count: int = LATENTS) -> Bases:
    """The whole codec, from its patches' bases.

    Args:
        clips: Pixels [3, F, H, W].
        bases: From `fit_patches`.
        count: Latent channels.
    """
    nothing = torch.zeros(())
    patches = Bases(*bases, nothing, nothing, nothing, nothing)
    total, squares, number = torch.zeros(STACK).double(), torch.zeros(STACK, STACK).double(), 0
    for clip in clips:
        flat = stack(patches.coefficients(clip[None]))[0].flatten(1).T
        total += flat.sum(0).double()
        squares += (flat.T @ flat).double()
        number += len(flat)
    moment = squares / number
    flip = _stack_mirror(bases[2])
    moment = (moment + flip(flip(moment).T).T) / 2
    moment[-SPARED:] = moment[:, -SPARED:] = 0
    components, signs, _ = _principal(moment, flip, count)
    mean = components @ (total / number).float()
    second = (components.double() @ moment @ components.double().T).diagonal().float()
    std = (second - mean.square()).clamp(min=1e-12).sqrt()
    mean = torch.where(signs > 0, mean, torch.zeros(()))
    return Bases(*bases, components, signs, std, mean)


def _principal(
    covariance: Tensor, flip: Callable[[Tensor], Tensor], count: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Largest components, exactly even or odd, with their signs and variances."""
    eye = torch.eye(len(covariance), dtype=covariance.dtype)
    found = []
    for sign in (1.0, -1.0):
        half = (eye + sign * flip(eye)) / 2
        values, vectors = torch.linalg.eigh(half @ covariance @ half)
        kept = values > values.max() * 1e-9
        rows = vectors.T[kept]
        found.append((values[kept], rows, torch.full((int(kept.sum()),), sign)))
    values, rows, signs = (torch.cat(parts) for parts in zip(*found, strict=True))
    order = values.argsort(descending=True)[:count]
    return rows[order].float(), signs[order], values[order].float()


def _mirror_patch(rows: Tensor) -> Tensor:
    """Folded patches, mirrored: the column runs slower than the row."""
    return rows.unflatten(1, (3, PATCH, PATCH)).flip(2).flatten(1)


def _stack_mirror(signs: Tensor) -> Callable[[Tensor], Tensor]:
    """Mirrors stacks whose coefficients have these signs."""

    def mirror(rows: Tensor) -> Tensor:
        parts = rows.unflatten(1, (COEFFICIENTS, 16, 2)).flip(3)
        return (parts * signs.to(rows).view(-1, 1, 1)).flatten(1)

    return mirror
