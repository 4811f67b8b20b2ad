"""Against transformers' own Gemma tokenizer, from every kind of file that a vocabulary comes in."""

from __future__ import annotations

import json
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import pytest
import torch
from tokenizers import AddedToken, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Backend
from tokenizers.models import BPE
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer

from reelwright.engine.text.pieces import SPACE, Piece, PieceKind, build_backend
from reelwright.engine.text.pieces_gguf import gguf_tokenizer
from reelwright.engine.text.pieces_sentencepiece import pieces_tokenizer
from reelwright.engine.text.tokenizer import Tokenizer, TruncationWarning, load_tokenizer
from reelwright.errors import CheckpointError

SPECIALS = ["<pad>", "<eos>", "<bos>", "<unk>"]
USERS = ["<mask>", "\n", "\n\n", SPACE * 2, SPACE * 3, "<start_of_turn>", "<end_of_turn>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]

CORPUS = [
    "A red ball rolls slowly to the left across the wooden floor, then it stops.",
    "The camera pans over the harbour while seagulls cry; a ship's horn sounds twice.",
    "Two people talk in the rain. The rain gets louder, and the banana boat leaves.",
    "aaaa aaa aaaaaaa bananana ananas the then there these that this",
] * 3

TEXTS = [
    "A red ball rolls to the left.",
    "",
    "   \n trimmed \t ",
    "two  spaces   three    four",
    "line\nline\n\nparagraph\n\n\nend",
    "tab\there",
    "🚢 emoji 👩‍👩‍👧 and ünïcödé, 中文, עברית",
    "aaaaa aaaaaaaaaaa banananana",
    "<start_of_turn>user<end_of_turn> <bos> <unused7>",
    "\x00 control \x7f \ufeff",
    SPACE + "already" + SPACE * 2 + "there",
    "x" * 500,
]


def _pieces() -> list[Piece]:
    """A vocabulary in Gemma's form: specials, user-defined, bytes, then pieces by their rank."""
    trained = Backend(BPE(unk_token="<unk>"))
    trained.normalizer = normalizers.Replace(" ", SPACE)
    trained.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    trained.train_from_iterator(CORPUS, BpeTrainer(vocab_size=300, show_progress=False))
    learnt = sorted(trained.get_vocab(with_added_tokens=False).items(), key=lambda pair: pair[1])
    words = [text for text, _ in learnt if text not in USERS and text != "<unk>"]
    words = [text for text in words if len(text) > 1] + [t for t in words if len(t) == 1]
    kinds = [PieceKind.CONTROL] * 3 + [PieceKind.UNKNOWN]
    pieces = [Piece(text, 0.0, kind) for text, kind in zip(SPECIALS, kinds, strict=True)]
    pieces += [Piece(text, 0.0, PieceKind.USER_DEFINED) for text in USERS]
    pieces += [Piece(text, 0.0, PieceKind.BYTE) for text in BYTES]
    return pieces + [Piece(text, float(-i), PieceKind.NORMAL) for i, text in enumerate(words)]


PIECES = _pieces()


def _varint(number: int) -> bytes:
    data = bytearray()
    while number > 127:
        data.append(number & 127 | 128)
        number >>= 7
    return bytes((*data, number))


def _field(number: int, value: int | float | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value % (1 << 64))
    if isinstance(value, float):
        return _varint(number << 3 | 5) + struct.pack("<f", value)
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _sentencepiece(
    pieces: list[Piece], *, model: int = 2, charsmap: bytes = b"", padding: int = 0
) -> bytes:
    """The file of a sentencepiece model, written by its description."""
    data = b"".join(
        _field(
            1,
            _field(1, piece.text.encode()) + _field(2, piece.score) + _field(3, int(piece.kind)),
        )
        for piece in pieces
    )
    trainer = _field(3, model) + _field(15, 0.5) + _field(40, 3) + _field(41, 2)
    trainer += _field(42, 1) + _field(43, padding) + _field(44, b"<unk>")
    normaliser = _field(1, b"identity") + _field(2, charsmap) + _field(3, 0)
    return data + _field(2, trainer) + _field(3, normaliser)


def _gguf(path: Path, pieces: list[Piece], model: str = "llama") -> Path:
    """What llama.cpp's converter makes of it: user-defined spaces as such, and no score."""
    writer = gguf.GGUFWriter(path, "gemma3")
    writer.add_tokenizer_model(model)
    user = PieceKind.USER_DEFINED
    texts = [p.text.replace(SPACE, " ") if p.kind is user else p.text for p in pieces]
    writer.add_token_list(texts)
    writer.add_token_scores([-1000.0 if p.kind is user else p.score for p in pieces])
    writer.add_token_types([int(piece.kind) for piece in pieces])
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(1)
    writer.add_pad_token_id(0)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="session")
