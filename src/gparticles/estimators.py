"""The flow as scikit-learn estimators, in the original space and through a latent one."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from gparticles.checks import check_unmasked
from gparticles.errors import InputError
from gparticles.flow import Flow, Store, transport
from gparticles.flow.lazily import is_lazy, over_blocks
from gparticles.flow.stopping import AbstractStop
from gparticles.latent import AbstractCodec, ColumnMap, GaussianMap, LatentFlow, Overlap, move_batch
from gparticles.tables import is_frame

_COLUMNS, _ALIGN, _OVERLAP = ColumnMap(), GaussianMap(), Overlap()
_DTYPES = (np.float64, np.float32, np.float16)


class _Mover(OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """What both estimators have in common: what they check, and how points ride a fitted flow."""

    flow_: Any
    n_features_in_: int
    feature_names_in_: np.ndarray
    # the columns of the source where it was a frame, whatever they are called
    _columns: Any = None

    def transform(self, points: Any, labels: Any = None) -> Any:
        """Carries points along the flow, in the units of the source.

        Args:
            points: shape (k, d), with the columns of the source; those of a DataFrame are found by
                their names. What Dask holds is moved block by block when Dask computes the result.
            labels: classes, shape (k,), if and only if the flow was fitted with them.

        Returns:
            The moved points, shape (k, d): an array, or a DataFrame where the points are one, with
            the columns in the source's order.

        Raises:
            InputError: other columns, or what the flow refuses.
        """
        check_is_fitted(self, "flow_")
        if is_lazy(points):
            return over_blocks(self.transform, points, labels)
        moved = self.flow_(self._checked(points, "points"), labels)
        return self._as_given(moved, points)

    def fit_transform(  # type: ignore[override]
        self, source: Any, target: Any, *, labels: Any = None, target_labels: Any = None
    ) -> Any:
        """The moved source: ``fit(source, target).flow_.particles``, or a DataFrame of it."""
        self.fit(source, target, labels=labels, target_labels=target_labels)  # type: ignore[attr-defined]
        return self._as_given(self.flow_.particles, source)

    def _both(self, source: Any, target: Any) -> tuple[np.ndarray, np.ndarray]:
        # a refused fit must not leave an older flow behind with the new one's columns
        for name in ("flow_", "codec_", "particles_"):
            vars(self).pop(name, None)
        return self._checked(source, "source"), self._checked(target, "target")

    def _checked(self, points: Any, name: str) -> np.ndarray:
        reset = name == "source"
        if is_frame(points):
            points = self._aligned(points, name)
        else:
            check_unmasked(points, name)
            if reset:
                self._columns = None
        # in one order, since sums of frames' columns would be rounded otherwise
        settings = {"dtype": list(_DTYPES), "order": "C", "ensure_min_features": 1}
        try:
            checked: Any = validate_data(self, points, reset=reset, allow_nd=True, **settings)
        except (ValueError, TypeError) as error:
            problem = _odd_column(points, name)
            if problem is None and isinstance(error, TypeError):
                raise  # as scikit-learn's own checks expect of what is no array of numbers
            raise InputError(problem or _one_line(str(error))) from error
        return checked

    def _aligned(self, frame: Any, name: str) -> Any:
        """The frame with its columns in the order of the source's."""
        if name == "source":
            self._columns = frame.columns
        text = all(isinstance(column, str) for column in frame.columns)
        fitted = self._columns
        if fitted is not None and not frame.columns.equals(fitted):
            if frame.columns.is_unique and set(frame.columns) == set(fitted):
                frame = frame.loc[:, list(fitted)]
            elif not (text and all(isinstance(column, str) for column in fitted)):
                raise InputError(
                    f"{name}: its columns are {_listed(frame.columns)} and those of the source "
                    f"{_listed(fitted)}; give the same names, each once"
                )
        # scikit-learn takes names for names only where all of them are text
        return frame if text else frame.set_axis(range(frame.shape[1]), axis=1)

    def _as_given(self, moved: np.ndarray, given: Any) -> Any:
        if not is_frame(given):
            return moved
        columns = given.columns if self._columns is None else self._columns
        return type(given)(moved, index=given.index, columns=columns)


