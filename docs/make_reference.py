"""Writes the pages of docs/reference from the package itself, at every build of the site.

The public names come from `__init__.pyi`, with their docstrings; the command's options from the
command; the recipes from their files. Nothing here names a function, so nothing can be forgotten.
"""

import ast
import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import gparticles

EXAMPLES = Path(__file__).parents[1] / "examples" / "gallery"
# what a room of the public names is called, in the order of the page; others come behind
HEADINGS = {
    "flow": "Moving particles",
    "estimators": "As scikit-learn estimators",
    "synthesizer": "Rows of tables",
    "tables": "Codecs of tables",
    "timecourse": "Snapshots in time",
    "integration": "Batches",
    "divergence": "Measuring how far",
    "potential": "Potentials",
    "latent": "Wide data",
    "gan": "GANs to compare with",
    "report": "Watching a flow",
    "errors": "Errors",
}
# what is documented beside the public names, by the module that one imports it from
MODULES = (
    "data",
    "tables",
    "plots",
    "evaluate.metrics",
    "evaluate.wasserstein",
    "evaluate.mixing",
    "divergence.sweep",
    "evaluate.usefulness",
    "evaluate.fidelity",
    "choosing",
    "hosts",
    "potential",
    "latent",
)


def write(folder: Path) -> None:
    """All pages; Sphinx need not read those anew that say the same as before."""
    pages = {"index": index(), "command": command(), "recipes": recipes()}
    pages |= {f"api/{name}": page_of(name) for name in gparticles.__all__}
    pages |= {f"modules/{name}": page_of_module(name) for name in MODULES}
    for old in folder.rglob("*.md"):
        if str(old.relative_to(folder).with_suffix("")) not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


# the public names


