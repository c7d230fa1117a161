"""Lets results show themselves in a notebook, and loads what draws them only when one does.

The rooms of the mathematics know nothing of pictures, so the package ties the two together.
"""

from typing import Any


def shows(kind: type, function: str) -> None:
    """Makes a function of ``gparticles.report.representation`` the HTML of a class.

    Args:
        kind: the class, which gets a ``_repr_html_``, as notebooks look for.
        function: its name there.
    """

    def html(shown: Any) -> str:
        from gparticles.report import representation

        return getattr(representation, function)(shown)

    kind._repr_html_ = html  # type: ignore[attr-defined]
