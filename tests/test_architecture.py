"""The layer rule: who may import whom. Walks every import statement of the package."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import weightdesk

PACKAGE = Path(weightdesk.__file__).parent

FOUNDATION = {"errors", "paths", "properties", "types"}
MAY_IMPORT: dict[str, set[str] | None] = {
    "errors": set(),
    "paths": {"errors"},
    "properties": {"errors"},
    "types": set(),
    "statistics": FOUNDATION,
    "runs": FOUNDATION,
    "recording": FOUNDATION | {"runs", "statistics"},
    "explain": FOUNDATION | {"runs", "statistics"},
    "checkup": FOUNDATION | {"explain", "runs", "statistics"},
    "capture": FOUNDATION | {"explain", "runs", "statistics"},
    "desk": FOUNDATION | {"explain", "runs", "statistics"},
    "training": FOUNDATION | {"recording"},
    "terminal": FOUNDATION | {"capture", "explain", "runs", "statistics"},
    "server": None,  # anything
    "notebook": None,
    "report": None,
    "commands": None,
    "cli": None,
    "__init__": None,
}

# A run is what people hold in their hands, so what can be asked about it is one of its methods.
# Going on with a training from turned weights is one of the desk's methods, and it records a new run.
# A recording that is asked to looks at itself while it grows.
HANDLES = {
    ("runs/run.py", "explain"),
    ("desk/continuing.py", "recording"),
    ("recording/watch.py", "checkup"),
    ("recording/livecheck.py", "checkup"),
}


# A comparison reads what trainings recorded and shows it, so it stands above the trainings that it runs.
INNER: dict[str, set[str]] = {"training/compare": FOUNDATION | {"capture", "explain", "recording", "runs"}}


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names += [node.module or ""] + [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    parts = [name.split(".") for name in names if name.startswith("weightdesk.")]
    return {part[1] for part in parts if (PACKAGE / part[1]).exists() or (PACKAGE / f"{part[1]}.py").exists()}


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_imports_follow_the_layers(path: Path) -> None:
    room = room_of(path)
    assert room in MAY_IMPORT, f"{path} is in a room that the architecture does not know"
    place = path.relative_to(PACKAGE).as_posix()
    inner = next((inner for inner in INNER if place.startswith(f"{inner}/")), None)
    allowed = INNER[inner] if inner else MAY_IMPORT[room]
    if allowed is not None:
        handles = {to for file, to in HANDLES if path == PACKAGE / file}
        assert imported_rooms(path) - {room} <= allowed | handles


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_files_are_short(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 400
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            documentation = ast.get_docstring(node)
            lines = (node.end_lineno or 0) - node.lineno + 1 - (documentation or "").count("\n")
            assert lines <= 50 or node.name in {"watch"}, f"{node.name} has {lines} lines"
