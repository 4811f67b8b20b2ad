"""Cases of pure arithmetic: schedules, guidance, single steps."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from reelwright.engine.parity.case import Case
from reelwright.engine.parity.words import need, number_after, numbers_in
from reelwright.engine.sampling.guidance import (
    Guider,
    apg_delta,
    cfg_delta,
    cfg_star_delta,
    skips_step,
    stg_delta,
)
from reelwright.engine.sampling.schedule import (
    DISTILLED,
    DISTILLED_REFINE,
    Sigmas,
    beta_sigmas,
    linear_quadratic_sigmas,
    ltx2_sigmas,
)
from reelwright.engine.sampling.steps import (
    ancestral_step,
    cfgpp_step,
    denoised_from_velocity,
    euler_step,
    noised,
    res2s_coefficients,
    sde_step,
    velocity_from_denoised,
)

Run = Callable[[Case], Mapping[str, Tensor]]


def run_scheduler(case: Case) -> Mapping[str, Tensor]:
    """Schedules, as each output's description asks."""
    return {
        output: torch.tensor(_sigmas(output, case.meaning(output), case.settings(output)))
        for output in case.outputs
    }


def _sigmas(output: str, meaning: str, settings: dict[str, Any]) -> Sigmas:
    if output.startswith("distilled"):
        return DISTILLED_REFINE if "stage2" in output else DISTILLED
    found = re.search(r"(\d+) steps", meaning)
    if found is None:
        raise KeyError(f"no steps in {meaning!r}")
    steps = int(found.group(1))
    if output.startswith("linear_quadratic"):
        return linear_quadratic_sigmas(steps, threshold=need("threshold_noise", meaning))
    if output.startswith("beta"):
        alpha, beta = numbers_in("beta", meaning)
        return beta_sigmas(steps, alpha=alpha, beta=beta, shift=need("shift", meaning))
    if not output.startswith("ltx2"):
        raise KeyError(f"the schedule {output!r} is not known")
    for name in ("max_shift", "base_shift", "terminal"):
        value = number_after(name, meaning.replace("stretch to terminal", "terminal"))
        if value is not None:
            settings.setdefault(name, value)
    shape = numbers_in("latent(?: shape)?", meaning)
    if shape:
        settings["num_tokens"] = int(torch.tensor(shape[2:]).prod())
    return ltx2_sigmas(steps, **settings)


def run_guiders(case: Case) -> Mapping[str, Tensor]:
    """Guidance, as each output's description asks."""
    return {output: _guided(case, output) for output in case.outputs}


def _guided(case: Case, output: str) -> Tensor:
    cond, uncond = case.given("cond"), case.given("uncond")
    meaning, size = case.meaning(output), case.outputs[output].shape
    if output.startswith("skip_step"):
        skip = int(need("skip_step=", meaning.replace("skip_step=", "skip_step= ")))
        return torch.tensor([int(skips_step(i, skip)) for i in range(size[0])])
    if output.startswith("multimodal"):
        guider = Guider(**case.settings(output))
        others = {
            "uncond": uncond if guider.cfg_scale != 1 else None,
            "perturbed": case.given("perturbed") if guider.stg_scale != 0 else None,
            "isolated": case.given("isolated") if guider.modality_scale != 1 else None,
        }
        return guider.combine(cond, **others)
    scale = need("scale", meaning, case.meaning("cfg.delta"))
    if output == "cfg.delta":
        return cfg_delta(cond, uncond, scale)
    if output == "stg.delta":
        return stg_delta(cond, case.given("perturbed"), scale)
    if output == "cfgstar.delta":
        return cfg_star_delta(cond[: size[0]], uncond[: size[0]], scale)
    eta, threshold = need("eta", meaning), need("norm_threshold", meaning)
    pair = (cond[: size[-3]], uncond[: size[-3]])
    return apg_delta(*pair, scale, eta=eta, norm_threshold=threshold).reshape(size)


def run_steppers(case: Case) -> Mapping[str, Tensor]:
    """Single steps, as each output's name and description ask."""
    return {output: _stepped(case, output) for output in case.outputs}


def _stepped(case: Case, output: str) -> Tensor:
    sample, denoised = case.given("sample"), case.given("denoised")
    sigmas: list[float] = case.params.get("sigmas") or case.given("sigmas").tolist()
    meaning = case.meaning(output)
    if output == "velocity":
        index = int(numbers_in("sigmas", meaning)[0])
        return velocity_from_denoised(sample, denoised, sigmas[index])
    if output == "denoised_from_velocity":
        return denoised_from_velocity(sample, denoised, case.given("timesteps"))
    if output == "res2s_coefficients":
        c2 = need("c2 =", meaning)
        lengths = case.outputs[output][:, 0].tolist()
        rows = [(h, *res2s_coefficients(h, c2)) for h in lengths]
        return torch.tensor(rows, dtype=torch.float64)
    noise = case.given("noise")
    if output.startswith("noiser."):
        latent, clean, mask = (case.given(f"noiser.{n}") for n in ("latent", "clean", "mask"))
        return noised(latent, clean, mask, noise, need("noise_scale", meaning))
    kind, _, index_text = output.rpartition(".")
    here, there = sigmas[int(index_text)], sigmas[int(index_text) + 1]
    if kind == "euler":
        return euler_step(sample, denoised, here, there)
    eta = need("eta", meaning)
    if kind == "euler_ancestral":
        return ancestral_step(sample, denoised, here, there, noise, eta=eta)
    if kind == "euler_cfgpp":
        return cfgpp_step(sample, denoised, case.given("uncond"), here, there, noise, eta=eta)
    if kind.startswith("res2s"):
        return sde_step(sample, denoised, here, there, noise, eta=eta)
    raise KeyError(f"the step {kind!r} is not known")


KINDS: Mapping[str, Run] = {
    "guiders": run_guiders,
    "scheduler": run_scheduler,
    "steppers": run_steppers,
}
