"""The rows of the table: what each is, from which part's lines, and what is aimed at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tools.pocket.measures import statistics
from tools.pocket.measures.lines import Values
from tools.pocket.measures.parts import CASES, MAIN
from tools.pocket.measures.statistics import Summary

Pick = Callable[[Values, Mapping[str, Any]], Any]
"""A value of one line; of its clip's staged line too. None where it has none."""

FLOORS = {"dB": 0.1, "": 0.04, "%": 2.0, "px": 0.2, "ms": 10.0}
"""What other processors may change, by unit; units that are not here are not compared."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        section: Its heading.
        name: What it is.
        unit: dB, %, px, ms, s, MiB or nothing.
        part: Whose lines.
        pick: The value of a line.
        summary: From values to one.
        aim: What the project wanted; empty for none.
    """

    section: str
    name: str
    unit: str
    part: str
    pick: Pick
    summary: Summary = statistics.mean
    aim: str = ""

    @property
    def key(self) -> str:
        """Its name among all rows."""
        return f"{self.section}: {self.name}"


def value(name: str, times: float = 1.0) -> Pick:
    """A value of the line by its name."""
    return lambda line, staged: None if name not in line else times * float(line[name])


def staged(name: str, times: float = 1.0) -> Pick:
    """A value of the staged clip's line."""
    return lambda line, own: None if name not in own else times * float(own[name])


def beaten(name: str, by: str = "") -> Pick:
    """By how much the cross-fade is beaten."""

    def pick(line: Values, own: Mapping[str, Any]) -> float | None:
        if by + name not in line or f"fade_{name}" not in own:
            return None
        return float(line[by + name]) - float(own[f"fade_{name}"])

    return pick


def beside(name: str, other: str) -> Pick:
    """How much one value is above another one of the same line."""
    return lambda line, _: (
        None if name not in line or other not in line else line[name] - line[other]
    )


def pair(one: str, other: str) -> Pick:
    """Two values of the line."""
    return lambda line, _: (
        None if one not in line or other not in line else (line[one], line[other])
    )


def listed(name: str) -> Pick:
    """A list of values of the line."""
    return lambda line, _: line.get(name) or None


CODEC, STAGED, HEARD, WORDS = "Codec", "Cross-fade", "Sound", "Words"
LARGE, COSTS = "Twice as large, 512x320", "One clip of 512x320 and 49 frames, one thread"

ALIKE = {"all": "whole picture", "moving": "where things move", "middle": "middle frame"}


def _codec() -> list[Row]:
    part = "codec"
    return [
        Row(CODEC, "clips", "dB", part, value("all"), aim="30"),
        Row(CODEC, "clips, where things move", "dB", part, value("moving")),
        Row(CODEC, "single frames", "dB", part, value("still")),
        Row(CODEC, "grey depth", "dB", part, value("depth")),
        Row(CODEC, "change at borders of groups over the steps beside them", "", part,
            pair("border", "beside"), statistics.pooled_ratio, "1.3"),
        Row(CODEC, "depth order kept", "%", part, value("order", 100)),
        Row(CODEC, "moving places that look as staged", "%", part, value("motion", 100)),
        Row(CODEC, "things away from their places", "px", part, value("place")),
    ]  # fmt: skip


def _fade() -> list[Row]:
    rows = [Row(STAGED, name, "dB", "staged", value(f"fade_{key}")) for key, name in ALIKE.items()]
    return [
        *rows,
        Row(STAGED, "depth order kept", "%", "staged", value("fade_order", 100)),
        Row(STAGED, "moving places that look as staged", "%", "staged", value("fade_motion", 100)),
        Row(STAGED, "things away from their places", "px", "staged", value("fade_place")),
        Row("Truth", "moving places that look as staged", "%", "staged", value("true_motion", 100)),
        Row("Truth", "change at borders of groups over the steps beside them", "", "staged",
            pair("true_border", "true_beside"), statistics.pooled_ratio),
    ]  # fmt: skip


def _made(case: str) -> list[Row]:
    section = "Made from " + case.replace("+", ", ")
    wanted = {"first+last": {"all": "0"}}.get(case, {})
    rows = [Row(section, name, "dB", case, value(key)) for key, name in ALIKE.items()]
    rows += [
        Row(section, f"above the cross-fade, {name}", "dB", case, beaten(key),
            aim=wanted.get(key, ""))
        for key, name in ALIKE.items()
    ]  # fmt: skip
    if CASES[case].last:
        rows.append(Row(section, "last frame to its keyframe", "dB", case, value("last")))
    return [
        *rows,
        Row(section, "change at borders of groups over the steps beside them", "", case,
            pair("border", "beside"), statistics.pooled_ratio, "1.3"),
        Row(section, "depth order kept", "%", case, value("order", 100)),
        Row(section, "moving places that look as staged", "%", case, value("motion", 100)),
        Row(section, "things away from their places", "px", case, value("place")),
    ]  # fmt: skip


