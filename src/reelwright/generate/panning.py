"""Where a sound is heard: left to right, near and far, as its prop stands before the camera.

The law, per frame, from the prop's place in camera axes (x right, y down, z forward, metres):

* Side. s = (x / |z|) / half_width is where it stands in the picture, -1 and 1 being its edges;
  pan = (2 / pi) atan(2.414 s), which is 3/4 of the way at the picture's edge, and reaches the
  loudspeaker at 90 degrees. It does not depend on the lens for what is seen: a prop at the edge of
  a long lens sounds at the edge. What stands above or below more than beside is drawn to the
  middle. Behind the camera the sides come together (a factor of 1 at 90 degrees, 1/2 at 180) and
  the sound is up to 3 dB softer.
* Power. Left and right are sqrt(2) cos and sqrt(2) sin of (pan + 1) pi / 4: the power is the
  same at every place, and in the middle the level is the file's own.
* Distance. 5 m / distance: a file sounds at its own level 5 m away, at +6 dB from 2.5 m inwards
  and never below -24 dB (79 m), so that what is far is soft but heard.

Between frames the two gains go in straight lines. There is no Doppler shift and no delay: a film
sounds so.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from reelwright.audio import SAMPLE_RATE
from reelwright.errors import InputError
from reelwright.generate.playback import SoundSource, db_to_gain
from reelwright.generate.request import Listener, SoundPlacement

REFERENCE_M = 5.0
"""Distance at which a prop's sound has its file's own level, metres."""

NEAREST_DB = 6.0
FARTHEST_DB = -24.0

_EDGE_SLOPE = np.tan(0.75 * np.pi / 2)  # atan law: 3/4 of the way at the picture's edge
_BEHIND_DB = -3.0


class PannedSource:
    """A sound at a fixed place between the loudspeakers.

    The file's middle moves; what differs between its channels shrinks as it nears a side, so a
    pan of 0 leaves a stereo file as it is.

    Args:
        source: The sound.
        pan: -1 left to 1 right.
    """

    def __init__(self, source: SoundSource, pan: float) -> None:
        self._source = source
        self._left, self._right = (np.float32(gain) for gain in pan_gains(np.array(pan)))
        self._width = np.float32(1.0 - abs(pan))

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Samples [2, count] from `start`."""
        left, right = self._source.read(start, count)
        middle, side = (left + right) * np.float32(0.5), (left - right) * np.float32(0.5)
        side *= self._width
        return np.stack([middle * self._left + side, middle * self._right - side])


class MovingSource:
    """A sound that comes from one point, which moves from frame to frame.

    Args:
        source: The sound; folded to one channel.
        gains: Left and right gain of every frame, [F, 2].
        frame_rate: Frames per second.
    """

    def __init__(
        self, source: SoundSource, gains: NDArray[np.float64], frame_rate: Fraction
    ) -> None:
        self._source = source
        self._gains = gains
        self._frames_per_sample = float(frame_rate / SAMPLE_RATE)

    def read(self, start: int, count: int) -> NDArray[np.float32]:
        """Samples [2, count] from `start`."""
        left, right = self._source.read(start, count)
        middle = (left + right) * np.float32(0.5)
        last = len(self._gains) - 1
        place = np.clip(np.arange(start, start + count) * self._frames_per_sample, 0.0, last)
        frame = np.minimum(place.astype(np.int64), max(last - 1, 0))
        share = (place - frame)[:, None]
        after = self._gains[np.minimum(frame + 1, last)]
        gains = self._gains[frame] * (1.0 - share) + after * share
        return np.asarray(middle * gains.T.astype(np.float32))


def placed_source(
    source: SoundSource, placement: SoundPlacement, listener: Listener | None, rate: Fraction
) -> SoundSource:
    """The sound where its placement wants it: an own pan wins over the prop's side.

    Raises:
        InputError: It comes from a prop that the listener does not follow.
    """
    if placement.from_prop is None:
        return source if placement.pan is None else PannedSource(source, placement.pan)
    if listener is None or placement.from_prop not in listener.props:
        raise InputError(
            f'"{placement.name}" comes from "{placement.from_prop}", which this shot does not '
            "place.",
            "Place the prop in the shot, or take `from_prop` away.",
        )
    gains = prop_gains(listener, placement.from_prop, placement.pan)
    return MovingSource(source, gains, rate)


def pan_gains(pan: NDArray[np.float64]) -> NDArray[np.float64]:
    """Left and right gain [..., 2] of constant power; both are 1 in the middle."""
    angle = (pan + 1.0) * (np.pi / 4)
    return np.asarray(np.sqrt(2.0) * np.stack([np.cos(angle), np.sin(angle)], axis=-1))


def prop_gains(listener: Listener, name: str, pan: float | None = None) -> NDArray[np.float64]:
    """Left and right gain of a prop's sound in every frame.

    Args:
        listener: Camera and props.
        name: The prop.
        pan: Where it is heard instead of where it stands; its distance still counts.

    Returns:
        float64 [F, 2].
    """
    place = camera_positions(listener, name)
    distance = np.linalg.norm(place, axis=1)
    near, far = REFERENCE_M / db_to_gain(NEAREST_DB), REFERENCE_M / db_to_gain(FARTHEST_DB)
    level = REFERENCE_M / np.clip(distance, near, far)
    behind = np.clip(-place[:, 2] / np.maximum(distance, 1e-9), 0.0, 1.0)
    level = level * (1.0 - behind * (1.0 - db_to_gain(_BEHIND_DB)))
    side = pan_of_position(place, listener.half_width) if pan is None else np.full(len(place), pan)
    return np.asarray(pan_gains(side) * level[:, None])


def camera_positions(listener: Listener, name: str) -> NDArray[np.float64]:
    """A prop's place in camera axes, metres, float64 [F, 3]."""
    poses = listener.world_from_camera
    offset = listener.props[name] - poses[:, :3, 3]
    return np.asarray(np.einsum("fij,fi->fj", poses[:, :3, :3], offset))


def pan_of_position(
    place: NDArray[np.float64], half_width: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Pan in -1..1 of places in camera axes.

    Args:
        place: [F, 3], metres.
        half_width: [F], half the picture's width at one metre.

    Returns:
        [F].
    """
    x, y, z = place.T
    level = np.hypot(x, z)
    turned = np.arctan2(_EDGE_SLOPE * x, half_width * np.abs(z))  # +-pi/2 at the sides
    overhead = level / np.maximum(np.hypot(level, y), 1e-9)
    behind = np.clip(-z / np.maximum(level, 1e-9), 0.0, 1.0)
    return np.asarray(turned / (np.pi / 2) * overhead * (1.0 - 0.5 * behind))
