from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from reelwright.audio import Audio
from reelwright.errors import MediaError
from reelwright.frames import ArrayFrames, slice_frames
from reelwright.media import (
    FilmFormat,
    FilmSpan,
    OutputSettings,
    open_video,
    read_audio,
    read_provenance,
    write_film,
)

Tone = Callable[..., Audio]
CONTAINERS = [FilmFormat.MP4, FilmFormat.MOV, FilmFormat.MKV]


def number(picture: Any) -> int:
    """The frame number that `numbered` painted."""
    return round(float(picture.mean()) / 3)


def numbered(num_frames: int, size: tuple[int, int] = (64, 48)) -> ArrayFrames:
    width, height = size
    levels = 3 * np.arange(num_frames, dtype=np.uint8)
    return ArrayFrames(np.broadcast_to(levels[:, None, None, None], (num_frames, height, width, 3)))


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """80 frames with key frames 30 apart and B frames between them."""
    out = tmp_path / "film.mp4"
    with av.open(str(out), "w") as container:
        stream = container.add_stream(
            "libx264", rate=24, options={"g": "30", "bf": "3", "crf": "4"}
        )
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for picture in numbered(80).array:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out


def test_frames_by_number_in_any_order(film: Path) -> None:
    with open_video(film) as video:
        assert video.shape == (80, 48, 64, 3)
        assert (len(video), video.dtype) == (80, "uint8")
        order = [0, 1, 2, 45, 44, 79, 0, 60, 61, 30, 29, 31, 7, 7, -1, -80]
        assert [number(video[index]) for index in order] == [index % 80 for index in order]
        for outside in (80, -81):
            with pytest.raises(IndexError):
                video[outside]


def test_a_frame_is_the_callers_own(film: Path) -> None:
    video = open_video(film)
    video[5][:] = 0
    assert number(video[5]) == 5


@pytest.mark.parametrize("count", [1, 7, 80, 500])
def test_chunks_are_every_frame_in_order(film: Path, count: int) -> None:
    chunks = list(open_video(film).chunks(count))
    assert [number(picture) for chunk in chunks for picture in chunk] == list(range(80))
    assert all(len(chunk) == min(count, 80) for chunk in chunks[:-1])


def test_chunks_and_slices_work_side_by_side(film: Path) -> None:
    video = open_video(film)
    part = slice_frames(video, 40, 50)
    for ours, theirs in zip(video.chunks(5), part.chunks(5), strict=False):
        assert [number(picture) for picture in ours][:1] in ([0], [5])
        assert number(theirs[0]) in (40, 45)


def test_times(film: Path) -> None:
    video = open_video(film)
    assert video.times_s == pytest.approx(np.arange(80) / 24)
    assert video.frame_rate == 24
    assert video.duration_s == Fraction(80, 24)


