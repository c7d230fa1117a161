"""Reading recipes: packaged ones and a user's own, with overrides, into a checked ``Config``."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gparticles.data import SAMPLERS, SOURCES
from gparticles.errors import InputError, printable
from gparticles.experiment.checked import brief, parsed_toml
from gparticles.experiment.config import KINDS, Config, cloud_of_text
from gparticles.experiment.packaged import packaged, packaged_keys

_CLOUDS = ("source", "target", "held_out")
_NAMED_BY = {"potential": "preset", "stop": "rule", "latent": "codec"}
_PATHS = {"file": "file", "custom": "folder"}


@dataclass(frozen=True)
class Recipe:
    """A recipe as written, before it is checked.

    Attributes:
        name: what the run's folder is called by default.
        where: what messages call it.
        keys: the TOML's content.
        folder: what paths in it are relative to.
    """

    name: str
    where: str
    keys: dict[str, Any]
    folder: Path


def read_recipe(name: str) -> Recipe:
    """A packaged recipe by its name, or a user's own by its path, which ends in ``.toml``.

    Raises:
        InputError: there is none, or it is not TOML.
    """
    if name.endswith(".toml"):
        return _read_own(Path(name))
    known = packaged()
    if name not in known:
        # a beginner's slip
        if Path(name).exists():
            raise InputError(f"{name}: is no recipe; give it as data: gpa run --target {name}")
        raise InputError(f"no recipe is called {name!r}; {suggest(name, known)}")
    return Recipe(name, f"recipe {name}", packaged_keys(name), Path.cwd())


def _read_own(path: Path) -> Recipe:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: is not text; save it as UTF-8") from None
    try:
        keys = parsed_toml(text)
    except ValueError as error:
        raise InputError(f"{path}: is not TOML: {_one_line(error)}; mend that line") from None
    folder = path.resolve().parent
    # a run folder's config.toml is named after the folder
    name = folder.name if path.name == "config.toml" else path.stem
    return Recipe(name, str(path), keys, folder)


def cloud_given(text: str, role: str, *, recipes: Iterable[str] = ()) -> dict[str, str]:
    """The section for what was typed: a file, whose path is made absolute, a dataset, a loader.

    Args:
        text: as typed.
        role: source or target.
        recipes: names that could have been meant as well.

    Raises:
        InputError: a bare word that is neither.
    """
    path = Path(text)
    if path.exists():
        return {"file": str(path.resolve())}
    found = cloud_of_text(text, role)
    if "file" in found and text == path.stem:
        kinds = "file, dataset or recipe" if recipes else "file or dataset"
        known = sorted({*SAMPLERS, *(SOURCES if role == "source" else ()), *recipes})
        raise InputError(f"no {kinds} is called {text!r}; {suggest(text, known)}")
    return found


def with_overrides(recipe: Recipe, overrides: Iterable[str]) -> Recipe:
    """The recipe with ``key=value`` settings, dotted keys and TOML values, put over it.

    Raises:
        InputError: a setting without ``=``, or a key inside something that is no section.
    """
    keys = _expanded(recipe.keys)
    for override in overrides:
        dotted, equals, text = override.partition("=")
        if not (equals and dotted.strip()):
            raise InputError(f"--set {override}: write key=value, as in --set steps=500")
        _put(keys, dotted.strip().split("."), _value(text.strip()))
        keys = _expanded(keys)
    return Recipe(recipe.name, recipe.where, keys, recipe.folder)


def _expanded(keys: dict[str, Any]) -> dict[str, Any]:
    """A copy in which bare names are the sections they stand for, whose keys can be set."""
    copy = {k: dict(v) if isinstance(v, dict) else v for k, v in keys.items()}
    for key, value in copy.items():
        if isinstance(value, str) and key in _CLOUDS:
            copy[key] = cloud_of_text(value, key)
        elif isinstance(value, str) and key in _NAMED_BY:
            copy[key] = {_NAMED_BY[key]: value}
    return copy


def _value(text: str) -> Any:
    try:
        return parsed_toml(f"value = {text}")["value"]
    except ValueError:
        return text  # a bare word, such as kl or alpha:2


def _put(keys: dict[str, Any], path: Sequence[str], value: Any) -> None:
    *sections, last = path
    for name in sections:
        keys = keys.setdefault(name, {})
        if not isinstance(keys, dict):
            raise InputError(f"--set {'.'.join(path)}: {name} is not a section; set {name} itself")
    if sections and sections[0] in _CLOUDS and last in KINDS:
        keys.clear()  # another kind of data has none of the options of the one before
    keys[last] = value


def check(recipe: Recipe) -> Config:
    """The checked configuration, its paths made absolute.

    Raises:
        InputError: an unknown key, a wrong type or value; one line that says what is allowed.
    """
    try:
        config = Config.model_validate(_expanded(recipe.keys))
    except ValidationError as error:
        raise InputError(f"{recipe.where}: {_condensed(error)}") from None
    return _with_absolute_paths(config, recipe.folder)


def _with_absolute_paths(config: Config, folder: Path) -> Config:
    changed: dict[str, Any] = {}
    for role in _CLOUDS:
        cloud = getattr(config, role)
        for kind, key in _PATHS.items():
            if cloud is not None and hasattr(cloud, kind):
                path = folder / (getattr(cloud, key) or "")
                if printable(path) != str(path):
                    raise InputError(f"{role}: {printable(path)} has no name in UTF-8; rename it")
                changed[role] = cloud.model_copy(update={key: str(path.resolve())})
    return config.model_copy(update=changed)


def _condensed(error: ValidationError) -> str:
    """The first thing wrong, in one line."""
    first = error.errors(include_url=False)[0]
    context = first.get("ctx", {})
    path = [str(part) for part in first["loc"]]
    key = ".".join(path)
    if first["type"] == "unknown_key":
        names = [".".join([*path, name]) for name in context["known"]]
        unknown = ".".join([*path, context["key"]])
        return f"unknown key {unknown!r}; {suggest(unknown, names)}"
    if first["type"] == "missing":
        return f"{key} is missing; give it"
    if first["type"] == "value_error":
        return f"{key}: {context['error']}"
    allowed = context["text"] if first["type"] == "allowed" else f"a section, [{key}]"
    return f"{key} is {brief(first['input'])}; give {allowed}"


def suggest(name: str, known: Iterable[str]) -> str:
    """What a user may have meant by a name that is not known: one that is close, or all."""
    known = list(known)
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"use one of {', '.join(known)}"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())
