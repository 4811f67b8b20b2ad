"""The page: well formed, self-contained, readable, escaped."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from reelwright.frames import ArrayFrames
from reelwright.quality import (
    FilmShot,
    Remedy,
    Report,
    Series,
    Status,
    Thumbnails,
    Try,
    Verdict,
    make_thumbnails,
    measure_clip,
    measure_film,
    write_html,
)
from reelwright.quality.page import report_page
from reelwright.quality.plots import MAX_POINTS, Plot, describe, plot_html, thin

VOID = {"meta", "img", "br", "link", "input", "path"}


class Reader(HTMLParser):
    """Checks that tags close in order, and collects them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def film(shot: Callable[..., Any], rate: Fraction) -> tuple[Report, dict[str, Thumbnails]]:
    reports, pictures = [], {}
    for name, kind, shift in (("approach", "moving", 4.0), ("lamp", "fast", 0.0)):
        made = shot(kind)
        frames = made.frames * 0.9
        frames[9] += shift
        clip = ArrayFrames(made.with_frames(frames).frames)
        report = measure_clip(clip, rate, shot=name, label="animatic", staged=made.stage)
        pictures[name] = make_thumbnails(report, clip)
        reports.append(FilmShot(report))
    return measure_film("The <lighthouse> & co", reports, label="animatic"), pictures


def test_the_page_is_well_formed_and_says_what_matters(film: Any) -> None:
    page = Reader(report_page(*film))
    text = " ".join(" ".join(page.text).split())
    assert "The <lighthouse> & co" in text
    assert "animatic" in text
    assert "Flash of one frame" in text
    assert "Try first" in text
    assert "warns from 2" in text
    assert "Worst transitions" in text


def test_nothing_is_loaded_from_elsewhere(film: Any) -> None:
    text = report_page(*film)
    page = Reader(text)
    assert page.all("link") == []
    for tag in ("img", "script", "iframe", "source", "video", "a"):
        for attrs in page.all(tag):
            for name in ("src", "href", "srcset"):
                value = attrs.get(name)
                assert value is None or value.startswith(("data:", "#"))
    assert not re.search(r"url\(|@import|https?:|//cdn|fetch\(|XMLHttp", text)
    policy = next(a["content"] for a in page.all("meta") if a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'")


def test_pictures_are_pictures_and_have_words(film: Any) -> None:
    page = Reader(report_page(*film))
    images = page.all("img")
    assert len(images) > 30
    assert all(attrs.get("alt") is not None for attrs in images)
    assert any("frame 9" in (attrs["alt"] or "").lower() for attrs in images)
    for attrs in page.all("svg"):
        assert attrs["role"] == "img"
        assert len(attrs["aria-label"] or "") > 20


def test_links_lead_somewhere_and_ids_are_unique(film: Any) -> None:
    page = Reader(report_page(*film))
    ids = [attrs["id"] for _, attrs in page.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))
    targets = {(attrs["href"] or "")[1:] for attrs in page.all("a")}
    assert targets <= set(ids)
    named = [attrs["aria-labelledby"] for _, attrs in page.tags if attrs.get("aria-labelledby")]
    assert set(named) <= set(ids)


def test_headings_do_not_skip_a_level(film: Any) -> None:
    page = Reader(report_page(*film))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    for before, after in pairwise(levels):
        assert after <= before + 1


def test_a_page_without_pictures_series_or_shots(rate: Fraction) -> None:
    empty = Report("empty", "", ())
    assert "Nothing could be judged" in " ".join(Reader(report_page(empty, {})).text)
    verdict = Verdict("sound_gap", Status.FAIL, "<b>gone</b>", value=80, remedy="Mix & match.")
    page = report_page(replace(empty, verdicts=(verdict,)), {})
    assert "&lt;b&gt;gone&lt;/b&gt;" in page
    Reader(page)


def test_a_measure_of_a_later_version_is_still_shown() -> None:
    report = Report("later", "", (), (Verdict("new_measure", Status.WARN, "odd", value=3.0),))
    assert "new_measure" in report_page(report, {})


