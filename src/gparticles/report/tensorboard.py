"""A callback that writes a flow's history for TensorBoard."""

import math
from pathlib import Path
from typing import Any

from gparticles.errors import InputError
from gparticles.flow import Progress


class TensorBoard:
    """Writes the latest row of the history after every chunk, one scalar for each of its columns.

    ``gpa.transport(..., callbacks=[gpa.TensorBoard("logs")])``, and ``tensorboard --logdir logs``
    shows the curves while the flow runs. Needs the extra ``tensorboard``, which writes such files
    without TensorBoard itself.

    Args:
        directory: where event files go; made if needed. One directory for each flow.

    Raises:
        InputError: the extra is not installed.
    """

    def __init__(self, directory: str | Path):
        try:
            from tensorboardX import SummaryWriter
        except ImportError:
            raise InputError(
                "tensorboardX is not installed; pip install 'gparticles[tensorboard]'"
            ) from None
        self._writer: Any = SummaryWriter(str(directory))

    def __call__(self, progress: Progress) -> None:
        for name, value in progress.latest.items():
            # held_out is not a number where nothing is held out
            if math.isfinite(value):
                self._writer.add_scalar(name, value, progress.step)
        self._writer.flush()

    def close(self) -> None:
        """Ends the writing thread; what was written is on disk already."""
        self._writer.close()
