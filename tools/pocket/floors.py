"""What linear codecs of other factors and channels would lose: the table behind the codec's sizes.

python -m tools.pocket.floors --pool tools/pocket/runs/pool --out tools/pocket/runs/codec.md
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from tools.pocket.clips import Clip, clips_of
from tools.pocket.codec import moving_psnr, psnr
from tools.pocket.sampling import mean_rows
from torch import Tensor

from reelwright.engine.codecs.video_layers import fold, patch_pixels, unfold, unpatch_pixels

PATCH = 16
WIDE = 96
"""Components of a patch that stacks are made of here: more than the codec has."""


def stacked(patches: Tensor, cells: int) -> Tensor:
    """8 frames, and `cells` by `cells` patches, of coefficients [1, K, F, H, W], as channels."""
    for space in (1, 1, cells):
        first = patches[:, :, :1]
        patches = fold(torch.cat((first, patches), dim=2), (2, space, space))
    return patches


def unstacked(stack: Tensor, cells: int) -> Tensor:
    """The inverse."""
    for space in (cells, 1, 1):
        stack = unfold(stack, (2, space, space))[:, :, 1:]
    return stack


def principal(rows: list[Tensor], count: int) -> tuple[Tensor, Tensor]:
    """Mean and components of rows."""
    number = sum(map(len, rows))
    mean = torch.stack([part.sum(0) for part in rows]).sum(0) / number
    moment = torch.zeros(rows[0].shape[1], rows[0].shape[1])
    for part in rows:
        moment += (part - mean).T @ (part - mean)
    return mean, torch.linalg.eigh(moment.double() / number)[1].float().flip(1)[:, :count].T


def floor_rows(train: list[Clip], held_out: list[Clip]) -> list[tuple[str, dict[str, float]]]:
    """Every candidate, measured."""
    patches = [
        patch_pixels(clip.pixels[None, :, ::4], PATCH)[0].flatten(1).T[::2] for clip in train
    ]
    mean, basis = principal(patches, WIDE)

    def coefficients(clip: Clip) -> Tensor:
        folded = patch_pixels(clip.pixels[None], PATCH) - mean.view(-1, 1, 1, 1)
        return torch.einsum("kc,bcfhw->bkfhw", basis, folded)

    def pixels(found: Tensor) -> Tensor:
        folded = torch.einsum("kc,bkfhw->bcfhw", basis, found) + mean.view(-1, 1, 1, 1)
        return unpatch_pixels(folded, PATCH)[0]

    found = []
    for cells, kept, counts in ((2, 48, (128,)), (1, 96, (32, 48, 64, 128))):
        stacks = [stacked(coefficients(clip)[:, :kept], cells)[0].flatten(1).T for clip in train]
        _, joint = principal(stacks, max(counts))
        for count in counts:
            rows = []
            for clip in held_out:
                stack = stacked(coefficients(clip)[:, :kept], cells)
                low = torch.einsum("kc,bcfhw->bkfhw", joint[:count], stack)
                back = torch.einsum("kc,bkfhw->bcfhw", joint[:count], low)
                back = unstacked(back, cells)
                wide = torch.nn.functional.pad(back, (0, 0, 0, 0, 0, 0, 0, WIDE - kept))
                shown = pixels(wide)
                row = {"all": psnr(shown, clip.pixels), "moving": moving_psnr(shown, clip.pixels)}
                rows.append({key: value for key, value in row.items() if value == value})
            side = PATCH * cells
            found.append((f"8x{side}x{side}, {count} channels", mean_rows(rows)))
    return found


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pool", type=Path, default=Path("tools/pocket/runs/pool"))
    parser.add_argument("--held", type=Path, default=Path("tools/pocket/runs/held"))
    parser.add_argument("--out", type=Path, default=Path("tools/pocket/runs/codec.md"))
    parser.add_argument("--clips", type=int, default=120)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    train = list(clips_of(given.pool, given.clips))
    held_out = list(clips_of(given.held, 24, held_out=True))
    lines = [f"{len(train)} clips to fit, {len(held_out)} held out.", ""]
    lines += ["| linear codec | all, dB | where things move, dB |", "|---|---|---|"]
    for name, row in floor_rows(train, held_out):
        lines.append(f"| {name} | {row['all']:.2f} | {row.get('moving', float('nan')):.2f} |")
        print(lines[-1], flush=True)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
