"""A run finds its text again: by its name, by its path, or because it was kept beside; and no other text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from corpora import catalog
from corpora.corpus import Corpus, Origin, open_corpus
from engine.training.errors import CheckpointError
from engine.training.kept_text import comes_back, keep, read_kept
from engine.training.run_folder import RunFolder
from tests.engine.conftest import text_corpus
from tests.engine.saved_runs import SMALL, trained


def nothing_to_load(name: str) -> Corpus:
    raise AssertionError(f"{name} was asked for")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_text_of_the_catalog_is_loaded_by_its_name(tmp_path: Path) -> None:
    corpus = catalog.load("markov:7")
    RunFolder.create(tmp_path, SMALL, corpus).close()
    assert "text.txt" not in names(tmp_path)
    folder = RunFolder.open(tmp_path)
    assert folder.recipe.corpus == "markov:7"
    assert folder.load(catalog.load).course.corpus.fingerprint == corpus.fingerprint


def test_a_file_is_loaded_by_its_absolute_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.txt").write_text("some text of mine " * 20, "utf-8")
    RunFolder.create("run", SMALL, open_corpus("mine.txt")).close()
    assert "text.txt" not in names(tmp_path / "run")
    monkeypatch.chdir("/")
    folder = RunFolder.open(tmp_path / "run")
    assert folder.recipe.corpus == str(tmp_path / "mine.txt")
    assert folder.load(open_corpus).course.corpus.name == "mine.txt"


def test_a_file_that_has_changed_since_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "mine.txt"
    text.write_text("some text of mine " * 20, "utf-8")
    folder = RunFolder.create(tmp_path / "run", SMALL, open_corpus(text))
    text.write_text("some text of mine " * 21, "utf-8")
    with pytest.raises(CheckpointError, match="is another text, or has changed since"):
        folder.resume(open_corpus)
    with pytest.raises(CheckpointError, match="is another text, or has changed since"):
        folder.corpus(open_corpus)
    folder.close()


@pytest.mark.parametrize(
    "corpus",
    [
        text_corpus(name="standard input"),
        Corpus.from_text("pasted", "twenty words " * 20, origin=Origin.OWN, source="pasted"),
        Corpus.from_text("/tmp/x", "with a \ufffd in it " * 20, origin=Origin.OWN, source="/tmp/x"),
        Corpus.from_text("odd", "name of no text " * 20, origin=Origin.OWN, source="/tmp/\udcff"),
        Corpus.from_text("odd \udcff", "name of no text " * 20, origin=Origin.OWN, source="odd \udcff"),
        Corpus.from_text(
            "elsewhere", "not in the catalog " * 20, origin=Origin.GENERATED, source="by another"
        ),
    ],
    ids=["standard input", "pasted", "malformed", "odd path", "odd name", "elsewhere"],
)
def test_a_text_that_would_not_come_back_is_kept_beside(corpus: Corpus, tmp_path: Path) -> None:
    assert not comes_back(corpus)
    with RunFolder.create(tmp_path, SMALL, corpus) as folder:
        folder.save(trained(SMALL, corpus, 2), 0.0)
        resumed = folder.resume(nothing_to_load)
    assert resumed.course.corpus.fingerprint == corpus.fingerprint
    assert not comes_back(resumed.course.corpus)  # so a new run on it keeps it again


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=[])))
def test_every_text_is_kept_as_it_is(tmp_path: Path, text: str) -> None:
    corpus = Corpus.from_text("t", text, origin=Origin.OWN, source="t")
    keep(corpus, tmp_path / "text.txt")
    again = read_kept(tmp_path / "text.txt", "t")
    assert (again.text, again.fingerprint) == (corpus.text, corpus.fingerprint)


@pytest.mark.parametrize(
    ("content", "reason"), [(b"other text", "another text"), (b"\xff", "cannot be read")]
)
def test_a_kept_text_that_is_damaged_is_refused(
    content: bytes, reason: str, tmp_path: Path, phrase: Corpus
) -> None:
    with RunFolder.create(tmp_path, SMALL, phrase) as folder:
        (tmp_path / "text.txt").write_bytes(content)
        with pytest.raises(CheckpointError, match=reason):
            folder.load(nothing_to_load)
