from __future__ import annotations

import hashlib
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from reelwright.audio import Audio, decode_audio
from reelwright.errors import Cancelled, MediaError, ResourceError, SettingError
from reelwright.frames import ArrayFrames
from reelwright.media import (
    Chapter,
    FilmFormat,
    FilmMetadata,
    FilmSpan,
    OutputSettings,
    Provenance,
    open_video,
    read_audio,
    read_provenance,
    write_film,
)
from reelwright.media.color import narrow

CONTAINERS = [FilmFormat.MP4, FilmFormat.MOV, FilmFormat.MKV]
RATES = [
    Fraction(60000, 1001),
    Fraction(24),
    Fraction(24000, 1001),
    Fraction(25),
    Fraction(30000, 1001),
    Fraction(25, 2),
]
Tone = Callable[..., Audio]
Clip = Callable[..., ArrayFrames]


class Listener:
    """Records progress; may stop at a frame."""

    def __init__(self, stop_at: int = 10**9) -> None:
        self.notes: list[str] = []
        self.fractions: list[float] = []
        self.warnings: list[str] = []
        self.stop_at = stop_at

    def step(self, fraction: float, note: str = "") -> None:
        self.notes.append(note)
        self.fractions.append(fraction)
        if len(self.notes) >= self.stop_at:
            raise Cancelled

    def warn(self, message: str) -> None:
        self.warnings.append(message)

    def preview(self, picture: Any) -> None:
        pass


def samples_for(num_frames: int, rate: Fraction) -> int:
    return round(num_frames / rate * 48_000)


@pytest.mark.parametrize("rate", RATES, ids=str)
@pytest.mark.parametrize("form", CONTAINERS)
def test_picture_and_sound_end_together(
    form: FilmFormat, rate: Fraction, spans: list[FilmSpan], tone: Tone, tmp_path: Path
) -> None:
    out = tmp_path / f"film.{form}"
    settings = OutputSettings(form, rate)
    written = write_film(spans, tone(samples_for(20, rate)), out, settings)
    with av.open(str(out)) as container:
        ends = {}
        for stream in (container.streams.video[0], container.streams.audio[0]):
            stamps = [
                (packet.pts + packet.duration) * packet.time_base
                for packet in container.demux(stream)
                if packet.pts is not None
            ]
            ends[stream.type] = (
                stream.duration * stream.time_base if stream.duration is not None else max(stamps)
            )
            container.seek(0)
        assert float(container.streams.video[0].average_rate) == pytest.approx(rate, rel=1e-6)
    exact = 20 / rate
    tick = Fraction(2, 1000) if form is FilmFormat.MKV else Fraction(1, 48_000)
    assert abs(ends["video"] - exact) <= tick
    assert abs(ends["audio"] - exact) <= tick
    assert abs(ends["audio"] - ends["video"]) <= Fraction(1024, 48_000)
    assert written.num_frames == 20
    assert written.size_bytes == out.stat().st_size
    video = open_video(out)
    assert video.facts.frame_rate == rate
    assert not video.facts.is_variable
    assert video.facts.duration_s == exact


@pytest.mark.parametrize("form", CONTAINERS)
def test_frame_times_are_exact(
    form: FilmFormat, spans: list[FilmSpan], tmp_path: Path, rate: Fraction
) -> None:
    out = tmp_path / f"film.{form}"
    write_film(spans, None, out, OutputSettings(form, rate))
    with av.open(str(out)) as container:
        times = [frame.pts * frame.time_base for frame in container.decode(video=0)]
    wanted = [index / rate for index in range(20)]
    slack = Fraction(1, 2000) if form is FilmFormat.MKV else Fraction(0)
    assert len(times) == 20
    assert all(abs(a - b) <= slack for a, b in zip(times, wanted, strict=True))


@pytest.mark.parametrize("form", CONTAINERS)
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_same_input_same_bytes(
    form: FilmFormat, dtype: str, clip: Clip, tone: Tone, record: Provenance, tmp_path: Path
) -> None:
    digests = set()
    for name in ("a", "b"):
        out = tmp_path / name / f"film.{form}"
        spans = [FilmSpan("one", clip(30, (128, 64), dtype))]
        metadata = FilmMetadata("灯台", "An animatic.", record)
        write_film(spans, tone(60_000), out, OutputSettings(form), metadata=metadata)
        digests.add(hashlib.sha256(out.read_bytes()).hexdigest())
    assert len(digests) == 1


