"""What callbacks see of a flow on its way."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np


class Progress(NamedTuple):
    """What a callback sees after every chunk.

    ``latest`` holds the last row of the history; ``particles()`` fetches them in data units.
    """

    step: int
    steps: int
    seconds: float
    latest: dict[str, float]
    particles: Callable[[], np.ndarray]


Callback = Callable[[Progress], Any]