def homes() -> dict[str, str]:
    """The room of every public name, in the order of `__init__.pyi`."""
    stub = Path(gparticles.__file__).with_name("__init__.pyi")
    return {
        alias.name: (node.module or "").split(".")[1]
        for node in ast.parse(stub.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def index() -> str:
    rooms = homes()
    order = [*HEADINGS, *(room for room in rooms.values() if room not in HEADINGS)]
    parts = []
    for room in dict.fromkeys(order):
        names = sorted((n for n, home in rooms.items() if home == room), key=str.lower)
        if names:
            heading = HEADINGS.get(room, room.capitalize())
            lines = [f"| [`gpa.{name}`](api/{name}.md) | {summary(name)} |" for name in names]
            parts.append("\n".join([f"## {heading}", "", "| | |", "|---|---|", *lines]))
    modules = [f"| [`gparticles.{m}`](modules/{m}.md) | {first_line(module(m))} |" for m in MODULES]
    tree = [
        "command",
        "recipes",
        *(f"api/{n}" for n in sorted(rooms)),
        *map("modules/{}".format, MODULES),
    ]
    return "\n".join(
        [
            "# Reference",
            "",
            "Made from the docstrings, the command and the recipes of this version. Units are the",
            "same everywhere: phi and every divergence are in nats, L and speeds in nats per",
            "working unit, `step_size` in working units squared per nat ([why](../settings.md)).",
            "",
            "* [The command `gpa`](command.md), with every option.",
            "* [The packaged recipes](recipes.md), as they are.",
            "* The public names of `import gparticles as gpa`, below.",
            "",
            *"\n\n".join(parts).splitlines(),
            "",
            "## Further modules",
            "",
            "| | |",
            "|---|---|",
            *modules,
            "",
            "```{toctree}",
            ":hidden:",
            "",
            *tree,
            "```",
            "",
        ]
    )


def page_of(name: str) -> str:
    """The page of a public name."""
    value = getattr(gparticles, name)
    if isinstance(value, ModuleType):
        body = documented(value.__name__, names_of(value))
    else:
        body = documented("gparticles", {name: value})
    examples = [
        f"* [{title(path)}](../../gallery/{path.relative_to(EXAMPLES).with_suffix('')}.rst)"
        for path in sorted(EXAMPLES.rglob("*.py"))
        if re.search(rf"\bgpa\.{name}\b", path.read_text(encoding="utf-8"))
    ]
    used = ["", "## Examples in the gallery", "", *examples] if examples else []
    return "\n".join([f"# gpa.{name}", "", body, *used, ""])


def page_of_module(name: str) -> str:
    """The page of a module whose names are not all public ones of the package."""
    loaded = module(name)
    names = {n: v for n, v in names_of(loaded).items() if n not in gparticles.__all__}
    title_ = f"# gparticles.{name}"
    return "\n".join([title_, "", first_line(loaded), "", documented(loaded.__name__, names), ""])


def documented(module_name: str, names: dict[str, Any]) -> str:
    """Directives of autodoc."""
    lines = ["```{eval-rst}", f".. currentmodule:: {module_name}", ""]
    for name, value in names.items():
        if inspect.isclass(value):
            lines += [f".. autoclass:: {name}", "   :members:", ""]
            if issubclass(value, Exception):
                lines.pop(-2)
        elif callable(value):
            lines += [f".. autofunction:: {name}", ""]
        else:
            lines += [f".. autodata:: {name}", "   :no-value:", ""]
    return "\n".join([*lines, "```"])


def module(name: str) -> ModuleType:
    return import_module(f"gparticles.{name}")


def names_of(module_: ModuleType) -> dict[str, Any]:
    """What a module offers: what a room re-exports, or else its own functions and classes."""
    inside = "gparticles" if hasattr(module_, "__path__") else module_.__name__
    return {
        name: value
        for name, value in vars(module_).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isroutine(value))
        and inspect.getdoc(value)
        and str(getattr(value, "__module__", "")).startswith(inside)
    }


def summary(name: str) -> str:
    return first_line(getattr(gparticles, name))


def first_line(value: Any) -> str:
    """The first sentence of a docstring, as Markdown."""
    paragraph = (inspect.getdoc(value) or "").split("\n\n")[0]
    text = " ".join(paragraph.split()).replace("``", "`").replace("|", "\\|")
    return re.sub(r"(?<!\\)([*<])", r"\\\1", text)


def title(path: Path) -> str:
    """An example's title."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").splitlines()[0]


def escape(app: Any, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Bars and stars of formulas are letters, and none of reStructuredText's signs."""
    text = "\n".join(lines)
    # several arguments in one entry may need more than one line
    text = re.sub(r"(?m)^((?: {4}|)\w[\w, ]*,)\n +(?=[\w, \n]+:)", r"\1 ", text)
    lines[:] = [line if ">>>" in line else escaped(line) for line in text.split("\n")]


def escaped(line: str) -> str:
    names, colon, rest = line.partition(": ")
    if not re.fullmatch(r"\s*[\w, ]+", names):
        names, colon, rest = "", "", line
    parts = re.split(r"(``.*?``|`.*?`)", rest)
    for k in range(0, len(parts), 2):
        parts[k] = re.sub(r"(?<!\\)([|*])", r"\\\1", parts[k])
        parts[k] = re.sub(r"(?<=\w)_(?!\w)", r"\\_", parts[k])
    # a star that begins a line and is followed by a space marks a list
    return names + colon + re.sub(r"^(\s*)\\\* ", r"\1* ", "".join(parts))


def skip(app: Any, what: str, name: str, obj: Any, skipped: bool, options: Any) -> bool | None:
    """What scikit-learn adds to every estimator for its own routing of metadata."""
    return True if re.search(r"\bset_\w+_request$", name) else None


# the command


def command() -> str:
    import typer

    from gparticles.command.main import app

    top: Any = typer.main.get_command(app)
    parts = [
        "# The command `gpa`",
        "",
        "Made from the command itself; `gpa --help` and `gpa COMMAND --help` say the same.",
        "[On the command line](../command-line.md) shows how they are used together.",
        "",
    ]
    for name, one in top.commands.items():
        parts += [f"## gpa {name}", "", *usage(name, one), ""]
    return "\n".join(parts)


def usage(name: str, one: Any) -> Iterator[str]:
    arguments = [p for p in one.params if p.param_type_name == "argument"]
    options = [p for p in one.params if p.param_type_name == "option"]
    places = " ".join(placeholder(p) for p in arguments)
    yield "```text"
    yield f"gpa {name}{' ' + places if places else ''}{' [OPTIONS]' if options else ''}"
    yield "```"
    yield ""
    yield inspect.cleandoc(one.help or "")
    for kind, params in (("argument", arguments), ("option", options)):
        if params:
            yield from ("", f"| {kind} | what it is | default |", "|---|---|---|")
            yield from map(row, params)


def placeholder(parameter: Any) -> str:
    return str(parameter.metavar or parameter.name.upper())


def row(parameter: Any) -> str:
    """A line of the table: the names, what it is, and what holds without it."""
    if parameter.param_type_name == "argument":
        names = f"`{placeholder(parameter)}`"
    else:
        names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
        if parameter.metavar:
            names += f" {parameter.metavar}"
    help_ = " ".join((parameter.help or "").split()).replace("|", "\\|")
    given = "required" if parameter.required else default(parameter.default)
    return f"| {names.replace('|', chr(92) + '|')} | {help_} | {given} |"


def default(value: Any) -> str:
    return "" if value is None or value is False or callable(value) or value == () else f"`{value}`"


def recipes() -> str:
    from gparticles.experiment.packaged import courses, packaged

    folder = Path(gparticles.__file__).with_name("recipes")
    names = {name: folder / f"{name}.toml" for name in packaged()}
    names |= {name: folder / "courses" / f"{name}.toml" for name in courses()}
    parts = [
        "# Recipes",
        "",
        "`gpa run NAME` carries one out, and `--set key=value` changes a key of it.",
        "[Your own data](../custom-data.md) says what every key means.",
        "",
    ]
    for name, path in names.items():
        text = path.read_text(encoding="utf-8").strip()
        parts += [f"## {name}", "", "```toml", text, "```", ""]
    return "\n".join(parts)
