"""Other weights, other ways: guided, with LoRAs, without sound, streamed, in 16 bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.engine import tiny_checkpoint as tiny

from reelwright.engine import Compute, Residency
from reelwright.errors import InputError, ReelwrightError, ResourceError
from reelwright.generate import ClipRequest
from reelwright.generate.ltx import (
    LtxSettings,
    decode_clip,
    draft_clip,
    loaded,
    read_words,
    refine_clip,
)
from reelwright.generate.ltx.latents import ShotLatents
from reelwright.generate.ltx.words import load_words
from reelwright.models import LoraUse, WeightSet, custom_weights

Shot = Callable[..., ClipRequest]
Make = Callable[..., ShotLatents]


@pytest.fixture
def make(weights: WeightSet, words: Path, few: LtxSettings, shot: Shot, tmp_path: Path) -> Make:
    """Draft a shot, and refine it if asked."""

    def made(
        name: str,
        use: WeightSet = weights,
        settings: LtxSettings = few,
        staged: Any = None,
        *,
        refined: bool = False,
    ) -> ShotLatents:
        request = shot()
        draft_clip(request, words, staged, None, use, settings, tmp_path / name)
        if refined:
            draft, name = tmp_path / name, f"{name}-refined"
            refine_clip(request, words, staged, None, draft, use, settings, tmp_path / name)
        return ShotLatents.load(tmp_path / name)

    return made


def _video(latents: ShotLatents) -> torch.Tensor:
    assert latents.made.video is not None
    return latents.made.video


def test_full_weights_are_guided_and_refined_by_the_lora_of_the_second_pass(
    make: Make, weights: WeightSet, tmp_path: Path
) -> None:
    full = replace(weights, distilled=False)
    alone = make("alone", full)
    assert not alone.is_draft  # nothing refines it
    assert alone.facts["passes"][0]["guidance"] == 3.0
    lora = LoraUse(tiny.write_lora(tmp_path / "distilled.safetensors"), (0.0, 1.0))
    refined = make("refined", replace(full, loras=(lora,)), refined=True)
    first, second = refined.facts["passes"]
    assert (first["loras"], second["loras"]) == ([], [["distilled.safetensors", 1.0]])
    assert (first["scale"], second["guidance"]) == ("1/2", 1.0)


def test_guidance_leads_away_from_the_negative_words(make: Make, few: LtxSettings) -> None:
    plain, guided = make("plain"), make("guided", settings=replace(few, guidance=3.0))
    neutral = make("neutral", settings=replace(few, guidance=1.0))
    assert not torch.equal(_video(plain), _video(guided))
    assert torch.equal(_video(plain), _video(neutral))


def test_a_lora_joins_as_strongly_as_each_pass_says(
    make: Make, weights: WeightSet, tmp_path: Path
) -> None:
    file = tiny.write_lora(tmp_path / "style.safetensors")
    plain, styled = make("plain"), make("styled", replace(weights, loras=(LoraUse(file),)))
    assert not torch.equal(_video(plain), _video(styled))
    late = replace(weights, loras=(LoraUse(file, (0.0, 1.0)),))
    assert torch.equal(_video(plain), _video(make("late", late)))


def test_a_lora_for_control_follows_staged_depth_in_the_first_pass_alone(
    make: Make, weights: WeightSet, tmp_path: Path, stage_depth: Callable[..., Any]
) -> None:
    plain = tiny.write_lora(tmp_path / "plain.safetensors")
    file = tmp_path / "control.safetensors"
    save_file(load_file(plain), file, {"reference_downscale_factor": "2"})
    use = replace(weights, loras=(LoraUse(file),))
    depth = np.full((9, 64, 64), 10.0)
    depth[:, :32] = 2.0
    unstaged = make("unstaged", use)
    assert torch.equal(_video(unstaged), _video(make("words")))  # nothing to follow: left out
    one, other = (
        make(name, use, staged=stage_depth(each), refined=True)
        for name, each in (("one", depth), ("other", depth[:, ::-1]))
    )
    assert not torch.equal(_video(one), _video(other))
    first, second = one.facts["passes"]
    assert (len(first["loras"]), len(second["loras"])) == (1, 0)
    assert one.facts["control"] == ["depth", 1.0]


def test_weights_without_sound_say_so(shot: Shot, few: LtxSettings, tmp_path: Path) -> None:
    mute = WeightSet(
        name="mute",
        checkpoint=(tiny.write_checkpoint(tmp_path / "mute.safetensors", audio=False),),
        text_encoder=tiny.write_text_encoder(tmp_path / "gemma"),
        label="mute",
    )
    request = shot(sound="waves on rocks")
    read_words("a boat.", "", mute, tmp_path / "words")
    draft_clip(request, tmp_path / "words", None, None, mute, few, tmp_path / "draft")
    clip = decode_clip(request, tmp_path / "draft", None, mute, few, tmp_path / "clip")
    assert not clip.stems
    assert "silent" in clip.silence[0]
    assert "waves on rocks" in clip.silence[0]


def test_weights_that_show_nothing_are_refused(
    shot: Shot, weights: WeightSet, words: Path, few: LtxSettings, tmp_path: Path
) -> None:
    blind = replace(
        weights,
        checkpoint=(tiny.write_checkpoint(tmp_path / "blind.safetensors", video=False),),
        upsampler=None,
    )
    with pytest.raises(InputError, match="no video") as raised:
        draft_clip(shot(), words, None, None, blind, few, tmp_path / "draft")
    assert raised.value.where == 'shot "lamp"'


def test_streamed_weights_make_the_same_bits(
    make: Make, weights: WeightSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident = make("resident")
    loaded.release()
    with monkeypatch.context() as patch:
        patch.setattr(loaded, "residency", lambda nbytes, device: Residency(2))
        streamed = make("streamed")
        assert loaded.open_models(weights, "cpu").residency == Residency(2)
    loaded.release()
    assert torch.equal(_video(resident), _video(streamed))


def test_weights_that_do_not_fit_the_accelerator_are_streamed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (10_000, 20_000))
    device = torch.device("cuda:0")
    assert loaded.residency(6_000, device).num_slots is None
    assert loaded.residency(6_001, device).num_slots == 2
    assert loaded.residency(10**15, torch.device("cpu")).num_slots is None


def test_precision_follows_size_and_device(
    weights: WeightSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert loaded.compute_for(weights, "cpu", "auto") is Compute.FLOAT32
    assert loaded.compute_for(weights, "cuda", "auto") is Compute.BFLOAT16
    assert loaded.compute_for(weights, "cpu", "float16") is Compute.FLOAT16
    monkeypatch.setattr(loaded, "SMALL_BYTES", 10)
    assert loaded.compute_for(weights, "cpu", "auto") is Compute.BFLOAT16


def test_sixteen_bits_go_all_the_way(
    shot: Shot, weights: WeightSet, few: LtxSettings, tmp_path: Path
) -> None:
    half = replace(few, precision="bfloat16")
    read_words("a boat.", "", weights, tmp_path / "words", precision="bfloat16")
    draft_clip(shot(), tmp_path / "words", None, None, weights, half, tmp_path / "draft")
    clip = decode_clip(shot(), tmp_path / "draft", None, weights, half, tmp_path / "clip")
    assert clip.provenance["precision"] == "bfloat16"
    loaded.release()


def test_one_model_serves_all_shots_until_its_file_changes(
    weights: WeightSet, tmp_path: Path
) -> None:
    own = replace(
        weights, checkpoint=(tiny.write_checkpoint(tmp_path / "own.safetensors"),), upsampler=None
    )
    models = loaded.open_models(own, "cpu")
    assert loaded.open_models(own, "cpu") is models
    tiny.write_checkpoint(tmp_path / "own.safetensors", audio=False)
    assert loaded.open_models(own, "cpu").facts.audio is None
    loaded.release()


def test_named_weights_run_end_to_end(
    shot: Shot, few: LtxSettings, weights: WeightSet, tmp_path: Path
) -> None:
    named = custom_weights(
        checkpoint=list(weights.checkpoint),
        text_encoder=weights.text_encoder,
        upsampler=weights.upsampler,
    )
    read_words("a boat.", "rain", named, tmp_path / "words")
    draft_clip(shot(), tmp_path / "words", None, None, named, few, tmp_path / "draft")
    clip = decode_clip(
        shot(), tmp_path / "draft", None, named, few, tmp_path / "clip", digests={"a": "b"}
    )
    assert clip.label == "tiny.safetensors, draft"
    assert clip.provenance["digests"] == {"a": "b"}


def test_words_are_kept_between_shots(
    weights: WeightSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_words("a boat.", "rain", weights, tmp_path / "one", cache=tmp_path / "cache")
    monkeypatch.setattr("reelwright.engine.clip.clip_words.load_text_encoder", None)
    read_words("a boat.", "rain", weights, tmp_path / "two", cache=tmp_path / "cache")
    (one, no), (two, _) = load_words(tmp_path / "one"), load_words(tmp_path / "two")
    assert torch.equal(one.video, two.video)
    assert not torch.equal(one.video, no.video)


def test_words_that_are_cut_are_told(
    weights: WeightSet, tmp_path: Path, diary: Callable[..., Any]
) -> None:
    told = diary()
    read_words("many words " * 20, "", weights, tmp_path / "words", progress=told)
    assert len(told.warnings) == 1


def test_memory_that_runs_out_is_named_with_its_shot(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(*_: Any, **__: Any) -> Any:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("reelwright.generate.ltx.making.PassRun.make", short)
    with pytest.raises(ResourceError, match="memory") as raised:
        make("draft")
    assert raised.value.where == 'shot "lamp"'


def test_a_missing_checkpoint_is_named(make: Make, weights: WeightSet, tmp_path: Path) -> None:
    with pytest.raises(ReelwrightError, match=r"gone\.safetensors"):
        make("draft", replace(weights, checkpoint=(tmp_path / "gone.safetensors",)))
