"""Shapes told by their silhouettes: a small linear classifier, learned from held-out truth.

A silhouette is the largest patch of one hue, fitted into a square of 12x12 places. The
classifier knows each shape's mean and the scatter of all (linear discriminants); what it gets right
on true pictures that it has not seen is stated beside what it says of made ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from tools.pocket.measures.scenes import staging_of
from tools.pocket.measures.words import PLAIN, SHAPES, lab, lab_of_word
from tools.pocket.render import Caster
from tools.pocket.staging import Staging
from tools.pocket.words import COLORS
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, avg_pool2d, max_pool2d

from reelwright.storyboard import linear_from_color

SIDE = 12
HUE_DEG, CHROMA = 28.0, 14.0
"""How far from the word's hue, and how coloured, a pixel of the silhouette is."""

SMALLEST = 0.01
"""Share of the picture that a silhouette has at least."""

BIG = 0.3
"""Share of the picture's height that a thing has which is learned from."""

FIRST_SEED = 911_000_019

RIDGE = 0.15
"""Of the scatter's mean variance that is added to all of them."""


@dataclass(frozen=True)
class Shapes:
    """A classifier of silhouettes.

    Attributes:
        names: Of the classes.
        means: Of each class [K, D].
        weights: Inverse of the scatter [D, D].
        accuracy: Share of true pictures that were not learned from and are told right.
    """

    names: tuple[str, ...]
    means: Tensor
    weights: Tensor
    accuracy: float = float("nan")

    def name_of(self, features: Tensor) -> str:
        """The likeliest class."""
        off = self.means - features
        return self.names[int(((off @ self.weights) * off).sum(1).argmin())]


def silhouette(picture: Tensor, color: str) -> Tensor | None:
    """Features of the largest patch of a colour's hue; None where there is hardly any.

    Args:
        picture: Pixels [3, H, W] in [-1, 1].
        color: The word.
    """
    own = largest_patch(hued(picture, color))
    if float(own.float().mean()) < SMALLEST:
        return None
    rows, columns = torch.nonzero(own).unbind(1)
    box = own[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    filled = adaptive_avg_pool2d(box[None].float(), SIDE).flatten()
    ratio = math.log(box.shape[0] / box.shape[1])
    return torch.cat([filled, torch.tensor([4 * ratio])])


def hued(picture: Tensor, color: str) -> Tensor:
    """Where a word's hue is [H/2, W/2]."""
    half = avg_pool2d(picture[None], 2)[0]
    found, wanted = lab(half), lab_of_word(color)
    hue = torch.atan2(found[2], found[1]) - torch.atan2(wanted[2], wanted[1])
    apart = torch.atan2(hue.sin(), hue.cos()).abs() * (180 / math.pi)
    near: Tensor = (apart < HUE_DEG) & (found[1:].norm(dim=0) > CHROMA)
    return near


def largest_patch(own: Tensor) -> Tensor:
    """The largest connected part [H, W]."""
    names = torch.arange(1, own.numel() + 1).view(1, 1, *own.shape).float() * own
    while True:
        spread = max_pool2d(names, 3, 1, 1) * own
        if torch.equal(spread, names):
            break
        names = spread
    if not bool(own.any()):
        return own
    values, sizes = torch.unique(names[names > 0], return_counts=True)
    largest: Tensor = names[0, 0] == values[sizes.argmax()]
    return largest


def learned(features: Tensor, labels: list[str]) -> Shapes:
    """Learn from silhouettes.

    Args:
        features: [N, D].
        labels: The shape of each.
    """
    names = tuple(sorted(set(labels)))
    number = torch.tensor([names.index(label) for label in labels])
    means = torch.stack([features[number == k].mean(0) for k in range(len(names))])
    off = features - means[number]
    scatter = off.T @ off / len(off)
    ridge = RIDGE * scatter.diagonal().mean()
    return Shapes(names, means, torch.linalg.inv(scatter + ridge * torch.eye(len(scatter))))


def learned_from_truth(each: int = 60) -> Shapes:
    """Learn from true held-out pictures, half of them, judge by the other half, learn from all."""
    features, labels = true_silhouettes(each)
    odd = torch.arange(len(labels)) % 2 == 1
    halves = [(~odd, odd), (odd, ~odd)]
    right = [right_share(features, labels, learn, judge) for learn, judge in halves]
    return replace(learned(features, labels), accuracy=sum(right) / 2)


def right_share(features: Tensor, labels: list[str], learn: Tensor, judge: Tensor) -> float:
    """Share of some silhouettes that are told right by a classifier learned from others."""
    shapes = learned(features[learn], [labels[i] for i in torch.nonzero(learn)[:, 0].tolist()])
    judged = torch.nonzero(judge)[:, 0].tolist()
    return float(np.mean([shapes.name_of(features[i]) == labels[i] for i in judged]))


def true_silhouettes(each: int) -> tuple[Tensor, list[str]]:
    """Silhouettes of true pictures: each shape so often, in all colours that are asked for."""
    features, labels, seed = [], [], FIRST_SEED
    counts = dict.fromkeys(SHAPES, 0)
    while min(counts.values()) < each:
        staging, color = staging_of(seed), PLAIN[seed // 20 % len(PLAIN)]
        seed += 20
        kind = staging.things[0].kind
        if counts.get(kind, each) >= each or staging.things[0].large < BIG:
            continue
        picture, share = first_picture(alone(staging, color))
        found = silhouette(picture, color) if share > 2 * SMALLEST else None
        if found is not None:
            features.append(found)
            labels.append(kind)
            counts[kind] += 1
    return torch.stack(features), labels


def alone(staging: Staging, color: str) -> Staging:
    """A scene with its first thing alone, plain, in a colour."""
    wanted = "#{:02x}{:02x}{:02x}".format(*COLORS[color])
    red, green, blue = (float(v) for v in linear_from_color(wanted))
    thing = replace(
        staging.things[0], color=color, base=(red, green, blue), texture="plain", metallic=0.0
    )
    track = staging.track
    if track.action == "follow":
        track = replace(track, action="static", follow="")
    return replace(staging, things=(thing,), track=track)


def first_picture(staging: Staging) -> tuple[Tensor, float]:
    """The first frame [3, H, W], and the thing's share of it; 0 where it is cut off."""
    drawn: tuple[NDArray[np.uint8], object, NDArray[np.uint8], object] = Caster(staging).frame(
        0, motion=False
    )
    color, _, mask, _ = drawn
    cut = bool(mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())
    pixels = torch.from_numpy(color.copy()).permute(2, 0, 1).float() / 127.5 - 1
    return pixels, 0.0 if cut else float((mask > 0).mean())