def test_variable_rate_is_flagged_and_its_times_are_given(tmp_path: Path) -> None:
    out = tmp_path / "phone.mp4"
    ticks = [0, 40, 80, 200, 240, 1000]
    with av.open(str(out), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for tick, picture in zip(ticks, numbered(6).array, strict=True):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = tick, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    video = open_video(out)
    assert video.facts.is_variable
    assert video.times_s == pytest.approx(np.array(ticks) / 1000)
    assert video.frame_rate == 5
    assert [number(video[index]) for index in (3, 5, 0)] == [3, 5, 0]


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_rotation_is_honoured(degrees: int, tmp_path: Path) -> None:
    out = tmp_path / "phone.mp4"
    image = np.zeros((48, 64, 3), np.uint8)
    image[:24, :32] = (250, 20, 20)  # red at the top left, as stored
    with av.open(str(out), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"crf": "2"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.set_display_rotation(degrees)
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode(None))
    video = open_video(out)
    stored = video.facts.rotation_deg
    assert stored % 360 == degrees % 360
    wanted = np.rot90(image, degrees // 90)
    assert video.shape[1:] == wanted.shape
    assert video.facts.size == (wanted.shape[1], wanted.shape[0])
    assert np.abs(video[0].astype(int) - wanted).mean() < 6


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("old.avi", "mpeg4", "yuv420p"),
        ("raw.h264", "libx264", "yuv420p"),
        ("web.webm", "libvpx-vp9", "yuv420p"),
        ("little.gif", "gif", "rgb8"),
    ],
)
def test_other_formats(name: str, codec: str, pix_fmt: str, tmp_path: Path) -> None:
    """Some have no time stamps at all: they are read in order, and again from the start."""
    out = tmp_path / name
    with av.open(str(out), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
        for picture in numbered(12).array:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            container.mux(stream.encode(frame.reformat(format=pix_fmt)))
        container.mux(stream.encode(None))
    video = open_video(out)
    assert video.shape == (12, 48, 64, 3)
    assert not video.facts.is_variable
    seen = [video[index].mean() for index in (11, 3, 5, 0)]
    assert seen[0] > seen[2] > seen[1] > seen[3]
    assert sum(len(chunk) for chunk in video.chunks(5)) == 12


def test_a_film_trimmed_by_an_edit_list(film: Path, tmp_path: Path) -> None:
    """Phones trim without encoding again: the first pictures are there, but not shown."""
    out = tmp_path / "trimmed.mp4"
    options = {"avoid_negative_ts": "disabled"}
    with av.open(str(film)) as source, av.open(str(out), "w", options=options) as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        assert stream.time_base is not None
        shift = round(Fraction(12, 24) / stream.time_base)
        for packet in source.demux(stream):
            if packet.dts is not None and packet.pts is not None:
                packet.stream = copy
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                target.mux(packet)
    video = open_video(out)
    assert len(video) == 68
    assert [number(video[index]) for index in (0, 1, 67, 20, 0)] == [12, 13, 79, 32, 12]
    assert [number(chunk[0]) for chunk in video.chunks(17)] == [12, 29, 46, 63]


def test_untagged_small_video_is_taken_as_601_and_large_as_709(tmp_path: Path) -> None:
    """What players do; red differs by 20 levels in green between the two."""
    seen = {}
    for height in (480, 720):
        out = tmp_path / f"{height}.mp4"
        with av.open(str(out), "w") as container:
            stream = container.add_stream(
                "libx264", rate=24, options={"crf": "4", "preset": "ultrafast"}
            )
            stream.width, stream.height, stream.pix_fmt = 64, height, "yuv420p"
            frame = av.VideoFrame(64, height, "yuv420p")
            for plane, value in zip(frame.planes, (81, 90, 240), strict=True):  # red in BT.601
                np.frombuffer(plane, np.uint8)[:] = value
            container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        video = open_video(out)
        assert video.facts.matrix == ""
        seen[height] = video[0][height // 2, 32]
    assert np.abs(seen[480].astype(int) - (255, 0, 0)).max() <= 3
    assert np.abs(seen[720].astype(int) - (255, 0, 0)).max() > 10


def test_sixteen_bits_of_a_ten_bit_file(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64).astype(np.uint16)
    image = np.broadcast_to(ramp[None, :, None], (48, 64, 3))
    out = tmp_path / "film.mov"
    write_film(
        [FilmSpan("ramp", ArrayFrames(image[None]))], None, out, OutputSettings(FilmFormat.MOV)
    )
    seen = open_video(out, bits=16)[0].astype(int)
    assert seen.dtype != np.uint8
    assert np.abs(seen.mean(axis=0) - image[0]).max() < 65535 / 1023 * 2
    assert seen[:, -1].mean() > 65400


@pytest.fixture(scope="module", params=CONTAINERS)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film of each format, with no sound, so that its end is its last picture."""
    out = tmp_path_factory.mktemp("whole") / f"whole.{request.param}"
    noise = np.random.default_rng(0).integers(0, 256, (30, 48, 64, 3), np.uint8)
    write_film([FilmSpan("one", ArrayFrames(noise))], None, out, OutputSettings(request.param))
    return out


@pytest.mark.parametrize("share", [0.0, 0.001, 0.02, 0.1, 0.4, 0.8, 0.97, 0.9999])
def test_cut_short(whole: Path, share: float, tmp_path: Path) -> None:
    data = whole.read_bytes()
    cut = tmp_path / f"cut{whole.suffix}"
    cut.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(MediaError) as caught:
        sum(len(chunk) for chunk in open_video(cut).chunks(8))
    assert caught.value.where == str(cut)
    assert caught.value.mend


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.mp4", b"", "is empty"),
        ("text.mp4", b"this is no film at all\n" * 100, "cannot be read|no moving pictures"),
        ("zero.mkv", bytes(5000), "cannot be read|no moving pictures"),
        ("glTF.mov", b"glTF\x02\x00\x00\x00" + bytes(500), "cannot be read|no moving pictures"),
    ],
)
def test_wrong_files(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(MediaError, match=words) as caught:
        open_video(path)
    assert caught.value.where == str(path)
    assert caught.value.mend


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no such file"):
        open_video(tmp_path / "nowhere.mp4")
    with pytest.raises(MediaError, match="a folder"):
        open_video(tmp_path)


def test_sound_is_not_video(tone: Tone, tmp_path: Path) -> None:
    path = tmp_path / "mix.wav"
    write_film([], tone(4800), path, OutputSettings(FilmFormat.WAV))
    with pytest.raises(MediaError, match="no moving pictures"):
        open_video(path)


def test_read_audio(spans: list[FilmSpan], tone: Tone, tmp_path: Path) -> None:
    silent, loud = tmp_path / "silent.mp4", tmp_path / "loud.mkv"
    write_film(spans, None, silent)
    assert open_video(silent).facts.audio is None
    assert read_audio(silent, tmp_path / "a.wav") is None
    write_film(spans, tone(40_000), loud, OutputSettings(FilmFormat.MKV))
    heard = read_audio(loud, tmp_path / "b.wav")
    assert heard is not None
    assert heard.num_samples == 40_000
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(loud.read_bytes()[:-1000])
    with pytest.raises(MediaError, match="cut short"):
        read_audio(cut, tmp_path / "c.wav")
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"nothing")
    with pytest.raises(MediaError, match="cannot be read"):
        read_audio(bad, tmp_path / "c.wav")


def test_a_foreign_film_has_no_record(film: Path, tmp_path: Path) -> None:
    assert read_provenance(film) is None
    assert read_provenance(tmp_path) is None
    with pytest.raises(MediaError, match="no such file"):
        read_provenance(tmp_path / "nowhere.mp4")
