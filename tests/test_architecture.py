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
    "timecourse": MATHEMATICS,
    "tables": set(),
    "data": {"tables"},
    "evaluate": MATHEMATICS | {"plots"},
    "plots": MATHEMATICS,
    "report": MATHEMATICS | {"plots"},
    "estimators": MATHEMATICS | {"latent", "tables"},
    "choosing": MATHEMATICS | {"data", "tables", "evaluate"},
    "synthesizer": MATHEMATICS | {"tables", "choosing"},
    "experiment": MATHEMATICS | BESIDE | {"latent", "timecourse", "choosing", "synthesizer"},
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


@pytest.mark.parametrize("room", ["divergence", "potential", "flow", "latent", "gan", "timecourse"])
def test_the_mathematics_does_not_print(room):
    # no file access either, but for saved flows and checkpoints
    files = {"saving.py", "solution.py", "checkpoint.py"}
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
        names = getattr(module, "__all__", vars(module))
        for value in [getattr(module, name) for name in names if not name.startswith("_")]:
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


def _loaded(code, names):
    """Which of the modules a new process has loaded after this code."""
    code = f"{code}\nimport sys; sys.stderr.write(repr([m for m in {names} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    return ast.literal_eval(done.stderr)


def test_import_loads_nothing_heavy():
    heavy = ["matplotlib", "plotly", "anndata", "sklearn", "pandas", "ot", "typer", "pydantic"]
    everything = "import gparticles; gparticles.transport, gparticles.divergence"
    assert _loaded(everything, heavy) == []
    assert _loaded("import gparticles", [*heavy, "jax", "numpy", "scipy"]) == []


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (["--help"], ["jax", "numpy", "scipy", "pydantic"]),
        (["--version"], ["jax", "numpy", "scipy", "pydantic"]),
        # typer itself converts values by pydantic
        (["recipes"], ["jax", "numpy", "scipy"]),
        (["run", "--help"], ["jax", "numpy", "scipy"]),
        (["divergence", "--help"], ["jax", "numpy", "scipy"]),
        (["integrate", "--help"], ["jax", "numpy", "scipy"]),
    ],
)
def test_words_of_the_command_load_nothing_heavy(words, heavy):
    code = f"from gparticles.command.main import main; assert main({words}) == 0"
    assert _loaded(code, heavy) == []


def test_public_names_are_where_the_stub_says():
    tree = ast.parse((SOURCE / "__init__.pyi").read_text())
    lines = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module]
    named = {alias.name: node.module for node in lines for alias in node.names}
    assert sorted(named) == gparticles.__all__
    assert set(named) < set(dir(gparticles))
    for name, home in named.items():
        assert getattr(gparticles, name) is getattr(importlib.import_module(home), name)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = gparticles.nothing


def test_the_function_wins_over_the_room_of_its_name():
    code = (
        "import gparticles.divergence, gparticles as gpa\n"
        "assert callable(gpa.divergence), gpa.divergence\n"
        "from gparticles import divergence\nassert divergence is gpa.divergence\n"
        "import gparticles.divergence.certified, gparticles.gan\n"
        "assert gpa.divergence is gparticles.divergence.__globals__['divergence']\n"
        "assert gpa.gan is gparticles.gan and gpa.gan.__name__ == 'gparticles.gan'\n"
    )
    assert _loaded(code, ["nothing"]) == []


def test_every_room_is_an_attribute():
    code = (
        "import gparticles as gpa\n"
        "assert gpa.data.swiss_roll and gpa.flow.prepare and gpa.plots.scatter\n"
        "assert callable(gpa.divergence)\n"
        "assert not hasattr(gpa, 'interfaces')\n"
    )
    assert _loaded(code, ["nothing"]) == []


def test_every_public_name_has_a_docstring():
    for name in gparticles.__all__:
        assert getattr(gparticles, name).__doc__, name
