"""Lets results show themselves in a notebook, and loads what draws them only when one does.

The rooms of the mathematics know nothing of pictures, so this file ties the two together.
"""

from typing import Any


def html(result: Any, function: str) -> str:
    """What a function of ``gparticles.report.representation`` makes of a result.

    Args:
        result: a flow or a certificate, whose ``_repr_html_`` calls this.
        function: its name there.
    """
    from gparticles.report import representation

    return getattr(representation, function)(result)
