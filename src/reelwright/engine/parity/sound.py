"""Cases of the audio codec, its front end and the vocoders."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from torch import Tensor

from reelwright.engine.codecs.audio_vae import load_audio_vae
from reelwright.engine.codecs.mel import DEFAULT_FRONT_END, resample
from reelwright.engine.codecs.vocoder import WideVocoder, load_vocoder
from reelwright.engine.parity.case import Case


def run_front_end(case: Case) -> Mapping[str, Tensor]:
    """Waveforms of any rate to log-mel bands; the rate stands in each name."""
    opened = case.checkpoints()
    front_end = load_audio_vae(opened[0]).front_end if opened else DEFAULT_FRONT_END
    results = {}
    for output in case.outputs:
        found = re.fullmatch(r"(mel|resampled)(\d+)", output)
        if found is None:
            raise KeyError(f"the output {output!r} is not known")
        name, rate = found.groups()
        wave = case.given(f"wave{rate}")
        if name == "mel":
            results[output] = front_end(wave, int(rate))
        else:
            results[output] = resample(wave, int(rate), front_end.rate)
    return results


def run_codec(case: Case) -> Mapping[str, Tensor]:
    """Bands to latent and back, and from a waveform."""
    vae = load_audio_vae(case.checkpoints()[0])
    results = {
        "latent": vae.encode(case.given("mel")),
        "mel": vae.decode(case.outputs["latent"]),
    }
    if case.has("wave"):
        found = re.search(r"(\d+) Hz", str(case.meta["tensors"]["in.wave"].get("meaning", "")))
        rate = int(found.group(1)) if found else vae.scale.sample_rate
        results["latent_from_wave"] = vae.encode_wave(case.given("wave"), rate)
    return results


def run_vocoder(case: Case) -> Mapping[str, Tensor]:
    """Bands to a waveform, and what lies between the two generators."""
    vocoder = load_vocoder(case.checkpoints()[0])
    mel = case.given("mel")
    results = {"wave": vocoder(mel)}
    if isinstance(vocoder, WideVocoder):
        low = vocoder.low_rate(mel)
        results |= {
            "low_rate_wave": low,
            "bwe_mel": vocoder.mel_stft(low),
            "skip": vocoder.skip(low),
        }
    return results


def run_chain(case: Case) -> Mapping[str, Tensor]:
    """Latent to waveform."""
    opened = case.checkpoints()
    codec = next(c for c in opened if c.has_config("audio_vae"))
    voice = next(c for c in opened if c.has_config("vocoder"))
    mel = load_audio_vae(codec).decode(case.given("latent"))
    return {"wave": load_vocoder(voice)(mel)[0]}


KINDS: Mapping[str, Callable[[Case], Mapping[str, Tensor]]] = {
    "audio_decode_chain": run_chain,
    "audio_vae": run_codec,
    "mel_frontend": run_front_end,
    "vocoder": run_vocoder,
}
