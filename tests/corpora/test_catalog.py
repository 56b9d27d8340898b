"""Promises of the catalog: every name loads, the same each time, and a wrong name is answered with help."""

import zlib
from pathlib import Path

import pytest

from corpora import installation
from corpora.catalog import CATALOG, DEFAULT, UnknownCorpusError, load
from corpora.corpus import CorpusError, Origin

AT_HAND = [name for name, entry in CATALOG.items() if entry.download is None]
GENERATED = [name for name, entry in CATALOG.items() if entry.origin is Origin.GENERATED]


@pytest.mark.parametrize("name", AT_HAND)
def test_every_corpus_loads_trainable_and_the_same_each_time(name: str) -> None:
    entry = CATALOG[name]
    corpus = load(name)
    corpus.require(64)
    assert (corpus.name, corpus.origin) == (name, entry.origin) == (entry.name, entry.origin)
    assert entry.load().fingerprint == corpus.fingerprint
    assert (corpus.entropy_rate is not None) == (entry.origin is Origin.GENERATED)
    assert corpus.notes == ()
    assert entry.description
    assert "\n" not in entry.description + corpus.source


def test_every_origin_but_a_persons_own_is_offered() -> None:
    assert {entry.origin for entry in CATALOG.values()} == set(Origin) - {Origin.OWN}
    assert CATALOG[DEFAULT].origin is Origin.BUNDLED


def test_proverbs_are_a_page() -> None:
    assert 1_500 <= len(load("proverbs")) <= 3_000


def test_names_are_hundreds_of_distinct_lower_case_lines_in_no_order() -> None:
    text = load("names").text
    names = text.splitlines()
    assert text.endswith("\n")
    assert len(names) >= 600
    assert len(set(names)) == len(names)
    assert all(name.isascii() and name.isalpha() and name.islower() for name in names)
    assert names != sorted(names)  # or the contiguous validation part would hold the last letters alone


def test_story_is_long_prose_that_does_not_repeat_itself() -> None:
    text = load("story").text
    assert len(text.encode()) >= 20_000
    assert text.isascii()
    lines = [line for line in text.splitlines() if line]
    assert len(set(lines)) == len(lines)
    assert len(zlib.compress(text.encode(), 9)) > 0.35 * len(text)  # English prose; repeated filler is below


@pytest.mark.parametrize("name", GENERATED)
def test_a_seed_after_a_colon_gives_another_text_of_the_source(name: str) -> None:
    seven = load(f"{name}:7")
    assert seven.name == f"{name}:7"
    assert seven.source == "generated with seed 7"
    assert seven.fingerprint == load(f"{name}:007").fingerprint
    assert seven.fingerprint not in {load(name).fingerprint, load(f"{name}:8").fingerprint}
    assert seven.vocabulary == load(name).vocabulary


def test_seed_0_is_the_corpus_without_a_seed() -> None:
    assert (load("markov:0").name, load("markov:0").fingerprint) == ("markov", load("markov").fingerprint)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "marcov",
            "there is no corpus 'marcov'; did you mean markov? `charlm corpora` lists them all",
        ),
        ("STORY", "there is no corpus 'STORY'; did you mean story? `charlm corpora` lists them all"),
        ("", "there is no corpus ''; `charlm corpora` lists them all"),
        ("xyzzy:3", "there is no corpus 'xyzzy:3'; `charlm corpora` lists them all"),
        ("story:3", "corpus 'story' takes no seed, only generated ones do; ask for 'story'"),
    ],
)
def test_a_wrong_name_is_answered_with_the_way_out(name: str, message: str) -> None:
    with pytest.raises(UnknownCorpusError) as caught:
        load(name)
    assert str(caught.value) == message
    assert isinstance(caught.value, CorpusError)


@pytest.mark.parametrize("seed", ["", "-1", "x", "1.5", " 7", "7\n", "\u0667", "9" * 19])
def test_a_wrong_seed_is_refused(seed: str) -> None:
    with pytest.raises(UnknownCorpusError, match="write a whole number"):
        load(f"markov:{seed}")


def test_the_catalog_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        CATALOG["mine"] = CATALOG["zen"]  # type: ignore[index]  # the point: assignment is refused


def test_zen_is_read_without_being_printed(capsys: pytest.CaptureFixture[str]) -> None:
    lines = installation.zen().splitlines()
    assert lines[0] == "The Zen of Python, by Tim Peters"
    assert len([line for line in lines[1:] if line]) == 19
    assert capsys.readouterr() == ("", "")


def test_topics_are_the_reference_in_alphabetical_order() -> None:
    text = load("topics").text
    assert len(text) > 400_000
    assert -1 < text.find('The "assert" statement\n') < text.find('The "while" statement\n')


def test_library_is_its_modules_in_order_up_to_the_limit(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_bytes(b"# -*- coding: latin-1 -*-\n# \xe9\n")
    (tmp_path / "a.py").write_text("first = 1\n")
    (tmp_path / "c.py").write_text("third = 3\n")
    (tmp_path / "note.txt").write_text("no module")
    both = "first = 1\n# -*- coding: latin-1 -*-\n# \xe9\n"
    assert installation.standard_library(tmp_path) == both + "third = 3\n"
    assert installation.standard_library(tmp_path, limit=len(both)) == both
    assert installation.standard_library(tmp_path, limit=len(both) - 1) == "first = 1\n"


def test_library_without_sources_is_said(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"without sources in .*; choose another corpus"):
        installation.standard_library(tmp_path)
    (tmp_path / "a.py").write_bytes(b"\xff\xfe")
    with pytest.raises(CorpusError, match=r"a\.py' cannot be read: .*; choose another corpus"):
        installation.standard_library(tmp_path)


def test_library_of_this_python_is_bounded_source() -> None:
    corpus = load("stdlib")
    assert 1_000_000 < len(corpus) <= installation.STDLIB_CHARACTERS
    assert "\ndef " in corpus.excerpt(0, 20_000)