def test_flat_patches_survive_mp4(tmp_path: Path) -> None:
    """Colour bars at 100, 75 and 40 %, encoded and decoded: within 2 levels on flat patches."""
    bars = np.array(
        [rgb for level in (255, 191, 102) for rgb in itertools.product((0, level), repeat=3)],
        np.uint8,
    )  # fmt: skip
    image = np.kron(bars.reshape(4, 6, 3), np.ones((32, 32, 1), np.uint8))
    out = tmp_path / "bars.mp4"
    write_film([FilmSpan("bars", ArrayFrames(np.stack([image] * 4)))], None, out)
    seen = open_video(out)[2].astype(int)
    for row in range(4):
        for column in range(6):
            middle = np.s_[row * 32 + 12 : row * 32 + 20, column * 32 + 12 : column * 32 + 20]
            assert np.abs(seen[middle] - image[middle].astype(int)).max() <= 2, (row, column)


@pytest.mark.parametrize(("form", "limit"), [(FilmFormat.MP4, 1.5), (FilmFormat.MOV, 0.8)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_a_smooth_picture_keeps_its_colours(
    form: FilmFormat, limit: float, dtype: str, clip: Clip, tmp_path: Path
) -> None:
    """No shift, no crushed or lifted range: measured 0.12 and 0.07 levels on average."""
    frames = clip(5, (128, 64), dtype)
    out = tmp_path / f"film.{form}"
    write_film([FilmSpan("one", frames)], None, out, OutputSettings(form, crf=1))
    white = np.iinfo(dtype).max
    error = open_video(out)[3] - frames[3] / white * 255
    assert np.abs(error.mean(axis=(0, 1))).max() < 0.25
    assert np.sqrt((error**2).mean()) < limit


def test_chroma_stands_at_the_left_column(tmp_path: Path) -> None:
    """H.264 sites chroma with the left of two columns; a ramp shows where ours stands."""
    ramp = np.zeros((32, 128, 3), np.uint8)
    ramp[..., 2] = np.arange(128) * 2
    out = tmp_path / "ramp.mp4"
    write_film([FilmSpan("ramp", ArrayFrames(ramp[None]))], None, out, OutputSettings(crf=1))
    with av.open(str(out)) as container:
        plane = next(container.decode(video=0)).planes[1]
        stored = np.frombuffer(plane, np.uint8).reshape(plane.height, -1)[8, : plane.width]
    blue = np.arange(128) * 2 / 255
    cb = 128 + 224 * (blue - 0.0722 * blue) / 1.8556
    inner = np.s_[4:-4]
    at_left = np.abs(stored[inner] - cb[0::2][inner]).mean()
    between = np.abs(stored[inner] - (cb[0::2] + cb[1::2])[inner] / 2).mean()
    assert at_left < 0.3
    assert at_left < between


@pytest.mark.parametrize(
    ("form", "facts"),
    [
        (FilmFormat.MP4, ("h264", "yuv420p", "bt709", "bt709", "bt709", "tv", "aac")),
        (FilmFormat.MOV, ("prores", "yuv422p10le", "bt709", "bt709", "bt709", "tv", "pcm_s24le")),
        (FilmFormat.MKV, ("ffv1", "bgr0", "rgb", "bt709", "srgb", "pc", "flac")),
    ],
)
def test_codecs_and_colour_tags(
    form: FilmFormat, facts: tuple[str, ...], spans: list[FilmSpan], tone: Tone, tmp_path: Path
) -> None:
    out = tmp_path / f"film.{form}"
    write_film(spans, tone(40_000), out, OutputSettings(form))
    seen = open_video(out).facts
    assert seen.audio is not None
    assert facts == (
        seen.codec, seen.pix_fmt, seen.matrix, seen.primaries, seen.transfer, seen.color_range,
        seen.audio.codec,
    )  # fmt: skip
    assert (seen.audio.sample_rate, seen.audio.num_channels) == (48_000, 2)


def test_mp4_is_high_profile_and_starts_fast(spans: list[FilmSpan], tmp_path: Path) -> None:
    out = tmp_path / "film.mp4"
    write_film(spans, None, out)
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec_context.profile == "High"
    data = out.read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_mkv_is_bit_exact(dtype: str, tone: Tone, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, np.iinfo(dtype).max + 1, (5, 48, 64, 3), dtype)
    sound = tone(10_000)
    out = tmp_path / "film.mkv"
    write_film([FilmSpan("noise", ArrayFrames(noise))], sound, out, OutputSettings(FilmFormat.MKV))
    video = open_video(out, bits=16 if dtype == "uint16" else 8)
    assert video.facts.bits == (16 if dtype == "uint16" else 8)
    assert np.array_equal(np.concatenate(list(video.chunks(2))), noise)
    heard = decode_audio(out, tmp_path / "heard.wav")
    assert heard.num_samples == 10_000
    assert np.abs(heard.read(0, 10_000) - sound.read(0, 10_000)).max() <= 2**-23


def test_sound_is_cut_or_filled_to_the_picture_and_said(
    spans: list[FilmSpan], tone: Tone, tmp_path: Path
) -> None:
    for num_samples, word in ((100_000, "cut"), (20_000, "filled with silence")):
        listener = Listener()
        out = tmp_path / "film.mkv"
        write_film(spans, tone(num_samples), out, OutputSettings(FilmFormat.MKV), progress=listener)
        assert [word in warning for warning in listener.warnings] == [True]
        heard = decode_audio(out, tmp_path / "heard.wav")
        assert heard.num_samples == 40_000
    assert not heard.read(20_000, 20_000).any()


def test_sound_a_few_samples_off_is_not_worth_a_word(
    spans: list[FilmSpan], tone: Tone, tmp_path: Path
) -> None:
    listener = Listener()
    write_film(spans, tone(40_010), tmp_path / "film.mp4", progress=listener)
    assert listener.warnings == []
    assert listener.fractions == pytest.approx([(i + 1) / 20 for i in range(20)])
    assert listener.notes[-1] == "frame 20 of 20"


def test_sound_in_mp4_is_in_time(tone: Tone, clip: Clip, tmp_path: Path) -> None:
    sound, out = tone(48_000), tmp_path / "film.mp4"
    write_film([FilmSpan("one", clip(24))], sound, out)
    heard = read_audio(out, tmp_path / "heard.wav")
    assert heard is not None
    assert abs(heard.num_samples - 48_000) < 1024
    a, b = sound.read(4000, 8000)[0], heard.read(4000, 8000)[0]
    shifts = range(-40, 41)
    likeness = [float(np.dot(a[50:-50], np.roll(b, shift)[50:-50])) for shift in shifts]
    assert shifts[int(np.argmax(likeness))] == 0


@pytest.mark.parametrize("form", CONTAINERS)
@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(2997, 125)], ids=str)
def test_chapters_begin_on_their_frames(
    form: FilmFormat, rate: Fraction, spans: list[FilmSpan], tmp_path: Path
) -> None:
    out = tmp_path / f"film.{form}"
    write_film(spans, None, out, OutputSettings(form, rate))
    chapters = open_video(out).facts.chapters
    assert [chapter.title for chapter in chapters] == ["Anflug ✈", "lamp"]
    tick = Fraction(1, 10**9) if form is FilmFormat.MKV else Fraction(0)
    wanted = [(Fraction(0), 7 / rate), (7 / rate, 20 / rate)]
    for chapter, (start, end) in zip(chapters, wanted, strict=True):
        assert abs(chapter.start_s - start) <= tick
        assert abs(chapter.end_s - end) <= tick


