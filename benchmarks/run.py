"""Runs what is measured here: one study, with its options.

    python benchmarks/run.py                             # what there is
    python benchmarks/run.py mixture --seeds 0 1 2
    python benchmarks/run.py experiments                 # all that have a page in docs/experiments
    python benchmarks/run.py certified --help

Studies write benchmarks/results/, and `python docs/make_pages.py` the pages of docs/ from them. The
options of a study are the parameters of its function `run`; those of an experiment are its seeds.
"""

import argparse
import ast
import importlib
import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args, get_origin

from studies import load, studies

FOLDER = Path(__file__).parent / "studies"
ALL = "experiments"
# options that are called otherwise than parameters
SHOWN = {"checkout": "reference", "overrides": "set"}
HELP = {
    "checkout": "a checkout of the published code",
    "reference_python": "an interpreter with TensorFlow",
    "torch_python": "an interpreter with PyTorch",
    "quick": "tiny sizes: does it run",
    "out": "where results are kept",
}


def available() -> dict[str, str]:
    """The first line of every study, by its name."""
    files = sorted(path for path in FOLDER.glob("*.py") if path.stem != "__init__")
    heads = [(ast.get_docstring(ast.parse(path.read_text())) or "").split("\n") for path in files]
    return {p.stem.replace("_", "-"): h[0] for p, h in zip(files, heads, strict=True)}


def action_of(name: str) -> Callable[..., Any]:
    """What a study does; its parameters are the options."""

    def carry_out(*, seeds: tuple[int, ...] = (0, 1, 2)) -> None:
        known = studies() if name == ALL else {name: load(name)}
        for each, module in known.items():
            module.EXPERIMENT.carry_out(each, seeds)

    return carry_out if name == ALL else getattr(load(name), "run", carry_out)


def add_option(parser: argparse.ArgumentParser, parameter: inspect.Parameter, choices: Any) -> None:
    """An option as a parameter says it: its kind, its default, several values or one."""
    kind = parameter.annotation
    option: dict[str, Any] = {"help": HELP.get(parameter.name), "choices": choices}
    positional = parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    if kind is bool:
        option = {"help": option["help"], "action": "store_true"}
    elif get_origin(kind) is tuple:
        option |= {"type": get_args(kind)[0], "nargs": "+"}
    else:
        option["type"] = next(iter(get_args(kind)), kind)
    if parameter.default is not parameter.empty:
        option["default"] = parameter.default
    elif not positional:
        option["required"] = True
    shown = SHOWN.get(parameter.name, parameter.name).replace("_", "-")
    name = parameter.name if positional else f"--{shown}"
    parser.add_argument(name, **option if positional else option | {"dest": parameter.name})


def parser_of(name: str | None) -> argparse.ArgumentParser:
    """The command line, with the options of the study that is named."""
    known = available() | {ALL: "All that have a page in docs/experiments."}
    lines = "\n".join(f"  {study:22s} {line}" for study, line in known.items())
    if name not in known:
        raw = argparse.RawDescriptionHelpFormatter
        parser = argparse.ArgumentParser(description=lines, formatter_class=raw)
        parser.add_argument("study", choices=known, metavar="STUDY")
        return parser
    parser = argparse.ArgumentParser(prog=f"run.py {name}", description=known[name])
    choices = {} if name == ALL else getattr(load(name), "CHOICES", {})
    signature = inspect.signature(action_of(name), eval_str=True)
    for parameter in signature.parameters.values():
        add_option(parser, parameter, choices.get(parameter.name))
    return parser


def main() -> None:
    """Run it; or, for a study that needs a new process, one function of its module."""
    match sys.argv[1:]:
        case ["--call", place, arguments]:
            module, function = place.split(":")
            called = getattr(importlib.import_module(module), function)
            print(json.dumps(called(*json.loads(arguments))))
        case [name, *rest] if not name.startswith("-"):
            parser = parser_of(name)
            options = vars(
                parser.parse_args(rest if name in available() or name == ALL else [name])
            )
            action_of(name)(
                **{k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
            )
        case _:
            parser_of(None).print_help()


if __name__ == "__main__":
    main()
