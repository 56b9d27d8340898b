"""The dialog of kept runs: lists whatever is there, goes on with a run, forks and deletes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Static

from corpora.corpus import Corpus, Origin
from engine.commands import Resume
from engine.live_run import LiveRun
from engine.training.beginning import begin
from engine.training.recipe import Recipe
from engine.training.run_folder import RunFolder
from engine.training.runs import list_runs
from tui.dialogs.delete import DeleteDialog
from tui.dialogs.file_tree import PathLine
from tui.dialogs.run_list import RunList, when
from tui.dialogs.runs import RunsDialog

SMALL = Recipe(context=4, embedding=4, hidden=8, layers=1)
HOSTILE = "e\x1b]0;x\x07[red][@click=app.quit]\u202evil"


class Host(App[None]):
    """Opens the dialog, and remembers what came out of it."""

    def __init__(self, on_screen: Path | None = None, run: Path | None = None) -> None:
        super().__init__()
        self.dialog = RunsDialog(on_screen, run)
        self.came: list[Resume | None] = []

    def on_mount(self) -> None:
        self.push_screen(self.dialog, self.came.append)

    @property
    def names(self) -> list[str]:
        return [run.name for run in self.dialog.query_one(RunList)._runs]

    def shown(self, part: str) -> str:
        return str(self.dialog.query_one(f"#runs-{part}", Static).render())


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Let the app live until something holds that a thread brings about."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        await pilot.pause()


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where runs are kept, in place of that of whoever runs the test."""
    monkeypatch.setenv("CHARLM_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def kept(path: Path, steps: int = 3) -> Path:
    """A run that is kept, on a text that stands beside it."""
    corpus = Corpus.from_text("notes", "the cat sat on the mat\n" * 9, origin=Origin.OWN, source="a paste")
    run = LiveRun(begin(SMALL, corpus))
    for _ in range(steps):
        run.trainer.step()
    with RunFolder.create(path, SMALL, corpus) as folder:
        folder.save(run.trainer, 1.0)
    return path


async def test_enter_goes_on_with_the_run_under_the_cursor_and_its_text(runs: Path) -> None:
    folder = kept(runs / "notes-mlp")
    host = Host()
    async with host.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: host.names == ["notes-mlp"])
        assert str(folder) in host.shown("known")
        await pilot.press("enter")
        await until(pilot, lambda: bool(host.came))
    (wish,) = host.came
    assert wish is not None
    assert (wish.folder, wish.corpus.text[:7]) == (folder, "the cat")


async def test_a_run_that_is_asked_for_is_gone_on_with_at_once(runs: Path) -> None:
    folder = kept(runs / "notes-mlp")
    host = Host(run=folder)
    async with host.run_test() as pilot:
        await until(pilot, lambda: bool(host.came))
    assert host.came[0] is not None
    assert host.came[0].folder == folder


async def test_a_path_leads_to_runs_elsewhere(runs: Path, tmp_path: Path) -> None:
    folder = kept(tmp_path / "elsewhere" / "mine")
    host = Host()
    async with host.run_test() as pilot:
        await until(pilot, lambda: "No run is kept" in host.shown("known"))
        line = host.dialog.query_one(PathLine)
        line.focus()
        line.value = str(tmp_path / "nowhere")
        await pilot.press("enter")
        assert "check the spelling" in host.shown("said")
        line.value = str(folder.parent)
        await pilot.press("enter")
        await until(pilot, lambda: host.names == ["mine"])
        line.focus()
        line.value = str(folder)
        await pilot.press("enter")
        await until(pilot, lambda: bool(host.came))


@pytest.mark.parametrize("size", [(80, 24), (140, 42)])
async def test_damaged_and_hostile_runs_have_their_lines_and_say_what_is_wrong(
    runs: Path, size: tuple[int, int]
) -> None:
    kept(runs / HOSTILE)
    (runs / HOSTILE / "checkpoint.safetensors").write_bytes(b"torn")
    host = Host()
    async with host.run_test(size=size) as pilot:
        await until(pilot, lambda: host.names == [HOSTILE])
        shown = "\n".join(strip.text for strip in host.screen._compositor.render_strips())
        assert "[red][@" in shown
        assert "\x1b" not in shown + host.shown("known")
        await pilot.press("enter")
        assert "checkpoint.safetensors" in host.shown("said")
        assert host.came == []


async def test_f_copies_a_run_and_the_cursor_stands_on_the_copy(runs: Path) -> None:
    kept(runs / "notes-mlp")
    host = Host()
    async with host.run_test() as pilot:
        await until(pilot, lambda: host.names == ["notes-mlp"])
        await pilot.press("f")
        await until(pilot, lambda: len(host.names) == 2)
        selected = host.dialog.query_one(RunList).selected
        assert selected is not None
        assert (selected.name, selected.step) == ("notes-mlp-2", 3)


async def test_d_deletes_only_what_is_meant(runs: Path) -> None:
    kept(runs / "notes-mlp")
    host = Host()
    async with host.run_test() as pilot:
        await until(pilot, lambda: host.names == ["notes-mlp"])
        await pilot.press("d")
        assert isinstance(host.screen, DeleteDialog)
        await pilot.press("enter")
        assert len(list_runs(runs)) == 1
        await pilot.press("d", "y")
        await until(pilot, lambda: host.names == [])
    assert list_runs(runs) == ()


async def test_the_run_on_the_screen_is_neither_resumed_nor_deleted(runs: Path) -> None:
    folder = kept(runs / "notes-mlp")
    host = Host(on_screen=folder)
    async with host.run_test() as pilot:
        await until(pilot, lambda: host.names == ["notes-mlp"])
        for key in ("enter", "d"):
            await pilot.press(key)
            assert "the run on the screen" in host.shown("said")
        assert host.came == []
    assert len(list_runs(runs)) == 1


@pytest.mark.parametrize(
    ("past", "words"), [(0, "just now"), (61, "1 min ago"), (7200, "2 h ago"), (-5, "just now")]
)
def test_a_moment_is_told_in_few_words(past: float, words: str) -> None:
    assert when(1e9 - past, 1e9) == words
