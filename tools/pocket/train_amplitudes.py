"""Teach the vocoder's first steps how loud each sine is: python -m tools.pocket.train_amplitudes.

All at 100 frames a second, a hundred times cheaper than sound. True amplitudes come from the sound
by projection on the same sines. A tone's amplitude is steady and can be told; noise's is chance, so
it is compared by how it changes over frames (spectra of amplitudes), not value by value.
"""

from __future__ import annotations

import torch
from jaxtyping import Float32
from tools.pocket.audio_codec import HELD_OUT, clip_of, hear
from tools.pocket.sound_run import RUNS, Run, arguments
from tools.pocket.sounds import sound_track
from tools.pocket.vocoder import HARMONICS, amplitudes, make_vocoder, synthesise
from tools.pocket.voices import RATE
from torch import Tensor
from torch.nn.functional import conv1d, pad

from reelwright.engine.checkpoints.checkpoint import Checkpoint
from reelwright.engine.codecs.audio_vae import AudioVae, load_audio_vae
from reelwright.engine.codecs.generator import Generator
from reelwright.engine.codecs.mel import resample

LOW_RATE, HOP = 16_000, 160
FRAMES = 100
CLIPS = 3
CODEC = RUNS / "audio_codec" / "audio_vae.safetensors"
SCALE = 0.3
"""Amplitudes are compared in proportion above this, by difference below."""

WINDOWS = (4, 8, 20)

PEAK = 6e-4
"""Of AdamW."""

OUTER = (
    "conv_pre",
    "conv_post",
    *(f"{part}.{i}." for part in ("ups", "resblocks") for i in (1, 2, 3, 4)),
)

Sound = tuple[Float32[Tensor, "2 T M"], Float32[Tensor, "2 N"]]


def load_codec() -> AudioVae | None:
    """The codec as trained so far, if it is."""
    return load_audio_vae(Checkpoint.open(CODEC)) if CODEC.exists() else None


def sound_of(seed: int, codec: AudioVae | None) -> Sound:
    """Spectra and 16 kHz sound of a clip; of odd seeds as the codec hands them on."""
    sound = sound_track(clip_of(seed))
    mel = hear(sound)[0]
    wave = resample(torch.from_numpy(sound)[None], RATE, LOW_RATE)[0]
    if codec is not None and seed % 2:
        rng = torch.Generator().manual_seed(seed)
        latent = codec.encode(mel[None])
        off = 0.1 * torch.rand((), generator=rng) * torch.randn(latent.shape, generator=rng)
        mel = codec.decode(latent + off)[0].float()
    return mel, wave


def crops(sound: Sound, frames: int, count: int, seed: int) -> list[Sound]:
    """Stretches of a sound that begin with a frame, some of them with the first."""
    mel, wave = sound
    last = min(mel.shape[1], wave.shape[1] // HOP) - frames
    rng = torch.Generator().manual_seed(seed)
    firsts = torch.randint(0, max(1, last + 1), (count,), generator=rng).tolist()
    firsts = [0 if seed % 7 == 0 else first for first in firsts]
    return [
        (mel[:, f : f + frames], wave[:, f * HOP : (f + frames) * HOP]) for f in firsts if last >= 0
    ]


def analyser(low: Generator) -> Float32[Tensor, "H 1 K"]:
    """Projections on the sines, in proportion to what the bank makes of each."""
    time = torch.arange(2 * HOP) - HOP // 2
    hertz = 100.0 * torch.arange(1, HARMONICS + 1)
    sines = torch.sin(2 * torch.pi * hertz[:, None] * time / LOW_RATE)
    rows = sines * torch.hann_window(2 * HOP) / (HOP / 2)
    steady = torch.eye(HARMONICS)[:, :, None].expand(-1, -1, 24)
    with torch.no_grad():
        made = synthesise(low, pad(steady, (0, 0, 0, HARMONICS)))[:, 0]
        gains = _project(made[:, None], rows[:, None])[
            torch.arange(HARMONICS), torch.arange(HARMONICS), 12
        ]
    return (rows / gains[:, None])[:, None]


def _project(wave: Float32[Tensor, "B 1 N"], rows: Tensor) -> Float32[Tensor, "B H T"]:
    return conv1d(pad(wave, (HOP // 2, HOP // 2)), rows, stride=HOP)


def true_amplitudes(wave: Float32[Tensor, "B 2 N"], rows: Tensor) -> Float32[Tensor, "B D T"]:
    """How loud each sine is in a sound, left then right."""
    sides = _project(wave.flatten(0, 1)[:, None], rows)
    return sides.view(wave.shape[0], 2 * HARMONICS, -1)


def loss_of(made: Float32[Tensor, "B D T"], true: Float32[Tensor, "B D T"]) -> dict[str, Tensor]:
    """Values, and how values change over a few frames."""
    one, other = torch.asinh(made / SCALE), torch.asinh(true / SCALE)
    changes = made.new_zeros(())
    for size in WINDOWS:
        window = torch.hann_window(size, device=made.device)
        spectra = [
            torch.stft(x.flatten(0, 1), size, size // 4, window=window, return_complex=True)
            .abs()
            .add(0.05)  # a gradient where there was silence, and none too steep
            .log()
            for x in (made, true)
        ]
        changes = changes + (spectra[0] - spectra[1]).abs().mean() / len(WINDOWS)
    return {"values": (one - other).abs().mean(), "changes": changes}


def main() -> None:
    """Train, resume; the result is where `train_vocoder` starts."""
    given = arguments(__doc__ or "", 10).parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    low = make_vocoder().vocoder
    rows = analyser(low).to(given.device)
    low = low.to(given.device)
    run = Run(RUNS / "vocoder_start", low, given.minutes, peak=PEAK, muon=0.006, outer=OUTER)
    run.resume()
    codec = load_codec()
    held_out = _batch(range(HELD_OUT, HELD_OUT + 12), None)

    def save() -> None:
        low_now = make_vocoder().vocoder
        low_now.load_state_dict(run.average)
        mel, wave = held_out
        with torch.no_grad():
            losses = loss_of(amplitudes(low_now, mel), true_amplitudes(wave, rows.cpu()))
        run.log(**{f"held_out_{name}": value.item() for name, value in losses.items()})

    for step in run.steps(on_save=save):
        first = run.seen + given.seed * 1_000_000
        mel, wave = (x.to(given.device) for x in _batch(range(first, first + CLIPS), codec))
        run.seen += CLIPS
        losses = loss_of(amplitudes(low, mel), true_amplitudes(wave, rows))
        run.learn(losses["values"] + 2 * losses["changes"])
        if step % 20 == 0:
            run.log(**{name: value.item() for name, value in losses.items()})


def _batch(seeds: range, codec: AudioVae | None) -> tuple[Tensor, Tensor]:
    found = [pair for seed in seeds for pair in crops(sound_of(seed, codec), FRAMES, 3, seed)]
    return torch.stack([mel for mel, _ in found]), torch.stack([wave for _, wave in found])


if __name__ == "__main__":
    main()
