"""A safetensors file that knows what it is and whether it is whole.

Named arrays and named strings go in; any reader of the format gets them out. Three strings are added: what kind of
file it is, its version, and a checksum over everything. Equal contents give equal bytes (the library writes the
strings in an order of chance, so the header is written here). Reading refuses, in words, whatever is not exactly
what was written; nothing that is read can run code. What the arrays mean is not known here.

Source of the format: https://huggingface.co/docs/safetensors (8 bytes with the header's length, the header in JSON,
the arrays).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, deserialize

from engine.training.errors import CheckpointError

Array = NDArray[Any]  # Any: one of `DTYPES`

FORMAT = "charlm checkpoint"
VERSION = 1
LONGEST_HEADER = 100_000_000
"""Bytes; the format's own limit."""
DTYPES: Mapping[str, np.dtype[Any]] = {  # Any: three kinds of numbers
    "F64": np.dtype("<f8"),
    "I64": np.dtype("<i8"),
    "F32": np.dtype("<f4"),
}
_NAMES = {dtype: name for name, dtype in DTYPES.items()}
_OTHER = "choose another run, or put a copy of the file in its place"


def seal(tensors: Mapping[str, Array], metadata: Mapping[str, str]) -> bytes:
    """The content of a file with these arrays and strings.

    Raises:
        TypeError: if an array has a type that is not in `DTYPES`.
    """
    kinds: dict[str, str] = {}
    data: dict[str, bytes] = {}
    for name, tensor in tensors.items():
        dtype = tensor.dtype.newbyteorder("<")
        if dtype not in _NAMES:
            raise TypeError(
                f"array {name!r} is {tensor.dtype}; a checkpoint holds {', '.join(map(str, _NAMES))}"
            )
        kinds[name], data[name] = _NAMES[dtype], tensor.astype(dtype, copy=False).tobytes()
    marked = {**metadata, "format": FORMAT, "version": str(VERSION)}
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    marked["checksum"] = _checksum(marked, kinds, shapes, data)
    header: dict[str, object] = {"__metadata__": dict(sorted(marked.items()))}
    end, order = (
        0,
        sorted(tensors, key=lambda name: (-DTYPES[kinds[name]].itemsize, name)),
    )  # keeps each aligned
    for name in order:
        start, end = end, end + len(data[name])
        header[name] = {"dtype": kinds[name], "shape": shapes[name], "data_offsets": (start, end)}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return b"".join([len(text).to_bytes(8, "little"), text, *(data[name] for name in order)])


def peek(path: Path) -> dict[str, str]:
    """The strings of a file, without reading or checking its arrays.

    Raises:
        CheckpointError: if they cannot be had, or the file is too short for its arrays.
    """
    try:
        with _opened(path) as stream:
            return _header(stream, path)
    except OSError as error:
        raise _unreadable(path, error) from error


def unseal(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """The arrays and strings of a file, checked.

    Raises:
        CheckpointError: if it is missing, unreadable, cut off, damaged, of another kind or a later version.
    """
    try:
        with _opened(path) as stream:
            metadata = _header(stream, path)
            stream.seek(0)
            content = stream.read()
        views = deserialize(content)  # type: ignore[no-untyped-call]  # the library's stub leaves it bare
    except OSError as error:
        raise _unreadable(path, error) from error
    except SafetensorError as error:
        raise CheckpointError(f"{str(path)!r} is damaged ({error}); {_OTHER}") from error
    except MemoryError as error:
        raise CheckpointError(
            f"{str(path)!r} does not fit into memory; close other programs first"
        ) from error
    for name, view in views:
        if view["dtype"] not in DTYPES:
            raise CheckpointError(
                f"{str(path)!r} is damaged: array {name!r} is of type {view['dtype']}; {_OTHER}"
            )
    kinds = {name: view["dtype"] for name, view in views}
    shapes = {name: tuple(view["shape"]) for name, view in views}
    data = {name: bytes(view["data"]) for name, view in views}
    if metadata.get("checksum") != _checksum(metadata, kinds, shapes, data):
        raise CheckpointError(f"{str(path)!r} is damaged: its checksum is wrong; {_OTHER}")
    tensors = {name: np.frombuffer(data[name], DTYPES[kinds[name]]).reshape(shapes[name]) for name in data}
    return tensors, metadata


def _checksum(
    metadata: Mapping[str, str],
    kinds: Mapping[str, str],
    shapes: Mapping[str, tuple[int, ...]],
    data: Mapping[str, bytes],
) -> str:
    """SHA-256 over all but itself, as hex digits."""
    strings = sorted((key, value) for key, value in metadata.items() if key != "checksum")
    names = sorted(data)
    described = [(name, kinds[name], shapes[name]) for name in names]
    digest = hashlib.sha256(json.dumps([strings, described]).encode())
    for name in names:
        digest.update(data[name])
    return digest.hexdigest()


def _opened(path: Path) -> BinaryIO:
    if not path.exists():
        raise CheckpointError(f"there is no checkpoint {str(path)!r}; choose a folder that holds a run")
    if not path.is_file():
        raise CheckpointError(f"{str(path)!r} is no file; choose a folder that holds a run")
    return path.open("rb")


def _unreadable(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(f"{str(path)!r} cannot be read ({error.strerror or error}); {_OTHER}")


def _header(stream: BinaryIO, path: Path) -> dict[str, str]:
    """The strings in the header, once it is known whose it is, and that the file is as long as it says."""
    shown = str(path)
    size = stream.seek(0, 2)
    stream.seek(0)
    if not size:
        raise CheckpointError(f"{shown!r} is empty; {_OTHER}")
    length = int.from_bytes(stream.read(8), "little")
    if length > LONGEST_HEADER or size < 8:
        raise CheckpointError(f"{shown!r} is no safetensors file; {_OTHER}")
    if length > size - 8:
        raise CheckpointError(
            f"{shown!r} is cut off, or no safetensors file: it has {size:,} bytes, its header alone {length:,}; "
            f"{_OTHER}"
        )
    try:
        header = json.loads(stream.read(length))
    except (ValueError, RecursionError):  # no UTF-8, no JSON, a number of too many digits; nested too deep
        raise CheckpointError(
            f"{shown!r} is damaged, or no safetensors file: its header is no JSON; {_OTHER}"
        ) from None
    metadata = header.pop("__metadata__", None) if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or metadata.get("format") != FORMAT:
        raise CheckpointError(f"{shown!r} was not written by charlm: it does not say '{FORMAT}'; {_OTHER}")
    if not all(isinstance(value, str) for value in metadata.values()):
        raise CheckpointError(f"{shown!r} is damaged: its header holds something else than words; {_OTHER}")
    version = metadata.get("version", "")
    if version != str(VERSION):
        newer = version.isdecimal() and version.isascii() and len(version) < 10 and int(version) > VERSION
        raise CheckpointError(
            f"{shown!r} is a checkpoint of version {version}, this charlm reads {VERSION}; install a newer charlm"
            if newer
            else f"{shown!r} is damaged: it says version {version[:20]!r}; {_OTHER}"
        )
    promised = 8 + length + max((_end(entry) for entry in header.values()), default=0)
    if promised != size:
        raise CheckpointError(
            f"{shown!r} is cut off or damaged: it has {size:,} bytes of {promised:,}; {_OTHER}"
        )
    return metadata


def _end(entry: object) -> int:
    """Where an array ends, counted from the end of the header; 0 for an entry that makes no sense."""
    match entry:
        case {"data_offsets": [_, int(end)]} if end < 2**63:
            return end
    return 0
