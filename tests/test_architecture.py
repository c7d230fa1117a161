"""The house keeps its shape: imports point one way, functions stay small, imports stay light."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import gparticles

SOURCE = Path(gparticles.__file__).parent
FILES = sorted(SOURCE.rglob("*.py"))
# every room may import from itself and from those named
MATHEMATICS = {"divergence", "potential", "flow"}
BESIDE = {"data", "tables", "evaluate", "plots", "report"}
ALLOWED = {
    "divergence": set(),
    "potential": {"divergence"},
    "flow": {"divergence", "potential"},
    "latent": MATHEMATICS,
    "gan": MATHEMATICS,
    "tables": set(),
    "data": {"tables"},
    "evaluate": MATHEMATICS | {"plots"},
    "plots": MATHEMATICS,
    "report": MATHEMATICS | {"plots"},
    "estimators": MATHEMATICS | {"latent", "tables"},
    "experiment": MATHEMATICS | BESIDE | {"latent"},
    "integration": MATHEMATICS | BESIDE | {"latent", "experiment"},
    "augment": MATHEMATICS | BESIDE | {"latent", "gan", "experiment"},
    "command": MATHEMATICS | BESIDE | {"experiment", "integration", "augment"},
}


def _functions(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef):
            yield node


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("room", ALLOWED)
def test_imports_point_one_way(room):
    for path in [*(SOURCE / room).rglob("*.py"), *SOURCE.glob(f"{room}.py")]:
        for module in _imports(path):
            parts = module.split(".")
            if parts[0] == "gparticles" and len(parts) > 1 and parts[1] in ALLOWED:
                assert parts[1] in ALLOWED[room] | {room}, f"{path} imports {module}"


@pytest.mark.parametrize("room", ["divergence", "potential", "flow", "latent", "gan"])
def test_the_mathematics_does_not_print(room):
    # no file access either, but for saved flows and checkpoints
    files = {"files.py", "solution.py", "checkpoint.py"}
    for path in (SOURCE / room).rglob("*.py"):
        tree = ast.parse(path.read_text())
        names = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
        assert "print" not in names, path
        assert path.name in files or "open" not in names, path


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_functions_and_files_stay_small(path):
    assert len(path.read_text().splitlines()) <= 500
    for function in _functions(path):
        body = function.body[1:] if ast.get_docstring(function) else function.body
        if body:
            length = body[-1].end_lineno - body[0].lineno + 1
            assert length <= 60, f"{function.name} has {length} lines"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_boolean_positionals(path):
    for function in _functions(path):
        arguments = function.args
        for argument in arguments.posonlyargs + arguments.args:
            annotation = getattr(argument.annotation, "id", None)
            assert annotation != "bool", f"{function.name}({argument.arg})"


def test_public_functions_take_three_positionals_at_most():
    rooms = ["", ".divergence", ".data", ".tables", ".latent", ".evaluate.metrics", ".plots"]
    for room in rooms:
        module = importlib.import_module(f"gparticles{room}")
        public = [v for k, v in vars(module).items() if not k.startswith("_")]
        for value in public:
            if inspect.isfunction(value) and value.__module__.startswith("gparticles"):
                kinds = [p.kind for p in inspect.signature(value).parameters.values()]
                positional = kinds.count(inspect.Parameter.POSITIONAL_OR_KEYWORD)
                assert positional <= 3, f"{value.__name__} in gparticles{room}"


@pytest.mark.parametrize("name", ["Checkpoint", "Store", "PCA", "GPA", "LatentGPA"])
def test_no_boolean_positionals_of_what_users_configure(name):
    parameters = inspect.signature(getattr(gparticles, name)).parameters.values()
    for parameter in parameters:
        positional = parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
        assert not (positional and isinstance(parameter.default, bool)), parameter.name


def test_import_loads_nothing_heavy():
    heavy = ["matplotlib", "plotly", "anndata", "sklearn", "pandas", "ot", "typer", "pydantic"]
    code = f"import gparticles, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_every_public_name_has_a_docstring():
    # the import hook of the tests leaves its own name behind
    public = [n for n in vars(gparticles) if not n.startswith("_") and n != "jaxtyping"]
    for name in public:
        assert getattr(gparticles, name).__doc__, name
