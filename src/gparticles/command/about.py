"""``gpa info``: what a report of a bug needs to say about the machine, and nothing else."""

import platform
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import typer

import gparticles
from gparticles.command import console

# what decides results, and what reads and writes users' files
PACKAGES = (
    "jax",
    "jaxlib",
    "equinox",
    "optax",
    "numpy",
    "scipy",
    "scikit-learn",
    "POT",
    "pandas",
    "pyarrow",
    "anndata",
    "typer",
)


def info() -> None:
    """Print versions and devices, for reports of bugs."""
    for name, value in lines():
        console.result(f"{name:13} {value}")


def lines() -> Iterator[tuple[str, str]]:
    """What is known, by its name: no paths, no names of users or machines."""
    yield "gparticles", gparticles.__version__
    yield "Python", f"{platform.python_version()} ({sys.implementation.name})"
    yield "system", f"{platform.system()} {platform.release()}, {platform.machine()}"
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            yield package, "not installed"
    yield "devices", _devices()


def _devices() -> str:
    try:
        import jax

        return ", ".join(f"{device.device_kind} ({device.platform})" for device in jax.devices())
    except Exception as error:
        # a broken installation is what the report is about
        return f"JAX finds none: {' '.join(str(error).split())}"


def register(app: typer.Typer) -> None:
    app.command("info")(info)
