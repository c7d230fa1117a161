"""New rows of a table with whatever columns it has."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from gparticles.checks import check_count, check_seed
from gparticles.flow import Flow, transport
from gparticles.tables.codec import TableCodec
from gparticles.tables.whitening import Whitening

# of particles that the flow is fitted with; further ones ride along
PARTICLES = 1000


@dataclass(frozen=True, eq=False)
class WhiteFlow:
    """A flow from white noise to a table's points, in coordinates where these are white.

    Attributes:
        whitening: to these coordinates.
        flow: in them.
    """

    whitening: Whitening
    flow: Flow

    @classmethod
    def fit(
        cls, points: np.ndarray, *, labels: np.ndarray | None = None, seed: int = 0, **settings: Any
    ) -> "WhiteFlow":
        """To points, shape (n, k), with one potential for each of their labels, if there are any.

        Args:
            points: of ``TableCodec.encode``.
            labels: shape (n,).
            seed: of everything random.
            settings: of ``gparticles.transport``.
        """
        whitening = Whitening.fit(points)
        white = whitening.encode(points)
        generator = np.random.default_rng([seed, 0])
        source = generator.standard_normal((max(PARTICLES, len(points)), white.shape[1]))
        classes = None
        if labels is not None:
            classes = generator.permutation(np.resize(labels, len(source)))
        flow = transport(source, white, labels=classes, target_labels=labels, seed=seed, **settings)
        return cls(whitening, flow)

    def draw(self, n: int, *, labels: np.ndarray | None = None, seed: int = 0) -> np.ndarray:
        """n new points, shape (n, k), of these labels."""
        noise = np.random.default_rng([seed, 1]).standard_normal((n, len(self.whitening.back)))
        return self.whitening.decode(self.flow(noise, labels))


class Synthesizer(BaseEstimator):
    """Learns the rows of a DataFrame of mixed columns, and makes new ones.

    Columns may be numbers, whole numbers, categories, truths, dates, and cells may be missing; what
    comes out has the dtypes, categories, grids and ranges of what went in. See ``docs/tables.md``.

    Args:
        seed: of everything random.
        potential: "auto", or a potential as for ``gparticles.transport``.
        columns: what columns are, where it is not as their cells look; see ``TableCodec.fit``.
        ranges: (low, high) of columns, None for an end without a bound.
        impute: new rows have no missing cells.

    Attributes:
        codec_: between rows and points.
        way_: what makes new points.
        report_: what was found and chosen.

    >>> import pandas as pd
    >>> frame = pd.DataFrame({"size": [1.5, 2.5, 2.1, 1.8] * 3, "kind": ["a", "b", "b", "a"] * 3})
    >>> Synthesizer(seed=0).fit(frame).sample(5).shape  # doctest: +SKIP
    (5, 2)
    """

    codec_: TableCodec
    way_: WhiteFlow

    def __init__(
        self,
        *,
        seed: int = 0,
        potential: Any = "auto",
        columns: Mapping[Any, Any] | None = None,
        ranges: Mapping[Any, Any] | None = None,
        impute: bool = False,
    ):
        self.seed = seed
        self.potential = potential
        self.columns = columns
        self.ranges = ranges
        self.impute = impute

    def fit(self, frame: Any) -> "Synthesizer":
        """Learns the rows of a DataFrame.

        Raises:
            InputError: a table that cannot be used, in one line with the mend.
        """
        check_seed(self.seed)
        codec = TableCodec.fit(frame, columns=self.columns, ranges=self.ranges, impute=self.impute)
        points = codec.encode(frame, seed=self.seed)
        settings = {} if self.potential == "auto" else {"potential": self.potential}
        self.way_ = WhiteFlow.fit(points, seed=self.seed, **settings)
        self.codec_ = codec
        self._calls = 0
        return self

    def sample(self, n: int, *, seed: int | None = None) -> Any:
        """n new rows, a DataFrame.

        Args:
            n: how many.
            seed: of the draw; by default every call draws other rows, in the same order each time.
        """
        check_is_fitted(self, "way_")
        n = check_count(n, "n")
        if seed is None:
            seed, self._calls = self._calls, self._calls + 1
        return self.codec_.decode(self.way_.draw(n, seed=seed))