def _odd_column(points: Any, name: str) -> str | None:
    """What is wrong with the first column of a frame that scikit-learn makes no numbers of."""
    for column, cells in points.items() if is_frame(points) else ():
        if type(cells.dtype).__name__ == "SparseDtype":
            return f"{name}: column {column!r} is sparse; give the frame's sparse.to_dense()"
        try:
            number = cells.dtype.kind != "c" and cells.astype(np.float64) is not None
        except (ValueError, TypeError):
            number = False
        if not number:
            return f"{name}: column {column!r} is of kind {cells.dtype}; make it numbers or drop it"
    return None


def _one_line(message: str) -> str:
    """scikit-learn's message without its paragraphs of advice, which does not hold here."""
    if message.startswith("Input X contains"):
        message = message.splitlines()[0] + " Remove or fill such rows."
    return " ".join(message.split())


def _listed(names: Any) -> str:
    return ", ".join(map(repr, list(names)[:5])) + ", ..." * (len(names) > 5)


class GPA(_Mover):
    """Moves a source onto a target, and later points along the same flow.

    ``fit(source, target)`` runs ``gparticles.transport``, whose arguments the parameters are;
    ``transform(points)`` carries points along the stored potentials, so that points near a source
    point end near where it ended. ``fit_transform`` returns the moved source. A DataFrame comes
    out as one; its columns are found by their names, which may be numbers or mixed, and come out
    in the order in which ``fit`` had them.

    Not what scikit-learn's own checks expect, since there are two samples and not one:

    * the second argument of ``fit`` is a sample, the target, with its own number of rows, so the
      checks that pass a vector of labels there, or none, or call it ``y``, do not apply;
    * ``fit_transform(source, target)`` and ``fit(source, target).transform(source)`` agree to
      rounding only;
    * a DataFrame whose columns are in another order is put in order and not refused;
    * an ``optimizer`` made of closures, as Optax's are, cannot be pickled, and a ``step_size``
      that is a lambda neither; ``flow_.save`` can store every fitted flow.

    Args:
        f, lipschitz, potential, integrator, reverse, steps, step_size, fit_steps, optimizer,
            batch_size, bounds, scale, stop, store, devices, seed: as in ``gparticles.transport``.

    Attributes:
        flow_: the finished ``gparticles.Flow``.
        n_features_in_: the number of columns.
        feature_names_in_: their names, where the source was a DataFrame.

    >>> import numpy as np
    >>> gpa = GPA(steps=5).fit(np.zeros((4, 2)), np.ones((6, 2)))
    >>> gpa.transform(np.zeros((3, 2))).shape
    (3, 2)
    """

    flow_: Flow

    def __init__(
        self,
        *,
        f: Any = None,
        lipschitz: float | None = None,
        potential: Any = None,
        integrator: Any = None,
        reverse: bool = False,
        steps: int | None = None,
        step_size: Any = None,
        fit_steps: int | None = None,
        optimizer: Any = None,
        batch_size: int | None = None,
        bounds: tuple[float, float] | None = None,
        scale: float | str = "auto",
        stop: AbstractStop | None = None,
        store: Store | None = None,
        devices: Any = None,
        seed: int = 0,
    ):
        self.f = f
        self.lipschitz = lipschitz
        self.potential = potential
        self.integrator = integrator
        self.reverse = reverse
        self.steps = steps
        self.step_size = step_size
        self.fit_steps = fit_steps
        self.optimizer = optimizer
        self.batch_size = batch_size
        self.bounds = bounds
        self.scale = scale
        self.stop = stop
        self.store = store
        self.devices = devices
        self.seed = seed

    def fit(
        self, source: Any, target: Any, *, labels: Any = None, target_labels: Any = None
    ) -> "GPA":
        """Runs the flow from the source to the target.

        Args:
            source: the points that move, shape (m, d), or images; an array or a DataFrame.
            target: the points they move to, shape (n, d), with the same columns.
            labels, target_labels: classes of the points, shapes (m,) and (n,), or None.

        Raises:
            InputError: what ``gparticles.transport`` refuses, and columns that differ.
        """
        moving, fixed = self._both(source, target)
        arguments = self.get_params(deep=False)
        self.flow_ = transport(
            moving, fixed, labels=labels, target_labels=target_labels, **arguments
        )
        return self


