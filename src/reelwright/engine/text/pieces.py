"""A tokenizer from a list of scored pieces: sentencepiece's own file, or what a GGUF keeps of it.

ComfyUI's files carry sentencepiece's model, llama.cpp's the same list in their header. Both become
what Hugging Face's conversion makes of Gemma's model, rule for rule: byte-pair merges ordered by
the score of what they make, bytes for what no piece covers, spaces as U+2581. So the same text
gives the same ids whichever file it came with. Other kinds of sentencepiece models are refused.

Source: Kudo and Richardson 2018, SentencePiece, arXiv:1808.06226.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum

from tokenizers import AddedToken, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Backend
from tokenizers.models import BPE

from reelwright.engine.text.tokenizer import MAX_TOKENS, Tokenizer
from reelwright.errors import CheckpointError

SPACE = "\u2581"

MAX_PIECES = 1 << 24
"""Most pieces that are believed; Gemma 3 has 262,144."""

MAX_PIECE_CHARACTERS = 1 << 10
"""Longest piece that is believed; Gemma 3's longest run of spaces is 31."""

_TURNS = ("<start_of_turn>", "<end_of_turn>")


class PieceKind(IntEnum):
    """What a piece is for, by sentencepiece's numbers, which GGUF shares."""

    NORMAL = 1
    UNKNOWN = 2
    CONTROL = 3
    USER_DEFINED = 4
    UNUSED = 5
    BYTE = 6


@dataclass(frozen=True, slots=True)
class Piece:
    """One entry of a vocabulary.

    Attributes:
        text: What it stands for, with U+2581 for a space.
        score: The higher, the earlier it is merged.
        kind: What it is for.
    """

    text: str
    score: float
    kind: PieceKind


def build_backend(pieces: Sequence[Piece], unknown: str) -> Backend:
    """Make the vocabulary and its rules.

    Args:
        pieces: In the order of their ids.
        unknown: Text of the piece for what has no other.
    """
    texts = [piece.text for piece in pieces]
    if "\t" not in texts and "<0x09>" in texts:
        # Gemma's older vocabularies have no tab, and Hugging Face's file gives it its byte's place.
        place = texts.index("<0x09>")
        texts[place] = "\t"
        pieces = [*pieces]
        pieces[place] = replace(pieces[place], text="\t", score=0.0)
    vocabulary = {text: index for index, text in enumerate(texts)}
    merges = _merges(pieces, vocabulary)
    model = BPE(vocabulary, merges, unk_token=unknown, fuse_unk=True, byte_fallback=True)
    backend = Backend(model)
    backend.normalizer = normalizers.Replace(" ", SPACE)
    backend.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    backend.add_tokens(
        [
            AddedToken(
                piece.text,
                normalized=False,
                special=piece.kind is PieceKind.CONTROL or piece.text in _TURNS,
            )
            for piece in pieces
            if piece.kind in (PieceKind.CONTROL, PieceKind.USER_DEFINED)
        ]
    )
    return backend


def _merges(pieces: Sequence[Piece], vocabulary: Mapping[str, int]) -> list[tuple[str, str]]:
    """Every way to make a piece of two others: best piece first, longer left part first."""
    found: list[tuple[float, int, int, str, str]] = []
    for piece in pieces:
        text = piece.text
        splits = ((text[:cut], text[cut:]) for cut in range(1, len(text)))
        known = [pair for pair in splits if pair[0] in vocabulary and pair[1] in vocabulary]
        known.sort(key=lambda pair: (vocabulary[pair[0]], vocabulary[pair[1]]))
        found.extend((piece.score, len(left), len(right), left, right) for left, right in known)
    found.sort(key=lambda entry: entry[:3], reverse=True)
    return [(left, right) for *_, left, right in found]


def make_tokenizer(pieces: Sequence[Piece], ids: Mapping[str, object], where: str) -> Tokenizer:
    """Make a tokenizer.

    Args:
        pieces: In the order of their ids.
        ids: Of the pieces for `unknown`, `start` and `padding`, as the file says them.
        where: The file, for messages.

    Raises:
        CheckpointError: An id is not in the vocabulary, or a piece stands twice.
    """
    places: dict[str, int] = {}
    for name, given in ids.items():
        if not isinstance(given, int) or not 0 <= given < len(pieces):
            raise refuse_pieces(f"The vocabulary of {len(pieces)} has no {name} token.", where)
        places[name] = given
    if len({piece.text for piece in pieces}) != len(pieces):
        raise refuse_pieces("A piece of the vocabulary stands twice.", where)
    backend = build_backend(pieces, pieces[places["unknown"]].text)
    return Tokenizer(backend, start=places["start"], padding=places["padding"], length=MAX_TOKENS)


def make_piece(text: str, score: float, kind: int) -> Piece:
    """Make a piece of what a file says.

    Raises:
        ValueError: It cannot be one.
    """
    if len(text) > MAX_PIECE_CHARACTERS:
        raise ValueError(f"a piece has {len(text)} characters")
    return Piece(text, score, PieceKind(kind))


def refuse_pieces(what: str, where: str) -> CheckpointError:
    """The error for a vocabulary that cannot be used."""
    return CheckpointError(
        what, "Give `tokenizer` the folder of Gemma 3's tokenizer.json instead.", where=where
    )
