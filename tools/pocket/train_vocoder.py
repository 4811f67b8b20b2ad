"""Train the pocket vocoder: python -m tools.pocket.train_vocoder [--minutes N].

It starts from the loudness of each sine by least squares (`loudness`), and learns what is heard.
Its input is what it will get: half true spectra, half such as went through the codec. Spectra at
several resolutions are compared and, gently, the waveform itself: tones stand on the frames' grid
in a fixed phase.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from jaxtyping import Float32
from tools.pocket.amplitudes import LOW_RATE, crops, load_codec, sound_of
from tools.pocket.audio_codec import HELD_OUT, AudioCodec, statistics, write_codec
from tools.pocket.loudness import start_loud
from tools.pocket.sound_run import RUNS, Run, arguments
from tools.pocket.vocoder import CONFIG, make_vocoder
from torch import Tensor

from reelwright.engine.codecs.audio_vae import AudioVae
from reelwright.engine.codecs.mel import DEFAULT_FRONT_END

FRAMES = 64
CLIPS = 3
CROPS = 2
WINDOWS = (2048, 1024, 512, 256, 128)
GUIDE = 0.3
"""Weight of the waveform at the start; none is left after two thirds."""

PEAK = 5e-5
"""Of AdamW; with 3e-4 it lost in twenty steps what least squares had found."""

SOUNDS = 24
"""For the least squares."""

FILE = RUNS / "audio" / "pocket-audio.safetensors"

Pair = tuple[Float32[Tensor, "B 2 T M"], Float32[Tensor, "B 2 N"]]


def pairs(seeds: range, codec: AudioVae | None) -> Pair:
    """Spectra and the waveforms they are of, cut from clips; odd seeds through the codec."""
    found = [pair for seed in seeds for pair in crops(sound_of(seed, codec), FRAMES, CROPS, seed)]
    return torch.stack([mel for mel, _ in found]), torch.stack([wave for _, wave in found])


def spectral_loss(made: Float32[Tensor, "B 2 N"], true: Float32[Tensor, "B 2 N"]) -> Tensor:
    """Magnitudes at several resolutions: logarithms, and loud parts by themselves."""
    total = made.new_zeros(())
    for size in WINDOWS:
        window = torch.hann_window(size, device=made.device)
        one, other = (
            torch.stft(x.flatten(0, 1), size, size // 4, window=window, return_complex=True)
            .abs()
            .clamp(min=1e-4)
            for x in (made, true)
        )
        logs = (one.log() - other.log()).abs().mean()
        loud = (one - other).abs().sum((1, 2)) / other.sum((1, 2))
        total = total + logs + loud.mean()
    return total / len(WINDOWS)


def mel_loss(made: Float32[Tensor, "B 2 N"], true: Float32[Tensor, "B 2 N"]) -> Tensor:
    """L1 between log-mel bands, nats."""
    one, other = (DEFAULT_FRONT_END(x, LOW_RATE) for x in (made, true))
    return (one - other).abs().mean()


def wave_loss(made: Float32[Tensor, "B 2 N"], true: Float32[Tensor, "B 2 N"]) -> Tensor:
    """Squared error against the sound's own power."""
    error = (made - true).square().mean((1, 2))
    return (error / (true.square().mean((1, 2)) + 1e-5)).mean()


def main() -> None:
    """Train, resume, and write the weights at every checkpoint."""
    given = arguments(__doc__ or "", 25).parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    low = make_vocoder().vocoder
    folder = RUNS / "vocoder"
    if not (folder / "run.pt").exists():
        sounds = [sound_of(seed, None) for seed in range(SOUNDS)]
        start_loud(low, [mel for mel, _ in sounds], [wave for _, wave in sounds])
    low = low.to(given.device)
    low.clamp = False  # as it trains: a clipped sample has no gradient
    for part in (low.conv_pre, low.ups[0], low.resblocks[0]):
        part.requires_grad_(False)  # the exponential hangs on fine balances
    run = Run(folder, low, given.minutes, peak=PEAK)
    run.resume()
    codec = load_codec()
    held_out = pairs(range(HELD_OUT, HELD_OUT + 16), None)
    if run.step == 0:
        _save(run, held_out)
    for step in run.steps(on_save=lambda: _save(run, held_out)):
        first = run.seen + given.seed * 1_000_000
        mel, wave = (x.to(given.device) for x in pairs(range(first, first + CLIPS), codec))
        run.seen += CLIPS
        made = low(mel)
        spectral, mel_l1, error = (f(made, wave) for f in (spectral_loss, mel_loss, wave_loss))
        guide = GUIDE * max(0.0, 1 - 1.5 * run.spent / run.seconds)
        run.learn(spectral + mel_l1 + guide * error)
        if step % 20 == 0:
            run.log(spectral=spectral.item(), mel_l1=mel_l1.item(), wave=error.item())


def _save(run: Run, held_out: Pair) -> None:
    """Measure the averaged weights on what never trained; write the best file so far."""
    wide = make_vocoder()
    wide.vocoder.load_state_dict(run.average)
    mel, wave = held_out
    with torch.no_grad():
        made = wide.vocoder(mel)
    off = mel_loss(made, wave).item()
    run.log(
        held_out_mel_l1=off,
        held_out_spectral=spectral_loss(made, wave).item(),
        held_out_wave=wave_loss(made, wave).item(),
    )
    if off <= _best(run.folder / "curve.jsonl"):
        write_file(wide.state_dict(), FILE)


def _best(curve: Path) -> float:
    """The least held-out error so far."""
    lines = [json.loads(line) for line in curve.read_text().splitlines()]
    return min(line["held_out_mel_l1"] for line in lines if "held_out_mel_l1" in line) + 1e-5


def write_file(vocoder: dict[str, Tensor], path: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write codec and vocoder as one file.

    Args:
        vocoder: Weights of a `WideVocoder`.
        path: Where.
        dtype: Of both.
    """
    state = torch.load(RUNS / "audio_codec" / "run.pt", map_location="cpu", weights_only=True)
    codec = AudioCodec()
    codec.load_state_dict(state["average"])
    scale = statistics(codec.encoder, range(HELD_OUT + 1000, HELD_OUT + 1040))
    path.parent.mkdir(parents=True, exist_ok=True)
    weights = {name: value.to(dtype) for name, value in vocoder.items()}
    write_codec(path, codec.state_dict(), scale, weights, CONFIG, dtype)


if __name__ == "__main__":
    main()
