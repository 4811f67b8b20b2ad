"""The tokenizer and the shape of the pocket's text encoder: python -m tools.pocket.tokenizer.

A byte-pair vocabulary of the captions' words, in Gemma's form: the same four special ids, a mark
for the space before a word, bytes for whatever else there is, so that any text can be read. Texts
are put into small letters first: so small a model has no room to learn every word twice.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, trainers
from tokenizers.models import BPE
from tools.pocket.captions import VOCABULARY
from tools.pocket.make_pool import facts_of
from tools.pocket.scenes import draw_staging
from tools.pocket.sound_run import RUNS

SPECIALS = ("<pad>", "<eos>", "<bos>", "<unk>")
"""Ids 0 to 3, as Gemma's."""

BYTES = tuple(f"<0x{value:02X}>" for value in range(256))
MAX_TOKENS = 64
VOCAB_SIZE = 1280
SPACE = "\u2581"
_WORD = rf"{SPACE}?\p{{L}}+|{SPACE}?\p{{N}}|[^\p{{L}}\p{{N}}]"

ROOT = Path(__file__).parents[2]
_PROSE = ("README.md", "docs/*.md", "examples/*/*.md", "examples/*/storyboard.toml")
_PROSE_EVERY = 40
"""Captions for one line of prose: prose only teaches how other words are spelled."""


def config(vocab_size: int) -> dict[str, Any]:
    """`config.json` of the tiny Gemma 3."""
    return {
        "architectures": ["Gemma3ForCausalLM"],
        "model_type": "gemma3_text",
        "vocab_size": vocab_size,
        "hidden_size": 96,
        "intermediate_size": 256,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "query_pre_attn_scalar": 32,
        "hidden_activation": "gelu_pytorch_tanh",
        "attention_bias": False,
        "attention_dropout": 0.0,
        "rms_norm_eps": 1e-6,
        "sliding_window": 1024,
        "layer_types": ["sliding_attention", "sliding_attention", "full_attention"],
        "rope_parameters": {
            "sliding_attention": {"rope_type": "default", "rope_theta": 10_000.0},
            "full_attention": {"rope_type": "default", "rope_theta": 1_000_000.0},
        },
        "max_position_embeddings": 1024,
        "tie_word_embeddings": True,
        "initializer_range": 0.02,
        "pad_token_id": 0,
        "eos_token_id": 1,
        "bos_token_id": 2,
        "dtype": "bfloat16",
    }


def settings() -> dict[str, Any]:
    """`tokenizer_config.json`."""
    names = ("pad_token", "eos_token", "bos_token", "unk_token")
    return {
        **dict(zip(names, SPECIALS, strict=True)),
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": MAX_TOKENS,
        "padding_side": "left",
        "clean_up_tokenization_spaces": False,
    }


def train(texts: Iterable[str], vocab_size: int = VOCAB_SIZE) -> Tokenizer:
    """Learn the vocabulary.

    Args:
        texts: Captions, and whatever else the vocabulary should have words for.
        vocab_size: Entries in all, specials and bytes included.
    """
    learner = _around(BPE())
    room = vocab_size - len(SPECIALS) - len(BYTES)
    trainer = trainers.BpeTrainer(
        vocab_size=room, show_progress=False, max_token_length=16, limit_alphabet=64
    )
    learner.train_from_iterator(texts, trainer)
    learnt = json.loads(learner.to_str())["model"]
    words = sorted(learnt["vocab"], key=learnt["vocab"].__getitem__)
    vocab = {word: i for i, word in enumerate((*SPECIALS, *BYTES, *words))}
    merges = [tuple(merge) for merge in learnt["merges"]]
    model = BPE(vocab, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
    made = _around(model)
    made.add_special_tokens([AddedToken(name, special=True) for name in SPECIALS])
    return made


def _around(model: BPE) -> Tokenizer:
    """What is done to a text before and after the vocabulary."""
    tokenizer = Tokenizer(model)
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Prepend(SPACE),
            normalizers.Replace(Regex(r"\s+"), SPACE),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_WORD), "isolated")
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace(SPACE, " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(" ", 1, 0),
        ]
    )
    return tokenizer


def corpus(captions: Iterable[str]) -> Iterator[str]:
    """Captions, with a little of the project's own prose among them."""
    prose = _prose()
    for number, caption in enumerate(captions):
        yield caption
        if number % _PROSE_EVERY == 0 and prose:
            yield prose[number // _PROSE_EVERY % len(prose)]


def _prose() -> list[str]:
    lines: list[str] = []
    for pattern in _PROSE:
        for path in sorted(ROOT.glob(pattern)):
            text = re.sub(r"```.*?```|`[^`]*`|[#|*<>=_\[\]()]", " ", path.read_text(), flags=re.S)
            lines += [line.strip() for line in text.splitlines() if len(line.strip()) > 30]
    return lines


def write(folder: Path, tokenizer: Tokenizer) -> None:
    """Write `tokenizer.json`, `tokenizer_config.json` and `config.json`."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    for name, content in (
        ("tokenizer_config.json", settings()),
        ("config.json", config(tokenizer.get_vocab_size())),
    ):
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")


def captions(scenes: int) -> Iterator[str]:
    """Captions of scenes that are never drawn; after each, four words of the grammar."""
    for seed in range(scenes):
        staging = draw_staging(seed, (256, 160), 9)
        yield from facts_of(staging, (1.0, 2.0))["captions"]
        for number in range(4):  # often enough that every word becomes one entry
            yield "the " + VOCABULARY[(4 * seed + number) % len(VOCABULARY)]


def main() -> None:
    """Train and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=RUNS / "text_encoder")
    parser.add_argument("--vocab", type=int, default=VOCAB_SIZE)
    parser.add_argument("--scenes", type=int, default=4000)
    given = parser.parse_args()
    texts = list(captions(given.scenes))
    tokenizer = train(corpus(texts), given.vocab)
    write(given.out, tokenizer)
    lengths = sorted(len(tokenizer.encode(text).ids) + 1 for text in texts)
    over = sum(length > MAX_TOKENS for length in lengths)
    print(
        f"{tokenizer.get_vocab_size()} entries; tokens of a caption: median "
        f"{lengths[len(lengths) // 2]}, longest {lengths[-1]}, {over} over {MAX_TOKENS}"
    )


if __name__ == "__main__":
    main()