def test_write_html_leaves_one_file(film: Any, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "report.html"
    write_html(*film, out)
    assert [path.name for path in out.parent.iterdir()] == ["report.html"]
    assert out.read_text("utf-8") == report_page(*film)


def test_thumbnails_hold_the_strip_and_the_worst_moments(film: Any) -> None:
    report, pictures = film
    shot = report.shots[0]
    held = pictures["approach"]
    assert {0, 24, 9} <= set(held.frames)
    assert set(held.differences) == {item.frame for item in shot.worst}
    with Image.open(BytesIO(held.frames[0])) as image:
        assert (image.format, image.width) == ("WEBP", 288)


def test_thumbnails_are_kept_in_a_folder(film: Any, tmp_path: Path) -> None:
    held = film[1]["lamp"]
    held.save(tmp_path / "thumbnails")
    assert Thumbnails.load(tmp_path / "thumbnails") == held
    assert Thumbnails.load(tmp_path / "none") == Thumbnails()


def test_thumbnails_of_any_depth(shot: Callable[..., Any], rate: Fraction) -> None:
    made = shot("moving", num_frames=9)
    report = measure_clip(ArrayFrames(made.frames), rate)
    deep = make_thumbnails(report, ArrayFrames(made.frames.astype(np.uint16) * 257))
    assert deep == make_thumbnails(report, ArrayFrames(made.frames))


def series(values: list[float | None], **kwargs: Any) -> Series:
    return Series("x", "dB", tuple(values), **kwargs)


def plot(line: Series, num_frames: int, **kwargs: Any) -> Plot:
    return Plot("Title", "hint", (("", line),), Fraction(24), num_frames, **kwargs)


def test_a_plot_breaks_where_nothing_was_measured() -> None:
    text = plot_html(plot(series([1, 2, None, 4, 5]), 5))
    (path,) = re.findall(r'class="line c1" d="([^"]+)"', text)
    assert path.count("M") == 2
    assert path.count("L") == 2
    Reader(text)


def test_a_plot_of_nothing_is_left_out() -> None:
    assert plot_html(plot(series([None, None]), 2)) == ""
    assert plot_html(plot(series([]), 0)) == ""


@pytest.mark.parametrize("values", [[3.0], [3.0, 3.0, 3.0], [0.0] * 4, [1e-9, 2e-9], [-5.0, 1e6]])
def test_any_values_can_be_plotted(values: list[float | None]) -> None:
    text = plot_html(plot(series(values), len(values)))
    Reader(text)
    for number in re.findall(r"[ML]([-\d.]+) ([-\d.]+)", text):
        assert 0 <= float(number[0]) <= 1000
        assert 0 <= float(number[1]) <= 200


def test_a_long_series_keeps_its_extremes() -> None:
    values: list[float | None] = [0.0] * 20_000
    values[12_345] = 9.0
    values[333] = -4.0
    points = thin(series(values))
    assert len(points) <= MAX_POINTS + 2
    assert (12_345, 9.0) in points
    assert (333, -4.0) in points
    assert [frame for frame, _ in points] == sorted(frame for frame, _ in points)


def test_a_plot_is_described_in_words() -> None:
    words = describe(plot(series([30.0, 40.0, 35.0]), 3))
    assert "30 to 40 dB" in words
    assert "usually 35" in words


def test_what_was_tried_stands_on_the_page_and_goes_through_json(film: Any) -> None:
    report, pictures = film
    tries = (
        Try(None, "as the storyboard says", ("Black frames 9 frames",), "", 12.0),
        Try(Remedy.OTHER_SEED, "another <seed>", (), "", 7.5, kept=True),
    )
    shots = (replace(report.shots[0], tries=tries), *report.shots[1:])
    tried = replace(report, shots=shots)
    assert Report.from_json(json.loads(json.dumps(tried.to_json()))) == tried
    page = report_page(tried, pictures)
    text = " ".join(Reader(page).text)
    assert page.count("Remedies tried") == 1
    for words in ("another <seed>", "Black frames 9 frames", "no guard", "7.5 s", "kept"):
        assert words in text
    assert "Remedies tried" not in report_page(report, pictures)


def test_guards_and_remedies_stand_on_the_page(shot: Callable[..., Any], rate: Fraction) -> None:
    made = shot("moving", num_frames=33)
    frames = made.frames.copy()
    frames[12:16] = 2
    report = measure_clip(ArrayFrames(frames), rate, shot="a", staged=made.stage, generated=True)
    text = report_page(measure_film("film", [FilmShot(report)]), {})
    reader = Reader(text)
    assert ("code", {}) in reader.tags
    assert "guidance_1" in "".join(reader.text)
    assert 'class="guards"' in text
    assert "Pops between groups of frames" in text
    assert "Staged motion followed" in text
