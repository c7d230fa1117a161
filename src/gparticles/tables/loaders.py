"""A user's own loader, named by where it is: `package.module:function` or `file.py:function`."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from gparticles.errors import InputError
from gparticles.tables.frames import from_frame, is_frame
from gparticles.tables.table import Table, from_array, refusal


def load_custom(spec: str, *, search_path: str | Path | None = None) -> Table:
    """Call a user's function and check what it returns.

    Args:
        spec: "package.module:function", or "file.py:function"; the function takes no arguments
            and returns an array, a pair (array, labels), a DataFrame or a `Table`.
        search_path: the folder to look in first, usually the recipe's; by default the current one.

    Returns:
        A table, checked as a file would be.

    Raises:
        InputError: a malformed spec, no such file, module or function, an error in the user's
            code (its type and message are in the line), or a result that cannot be used.
    """
    place, colon, function_name = spec.rpartition(":")
    if not (colon and place and function_name):
        raise refusal(repr(spec), "names no function", 'write "module:function"')
    folder = Path(search_path) if search_path is not None else Path.cwd()
    function = _function(_module(place, folder, spec), function_name, spec)
    with _running(spec):
        made = function()
    return _table(made, spec)


def _module(place: str, folder: Path, spec: str) -> ModuleType:
    if place.endswith(".py"):
        return _module_of_file(folder / place, spec)
    with _running(spec), _first_on_path(folder):
        importlib.invalidate_caches()  # the file may be newer than Python's list of the folder
        try:
            return importlib.import_module(place)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{place}.".startswith(f"{error.name}."):
                raise  # it is there, and what it imports is not
            mend = f"check its name, or put it into {folder}"
            raise refusal(spec, f"there is no module {place}", mend) from error


def _module_of_file(path: Path, spec: str) -> ModuleType:
    if not path.is_file():
        raise refusal(spec, f"there is no file {path}", "check its name")
    name = f"_gparticles_custom_{path.stem}"
    place = importlib.util.spec_from_file_location(name, path)
    if place is None or place.loader is None:
        raise refusal(spec, f"{path} is not Python", "give a .py file")
    module = importlib.util.module_from_spec(place)
    sys.modules[name] = module  # dataclasses in the file look themselves up there
    with _running(spec), _first_on_path(path.parent):
        place.loader.exec_module(module)
    return module


def _function(module: ModuleType, name: str, spec: str) -> Callable[[], Any]:
    function = getattr(module, name, None)
    if function is None:
        raise refusal(spec, f"there is no {name} in it", "check the function's name")
    if not callable(function):
        raise refusal(spec, f"{name} is not a function", "name a function")
    return function


@contextmanager
def _first_on_path(folder: Path) -> Iterator[None]:
    entry = str(folder.resolve())
    sys.path.insert(0, entry)
    try:
        yield
    finally:
        if entry in sys.path:
            sys.path.remove(entry)


@contextmanager
def _running(spec: str) -> Iterator[None]:
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        problem = f"stopped with {type(error).__name__}: {error}"
        raise refusal(spec, problem, "mend that code") from error


def _table(made: Any, spec: str) -> Table:
    if isinstance(made, Table):
        return replace(made, values=from_array(made.values, name=spec).values)
    if is_frame(made):
        return from_frame(made, name=spec)
    if isinstance(made, tuple) and len(made) == 2:
        return from_array(made[0], labels=made[1], name=spec)
    if made is None:
        raise refusal(spec, "returned nothing", "return an array of numbers")
    return from_array(made, name=spec)
