"""The rules of the house: who may know whom, what stands at the top, and that every file says what it is."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

HOUSE = Path(__file__).resolve().parents[1]
ROOMS = ("corpora", "engine", "tui")
SCREEN_LIBRARIES = ("textual", "rich", "plotext", "textual_plotext")
FORBIDDEN: Mapping[str, tuple[str, ...]] = {
    "corpora": ("engine", "tui", *SCREEN_LIBRARIES),
    "engine": ("tui", *SCREEN_LIBRARIES),
    "tui": (),
}
"""What a room must never import; nobody imports the tests."""


def files_of(room: str) -> list[Path]:
    return sorted((HOUSE / room).rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(HOUSE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for room in ROOMS for path in files_of(room)}


def imports(nodes: Iterable[ast.AST], package: str, *, for_types: bool) -> Iterator[str]:
    """What a piece of code imports, now or later: modules, and `module.name` for each name taken out of one.

    Arguments:
        nodes: the code.
        package: the package the code stands in, which relative imports start from.
        for_types: whether what only the type checker reads counts, too.
    """
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif not for_types and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from imports(node.orelse, package, for_types=for_types)
        else:
            yield from imports(ast.iter_child_nodes(node), package, for_types=for_types)


def imported_by(name: str, *, for_types: bool) -> set[str]:
    path = MODULES[name]
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return set(imports([ast.parse(path.read_text("utf-8"))], package, for_types=for_types))


def import_graph() -> dict[str, set[str]]:
    """The modules of the house, each with those that it imports; a package stands for its __init__."""
    graph = {}
    for name in MODULES:
        wanted = {module for module in imported_by(name, for_types=False) if module in MODULES}
        # Importing a.b runs a first; a module's own packages have begun already, and are no circle.
        for module in list(wanted):
            parts = module.split(".")
            wanted.update(".".join(parts[:end]) for end in range(1, len(parts)))
        graph[name] = {module for module in wanted if not f"{name}.".startswith(f"{module}.")}
    return graph


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_holds_files(room: str) -> None:
    assert any(name.startswith(f"{room}.") for name in MODULES), f"{room} has no modules to check"


@pytest.mark.parametrize("name", MODULES)
def test_no_file_imports_what_its_room_may_not_know(name: str) -> None:
    room = name.partition(".")[0]
    known = {module.partition(".")[0] for module in imported_by(name, for_types=True)}
    assert not known & {*FORBIDDEN[room], "tests"}, (
        f"{name} may not import {known & {*FORBIDDEN[room], 'tests'}}"
    )


@pytest.mark.parametrize("room", ["corpora", "engine"])
def test_importing_all_of_a_room_brings_in_nothing_it_may_not_know(room: str) -> None:
    """What the files say is one thing; what is in memory after importing them all is another."""
    names = [name for name in MODULES if name.partition(".")[0] == room]
    program = (
        "import importlib, json, sys\n"
        f"for name in {names!r}: importlib.import_module(name)\n"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=HOUSE,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout))
    assert room in loaded
    assert not loaded & {*FORBIDDEN[room]}


def test_no_module_imports_itself_round_a_corner() -> None:
    """Nor may an import hide in a function to dodge a circle; one that waits there for its time is no circle."""
    try:
        list(TopologicalSorter(import_graph()).static_order())
    except CycleError as circle:
        pytest.fail("import circle: " + " <- ".join(circle.args[1]))


def test_the_graph_of_imports_is_not_empty() -> None:
    graph = import_graph()
    assert "engine.training.recipe" in graph["engine.snapshot"]
    assert "corpora.corpus" in graph["engine.training.trainer"]
    assert "tui.keys" in graph["tui.app"]


@pytest.mark.parametrize("name", MODULES)
def test_every_file_says_what_it_is(name: str) -> None:
    said = ast.get_docstring(ast.parse(MODULES[name].read_text("utf-8")))
    assert said is not None
    assert len(said.splitlines()[0]) > 10, f"{name}: its docstring says too little: {said!r}"


def test_the_top_holds_the_rooms_two_files_and_dot_files() -> None:
    if not (HOUSE / ".git").exists():
        pytest.skip("not a git checkout: what belongs to the project is not known")
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=HOUSE, capture_output=True, text=True, timeout=60, check=True
        )
    except FileNotFoundError:
        pytest.skip("git is not installed")
    except subprocess.CalledProcessError as refused:
        pytest.skip(f"git does not list the files: {refused.stderr.strip()}")
    top = {name.partition("/")[0] for name in listed.stdout.split("\0") if name}
    visible = {name for name in top if not name.startswith(".")}
    assert visible == {"corpora", "engine", "tui", "tests", "pyproject.toml", "README.md"}
