"""Measure the pocket's ear and voice on held-out clips: python -m tools.pocket.measure_audio FILE.

Sound goes to bands, through the codec, through the vocoder, and is compared with itself: mel L1 in
nats, when impacts are heard, and from where. `--picture` draws the spectra one over the other.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from tools.pocket.audio_codec import HELD_OUT, clip_of, hear
from tools.pocket.sounds import sound_track, soundscape
from tools.pocket.voices import RATE
from torch import Tensor

from reelwright.engine.checkpoints.checkpoint import Checkpoint
from reelwright.engine.codecs.audio_vae import AudioVae, load_audio_vae
from reelwright.engine.codecs.mel import DEFAULT_FRONT_END
from reelwright.engine.codecs.vocoder import Vocoder, WideVocoder, load_vocoder

Curve = NDArray[np.float64]

HOP_S = 0.0025
SEARCH_S = 0.08
WINDOW_S = 0.05


@dataclass(frozen=True, slots=True)
class Heard:
    """One clip on its way: true sound, and its bands and sounds as they were made again."""

    clip: dict[str, Any]
    wave: NDArray[np.float32]
    mel: Tensor
    coded: Tensor
    from_mel: NDArray[np.float32]
    from_coded: NDArray[np.float32]


def round_trip(clip: dict[str, Any], codec: AudioVae, vocoder: Vocoder | WideVocoder) -> Heard:
    """Sound of a clip through codec and vocoder."""
    wave = sound_track(clip)
    mel = hear(wave)
    mel = mel[:, :, : (mel.shape[2] - 1) // 4 * 4 + 1]
    with torch.no_grad():
        coded = codec.decode(codec.encode(mel))
        made = [vocoder(bands.float())[0].numpy() for bands in (mel, coded)]
    return Heard(clip, wave, mel, coded, made[0], made[1])


def onset_strength(wave: NDArray[np.float32], rate: int) -> Curve:
    """How much begins at each 2.5 ms, channels together: growth of the spectrum's logarithm."""
    hop, size = round(HOP_S * rate), round(0.012 * rate)
    mono = np.pad(wave.mean(0), (size // 2, size))
    views = np.lib.stride_tricks.sliding_window_view(mono, size)[::hop]
    loud = np.log1p(300 * np.abs(np.fft.rfft(views * np.hanning(size), axis=1)) / size)
    growth = np.maximum(loud[2:] - loud[:-2], 0).mean(1)
    return np.pad(growth, (1, 1)).astype(np.float64)


def onset_lags_s(heard: NDArray[np.float32], rate: int, events_s: list[float]) -> list[float]:
    """How late the strongest onset near each event is, seconds."""
    curve = onset_strength(heard, rate)
    reach = round(SEARCH_S / HOP_S)
    lags = []
    for event in events_s:
        middle = round(event / HOP_S)
        if middle - reach < 0 or middle + reach >= len(curve):
            continue
        near = curve[middle - reach : middle + reach + 1]
        lags.append((int(near.argmax()) - reach) * HOP_S)
    return lags


def pan_curve(wave: NDArray[np.float32], rate: int) -> tuple[Curve, Curve]:
    """Where it is heard, -1 left to 1 right, in windows of 50 ms, and how loud each is (rms)."""
    size = round(WINDOW_S * rate)
    count = wave.shape[1] // size
    power = np.square(wave[:, : count * size].astype(np.float64)).reshape(2, count, size).mean(2)
    total = power.sum(0) + 1e-12
    return (power[1] - power[0]) / total, np.sqrt(total)


def true_pan(clip: dict[str, Any], count: int) -> Curve:
    """On-screen x of the loudest prop in each window, -1 to 1; as far as the scene tells."""
    scape = soundscape(clip)
    frames = np.minimum(
        ((np.arange(count) + 0.5) * WINDOW_S * scape.frame_rate).astype(int), scape.num_frames - 1
    )
    loudness = np.stack([np.minimum(p.speed, 0.25) / p.distance for p in scape.props])
    places = np.stack([p.x for p in scape.props])
    best = loudness[:, frames].argmax(0)
    return np.asarray(2 * places[best, frames] - 1, np.float64).clip(-1, 1)


def events_of(clip: dict[str, Any]) -> list[float]:
    """Times of a clip's impacts, seconds."""
    return sorted({frame / clip["frame_rate"] for frame, _ in soundscape(clip).impacts})


def measure(heard: list[Heard], rate: int) -> dict[str, float]:
    """All numbers.

    Args:
        heard: Held-out clips.
        rate: Of what the vocoder makes, hertz.
    """
    l1 = [_l1(x.coded, x.mel) for x in heard]
    lags = np.array([lag for x in heard for lag in _clear_lags(x, rate)])
    pans = [_pans(x, rate) for x in heard]
    true, made = (np.concatenate([pair[i] for pair in pans]) for i in range(2))
    return {
        "clips": len(heard),
        "codec_mel_l1": float(np.mean(l1)),
        "vocoder_mel_l1": float(np.mean([_mel_l1(x.from_mel, x.mel, rate) for x in heard])),
        "round_trip_mel_l1": float(np.mean([_mel_l1(x.from_coded, x.mel, rate) for x in heard])),
        "onsets": len(lags),
        "onset_median_ms": float(np.median(np.abs(lags)) * 1000),
        "onset_p90_ms": float(np.quantile(np.abs(lags), 0.9) * 1000),
        "onset_within_20_ms": float((np.abs(lags) <= 0.0201).mean()),
        "pan_correlation": float(np.corrcoef(true, made)[0, 1]),
    }


def _l1(one: Tensor, other: Tensor) -> float:
    return float((one - other).abs().mean())


def _mel_l1(wave: NDArray[np.float32], mel: Tensor, rate: int) -> float:
    again = DEFAULT_FRONT_END(torch.from_numpy(wave)[None], rate)
    count = min(again.shape[2], mel.shape[2])
    return _l1(again[:, :, :count], mel[:, :, :count])


def _clear_lags(heard: Heard, rate: int) -> list[float]:
    """Lags of the round trip, of impacts that the true sound lets one hear."""
    clear = [
        event
        for event in events_of(heard.clip)
        if all(abs(lag) <= 0.01 for lag in onset_lags_s(heard.wave, RATE, [event]))
    ]
    return onset_lags_s(heard.from_coded, rate, clear)


def _pans(heard: Heard, rate: int) -> tuple[Curve, Curve]:
    (true, loud), (made, _) = pan_curve(heard.wave, RATE), pan_curve(heard.from_coded, rate)
    count = min(len(true), len(made))
    kept = loud[:count] > 0.01
    return true[:count][kept], made[:count][kept]


def draw(rows: list[tuple[str, Tensor]], path: Path) -> None:
    """Bands [2, T, 64] one over the other, left above right, as a PNG."""
    panels = [_panel(mel.float().numpy()) for _, mel in rows]
    width = max(panel.shape[1] for panel in panels)
    padded = [np.pad(p, ((16, 4), (0, width - p.shape[1]), (0, 0))) for p in panels]
    picture = Image.fromarray(np.concatenate(padded))
    pen, top = ImageDraw.Draw(picture), 0
    for (label, _), panel in zip(rows, padded, strict=True):
        pen.text((2, top + 2), label, fill=(255, 255, 255))
        top += panel.shape[0]
    picture.save(path)


def _panel(mel: NDArray[np.float32], zoom: int = 3) -> NDArray[np.uint8]:
    level = ((mel + 11) / 12).clip(0, 1)
    color = np.stack((level, level**1.5, 1 - np.abs(2 * level - 1)), -1)  # [2, T, M, 3]
    sides = [np.flip(side.transpose(1, 0, 2), 0) for side in color]
    joined = np.concatenate((sides[0], np.ones((2, mel.shape[1], 3)), sides[1]))
    return (joined * 255).astype(np.uint8).repeat(zoom, 0).repeat(zoom, 1)


def _rows(heard: Heard, rate: int) -> list[tuple[str, Tensor]]:
    kinds = ", ".join(prop["kind"] for prop in heard.clip["scene"]["objects"])

    def ear(wave: NDArray[np.float32]) -> Tensor:
        return DEFAULT_FRONT_END(torch.from_numpy(wave)[None], rate)[0]

    return [
        (f"true: {kinds}", heard.mel[0]),
        ("codec", heard.coded[0]),
        ("vocoder", ear(heard.from_mel)),
        ("codec and vocoder", ear(heard.from_coded)),
    ]


def main() -> None:
    """Measure a file, print the numbers as one JSON line, draw if asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--seed", type=int, default=HELD_OUT + 5000)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    checkpoint = Checkpoint.open(given.file)
    codec, vocoder = load_audio_vae(checkpoint), load_vocoder(checkpoint)
    seeds = range(given.seed, given.seed + given.clips)
    heard = [round_trip(clip_of(seed), codec, vocoder) for seed in seeds]
    rate = vocoder.sample_rate
    print(json.dumps({k: round(v, 4) for k, v in measure(heard, rate).items()}))
    if given.picture:
        draw([row for one in heard[:3] for row in _rows(one, rate)], given.picture)


if __name__ == "__main__":
    main()