class LatentGPA(_Mover):
    """Moves a source onto a target in a latent space of few dimensions; all else is as in ``GPA``.

    Both clouds are encoded, moved and decoded, and what the codec loses of a point is added back,
    so that points go in and come out in the original space; see ``gparticles.latent_transport``.
    For wide data, such as hundreds of samples of thousands of genes, and for the batch effects in
    them: what the clouds share is estimated, columns are matched, latents go through an affine map
    and then a short flow (``overlap``, ``columns``, ``align``, ``steps``, ``step_size``), so that
    their compositions may differ; ``transport`` has other defaults.
    Residuals are scaled by default where they are kept and centred.

    The remarks of ``GPA`` on scikit-learn's checks hold here. In ``sklearn.base.clone`` a codec
    that is a scikit-learn estimator loses its fit, as estimators do there: wrap it as
    ``gpa.Transformer(codec)``.

    Args:
        latent_dim, codec, keep_residual, centre_residual, scale_residual, columns, align,
            overlap, most_targets, bounds: as in ``gparticles.latent_transport``.
        f, lipschitz, potential, integrator, reverse, steps, step_size, fit_steps, optimizer,
            batch_size, scale, stop, store, devices, seed: of the flow in the latent space, as in
            ``gparticles.transport``.

    Attributes:
        particles_: the moved source, in the original space.
        flow_: the finished ``gparticles.LatentFlow``.
        codec_: the fitted codec.
        n_features_in_: the number of columns.
        feature_names_in_: their names, where the source was a DataFrame.

    >>> import numpy as np
    >>> gpa = LatentGPA(latent_dim=2, steps=5).fit(np.eye(4, 9), np.ones((6, 9)))
    >>> gpa.transform(np.zeros((3, 9))).shape
    (3, 9)
    """

    flow_: LatentFlow
    codec_: AbstractCodec
    particles_: np.ndarray

    def __init__(
        self,
        latent_dim: int = 50,
        *,
        codec: Any = None,
        keep_residual: bool = True,
        centre_residual: bool = True,
        scale_residual: bool | None = None,
        columns: ColumnMap | None = _COLUMNS,
        align: GaussianMap | None = _ALIGN,
        overlap: Overlap | None = _OVERLAP,
        most_targets: int | None = None,
        f: Any = None,
        lipschitz: float | None = None,
        potential: Any = None,
        integrator: Any = None,
        reverse: bool = False,
        steps: int | None = None,
        step_size: Any = None,
        fit_steps: int | None = None,
        optimizer: Any = None,
        batch_size: int | None = None,
        bounds: tuple[float, float] | None = None,
        scale: float | str = "auto",
        stop: AbstractStop | None = None,
        store: Store | None = None,
        devices: Any = None,
        seed: int = 0,
    ):
        self.latent_dim = latent_dim
        self.codec = codec
        self.keep_residual = keep_residual
        self.centre_residual = centre_residual
        self.scale_residual = scale_residual
        self.columns = columns
        self.align = align
        self.overlap = overlap
        self.most_targets = most_targets
        self.f = f
        self.lipschitz = lipschitz
        self.potential = potential
        self.integrator = integrator
        self.reverse = reverse
        self.steps = steps
        self.step_size = step_size
        self.fit_steps = fit_steps
        self.optimizer = optimizer
        self.batch_size = batch_size
        self.bounds = bounds
        self.scale = scale
        self.stop = stop
        self.store = store
        self.devices = devices
        self.seed = seed

    def fit(
        self,
        source: Any,
        target: Any,
        *,
        labels: Any = None,
        target_labels: Any = None,
        source_weights: Any = None,
        target_weights: Any = None,
    ) -> "LatentGPA":
        """Fits the codec to both clouds and runs the flow from the source to the target.

        Args:
            source, target, labels, target_labels: as for ``GPA.fit``; where a label is missing
                (None, NaN or ""), its nearest labelled samples say it.
            source_weights, target_weights: shapes (m,) and (n,), not negative; equal by default.
                ``gpa.class_weights`` gives the classes of one the proportions of the other.

        Raises:
            InputError: what ``gparticles.latent_transport`` refuses, and columns that differ.
        """
        moving, fixed = self._both(source, target)
        arguments = self.get_params(deep=False)
        arguments |= {"labels": labels, "target_labels": target_labels}
        arguments |= {"source_weights": source_weights, "target_weights": target_weights}
        if self.scale_residual is None:
            arguments["scale_residual"] = self.keep_residual and self.centre_residual
        names = None if self._columns is None else list(self._columns)
        self.flow_ = move_batch(moving, fixed, names=names, **arguments)
        self.codec_, self.particles_ = self.flow_.codec, self.flow_.particles
        return self
