"""Pictures between arrays and what codecs hold: matrix, range, place of the chroma samples.

A film's pictures are display-referred sRGB and are tagged BT.709, video range; their values pass
unchanged but for the matrix. Three things that the scaler does of itself are wrong for that, and
are put right here (measured on a smooth picture, 8-bit levels, root mean square):

- It sites 4:2:0 and 4:2:2 chroma between the columns while H.264 and ProRes mean the left one:
  0.86 in Cb against 0.29 (rounding alone) when told.
- It takes 65280, not 65535, as the white of 16-bit RGB: a bias of 0.42 in luma, 0.01 when scaled.
- `VideoFrame.to_ndarray(format="rgb24")` is 1 to 2 levels too dark and off by 2.8; the same
  decoded through here by 0.6.
"""

from __future__ import annotations

from typing import Any

import av
import numpy as np
from av.filter import Graph
from av.video.frame import VideoFrame
from numpy.typing import NDArray

BT709 = 1
SRGB_CURVE = 13
RGB_MATRIX = 0
VIDEO_RANGE = 1
FULL_RANGE = 2
_UNSPECIFIED = 2

_FLAGS = "bicubic+accurate_rnd+full_chroma_inp+full_chroma_int+bitexact"
_MATRICES = {1: "bt709", 4: "fcc", 5: "bt470bg", 6: "smpte170m", 7: "smpte240m", 9: "bt2020nc"}
_HD_HEIGHT = 720
_WHITE_SCALED = 65280


class YuvConverter:
    """Turn RGB arrays into BT.709 video-range frames.

    Args:
        size: Width and height, pixels, even.
        pix_fmt: What the encoder takes, e.g. `yuv420p`, `yuv422p10le`.
    """

    def __init__(self, size: tuple[int, int], pix_fmt: str) -> None:
        self._size = size
        self._pix_fmt = pix_fmt
        self._narrow = VideoFrame(16, 16, pix_fmt).format.components[0].bits == 8
        self._graphs: dict[str, Graph] = {}

    def convert(self, picture: NDArray[Any], index: int) -> VideoFrame:
        """One picture, uint8 or uint16 [H, W, 3], as a tagged frame numbered `index`."""
        if picture.dtype == np.uint16:
            picture = narrow(picture) if self._narrow else _scale_white(picture)
        array_format = "rgb24" if picture.dtype == np.uint8 else "gbrp16le"
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=array_format)
        frame.pts, frame.colorspace, frame.color_range = index, RGB_MATRIX, FULL_RANGE
        graph = self._graphs.get(array_format)
        if graph is None:
            source = _source(self._size, array_format, "gbr", "pc")
            scale = f"flags={_FLAGS}:out_color_matrix=bt709:out_range=tv:out_chroma_loc=left"
            graph = self._graphs[array_format] = _graph(source, scale, self._pix_fmt)
        graph.vpush(frame)
        converted = graph.vpull()
        tag(converted, BT709, BT709, BT709, VIDEO_RANGE)
        return converted


class RgbConverter:
    """Turn decoded frames of any format into RGB arrays.

    Args:
        bits: 8 for uint8, 16 for uint16.
    """

    def __init__(self, bits: int = 8) -> None:
        self._bits = bits
        self._key: tuple[Any, ...] = ()
        self._graph: Graph | None = None

    def convert(self, frame: VideoFrame) -> NDArray[Any]:
        """One frame as uint8 or uint16 [H, W, 3], as it stands in the file (not yet rotated)."""
        deep = max(component.bits for component in frame.format.components) > 8
        if frame.format.is_rgb:
            if deep:
                array = frame.to_ndarray(format="gbrp16le")
                return array if self._bits == 16 else narrow(array)
            array = frame.to_ndarray(format="rgb24")
            return array if self._bits == 8 else widen(array)
        array = self._from_yuv(frame, "rgb24" if self._bits == 8 else "rgb48le")
        return array if self._bits == 8 else _unscale_white(array)

    def _from_yuv(self, frame: VideoFrame, array_format: str) -> NDArray[Any]:
        matrix = _matrix(frame)
        full = frame.color_range == FULL_RANGE or frame.format.name.startswith("yuvj")
        key = (frame.format.name, frame.width, frame.height, matrix, full)
        if self._graph is None or key != self._key:
            levels = "pc" if full else "tv"
            source = _source((frame.width, frame.height), frame.format.name, matrix, levels)
            site = ":in_chroma_loc=left" if _is_subsampled(frame) else ""
            scale = f"flags={_FLAGS}:in_color_matrix={matrix}:in_range={levels}{site}"
            self._graph, self._key = _graph(source, scale, array_format), key
        frame.pts = None
        self._graph.vpush(frame)
        return self._graph.vpull().to_ndarray()


def tag(frame: VideoFrame, primaries: int, curve: int, matrix: int, levels: int) -> None:
    """Say what a frame's numbers mean; some encoders read it here and not from the stream."""
    frame.color_primaries, frame.color_trc = primaries, curve
    frame.colorspace, frame.color_range = matrix, levels


def narrow(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """16 bit to 8, rounded to the nearest; exact for what `widen` made."""
    scaled = _scale_white(picture)
    scaled += 128
    scaled >>= 8
    return scaled.astype(np.uint8)


def widen(picture: NDArray[Any]) -> NDArray[np.uint16]:
    """8 bit to 16: 255 becomes 65535."""
    return picture.astype(np.uint16) * np.uint16(257)


def _scale_white(picture: NDArray[Any]) -> NDArray[np.uint16]:
    """65535 to 65280: times 255/256, rounded up, in whole numbers."""
    scaled: NDArray[np.uint16] = np.right_shift(picture, 8)
    np.subtract(picture, scaled, out=scaled)
    return scaled


def _unscale_white(picture: NDArray[Any]) -> NDArray[np.uint16]:
    """65280 to 65535, the reverse; the scaler overshoots by a few."""
    clipped: NDArray[np.uint16] = np.minimum(picture, np.uint16(_WHITE_SCALED))
    clipped += clipped >> 8
    return clipped


def _matrix(frame: VideoFrame) -> str:
    """The frame's matrix; where it is not tagged, what every player assumes of its height."""
    known = _MATRICES.get(int(frame.colorspace))
    return known or ("bt709" if frame.height >= _HD_HEIGHT else "smpte170m")


def _is_subsampled(frame: VideoFrame) -> bool:
    return any(plane.width != frame.width for plane in frame.planes)


def _source(size: tuple[int, int], pix_fmt: str, matrix: str, levels: str) -> str:
    width, height = size
    return (
        f"video_size={width}x{height}:pix_fmt={pix_fmt}:time_base=1/1000:pixel_aspect=1/1"
        f":colorspace={matrix}:range={levels}"
    )


def _graph(source: str, scale: str, pix_fmt: str) -> Graph:
    graph = av.filter.Graph()
    graph.threads = 1
    graph.link_nodes(
        graph.add("buffer", source),
        graph.add("scale", scale),
        graph.add("format", f"pix_fmts={pix_fmt}"),
        graph.add("buffersink"),
    )
    graph.configure()
    return graph