def test_chapters_can_be_given(spans: list[FilmSpan], tmp_path: Path) -> None:
    out = tmp_path / "film.mp4"
    write_film(spans, None, out, chapters=[Chapter("all", 0, 20)])
    assert [chapter.title for chapter in open_video(out).facts.chapters] == ["all"]
    with pytest.raises(MediaError, match="does not lie in order within 20 frames"):
        write_film(spans, None, out, chapters=[Chapter("too long", 0, 21)])


@pytest.mark.parametrize("form", CONTAINERS)
def test_metadata_round_trips(
    form: FilmFormat, spans: list[FilmSpan], record: Provenance, tmp_path: Path
) -> None:
    assert len(record.to_text().encode()) > 200_000
    out = tmp_path / f"film.{form}"
    metadata = FilmMetadata(
        "灯台 — the lighthouse", "An animatic: no video model.", record, {"artist": "Ŝi"}
    )
    write_film(spans, None, out, OutputSettings(form), metadata=metadata)
    assert read_provenance(out) == record
    tags = {name.lower(): text for name, text in open_video(out).facts.tags.items()}
    assert tags["title"] == "灯台 — the lighthouse"
    assert tags["comment"] == "An animatic: no video model."
    assert tags["artist"] == "Ŝi"
    assert tags["software"].startswith("Reelwright ")
    assert "creation_time" not in tags


