"""The table of embeddings, read row by row from its file.

Gemma 3's has 262,208 rows, 2 GB in bfloat16, and a sentence needs some dozens: only those are
copied and dequantised.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor, nn

from reelwright.engine.memory.loading import CPU, resident
from reelwright.engine.storage.gguf_source import GgufSource
from reelwright.engine.storage.int8 import Int8Source
from reelwright.engine.storage.mxfp8 import GROUP as MXFP8_GROUP
from reelwright.engine.storage.mxfp8 import Mxfp8Source
from reelwright.engine.storage.nvfp4 import GROUP as NVFP4_GROUP
from reelwright.engine.storage.nvfp4 import TILE_COLUMNS, TILE_ROWS, tile_scales
from reelwright.engine.storage.weights import (
    Compute,
    Float8Source,
    Nvfp4Source,
    PlainSource,
    WeightSource,
)
from reelwright.engine.text.gemma import scale_embedding
from reelwright.errors import InputError


class EmbeddingRows(nn.Module):
    """Scaled embeddings, looked up in the file.

    Args:
        source: The table.
        compute: Type of what is looked up.
        device: Where it goes.
    """

    def __init__(self, source: WeightSource, compute: Compute, device: torch.device) -> None:
        super().__init__()
        self.source = source
        self.compute = compute
        self.device = device

    def forward(self, tokens: Int[Tensor, "*B"]) -> Float[Tensor, "*B D"]:
        """Look tokens up.

        Raises:
            InputError: A token has no row: the tokenizer is another model's.
        """
        rows = self.source.shape[0]
        asked = tokens.detach().cpu().flatten()
        if asked.numel() and not 0 <= int(asked.min()) <= int(asked.max()) < rows:
            raise InputError(
                f"The text has the token {int(asked.max())}, and the text encoder knows {rows}.",
                "Use the tokenizer that belongs to the text encoder.",
                where=self.source.name,
            )
        found = resident(pick_rows(self.source, asked), self.compute, CPU)
        return scale_embedding(found.to(self.device)).view(*tokens.shape, -1)


def pick_rows(source: WeightSource, rows: Int[Tensor, " N"]) -> WeightSource:
    """Some rows of a weight, stored as they were.

    Args:
        source: Of a matrix.
        rows: Which, in which order.

    Returns:
        A source of `[N, width]`. A way of storing that this does not know is made ready whole.
    """
    match source:
        case PlainSource():
            return replace(source, tensor=_bytes_picked(source.tensor, rows))
        case Float8Source() | Int8Source():
            scale = source.scale if source.scale.numel() == 1 else source.scale[rows]
            return replace(source, data=_bytes_picked(source.data, rows), scale=scale)
        case GgufSource():
            data = source.data.view(source.shape[0], -1)[rows].flatten()
            return replace(source, data=data, shape=(rows.numel(), *source.shape[1:]))
        case Nvfp4Source():
            scales = _block_scales(source.block_scale, rows, source.shape[1] // NVFP4_GROUP)
            return replace(source, packed=source.packed[rows], block_scale=scales)
        case Mxfp8Source():
            scales = _block_scales(source.block_scale, rows, source.shape[1] // MXFP8_GROUP)
            return replace(source, data=_bytes_picked(source.data, rows), block_scale=scales)
        case _:
            whole = resident(source, Compute.FLOAT32, CPU)
            return PlainSource(source.name, whole[rows])


def _bytes_picked(table: Tensor, rows: Int[Tensor, " N"]) -> Tensor:
    """Rows of a table of any type; float8 cannot be indexed as such."""
    if table.dtype.itemsize > 1:
        return table[rows]
    return table.view(torch.uint8)[rows].view(table.dtype)


def _block_scales(
    tiled: Shaped[Tensor, "Rp Gp"], rows: Int[Tensor, " N"], count: int
) -> Shaped[Tensor, "Np Gp"]:
    """The block scales of some rows, in tiles again; padding is not kept."""
    kind = torch.float8_e8m0fnu if tiled.dtype == torch.uint8 else tiled.dtype
    flat, groups = tiled.reshape(-1).view(torch.uint8), torch.arange(count)
    row, tiles = rows[:, None], tiled.shape[1] // TILE_COLUMNS
    place = (row // TILE_ROWS * tiles + groups // TILE_COLUMNS) * (TILE_ROWS * TILE_COLUMNS)
    place = place + row % 32 * 16 + row % TILE_ROWS // 32 * TILE_COLUMNS + groups % TILE_COLUMNS
    picked = tile_scales(flat[place].view(kind).float())
    return picked.to(kind).view(tiled.dtype)
