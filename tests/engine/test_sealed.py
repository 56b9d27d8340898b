"""A sealed file comes back as it was written or is refused with a reason; any reader of the format reads it."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from engine.training.errors import CheckpointError
from engine.training.sealed import Array, peek, seal, unseal

TENSORS: dict[str, Array] = {
    "b": np.arange(6, dtype=np.float32).reshape(2, 3),
    "a": np.array([[1.5]]),
    "count": np.array(7),
    "none": np.empty((0, 4), dtype=np.float32),
}
WORDS = {"step": "12", "text": 'said "é"\n\x00\ud7ff'}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sealed") / "run.safetensors"


def laid_out(header: object, data: bytes = b"") -> bytes:
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def marked(**words: object) -> dict[str, object]:
    return {"__metadata__": {"format": "charlm checkpoint", "version": "1", **words}}


@settings(deadline=None)  # a disk takes the time it takes
@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8")),
        npst.arrays(
            st.sampled_from([np.float32, np.float64, np.int64]), npst.array_shapes(min_dims=0, min_side=0)
        ),
        max_size=4,
    ).filter(lambda tensors: "__metadata__" not in tensors),
    st.dictionaries(st.text(st.characters(codec="utf-8")), st.text(st.characters(codec="utf-8")), max_size=4),
)
def test_what_goes_in_comes_out(place: Path, tensors: dict[str, Array], words: dict[str, str]) -> None:
    place.write_bytes(seal(tensors, words))
    found, metadata = unseal(place)
    assert {name: (a.dtype, a.shape, a.tobytes()) for name, a in found.items()} == {
        name: (a.dtype, a.shape, a.tobytes()) for name, a in tensors.items()
    }
    added = {"format", "version", "checksum"}
    assert {k: v for k, v in metadata.items() if k not in added} == {
        k: v for k, v in words.items() if k not in added
    }
    assert peek(place) == metadata


def test_equal_contents_give_equal_bytes_in_whatever_order_they_come() -> None:
    backwards = dict(reversed(TENSORS.items())), dict(reversed(WORDS.items()))
    assert seal(*backwards) == seal(TENSORS, WORDS)


def test_a_view_that_is_not_contiguous_is_written_as_it_reads(place: Path) -> None:
    table = np.arange(12.0).reshape(3, 4)
    place.write_bytes(seal({"turned": table.T, "every other": table[:, ::2]}, {}))
    found, _ = unseal(place)
    assert np.array_equal(found["turned"], table.T)
    assert np.array_equal(found["every other"], table[:, ::2])


def test_the_library_of_the_format_reads_it(place: Path) -> None:
    content = seal(TENSORS, WORDS)
    place.write_bytes(content)
    found = safetensors.numpy.load(content)
    assert {name: array.tolist() for name, array in found.items()} == {
        n: a.tolist() for n, a in TENSORS.items()
    }
    with safetensors.safe_open(place, "numpy") as file:
        assert file.metadata()["text"] == WORDS["text"]
    assert (len(content) - sum(array.nbytes for array in TENSORS.values())) % 8 == 0  # arrays lie aligned


def test_an_array_of_another_kind_is_not_written() -> None:
    with pytest.raises(TypeError, match="'small' is int8"):
        seal({"small": np.zeros(2, dtype=np.int8)}, {})


@settings(deadline=None)  # a disk takes the time it takes
@given(st.data())
def test_a_file_that_is_cut_off_anywhere_is_refused(place: Path, data: st.DataObject) -> None:
    content = seal(TENSORS, WORDS)
    place.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    for read in (unseal, peek):
        with pytest.raises(
            CheckpointError, match=r"run\.safetensors' is (empty|cut off|no safetensors file)"
        ):
            read(place)


@settings(deadline=None)  # a disk takes the time it takes
@given(st.data())
def test_bytes_changed_anywhere_are_noticed_or_change_nothing(place: Path, data: st.DataObject) -> None:
    content = bytearray(seal(TENSORS, WORDS))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    place.write_bytes(content)
    try:
        tensors, metadata = unseal(place)
    except CheckpointError:
        return
    assert seal(tensors, metadata) == seal(TENSORS, WORDS)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"short", "no safetensors file"),
        (b"\xff" * 100, "no safetensors file"),
        (pickle.dumps({"weights": [1.0] * 50}), "no safetensors file"),
        ((90_000_000).to_bytes(8, "little") + b"{}", "cut off, or no safetensors file: it has 10 bytes"),
        ((2).to_bytes(8, "little") + b"[]", "was not written by charlm"),
        ((2).to_bytes(8, "little") + b"{]", "header is no JSON"),
        ((100_000).to_bytes(8, "little") + b"[" * 100_000, "header is no JSON"),
        ((9_000).to_bytes(8, "little") + b"1" * 9_000, "header is no JSON"),
        (safetensors.numpy.save({"w": np.zeros(3)}), "was not written by charlm"),
        (safetensors.numpy.save({"w": np.zeros(3)}, {"format": "pt"}), "was not written by charlm"),
        (
            laid_out({"__metadata__": {"format": "charlm checkpoint", "version": 1}}),
            "something else than words",
        ),
        (laid_out(marked(version="2")), "version 2, this charlm reads 1; install a newer"),
        (laid_out(marked(version="0")), "damaged: it says version '0'"),
        (laid_out(marked(version="9" * 5000)), "damaged: it says version '999"),
        (laid_out(marked()), "its checksum is wrong"),
        (laid_out(marked() | {"w": 5}), "is damaged"),
        (laid_out(marked() | {"w": {"data_offsets": [0, 10**4000]}}), "is damaged"),
        (laid_out(marked() | {"w": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 0]}}), "is damaged"),
        (
            laid_out(marked() | {"w": {"dtype": "I8", "shape": [1], "data_offsets": [0, 1]}}, b"1"),
            "of type I8",
        ),
        (
            laid_out(marked() | {"w": {"dtype": "F32", "shape": [2**62], "data_offsets": [0, 4]}}, b"1234"),
            "damaged",
        ),
        (
            laid_out(marked() | {"w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 8]}}, b"1234"),
            "cut off",
        ),
    ],
)
def test_what_is_no_checkpoint_is_refused_with_the_reason(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "given.safetensors"
    path.write_bytes(content)
    with pytest.raises(CheckpointError) as refused:
        unseal(path)
    assert reason in str(refused.value)
    assert str(path) in str(refused.value)


def test_what_is_not_there_or_no_file_is_refused(tmp_path: Path) -> None:
    for read in (unseal, peek):
        with pytest.raises(CheckpointError, match="there is no checkpoint"):
            read(tmp_path / "none")
        with pytest.raises(CheckpointError, match="is no file"):
            read(tmp_path)


def test_a_disk_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "run.safetensors"
    path.write_bytes(seal(TENSORS, WORDS))

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", fail)
    for read in (unseal, peek):
        with pytest.raises(CheckpointError, match="cannot be read \\(Input/output error\\)"):
            read(path)
