"""Move samples of one distribution onto another, and measure how far apart they are."""

import ast
import pkgutil
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

__version__ = "0.2.0"


def _homes() -> dict[str, str]:
    """The module of every public name, as ``__init__.pyi`` says."""
    return {
        alias.name: node.module
        for node in ast.parse(pkgutil.get_data(__name__, "__init__.pyi") or b"").body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


_HOMES = _homes()
# the function wins over the room of its name
_ROOMS = {room.name for room in pkgutil.iter_modules(__path__)} - set(_HOMES)
__all__ = sorted(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    # a name is loaded when it is first used: JAX takes a second, and --help needs none of it
    if name in _ROOMS:
        return import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_ROOMS})


class _Package(ModuleType):
    """Lets ``gparticles.divergence`` be the function, and not the room that has its name."""

    def __setattr__(self, name: str, value: Any) -> None:
        # Python makes every room that was imported an attribute of the package
        room = isinstance(value, ModuleType) and value.__name__ == f"{__name__}.{name}"
        if not (room and name in _HOMES):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