@pytest.mark.parametrize("bits", [8, 16, None])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_png_sequence(
    dtype: str, bits: Any, clip: Clip, tone: Tone, record: Provenance, tmp_path: Path
) -> None:
    frames = clip(3, (64, 48), dtype)
    out = tmp_path / "film"
    settings = OutputSettings(FilmFormat.PNG, png_bits=bits)
    written = write_film(
        [FilmSpan("one", frames)],
        tone(6000),
        out,
        settings,
        metadata=FilmMetadata("t", provenance=record),
    )
    names = sorted(path.name for path in out.iterdir())
    assert names == ["000000.png", "000001.png", "000002.png", "reelwright.json", "sound.wav"]
    deep = (bits or (16 if dtype == "uint16" else 8)) == 16
    for index in range(3):
        with av.open(str(out / f"{index:06d}.png")) as container:
            frame = next(container.decode(video=0))
            assert frame.format.name == ("rgb48be" if deep else "rgb24")
            seen = frame.to_ndarray(format="gbrp16le" if deep else "rgb24")
        wanted = frames[index]
        if dtype == "uint8" and deep:
            wanted = wanted.astype(np.uint16) * 257
        if dtype == "uint16" and not deep:
            wanted = narrow(wanted)
        assert np.array_equal(seen, wanted)
    assert read_provenance(out) == record
    heard = decode_audio(out / "sound.wav", tmp_path / "heard.wav")
    assert heard.num_samples == 6000
    assert written.num_frames == 3
    assert written.size_bytes == sum(path.stat().st_size for path in out.iterdir())


def test_exr_sequence_is_linear_light(
    clip: Clip, tone: Tone, record: Provenance, tmp_path: Path
) -> None:
    import OpenEXR

    levels = np.arange(256, dtype=np.uint8).reshape(8, 32, 1).repeat(3, axis=2)
    out = tmp_path / "film"
    settings = OutputSettings(FilmFormat.EXR, Fraction(24000, 1001))
    write_film(
        [FilmSpan("one", ArrayFrames(levels[None]))],
        tone(2002),
        out,
        settings,
        metadata=FilmMetadata(provenance=record),
    )
    with OpenEXR.File(str(out / "000000.exr")) as file:
        pixels, header = file.channels()["RGB"].pixels, file.header()
        assert pixels.dtype == np.float16
        assert header["chromaticities"] == pytest.approx(
            (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329)
        )
        assert header["framesPerSecond"] == Fraction(24000, 1001)
        assert "Linear light" in header["comments"]
        linear = pixels.astype(np.float64).copy()
    assert linear[-1, -1, 0] == 1.0
    assert linear[4, 0, 0] == pytest.approx(0.2158605, rel=1e-3)  # sRGB 128
    shown = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.array_equal(np.round(shown * 255).astype(np.uint8), levels)
    assert read_provenance(out) == record


