"""Seeds of chance: each shot's, and each take's, from the film's.

Derived by SHA-256 of words, so that they are the same on every machine and in every version, and
inserting a shot changes no other's. Never change the words.
"""

from __future__ import annotations

from hashlib import sha256


def shot_seed(film_seed: int, shot_id: str, take: int = 1, own: int | None = None) -> int:
    """The seed of one take of a shot.

    Args:
        film_seed: The film's seed.
        shot_id: The shot's id.
        take: Which take, from 1. Take 1 has the shot's plain seed.
        own: The shot's own seed, if it has one; it stands in the place of the derived one.

    Returns:
        A number from 0 to 2**63 - 1: the first 63 bits of
        `sha256("reelwright shot <film seed> <shot id>")`, and for a later take of
        `sha256("reelwright take <the shot's seed> <take>")`.
    """
    seed = _derived(f"shot {film_seed} {shot_id}") if own is None else own
    return seed if take == 1 else _derived(f"take {seed} {take}")


def _derived(words: str) -> int:
    return int.from_bytes(sha256(f"reelwright {words}".encode()).digest()[:8], "big") >> 1