def oracle() -> Any:
    """Transformers' Gemma tokenizer over the same vocabulary, its merges by its own function."""
    transformers = pytest.importorskip("transformers")
    generate_merges = pytest.importorskip("transformers.convert_slow_tokenizer").generate_merges
    vocabulary = {piece.text: index for index, piece in enumerate(PIECES)}
    vocabulary["\t"] = vocabulary.pop("<0x09>")
    scores = {piece.text: piece.score for piece in PIECES}
    merges = generate_merges(vocabulary, scores)
    tokenizer = transformers.GemmaTokenizer(
        vocab=vocabulary, merges=merges, mask_token="<mask>", model_max_length=64
    )
    tokenizer.add_tokens(
        [
            AddedToken(piece.text, normalized=False, special=piece.text in USERS[-2:])
            for piece in PIECES
            if piece.kind is PieceKind.USER_DEFINED and piece.text != "<mask>"
        ]
    )
    # As in the published tokenizer.json: the start token is its post-processor's.
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(
        single="<bos> $A", special_tokens=[("<bos>", 2)]
    )
    return tokenizer


@pytest.fixture(scope="session")
def folder(oracle: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Saved as transformers does."""
    path = tmp_path_factory.mktemp("tokenizer")
    oracle.save_pretrained(path)
    return path


def _padded(tokenizer: Tokenizer, text: str) -> tuple[list[int], list[int]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TruncationWarning)
        ids, valid = tokenizer.pad([tokenizer.encode(text)])
    return ids[0].tolist(), valid[0].tolist()


@pytest.mark.parametrize("text", TEXTS)
def test_a_folder_equals_transformers(oracle: Any, folder: Path, text: str) -> None:
    tokenizer = load_tokenizer(folder)
    assert tokenizer.length == 64
    theirs = oracle(
        text.strip(), padding="max_length", truncation=True, max_length=64, padding_side="left"
    )
    assert _padded(tokenizer, text) == (theirs["input_ids"], theirs["attention_mask"])


@pytest.mark.parametrize("text", TEXTS)
def test_every_vocabulary_is_the_same(folder: Path, tmp_path: Path, text: str) -> None:
    tokenizer = load_tokenizer(folder)
    embedded = pieces_tokenizer(_sentencepiece(PIECES), "file")
    written = gguf_tokenizer(_gguf(tmp_path / "file.gguf", PIECES))
    for other in (embedded, written):
        assert other.length == 1024
        found = other.encode(text)
        assert found[:64].tolist() == tokenizer_ids(tokenizer, text)
        assert (other.start, other.padding) == (2, 0)


def tokenizer_ids(tokenizer: Tokenizer, text: str) -> list[int]:
    ids, valid = _padded(tokenizer, text)
    return ids[len(valid) - sum(valid) :]


def test_pieces_merge_as_sentencepiece_does() -> None:
    """The best score first, the leftmost of equals: the algorithm itself, on plain words."""
    scores = {piece.text: piece.score for piece in PIECES if piece.kind is PieceKind.NORMAL}
    ids = {piece.text: index for index, piece in enumerate(PIECES)}
    tokenizer = pieces_tokenizer(_sentencepiece(PIECES), "file")
    for text in (*CORPUS[:3], "the banana stops there", "slowly loud camera"):
        parts = list(text.replace(" ", SPACE))
        while True:
            pairs = [(scores.get(a + b), i) for i, (a, b) in enumerate(zip(parts, parts[1:]))]  # noqa: B905, RUF007
            known = [(-score, i) for score, i in pairs if score is not None]
            if not known:
                break
            _, place = min(known)
            parts[place : place + 2] = ["".join(parts[place : place + 2])]
        assert tokenizer.encode(text).tolist() == [2, *(ids[part] for part in parts)]


def test_what_is_cut_is_said(folder: Path) -> None:
    tokenizer = load_tokenizer(folder)
    text = "🚢" * 40  # four bytes each: 160 tokens and the start
    with pytest.warns(TruncationWarning, match="161 tokens, and 64 are read: the last 97"):
        assert tokenizer.encode(text).numel() == 64
    assert tokenizer.encode("🚢" * 15).numel() == 61


def test_padding_is_on_the_left(folder: Path) -> None:
    tokenizer = load_tokenizer(folder)
    ids, valid = tokenizer.pad([torch.tensor([2, 9]), torch.tensor([2])])
    assert ids[:, -3:].tolist() == [[0, 2, 9], [0, 0, 2]]
    assert valid[:, -3:].tolist() == [[0, 1, 1], [0, 0, 1]]
    assert ids.shape == valid.shape == (2, 64)


def test_settings_of_the_folder(folder: Path, tmp_path: Path) -> None:
    text = (folder / "tokenizer.json").read_text()
    (tmp_path / "tokenizer.json").write_text(text)
    settings: dict[str, Any] = {"bos_token": {"content": "<bos>"}, "eos_token": "<eos>"}

    def load(**changes: Any) -> Tokenizer:
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings | changes))
        return load_tokenizer(tmp_path)

    assert load().length == 1024
    assert load().padding == 1  # no padding token: the end token
    assert load(model_max_length=1e30).length == 1024
    assert load(model_max_length=10**30).length == 1024
    assert load(model_max_length=128, pad_token="<pad>").length == 128
    assert load(pad_token="<pad>").padding == 0
    with pytest.raises(CheckpointError, match="bos_token"):
        load(bos_token="<nothing>")
    with pytest.raises(CheckpointError, match="model_max_length"):
        load(model_max_length=0)
    with pytest.raises(CheckpointError, match="model_max_length"):
        load(model_max_length="long")
    (tmp_path / "tokenizer_config.json").unlink()
    (tmp_path / "special_tokens_map.json").write_text(json.dumps(settings))
    assert load_tokenizer(tmp_path / "tokenizer.json").start == 2


def test_files_that_are_not_tokenizers(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        load_tokenizer(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError, match="not a tokenizer") as caught:
        load_tokenizer(tmp_path)
    assert caught.value.where.endswith("tokenizer.json")
    (tmp_path / "tokenizer.json").write_bytes(b"\xff\xfe")
    with pytest.raises(CheckpointError, match="not a tokenizer"):
        load_tokenizer(tmp_path)


def test_truncation_and_padding_that_a_file_asks_for_are_ours(folder: Path, tmp_path: Path) -> None:
    fields = json.loads((folder / "tokenizer.json").read_text())
    backend = Backend.from_str(json.dumps(fields))
    backend.enable_truncation(5)
    backend.enable_padding(length=300)
    backend.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text((folder / "tokenizer_config.json").read_text())
    text = "The camera pans over the harbour"
    assert torch.equal(load_tokenizer(tmp_path).encode(text), load_tokenizer(folder).encode(text))


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: _sentencepiece(PIECES, model=1), "not of byte pairs"),
        (lambda: _sentencepiece(PIECES, charsmap=b"abc"), "rewrites characters"),
        (lambda: _sentencepiece(PIECES, padding=-1), "no padding token"),
        (lambda: _sentencepiece(PIECES)[:-3], "truncated"),
        (lambda: _sentencepiece([*PIECES, PIECES[9]]), "stands twice"),
        (lambda: b"\xff" * 30, "cannot be read"),
        (lambda: b"", "not of byte pairs"),
        (lambda: _field(1, _field(1, b"\xff")), "cannot be read"),
        (lambda: _field(1, _field(3, 99)), "cannot be read"),
    ],
)
def test_sentencepiece_models_that_are_refused(make: Callable[[], bytes], said: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        pieces_tokenizer(make(), "gemma.safetensors: spiece_model")
    assert said in caught.value.what
    assert "tokenizer.json" in caught.value.mend
    assert caught.value.where == "gemma.safetensors: spiece_model"


def test_mutated_models_are_refused_or_sound() -> None:
    generator = torch.Generator().manual_seed(3)
    data = _sentencepiece(PIECES[:40])
    refused = 0
    for _ in range(300):
        mutant = bytearray(data)
        for place in torch.randint(0, len(data), (3,), generator=generator).tolist():
            mutant[place] = int(torch.randint(0, 256, (), generator=generator))
        try:
            pieces_tokenizer(bytes(mutant), "file").encode("a b")
        except CheckpointError:
            refused += 1
    assert 50 < refused < 300


def test_ggufs_that_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="'gpt2'"):
        gguf_tokenizer(_gguf(tmp_path / "gpt2.gguf", PIECES, model="gpt2"))
    writer = gguf.GGUFWriter(tmp_path / "bare.gguf", "gemma3")
    writer.add_tokenizer_model("llama")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(CheckpointError, match="incomplete"):
        gguf_tokenizer(tmp_path / "bare.gguf")


def test_a_vocabulary_without_a_tab_gives_it_its_byte() -> None:
    backend = build_backend(PIECES, "<unk>")
    assert backend.token_to_id("\t") == next(
        i for i, piece in enumerate(PIECES) if piece.text == "<0x09>"
    )
