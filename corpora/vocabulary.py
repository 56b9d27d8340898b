"""The characters a model knows, and their ids.

Promises one order (by code point), so that equal sets of characters give equal ids everywhere, and the
smallest unsigned type that holds them. A character is a Unicode code point: an emoji with joiners is several.
It does not know where the characters come from or how often each occurs.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

IdArray: TypeAlias = NDArray[np.unsignedinteger[Any]]  # Any: the width depends on the vocabulary's size
CodePoints: TypeAlias = NDArray[np.uint32]

BLOCK: Final = 1 << 20  # characters handled at once, so that temporary arrays stay a few MB
SHOWN: Final = 5  # unknown characters that an error message lists


def code_points(text: str) -> CodePoints:
    """The code point of every character of `text`, (N,); a lone surrogate is passed through."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint32, copy=False)


def character_name(character: str) -> str:
    """How a message names a character: 'é' (U+00E9), and '\\x1b' (U+001B) where it is not printable."""
    return f"{character!r} (U+{ord(character):04X})"


class UnknownCharacterError(ValueError):
    """A text has characters outside the vocabulary: `characters`, distinct, in order of code point."""

    def __init__(self, characters: tuple[str, ...], position: int) -> None:
        """Name the `characters` and the `position` (in characters, from 0) of the first of them to occur."""
        self.characters = characters
        self.position = position
        shown = ", ".join(character_name(character) for character in characters[:SHOWN])
        more = f" and {len(characters) - SHOWN} more" if len(characters) > SHOWN else ""
        super().__init__(
            f"not in the vocabulary: {shown}{more}, first at position {position}; "
            "remove or replace what the corpus does not contain"
        )


class Vocabulary:
    """Characters <-> ids: the i-th character by code point has id i. Immutable, hashable."""

    __slots__ = ("_code_points", "characters")

    characters: tuple[str, ...]
    _code_points: CodePoints

    def __init__(self, characters: Iterable[str]) -> None:
        """Sort `characters` by code point.

        Raises:
            ValueError: if one of them is not exactly one code point, or occurs twice.
        """
        ordered = tuple(sorted(characters))
        for character in ordered:
            if len(character) != 1:
                raise ValueError(f"a vocabulary holds single characters, not {character!r}")
        for left, right in pairwise(ordered):
            if left == right:
                raise ValueError(f"{character_name(left)} is in the vocabulary twice; give each once")
        table = code_points("".join(ordered))
        table.setflags(write=False)
        object.__setattr__(self, "characters", ordered)
        object.__setattr__(self, "_code_points", table)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a vocabulary is immutable; make a new one instead of setting {name!r}")

    def __reduce__(self) -> tuple[type["Vocabulary"], tuple[tuple[str, ...]]]:
        return Vocabulary, (self.characters,)  # copying needs it: slots cannot be set from outside

    def __len__(self) -> int:
        return len(self.characters)

    def __iter__(self) -> Iterator[str]:
        return iter(self.characters)

    def __contains__(self, character: object) -> bool:
        return isinstance(character, str) and self._find(character) is not None

    def __eq__(self, other: object) -> bool:
        return self.characters == other.characters if isinstance(other, Vocabulary) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.characters)

    def __repr__(self) -> str:
        return f"Vocabulary({''.join(self.characters)!a})"

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger[Any]]:  # Any: the width depends on the size
        """The smallest unsigned type that holds every id."""
        return np.min_scalar_type(max(len(self) - 1, 0))

    def id_of(self, character: str) -> int:
        """The id of one character.

        Raises:
            UnknownCharacterError: if it is not in the vocabulary.
            ValueError: if it is not exactly one code point.
        """
        if len(character) != 1:
            raise ValueError(f"id_of takes one character, not {character!r}; encode() takes a text")
        found = self._find(character)
        if found is None:
            raise UnknownCharacterError((character,), 0)
        return found

    def encode(self, text: str) -> IdArray:
        """The ids of `text`, (N,), in `dtype`.

        Raises:
            UnknownCharacterError: naming every distinct character outside the vocabulary.
        """
        points = code_points(text)
        if not len(self):
            if len(points):
                raise UnknownCharacterError(tuple(sorted(set(text))), 0)
            return np.empty(0, self.dtype)
        ids = np.searchsorted(self._code_points, points)  # (N,), == V where past the last
        np.minimum(ids, len(self) - 1, out=ids)
        outside = self._code_points[ids] != points
        if outside.any():
            strangers = tuple(chr(point) for point in np.unique(points[outside]))
            raise UnknownCharacterError(strangers, int(outside.argmax()))
        return ids.astype(self.dtype)

    def decode(self, ids: NDArray[np.integer[Any]] | Iterable[int]) -> str:  # Any: ids of every width
        """The text of `ids`, one dimension, each in [0, V).

        Raises:
            ValueError: if an id is outside that range.
        """
        array = ids if isinstance(ids, np.ndarray) else np.fromiter(ids, dtype=np.int64)
        pieces = []
        for start in range(0, len(array), BLOCK):
            block = array[start : start + BLOCK]
            low, high = int(block.min()), int(block.max())
            if low < 0 or high >= len(self):
                wrong = low if low < 0 else high
                raise ValueError(f"id {wrong} is outside the vocabulary, whose ids are 0 to {len(self) - 1}")
            pieces.append(
                self._code_points[block].astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")
            )
        return "".join(pieces)

    def _find(self, character: str) -> int | None:
        if len(character) != 1:
            return None
        at = int(np.searchsorted(self._code_points, np.uint32(ord(character))))
        return at if at < len(self) and self.characters[at] == character else None
