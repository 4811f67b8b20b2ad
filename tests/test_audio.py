"""Sound on disk, and decoding what people have."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from reelwright.audio import Audio, AudioWriter, decode_audio
from reelwright.errors import AssetError, MediaError


def tone(seconds: float = 0.5, rate: int = 48_000, channels: int = 2) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return np.stack([0.5 * np.sin(2 * np.pi * (220 + 110 * c) * time) for c in range(channels)])


def encode(path: Path, samples: np.ndarray, codec: str, rate: int) -> None:
    layout = "mono" if len(samples) == 1 else "stereo"
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(samples.astype(np.float32), "fltp", layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=rate)
        fifo = av.AudioFifo()
        for part in resampler.resample(frame):
            fifo.write(part)
        for part in fifo.read_many(stream.codec_context.frame_size or 1024, partial=True):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))


def test_blocks_come_back_exactly(tmp_path: Path) -> None:
    truth = np.random.default_rng(0).normal(0, 0.2, (2, 10_000)).astype(np.float32)
    with AudioWriter(tmp_path / "a.wav") as writer:
        writer.write(truth[:, :3000])
        writer.write(truth[:, 3000:])
    audio = Audio.open(tmp_path / "a.wav")
    assert audio.num_samples == 10_000
    np.testing.assert_array_equal(np.concatenate(list(audio.blocks(1024)), 1), truth)
    np.testing.assert_array_equal(audio.read(100, 50), truth[:, 100:150])


def test_outside_the_sound_is_silence(tmp_path: Path) -> None:
    with AudioWriter(tmp_path / "a.wav") as writer:
        writer.write(np.ones((2, 10)))
    block = Audio.open(tmp_path / "a.wav").read(-5, 20)
    np.testing.assert_array_equal(block[0], [0] * 5 + [1] * 10 + [0] * 5)


def test_other_programs_read_our_wav(tmp_path: Path) -> None:
    with AudioWriter(tmp_path / "a.wav") as writer:
        writer.write(tone())
    with av.open(str(tmp_path / "a.wav")) as container:
        assert container.streams.audio[0].codec_context.name == "pcm_f32le"
        assert container.streams.audio[0].rate == 48_000


@pytest.mark.parametrize(
    ("name", "codec", "rate", "floor_db"),
    [
        ("a.flac", "flac", 48_000, 60),
        ("a.m4a", "aac", 44_100, 12),
        ("a.ogg", "libopus", 48_000, 20),
    ],
)
def test_decodes_what_people_have(
    tmp_path: Path, name: str, codec: str, rate: int, floor_db: float
) -> None:
    encode(tmp_path / name, tone(rate=rate), codec, rate)
    audio = decode_audio(tmp_path / name, tmp_path / "out.wav")
    truth = tone()
    assert audio.sample_rate == 48_000
    assert abs(audio.num_samples - truth.shape[1]) < 2048  # AAC pads to its own frames
    error = audio.read(2000, 18_000) - truth[:, 2000:20_000]
    assert 20 * np.log10(0.5 / np.sqrt(np.mean(error**2))) > floor_db


def test_mono_goes_to_both_channels_at_full_level(tmp_path: Path) -> None:
    encode(tmp_path / "mono.flac", tone(channels=1), "flac", 48_000)
    block = decode_audio(tmp_path / "mono.flac", tmp_path / "out.wav").read(0, 24_000)
    np.testing.assert_array_equal(block[0], block[1])
    assert abs(float(np.abs(block).max()) - 0.5) < 1e-3


def test_bad_sounds_are_named_with_a_mend(tmp_path: Path) -> None:
    encode(tmp_path / "a.flac", tone(), "flac", 48_000)
    whole = (tmp_path / "a.flac").read_bytes()
    for index, data in enumerate((b"", b"words, not sound" * 50, whole[:60])):
        source = tmp_path / f"bad{index}.flac"
        source.write_bytes(data)
        with pytest.raises(AssetError) as caught:
            decode_audio(source, tmp_path / "out.wav")
        assert source.name in caught.value.where
        assert caught.value.mend
    with pytest.raises(AssetError):
        decode_audio(tmp_path / "none.flac", tmp_path / "out.wav")


def test_a_wav_cut_short_is_named(tmp_path: Path) -> None:
    with AudioWriter(tmp_path / "a.wav") as writer:
        writer.write(tone())
    whole = (tmp_path / "a.wav").read_bytes()
    for broken in (b"", whole[:30], whole[:-8], b"RIFFxxxxJUNK" + whole[12:]):
        (tmp_path / "a.wav").write_bytes(broken)
        with pytest.raises(MediaError, match="whole 32-bit float WAV"):
            Audio.open(tmp_path / "a.wav")


def test_a_block_of_another_width_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="does not fit"), AudioWriter(tmp_path / "a.wav") as writer:
        writer.write(np.zeros((1, 10)))