def test_sequence_replaces_only_its_own_folder(spans: list[FilmSpan], tmp_path: Path) -> None:
    out = tmp_path / "film"
    settings = OutputSettings(FilmFormat.PNG)
    write_film(spans, None, out, settings)
    (out / "000019.png").rename(out / "999999.png")
    write_film(spans[:1], None, out, settings)
    assert len(list(out.glob("*.png"))) == 7
    foreign = tmp_path / "holiday"
    foreign.mkdir()
    (foreign / "photo.jpg").write_bytes(b"dear")
    with pytest.raises(MediaError, match="something else of this name") as caught:
        write_film(spans, None, foreign, settings)
    assert caught.value.mend
    assert [path.name for path in foreign.iterdir()] == ["photo.jpg"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["film", "holiday"]


def test_sound_alone(tone: Tone, spans: list[FilmSpan], tmp_path: Path) -> None:
    out = tmp_path / "mix.wav"
    written = write_film([], tone(12_345), out, OutputSettings(FilmFormat.WAV))
    assert written.num_frames == 0
    assert written.duration_s == Fraction(12_345, 48_000)
    with av.open(str(out)) as container:
        stream = container.streams.audio[0]
        assert (stream.codec_context.name, stream.duration) == ("pcm_s24le", 12_345)
    write_film(spans, tone(12_345), out, OutputSettings(FilmFormat.WAV), metadata=FilmMetadata("t"))
    assert decode_audio(out, tmp_path / "heard.wav").num_samples == 40_000
    with pytest.raises(MediaError, match="no sound"):
        write_film(spans, None, out, OutputSettings(FilmFormat.WAV))


def test_loud_sound_is_clipped_not_wrapped(tmp_path: Path) -> None:
    from reelwright.media.sound import pcm24

    loud = np.array([[1.0, 2.0, -1.0, -2.0, 0.0]], np.float32)
    assert pcm24(loud).tolist() == [[2**31 - 256, 2**31 - 256, -(2**31), -(2**31), 0]]


@pytest.mark.parametrize("form", [*CONTAINERS, FilmFormat.PNG, FilmFormat.EXR])
def test_cancelled_leaves_nothing_and_harms_nothing(
    form: FilmFormat, spans: list[FilmSpan], tone: Tone, tmp_path: Path
) -> None:
    folder = tmp_path / "films"
    out = folder / ("film" if form.is_sequence else f"film.{form}")
    with pytest.raises(Cancelled):
        write_film(spans, tone(40_000), out, OutputSettings(form), progress=Listener(stop_at=11))
    assert list(folder.iterdir()) == []
    write_film(spans, tone(40_000), out, OutputSettings(form))
    before = _tree(out)
    with pytest.raises(Cancelled):
        write_film(spans[:1], None, out, OutputSettings(form), progress=Listener(stop_at=5))
    assert _tree(out) == before
    assert [path.name for path in folder.iterdir()] == [out.name]


def _tree(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else sorted(path.iterdir())
    return {file.name: file.read_bytes() for file in files}


def test_frames_that_fail_leave_nothing(spans: list[FilmSpan], tmp_path: Path) -> None:
    class Broken(ArrayFrames):
        def chunks(self, num_frames: int) -> Iterator[Any]:
            yield self.array[:2]
            raise MediaError("Frame 2 is missing.", "Render the shot again.")

    broken = [spans[0], FilmSpan("broken", Broken(np.zeros((5, 48, 64, 3), np.uint8)))]
    with pytest.raises(MediaError, match="Frame 2 is missing"):
        write_film(broken, None, tmp_path / "film.mp4")
    assert list(tmp_path.iterdir()) == []


def test_frames_that_end_early_are_refused(tmp_path: Path) -> None:
    class Short(ArrayFrames):
        def chunks(self, num_frames: int) -> Iterator[Any]:
            yield self.array[:2]

    with pytest.raises(MediaError, match="gave 2 frames of 5"):
        write_film(
            [FilmSpan("short", Short(np.zeros((5, 48, 64, 3), np.uint8)))], None, tmp_path / "f.mp4"
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
@pytest.mark.parametrize("form", [*CONTAINERS, FilmFormat.WAV])
def test_full_disk_is_said_with_its_mend(
    form: FilmFormat,
    spans: list[FilmSpan],
    tone: Tone,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every write to /dev/full fails as on a full disk."""
    from reelwright.media import atomic

    def begin(out: Path) -> Path:
        part = out.with_name("part")
        part.symlink_to("/dev/full")
        return part

    monkeypatch.setattr(atomic, "_begin", begin)
    with pytest.raises(ResourceError, match="disk is full") as caught:
        write_film(spans, tone(40_000), tmp_path / "film.out", OutputSettings(form))
    assert "Free some space" in caught.value.mend
    assert [path.name for path in tmp_path.iterdir()] == ["tone-40000-48000-2.wav"]


def test_a_dead_process_leftover_is_cleared(spans: list[FilmSpan], tmp_path: Path) -> None:
    from reelwright.media.atomic import _begin

    mine = _begin(tmp_path / "film.mp4")
    dead = mine.with_name(mine.name.replace(str(os.getpid()), "4194304999"))
    dead.write_bytes(b"half a film")
    alive = mine.with_name(mine.name.replace(str(os.getpid()), "1"))
    alive.write_bytes(b"another at work")
    write_film(spans, None, tmp_path / "film.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([alive.name, "film.mp4"])


@pytest.mark.parametrize("size", [(63, 48), (64, 47)])
def test_odd_sizes_are_refused(size: tuple[int, int], clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="cannot be written") as caught:
        write_film([FilmSpan("odd", clip(2, size))], None, tmp_path / "film.mp4")
    assert f"{size[0] // 2 * 2} x {size[1] // 2 * 2}" in caught.value.mend
    assert list(tmp_path.iterdir()) == []


def test_shots_that_do_not_fit_together_are_refused(clip: Clip, tmp_path: Path) -> None:
    mixed = [FilmSpan("a", clip(2)), FilmSpan("b", clip(2, (32, 32)))]
    with pytest.raises(MediaError, match="do not fit together"):
        write_film(mixed, None, tmp_path / "film.mp4")
    depth = [FilmSpan("depth", ArrayFrames(np.zeros((2, 48, 64), np.float32)))]
    with pytest.raises(MediaError, match="are not pictures"):
        write_film(depth, None, tmp_path / "film.mp4")
    with pytest.raises(MediaError, match="no frames"):
        write_film([], None, tmp_path / "film.mp4")


def test_sound_of_another_rate_is_refused(
    spans: list[FilmSpan], tone: Tone, tmp_path: Path
) -> None:
    with pytest.raises(MediaError, match="44100 Hz"):
        write_film(spans, tone(100, 44_100), tmp_path / "film.mp4")


def test_mono_sound(spans: list[FilmSpan], tone: Tone, tmp_path: Path) -> None:
    write_film(spans, tone(40_000, num_channels=1), tmp_path / "film.mp4")
    audio = open_video(tmp_path / "film.mp4").facts.audio
    assert audio is not None
    assert audio.num_channels == 1


@pytest.mark.parametrize(
    "bad",
    [
        {"crf": 60},
        {"preset": "placebo"},
        {"audio_kbps": 4},
        {"frame_rate": Fraction(0)},
        {"crf": 0},
        {"frame_rate": Fraction(24.0001)},
    ],
)
def test_settings_out_of_range_name_the_range(bad: dict[str, Any]) -> None:
    with pytest.raises(SettingError) as caught:
        OutputSettings(**bad)
    assert caught.value.mend
    assert next(iter(bad)) in str(caught.value)


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    """A long film asks for a few frames at a time and never holds the lot."""

    class Endless:
        shape = (600, 256, 512, 3)
        dtype = "uint8"

        def __init__(self) -> None:
            self.asked: list[int] = []

        def __len__(self) -> int:
            return self.shape[0]

        def __getitem__(self, frame: int) -> Any:
            return np.full(self.shape[1:], frame % 256, np.uint8)

        def chunks(self, num_frames: int) -> Iterator[Any]:
            self.asked.append(num_frames)
            for start in range(0, len(self), num_frames):
                stop = min(start + num_frames, len(self))
                yield np.stack([self[index] for index in range(start, stop)])

    frames = Endless()
    settings = OutputSettings(preset="ultrafast")
    written = write_film([FilmSpan("long", frames)], None, tmp_path / "film.mp4", settings)
    assert written.num_frames == 600
    assert max(frames.asked) <= 16


def test_burn_in_changes_the_picture_at_its_edges_alone(clip: Clip, tmp_path: Path) -> None:
    frames = ArrayFrames(np.full((3, 128, 256, 3), 100, np.uint8))
    out = tmp_path / "film.mkv"
    settings = OutputSettings(FilmFormat.MKV, burn_in=True, label="ANIMATIC")
    write_film([FilmSpan("approach", frames)], None, out, settings)
    first, second = open_video(out)[0], open_video(out)[1]
    changed = (first != 100).any(axis=2)
    assert changed[:24, :80].any()
    assert changed[-24:, :80].any()
    assert changed[-24:, -80:].any()
    assert not changed[40:88].any()
    assert first.max() > 200
    assert not np.array_equal(first, second)  # the frame number goes on
    assert (frames.array == 100).all()  # the source is left alone


def test_the_sidecar_tells_of_the_sequence(
    spans: list[FilmSpan], tmp_path: Path, rate: Fraction
) -> None:
    out = tmp_path / "film"
    write_film(
        spans, None, out, OutputSettings(FilmFormat.PNG, rate), metadata=FilmMetadata("灯台")
    )
    facts = json.loads((out / "reelwright.json").read_text("utf-8"))
    assert facts["frame_rate"] == "24000/1001"
    assert facts["num_frames"] == 20
    assert facts["size"] == [64, 48]
    assert facts["chapters"][1] == {"title": "lamp", "start_frame": 7, "end_frame": 20}
    assert facts["tags"]["title"] == "灯台"
    assert facts["provenance"] is None
    assert read_provenance(out) is None
