from __future__ import annotations

from reelwright.plan import NUM_SAMPLES, History, Ratio, Sample, StageKind

KEY = (StageKind.MIX, "builtin", "cpu")


def sample(seconds: float, modelled_s: float = 1.0, ram: int = 0) -> Sample:
    return Sample(*KEY, seconds, modelled_s, ram, 100 if ram else 0)


def test_nothing_measured_corrects_nothing() -> None:
    assert History().ratio(*KEY) == Ratio(1.0, 1.0, 0)


def test_the_median_is_taken_so_that_one_bad_run_does_no_harm() -> None:
    history = History.of([sample(2.0), sample(2.2), sample(40.0)])
    assert history.ratio(*KEY).seconds == 2.2


def test_memory_goes_by_the_worst() -> None:
    assert History.of([sample(1, ram=90), sample(1, ram=130)]).ratio(*KEY).ram == 1.3


def test_only_the_newest_count() -> None:
    history = History.of([sample(9.0)] * 50 + [sample(2.0)] * NUM_SAMPLES)
    assert history.ratio(*KEY) == Ratio(2.0, 1.0, NUM_SAMPLES)


def test_ratios_are_bounded() -> None:
    assert History.of([sample(1e9)]).ratio(*KEY).seconds == 50.0
    assert History.of([sample(1e-9)]).ratio(*KEY).seconds == 0.02
    assert History.of([sample(1, ram=10**9)]).ratio(*KEY).ram == 4.0


def test_other_devices_and_backends_do_not_count() -> None:
    history = History.of([sample(5.0)])
    assert history.ratio(StageKind.MIX, "builtin", "cuda:0").samples == 0
    assert history.ratio(StageKind.MUX, "builtin", "cpu").samples == 0


def test_runs_that_were_modelled_as_nothing_do_not_count() -> None:
    assert History.of([sample(1.0, modelled_s=0.0)]).ratio(*KEY).samples == 0
