"""The metrics, one object each: what they measure, when they apply, and what they say.

To add one, append a `Metric` to ``REGISTRY``; ``evaluate`` and the command pick it up.
"""

from typing import Any

import numpy as np

from gparticles.evaluate import distances, manifold, mixing, sentences, tails, wasserstein
from gparticles.evaluate.classifier import c2st
from gparticles.evaluate.images import NEAREST_WITHOUT_GRAIN, read_as_labelled
from gparticles.evaluate.metric import Features, Metric, with_interval
from gparticles.evaluate.samples import Comparison, Setting

W2_POINTS = 1500
W1_POINTS = 1000
SINKHORN_POINTS = 500
CLASSIFIER_POINTS = 1000
LABEL_POINTS = 500
# of the mean squared distance of two held-out points
SINKHORN_EPSILON = 0.05
# a Gaussian fit in more dimensions takes seconds
_FRECHET_DIM = 1024


def _transport(c: Comparison, count: int, *, power: int) -> Any:
    # of points drawn with repetition each is taken once
    _, rows, repeats = np.unique(c.x.points[:count], axis=0, return_index=True, return_counts=True)
    squared = c.matrices.xy[:count, :count]
    if len(rows) == len(squared):
        return wasserstein.exact(squared, power=power)
    return wasserstein.exact(squared[rows], power=power, repeats=repeats)


def _w1(c: Comparison) -> Any:
    return _transport(c, W1_POINTS, power=1)


def _w2(c: Comparison) -> Any:
    return _transport(c, W2_POINTS, power=2)


def _sliced(c: Comparison) -> float:
    return wasserstein.sliced_w2(c.x.points, c.y.points, seed=c.seed)


def _sinkhorn(c: Comparison) -> float:
    xy, xx, yy = (m[:SINKHORN_POINTS, :SINKHORN_POINTS] for m in c.matrices)
    # of the held-out points alone, so that every cloud is measured alike
    epsilon = SINKHORN_EPSILON * float(c.y.within.mean()) or 1.0
    own = c.y.remembered("entropic", lambda: wasserstein.entropic_cost(yy, epsilon))
    between, within = (wasserstein.entropic_cost(m, epsilon) for m in (xy, xx))
    return between - within / 2 - own / 2


def _energy(c: Comparison) -> float:
    within = [cloud.mean_within("energy", np.sqrt) for cloud in (c.x, c.y)]
    return 2 * distances.mean_between(np.sqrt, c.matrices.xy) - sum(within)


def _mmd2(c: Comparison) -> float:
    kernel = distances.gaussian(c.y.median_distance)
    within = [cloud.mean_within("mmd2", kernel) for cloud in (c.x, c.y)]
    return sum(within) - 2 * distances.mean_between(kernel, c.matrices.xy)


def _kernel_distance(c: Comparison) -> Any:
    return with_interval(distances.kid(c.x.points, c.y.points, seed=c.seed))


def _c2st(c: Comparison) -> Any:
    x, y = (cloud.points[:CLASSIFIER_POINTS] for cloud in (c.x, c.y))
    return c2st(x, y, seed=c.seed)


def _expected_coverage(c: Comparison) -> float:
    return manifold.expected_coverage(len(c.x), len(c.y))


def _label_auc(c: Comparison) -> float:
    if c.x.labels is None or c.y.labels is None:
        return float("nan")
    train = c.x.points[:LABEL_POINTS], c.x.labels[:LABEL_POINTS]
    return mixing.label_auc(train, (c.y.points, c.y.labels))


def _heavy_tailed(setting: Setting) -> bool:
    return setting.heavy_tailed


def _has_cubes(setting: Setting) -> bool:
    # cubes of outliers say nothing, and the kernel is meant for features, not for pixels
    return len(setting.shape) == 1 and not setting.heavy_tailed


