"""Whatever cannot be carried out is refused in one sentence, with exit code 2, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine import footprint
from engine.training.rules import COUNTING, RULES, Rule
from tests.engine.cli_runs import Desk


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("CHARLM_RUNS", str(tmp_path / "runs"))
    return Desk(tmp_path, capsys)


def refused(desk: Desk, *words: str) -> str:
    """The sentence on standard error, after everything else that a refusal promises was checked."""
    _ = desk.text
    before = desk.files()
    done = desk.run(*words)
    assert done.code == 2
    assert done.out == ""
    assert done.err.startswith("charlm: ")
    assert done.err.count("\n") == 1
    assert "Traceback" not in done.err
    assert desk.files() == before
    return done.err


def train(desk: Desk, *words: str, model: str = "mlp") -> str:
    return refused(desk, "train", "--corpus", str(desk.text), "--model", model, *words)


def outside(rule: Rule) -> list[str]:
    """Values that a rule does not allow."""
    if rule.choices:
        return ["nonsense", ""]
    whole = [str(int(rule.low) - 1), str(int(rule.high) + 1)]
    return [
        *(whole if rule.kind is int else [repr(rule.low - 1), repr(rule.high * 2)]),
        "nan",
        "inf",
        "x",
        "",
    ]


NUMBERED = [
    (name, value)
    for name, rule in RULES.items()
    if name not in ("corpus", "fingerprint", "model")
    for value in outside(rule)
]


@pytest.mark.parametrize(("name", "value"), NUMBERED)
def test_every_ingredient_outside_its_range_is_named_with_its_value_and_the_range(
    desk: Desk, name: str, value: str
) -> None:
    rule = RULES[name]
    model = "mlp"
    if rule.belongs is not None and rule.belongs[0] == "model" and "mlp" not in rule.belongs[1]:
        model = rule.belongs[1][0]
    said = train(desk, "--set", f"{name}={value}", model=model)
    assert f"{name} = {value}: " in said
    assert rule.allowed in said


@pytest.mark.parametrize(
    ("model", "words", "named"),
    [
        ("transformer", ["heads=3"], ["heads = 3", "embedding = 128"]),
        ("mlp", ["heads=2"], ["heads = 2", "transformer"]),
        ("mlp", ["warmup=500", "steps=300"], ["warmup = 500", "steps = 300"]),
        ("scalar-mlp", ["dropout=0.5"], ["dropout = 0.5", "scalar-mlp"]),
        ("mlp", ["optimizer=nesterov"], ["momentum = 0", "nesterov"]),
        ("mlp", ["batchnorm=yes", "batch=1"], ["batch = 1", "batchnorm"]),
        ("mlp", ["patience=3", "split=0.9/0/0.1"], ["patience = 3", "validation"]),
        ("mlp", ["split=0.9/0.2/0.1"], ["split = 0.9/0.2/0.1", "come to 1"]),
        ("mlp", ["split=0.9/0.1"], ["split = 0.9/0.1", "three shares"]),
        ("mlp", ["split=nan/1/0"], ["split = nan/1/0"]),
        ("mlp", ["split=0.9/0.1/0", "train_share=0.5"], ["train_share", "twice"]),
        ("mlp", ["train_share=0.01", "context=64"], ["context = 64", "too few"]),
        ("mlp", ["hidden"], ["--set hidden", "name=value"]),
        ("mlp", ["hiden=3"], ["hiden", "did you mean hidden?"]),
        ("mlp", ["model=lstm"], ["model=lstm", "--model"]),
        ("mlp", ["corpus=names"], ["corpus=names", "--corpus"]),
        ("mlp", ["fingerprint=0123"], ["fingerprint=0123"]),
        ("kneser-ney", ["hidden=64"], ["hidden = 64", "kneser-ney"]),
    ],
)
def test_contradictions_are_named(desk: Desk, model: str, words: list[str], named: list[str]) -> None:
    said = train(desk, *(part for word in words for part in ("--set", word)), model=model)
    for part in named:
        assert part in said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--steps", "0"], ["--steps 0", "from 1 to 1000000000"]),
        (["--steps", "1000000001"], ["--steps 1000000001", "from 1 to 1000000000"]),
        (["--steps", "1.5"], ["--steps 1.5"]),
        (["--seed", "-1"], ["--seed -1", "from 0 to"]),
        (["--seed", "9" * 30], ["--seed 999", "from 0 to 9223372036854775807"]),
        (["--seed", "3", "--set", "seed=4"], ["seed=4", "--seed 3", "keep one"]),
        (["--steps", "3", "--set", "stop_steps=4"], ["stop_steps=4", "--steps 3", "keep one"]),
        (["--preset", "tinny"], ["tinny", "tiny"]),
        (["--out", ""], ["--out", "empty"]),
        (["--colour"], ["--colour", "charlm train --help"]),
        (["--step", "3"], ["--step", "did you mean --steps?"]),
        (["--prest=tiny"], ["--prest", "did you mean --preset?", "charlm train --help"]),
    ],
)
def test_options_of_train_are_named_with_value_and_range(
    desk: Desk, words: list[str], named: list[str]
) -> None:
    said = train(desk, *words)
    for part in named:
        assert part in said


def test_unknown_names_are_answered_with_the_nearest(desk: Desk) -> None:
    assert "did you mean lstm?" in train(desk, model="lstmm")
    assert "did you mean mlp?" in train(desk, model="MLP")
    assert "did you mean names?" in refused(desk, "train", "--corpus", "nmaes", "--model", "mlp")
    listed = "charlm corpora lists the texts that have a name"
    assert listed in refused(desk, "train", "--corpus", "xyzzy", "--model", "mlp")
    (desk.folder / "latin.txt").write_bytes(b"gr\xfc\xdfe")
    for there in ("latin.txt", "."):  # it is no name that is wrong
        assert listed not in refused(desk, "train", "--corpus", str(desk.folder / there), "--model", "mlp")
    assert listed not in refused(desk, "train", "--corpus", "http://127.0.0.1:9/x", "--model", "mlp")
    assert "did you mean lstm?" in refused(desk, "compare", "--corpus", "names", "--models", "lstn,mlp")
    assert "train" in refused(desk, "trian")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "there is no file"),
        (b"", "is empty"),
        (b"a" * 50, "1 distinct character"),
        (b"abc", "too few for a context"),
        (bytes(range(256)) * 20, "NUL byte"),
        ("déjà vu\n".encode("latin-1") * 20, "not UTF-8"),
    ],
)
def test_a_text_that_cannot_be_used_is_named_with_the_reason(
    desk: Desk, content: bytes | None, reason: str
) -> None:
    path = desk.folder / "odd.txt"
    if content is not None:
        path.write_bytes(content)
    said = refused(desk, "train", "--corpus", str(path), "--model", "mlp")
    assert "odd.txt" in said
    assert reason in said


def test_a_folder_that_is_not_empty_is_left_alone(desk: Desk) -> None:
    (desk.folder / "full").mkdir()
    (desk.folder / "full" / "mine").write_text("mine")
    assert "not empty" in train(desk, "--out", str(desk.folder / "full"))
    assert "text.txt" in train(desk, "--out", str(desk.text))


@pytest.mark.parametrize("model", ["mlp", "transformer", "kneser-ney"])
def test_sizes_beyond_memory_are_refused_with_the_estimate(
    desk: Desk, model: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(footprint, "memory_left", lambda: 100_000)
    said = train(desk, model=model)
    assert "GB of memory" in said
    assert ("order = 7" if model in COUNTING else "embedding = ") in said


@pytest.mark.parametrize("command", ["resume", "evaluate", "sample"])
def test_a_folder_without_a_run_is_named(desk: Desk, command: str) -> None:
    assert "nowhere" in refused(desk, command, str(desk.folder / "nowhere"))
    assert "holds no run" in refused(desk, command, str(desk.folder))
    assert "cannot be opened: File name too long" in refused(desk, command, "a" * 300)


@pytest.mark.parametrize(
    ("option", "value", "range_"),
    [
        ("--temperature", "2.5", "from 0 to 2"),
        ("--temperature", "nan", "from 0 to 2"),
        ("--temperature", "-1", "from 0 to 2"),
        ("--top-p", "1.5", "from 0 to 1"),
        ("--top-k", "-3", "from 0 to"),
        ("--top-k", "1.5", "from 0 to"),
        ("--length", "-1", "from 0 to"),
        ("--seed", "x", "from 0 to"),
    ],
)
def test_options_of_sample_are_named_with_value_and_range(
    desk: Desk, option: str, value: str, range_: str
) -> None:
    said = refused(desk, "sample", str(desk.folder), option, value)
    assert f"{option} {value}" in said
    assert range_ in said


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--seconds", "0"], ["--seconds 0", "from 0.01 to"]),
        (["--seconds", "inf"], ["--seconds inf"]),
        (["--steps", "0"], ["--steps 0", "from 1 to"]),
        (["--steps", "3", "--seconds", "3"], ["--seconds", "--steps"]),
        (["--split", "1/2/3"], ["1/2/3", "come to 1"]),
        (["--models", ""], ["--models", "empty"]),
        (["--models", "mlp:foo"], ["mlp:foo", "tiny"]),
        (["--csv", "/nowhere/x.csv"], ["/nowhere/x.csv"]),
    ],
)
def test_options_of_compare_are_named(desk: Desk, words: list[str], named: list[str]) -> None:
    said = refused(desk, "compare", "--corpus", str(desk.text), *words)
    for part in named:
        assert part in said


@pytest.mark.parametrize(
    "words",
    [
        ("train", "--corpus", "e\x1b]0;x\x07vil", "--model", "mlp"),
        ("train", "--corpus", "names", "--model", "e\x1b]0;x\x07vil"),
        ("train", "--corpus", "names", "--model", "mlp", "--set", "e\x1b]0;x\x07vil=3"),
        ("train", "--corpus", "names", "--model", "mlp", "--seed", "e\x1b]0;x\x07vil"),
        ("resume", "e\x1b]0;x\x07vil"),
        ("e\x1b]0;x\x07vil",),
    ],
)
def test_no_refusal_repeats_what_a_terminal_would_obey(desk: Desk, words: tuple[str, ...]) -> None:
    said = refused(desk, *words)
    assert "\x1b" not in said
    assert "\x07" not in said
    assert "vil" in said


@pytest.mark.parametrize(
    ("model", "word"), [("mlp", "heads=4"), ("lstm", "order=5"), ("kneser-ney", "batch=32")]
)
def test_what_means_nothing_is_refused_also_where_it_is_the_default(
    desk: Desk, model: str, word: str
) -> None:
    done = desk.train("--set", word, model=model)
    assert (done.code, done.out) == (2, "")
    assert f"{word.replace('=', ' = ')}: means nothing to model = {model}" in done.err
    assert not (desk.folder / "run").exists()
