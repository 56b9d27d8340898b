"""The words after `charlm-tui`: what they open, and what a wrong one gets told before a screen opens."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from corpora import catalog
from corpora.corpus import NotUtf8Error, Origin, read_stream
from engine.training.recipe import Change, Recipe
from tui.command_line import (
    OPENED_FIRST,
    CommandLineError,
    Wishes,
    parser,
    recipe_name,
    understand,
    wishes_from,
)

if TYPE_CHECKING:
    from tests.conftest import Loopback

HOUSE = Path(__file__).resolve().parents[2]
TEXT = "the cat sat on the mat; the dog sat on the log.\n" * 20


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes.txt"
    path.write_text(TEXT, "utf-8")
    return path


def wishes(*words: str, stdin: bytes = b"") -> Wishes:
    return understand(parser().parse_args(words), io.BytesIO(stdin))


def refusal(*words: str, stdin: bytes = b"") -> str:
    with pytest.raises(CommandLineError) as refused:
        wishes(*words, stdin=stdin)
    return str(refused.value)


# What is opened.


def test_no_words_open_the_default_text_with_the_default_recipe() -> None:
    opened = wishes()
    assert opened.recipe == Recipe()
    assert opened.recipe.corpus == catalog.DEFAULT
    assert (opened.corpus, opened.path) == (None, "")  # the app loads it beside its first frame


def test_a_file_is_opened_and_the_recipe_names_it_so_that_it_opens_again(notes: Path) -> None:
    opened = wishes(str(notes), "--seed", "7")
    assert opened.corpus is not None
    assert opened.corpus.excerpt(0, len(opened.corpus)) == TEXT
    assert opened.recipe == Recipe(corpus=str(notes), seed=7)
    assert wishes("--recipe", str(opened.recipe)).corpus is not None
    assert wishes("--recipe", str(opened.recipe)).recipe == opened.recipe


def test_a_dash_is_standard_input() -> None:
    opened = wishes("-", stdin=TEXT.encode())
    assert opened.corpus is not None
    assert (opened.corpus.name, opened.corpus.origin) == ("standard input", Origin.OWN)
    assert opened.corpus.excerpt(0, len(opened.corpus)) == TEXT


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, entry in catalog.CATALOG.items()
        if entry.origin is Origin.BUNDLED and name != catalog.DEFAULT
    ],
)
def test_a_name_opens_a_text_of_the_catalog(name: str) -> None:
    opened = wishes("--corpus", name)
    assert opened.corpus is not None
    assert (opened.corpus.name, opened.recipe.corpus) == (name, name)


@pytest.mark.parametrize("option", [[], ["--corpus"]])
def test_an_address_is_fetched_under_the_screen_and_read_at_once_when_it_is_here(
    option: list[str], loopback: Loopback
) -> None:
    address = loopback.serve("/a.txt?b=c", TEXT.encode())
    opened = wishes(*option, address, "--seed", "7")
    assert (opened.path, opened.corpus, loopback.asked) == (address, None, [])
    catalog.load(address)
    opened = wishes(*option, address, "--seed", "7")
    assert opened.corpus is not None
    assert opened.recipe == Recipe(corpus=address, seed=7)
    again = wishes("--recipe", str(opened.recipe))
    assert (again.recipe, again.path) == (opened.recipe, "")
    assert loopback.asked == ["/a.txt?b=c"]


def test_a_download_of_the_catalog_is_fetched_under_the_screen() -> None:
    download = catalog.CATALOG["shakespeare"].download
    assert download is not None
    for word in ("shakespeare", download.address):
        opened = wishes("--corpus", word)
        assert (opened.path, opened.corpus) == (download.address, None)


def test_an_address_whose_text_is_not_utf8_is_left_to_the_screen(loopback: Loopback) -> None:
    address = loopback.serve("/latin", "déjà vu\n".encode("latin-1") * 20)
    with pytest.raises(NotUtf8Error):
        catalog.load(address)
    opened = wishes(address)
    assert (opened.path, opened.corpus) == (address, None)


def test_words_stand_above_the_recipe() -> None:
    opened = wishes(
        "--recipe", "corpus=names hidden=12 seed=3 @5:rate=0.2", "--seed", "4", "--corpus", "proverbs"
    )
    assert opened.recipe == Recipe(corpus="proverbs", hidden=12, seed=4, changes=(Change(5, "rate", 0.2),))


def test_a_recipe_may_be_longer_than_any_file_name() -> None:
    long = Recipe(changes=tuple(Change(step, "rate", 0.001 * step) for step in range(1, 100)))
    assert len(str(long)) > 1000
    assert wishes("--recipe", str(long)).recipe == long


def test_a_recipe_comes_from_a_file_too(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(Recipe(corpus="names", hidden=12).to_toml(), "utf-8")
    assert wishes("--recipe", str(path)).recipe == Recipe(corpus="names", hidden=12)


def test_a_large_file_and_one_that_is_not_utf8_are_left_to_the_screen(tmp_path: Path) -> None:
    large, latin = tmp_path / "large.txt", tmp_path / "latin.txt"
    with large.open("wb") as file:
        file.truncate(OPENED_FIRST + 1)
    latin.write_bytes("déjà vu\n".encode("latin-1") * 20)
    for path in (large, latin):
        opened = wishes(str(path))
        assert (opened.path, opened.corpus) == (str(path), None)


def test_a_recipe_names_what_has_no_file_by_its_name() -> None:
    corpus = read_stream(io.BytesIO(TEXT.encode()), name="standard input")
    assert recipe_name(corpus) == "standard input"


# What is refused, always with exit code 2 and a sentence that names the thing.


@pytest.fixture
def odd_paths(tmp_path: Path) -> Iterator[dict[str, Path]]:
    paths = {
        name: tmp_path / name
        for name in ("empty.txt", "one.txt", "short.txt", "binary.dat", "folder", "fifo", "secret")
    }
    paths["empty.txt"].touch()
    paths["one.txt"].write_text("aaaaaaaaaaaaaaaaaaaaaaaaaaa")
    paths["short.txt"].write_text("abc")
    paths["binary.dat"].write_bytes(bytes(range(256)) * 20)
    paths["folder"].mkdir()
    os.mkfifo(paths["fifo"])
    paths["secret"].write_text(TEXT)
    paths["secret"].chmod(0)
    yield paths
    paths["secret"].chmod(0o600)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.txt", "there is no file"),
        ("empty.txt", "empty"),
        ("one.txt", "1 distinct character"),
        ("short.txt", "context"),
        ("binary.dat", "binary"),
        ("folder", "folder"),
        ("fifo", "fifo"),
        ("missing\x1b]0;x\x07", "there is no file"),
        ("nul\0byte", "is no path"),
        ("long" * 100, "cannot be read"),
    ],
)
def test_a_text_that_cannot_be_used_is_named_with_the_reason(
    tmp_path: Path, odd_paths: dict[str, Path], name: str, reason: str
) -> None:
    said = refusal(str(tmp_path / name))
    assert reason in said.lower()
    assert name.split("\x1b")[0].split("\0")[0] in said
    assert "\x1b" not in said


def test_the_home_of_nobody_is_refused_in_words() -> None:
    assert "~nobody-of-that-name" in refusal("~nobody-of-that-name/a.txt")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_named(odd_paths: dict[str, Path]) -> None:
    said = refusal(str(odd_paths["secret"]))
    assert "secret" in said
    assert "permission" in said.lower()


@pytest.mark.parametrize("data", [b"", b"a", b"\0\1\2\3" * 50])
def test_standard_input_that_is_no_text_is_refused(data: bytes) -> None:
    assert "standard input" in refusal("-", stdin=data)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["a.txt", "--corpus", "names"], ["a.txt", "names", "one of the two"]),
        (["--corpus", "nmaes"], ["nmaes", "names"]),
        (["--recipe", "hidden"], ["hidden", "name=value"]),
        (["--recipe", "hiden=4"], ["hiden"]),
        (["--recipe", "hidden=0"], ["hidden", "0", "from 1 to 4096"]),
        (["--recipe", "rate=hot"], ["rate", "hot", "from 0 to 100"]),
        (["--recipe", "hidden=4 hidden=5"], ["hidden", "twice"]),
        (["--recipe", "corpus='"], ["recipe"]),
        (["--recipe", "/nowhere/run.toml"], ["/nowhere/run.toml"]),
        (["--recipe", "corpus=/nowhere/a.txt"], ["/nowhere/a.txt"]),
        (["--recipe", "corpus=nowhere"], ["nowhere"]),
        (["--recipe", "@5:hidden=3"], ["hidden", "rate"]),
        (["--seed", "-1"], ["seed", "-1"]),
        (["--seed", "seven"], ["seed", "seven"]),
        (["--seed", "1.5"], ["seed", "1.5"]),
        (["--seed", ""], ["seed"]),
    ],
)
def test_a_wrong_word_is_named_with_its_value_and_a_way_out(words: list[str], named: list[str]) -> None:
    said = refusal(*words)
    assert "\n" not in said
    for part in named:
        assert part in said


def test_a_refusal_is_one_sentence_on_standard_error_with_exit_code_2(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert wishes_from(["/nowhere/a.txt"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("charlm-tui: ")
    assert "/nowhere/a.txt" in err
    assert err.count("\n") == 1


def test_an_option_that_does_not_exist_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        wishes_from(["--colour"])
    assert ended.value.code == 2
    assert "--colour" in capsys.readouterr().err


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert wishes_from(["--version"]) == 0
    assert capsys.readouterr().out == f"charlm {version('charlm')}\n"


def test_the_catalog_is_listed_a_line_a_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert wishes_from(["--list-corpora"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(catalog.CATALOG)
    assert all(entry.description in line for line, entry in zip(lines, catalog.CATALOG.values(), strict=True))


def test_the_list_tells_what_a_download_weighs_and_whether_it_is_here(
    own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_cache.mkdir(parents=True)
    (own_cache / "names-32k.txt").write_text("emma\n")
    assert wishes_from(["--list-corpora"]) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert lines["shakespeare"].endswith(" (1,115,394 bytes, fetched when it is chosen)")
    assert lines["names-32k"].endswith(" (228,145 bytes, on this machine)")
    assert lines["story"].endswith(catalog.CATALOG["story"].description)


def run(*words: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """The program in a session without any terminal."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "tui", *words],
        cwd=HOUSE,
        input=stdin,
        capture_output=True,
        start_new_session=True,
        env={key: value for key, value in os.environ.items() if not key.startswith("TEXTUAL")},
        timeout=120,
        check=False,
    )


def test_without_a_terminal_it_says_so_and_ends() -> None:
    for words, stdin in (((), b""), (("-",), TEXT.encode())):
        done = run(*words, stdin=stdin)
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"no terminal" in done.stderr
        assert b"Traceback" not in done.stderr


def test_the_version_does_not_wait_for_the_screen() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tui", "--version"],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout == f"charlm {version('charlm')}\n"
    assert "engine.training.recipe" in done.stderr
    assert "| textual" not in done.stderr.replace("  ", "")
