"""A still as a film shows it: through a lossy codec once, and back.

The official weights were trained on frames of compressed films. A flawless still looks to them like
a photograph, and photographs do not move; the reference therefore compresses every picture first
(H.264, CRF 33 for LTX-2.3). In memory, nothing is written.
"""

from __future__ import annotations

from io import BytesIO

import av
import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from reelwright.engine.clip.clip_request import Frames
from reelwright.errors import InputError

MAX_CRF = 51


def blemish_still(frames: Frames, crf: int = 33) -> UInt8[Tensor, "F H2 W2 3"]:
    """Compress each frame as a film of its own, and decode it again.

    Args:
        frames: uint8, or float in [0, 1].
        crf: Of the H.264 encoder: 33 for LTX-2.3 and older; 0 leaves the frames alone.

    Returns:
        The same frames, uint8; an odd row or column is cut off, as the codec cannot have it.

    Raises:
        InputError: There is no such CRF, or the frames are smaller than two pixels.
    """
    if not 0 <= crf <= MAX_CRF:
        raise InputError(f"There is no CRF of {crf}.", f"Use 0 to {MAX_CRF}.", where="crf")
    pixels = frames if frames.dtype == torch.uint8 else (frames * 255.0).round().to(torch.uint8)
    if crf == 0:
        return pixels
    height, width = (side // 2 * 2 for side in pixels.shape[1:3])
    if not height or not width:
        raise InputError("The frames are smaller than two pixels.", "Use larger ones.")
    even = pixels[:, :height, :width].cpu().contiguous()
    return torch.stack([_through_codec(frame, crf) for frame in even])


def _through_codec(frame: Tensor, crf: int) -> Tensor:
    height, width = frame.shape[:2]
    memory = BytesIO()
    with av.open(memory, "w", format="mp4") as film:
        stream = film.add_stream("libx264", rate=1, options={"crf": str(crf), "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for packet in stream.encode(av.VideoFrame.from_ndarray(frame.numpy(), "rgb24")):
            film.mux(packet)
        for packet in stream.encode():
            film.mux(packet)
    memory.seek(0)
    with av.open(memory, "r") as film:
        decoded = next(film.decode(video=0)).to_ndarray(format="rgb24")
    return torch.from_numpy(np.ascontiguousarray(decoded))
