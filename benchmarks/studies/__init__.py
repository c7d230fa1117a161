"""One module for each experiment; its name, with dashes, is what `experiments.py` takes.

Each has EXPERIMENT, a `study.Study`, and PAGE, with `title` and `text(name, record)`: the common
kinds are `study.Experiment` and `pages.Page`. A module without them is a study's helper.
"""

import importlib
import pkgutil
from types import ModuleType


def studies() -> dict[str, ModuleType]:
    """Every module with an experiment, by the experiment's name, sorted."""
    names = sorted(found.name for found in pkgutil.iter_modules(__path__))
    modules = {name: importlib.import_module(f"{__name__}.{name}") for name in names}
    return {
        name.replace("_", "-"): module
        for name, module in modules.items()
        if hasattr(module, "EXPERIMENT")
    }