def _refined() -> list[Row]:
    section, aims = "The same, refined and reduced", {"all": "4.5", "moving": "5"}
    rows = [Row(section, n, "dB", MAIN, value(f"refined_{k}")) for k, n in ALIKE.items()]
    rows += [
        Row(section, f"above the cross-fade, {name}", "dB", MAIN, beaten(key, "refined_"),
            aim=aims.get(key, ""))
        for key, name in ALIKE.items()
    ]  # fmt: skip
    return [
        *rows,
        Row(section, "last frame to its keyframe", "dB", MAIN, value("refined_last"), aim="30"),
        Row(section, "gained by the refiner", "dB", MAIN, beside("refined_all", "all")),
        Row(section, "change at borders of groups over the steps beside them", "", MAIN,
            pair("refined_border", "refined_beside"), statistics.pooled_ratio, "1.3"),
        Row(section, "depth order kept", "%", MAIN, value("refined_order", 100), aim="94"),
        Row(section, "moving places that look as staged", "%", MAIN,
            value("refined_motion", 100)),
        Row(section, "things away from their places", "px", MAIN, value("refined_place")),
    ]  # fmt: skip


def _words() -> list[Row]:
    return [
        Row(WORDS, "two colours told apart, words alone (chance 25)", "%", "colour",
            value("followed", 100)),
        Row(WORDS, "colour of five followed, with staged depth (chance 20)", "%", "colour, depth",
            value("followed", 100)),
        Row(WORDS, "colour of five told right in the true clip", "%", "colour, depth",
            value("told_right", 100)),
        Row(WORDS, "shape of four followed, words alone (chance 25)", "%", "shape",
            value("followed", 100)),
        Row(WORDS, "shapes of four told right in true pictures", "%", "shape",
            value("told_right", 100)),
    ]  # fmt: skip


def _heard() -> list[Row]:
    return [
        Row(HEARD, "impacts: median time to their onset", "ms", MAIN, listed("lags"),
            statistics.pooled_median_size, "80"),
        Row(HEARD, "impacts within 80 ms", "%", MAIN, listed("lags"),
            _percent(statistics.pooled_share_within(80.1))),
        Row(HEARD, "chance: the same at another clip's impacts", "ms", MAIN,
            listed("lags_elsewhere"), statistics.pooled_median_size),
        Row(HEARD, "correlation of where it is heard with the true sound's", "", MAIN,
            pair("pan_true", "pan_made"), statistics.pooled_correlation),
        Row(HEARD, "loudness away from the true sound's", "dB", MAIN, value("apart")),
    ]  # fmt: skip


def _large() -> list[Row]:
    part, rows = "twice as large", []
    names = {"bicubic": "first pass resized", "passes": "second pass", "refiner": "pixel refiner"}
    for kind, name in names.items():
        rows += [
            Row(LARGE, f"{name}: {ALIKE[key]}", "dB", part, value(f"{kind}_{key}"))
            for key in ("all", "moving")
        ]
        rows.append(Row(LARGE, f"{name}: sharpness of the true", "%", part,
                        value(f"{kind}_sharp", 100)))  # fmt: skip
    gains = [
        Row(LARGE, f"{names[kind]} above the resize", "dB", part,
            beside(f"{kind}_all", "bicubic_all"))
        for kind in ("passes", "refiner")
    ]  # fmt: skip
    return [*rows, *gains]


def _costs() -> list[Row]:
    return [
        Row(COSTS, f"{tier}: {name}", unit, f"cost: {tier}", value(key))
        for tier in ("draft", "standard", "final")
        for key, name, unit in (
            ("seconds", "seconds", "s"),
            ("cpu_seconds", "processor seconds", "s"),
            ("peak_mib", "peak memory", "MiB"),
        )
    ]


def _percent(share: Summary) -> Summary:
    return lambda clips: 100 * share(clips)


ROWS = (
    *_codec(), *_fade(), *_made(MAIN), *_refined(),
    *(row for case in CASES if case != MAIN for row in _made(case)),
    *_words(), *_heard(), *_large(), *_costs(),
)  # fmt: skip