DISTANCES = (
    Metric(
        name="w2",
        title="Wasserstein-2",
        measure=_w2,
        sentence=sentences.nearness("Wasserstein-2 distance"),
        power=1,
        fewest=1,
        points=W2_POINTS,
        note="exact, particles to held-out points",
    ),
    Metric(
        name="w1",
        title="Wasserstein-1",
        measure=_w1,
        sentence=sentences.nearness("Wasserstein-1 distance"),
        power=1,
        fewest=1,
        points=W1_POINTS,
        note="exact, particles to held-out points",
    ),
    Metric(
        name="sliced_w2",
        title="sliced Wasserstein-2",
        measure=_sliced,
        sentence=sentences.nearness("Along random directions"),
        power=1,
        note=f"{wasserstein.PROJECTIONS} random directions",
    ),
    Metric(
        name="sinkhorn",
        title="Sinkhorn divergence",
        measure=_sinkhorn,
        sentence=sentences.nearness("Smoothed transport cost"),
        power=2,
        points=SINKHORN_POINTS,
        note="debiased; epsilon is 0.05 of the mean squared distance of two held-out points",
    ),
    Metric(
        name="energy",
        title="energy distance",
        measure=_energy,
        sentence=sentences.nearness("Energy distance"),
        power=1,
        note="unbiased estimate, without the root; may be below 0",
    ),
    Metric(
        name="mmd2",
        title="squared MMD",
        measure=_mmd2,
        sentence=sentences.nearness("Kernel discrepancy"),
        note="unbiased; Gaussian kernel, bandwidth the median distance of two held-out points",
    ),
    Metric(
        name="kernel_distance",
        title="kernel distance",
        measure=_kernel_distance,
        sentence=sentences.nearness("First three moments"),
        note=f"unbiased squared MMD, kernel (a.b / d + 1)^3, blocks of {distances.KID_BLOCK}; "
        "in units of the target's spread",
        applies=_has_cubes,
    ),
    Metric(
        name="frechet",
        title="Frechet distance",
        measure=lambda c: distances.frechet_of(c.x.moments, c.y.moments),
        sentence=sentences.nearness("Means and covariances"),
        power=2,
        note="squared, between Gaussian fits",
        applies=lambda setting: setting.dim < min(setting.fewest, _FRECHET_DIM),
    ),
    Metric(
        name="c2st",
        title="classifier accuracy",
        measure=_c2st,
        sentence=sentences.told_apart,
        unit="share",
        points=CLASSIFIER_POINTS,
        fewest=10,
        note="30 extremely randomised trees, 5-fold cross-validated; 0.5 is best",
    ),
)

_BALLS = f"balls reach the {manifold.NEIGHBOURS}th neighbour"

COVERAGE = (
    Metric(
        name="precision",
        title="precision",
        measure=lambda c: c.manifold.precision,
        sentence=sentences.precise,
        unit="share",
        note=_BALLS,
    ),
    Metric(
        name="recall",
        title="recall",
        measure=lambda c: c.manifold.recall,
        sentence=sentences.recalled,
        unit="share",
        note=_BALLS,
    ),
    Metric(
        name="density",
        title="density",
        measure=lambda c: c.manifold.density,
        sentence=sentences.dense,
        note=_BALLS,
    ),
    Metric(
        name="coverage",
        title="coverage",
        measure=lambda c: c.manifold.coverage,
        sentence=sentences.covered,
        unit="share",
        note=_BALLS,
        expected=_expected_coverage,
    ),
)

MEMORISATION = (
    Metric(
        name="copy_rate",
        title="copies",
        measure=lambda c: c.memorisation.copy_rate,
        sentence=sentences.copied,
        unit="share",
        fewest=1,
        note="nearer to a training point than 1 % of a held-out point's median distance to one",
    ),
    Metric(
        name="nearest_ratio",
        title="distance to training points",
        measure=lambda c: c.memorisation.nearest_ratio,
        sentence=sentences.near_to_training,
        fewest=1,
        note="median distance to the nearest training point over that of held-out points",
        unknown="Most held-out points are training points themselves, so that they tell nothing of "
        "copies; give points that the run has not seen.",
    ),
    Metric(
        name="diversity",
        title="diversity",
        measure=lambda c: c.memorisation.diversity,
        sentence=sentences.diverse,
        unit="share",
        fewest=1,
        note="distinct nearest training points over the smaller of both numbers",
    ),
)

TAILS = (
    Metric(
        name="ccdf_error",
        title="tail: L1 of the CCDF",
        measure=lambda c: tails.ccdf_error(c.x.norms, c.y.norms),
        sentence=sentences.nearness("Distribution of the norm"),
        power=1,
        note="integral of the difference of P(|x - target's median| > r) over r",
        applies=_heavy_tailed,
    ),
    Metric(
        name="tail_log_error",
        title="tail: log error of quantiles",
        measure=lambda c: tails.tail_log_error(c.x.norms, c.y.norms),
        sentence=sentences.tail_off,
        unit="ln",
        note=f"mean over the norm's quantiles {', '.join(map(str, tails.LEVELS))} "
        "with 10 points beyond",
        fewest=100,
        applies=_heavy_tailed,
    ),
    Metric(
        name="hill_index",
        title="tail: Hill index",
        measure=lambda c: tails.hill_index(c.x.norms),
        sentence=sentences.tail_index,
        note=f"from the largest {100 * tails.HILL_SHARE:.0f} % of the norms",
        fewest=100,
        applies=_heavy_tailed,
        expected=lambda c: tails.hill_index(c.y.norms),
    ),
)

LABELS = (
    Metric(
        name="label_auc",
        title="labels",
        measure=_label_auc,
        sentence=sentences.labels_hold,
        unit="share",
        points=LABEL_POINTS,
        fewest=10,
        note="area under the ROC curve on held-out points; logistic regression on the cloud",
        applies=lambda setting: setting.labelled,
    ),
)


LENET = Features("LeNet", ((28, 28), (28, 28, 1)), "gparticles.evaluate.features", "lenet_features")

REGISTRY: tuple[Metric, ...] = (
    *DISTANCES,
    *COVERAGE,
    *MEMORISATION,
    *TAILS,
    *LABELS,
    NEAREST_WITHOUT_GRAIN,
    *LENET.metrics(),
    read_as_labelled(LENET),
)
"""All metrics, in the order in which they are shown."""
