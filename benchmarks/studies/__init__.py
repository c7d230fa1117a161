"""One module for each thing that `run.py` runs; its name, with dashes, is what it takes.

A module has EXPERIMENT, a `study.Study`, whose page is NAME.md beside it, or a function `run`,
whose parameters are the options. One with neither is a helper of others.
"""

import importlib
import pkgutil
from types import ModuleType


def load(name: str) -> ModuleType:
    """The module of a study, by the study's name."""
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")


def studies() -> dict[str, ModuleType]:
    """Every module with an experiment, by the experiment's name, sorted."""
    names = sorted(found.name.replace("_", "-") for found in pkgutil.iter_modules(__path__))
    modules = {name: load(name) for name in names}
    return {name: module for name, module in modules.items() if hasattr(module, "EXPERIMENT")}
