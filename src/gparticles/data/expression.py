"""Made-up gene-expression studies with a batch effect whose true correction is known."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from gparticles.checks import at_least
from gparticles.data.sizes import check_size
from gparticles.errors import InputError

Array = np.ndarray

GENES = 54_675
"""Probe sets of the Affymetrix HG-U133 Plus 2.0 array, the paper's width."""

PROGRAMMES = 20
"""Dimensions of the biology that all samples share."""

_SHARE_DIFFERING = 0.05
_SHARE_OF_PROGRAMME = 0.1


class SyntheticExpression(NamedTuple):
    """What `synthetic_expression` makes; n samples of d genes.

    Attributes:
        values: as measured, shape (n, d), float32, log2 intensities.
        truth: the same samples as the first laboratory would have measured them, noise and all:
            what a perfect correction gives, shape (n, d), float32. The first laboratory's rows
            equal those of ``values``.
        batches: "A", "B", ... in the order of the sizes, shape (n,).
        labels: each sample's class, 0 or 1, shape (n,).
        differs: the genes whose mean differs between the classes, bool, shape (d,).
    """

    values: Array
    truth: Array
    batches: Array
    labels: Array
    differs: Array


def synthetic_expression(
    sizes: tuple[int, ...] = (150, 150),
    *,
    positive: tuple[float, ...] | float = 0.5,
    effect: float = 1.0,
    genes: int = GENES,
    study: int = 1,
    seed: int = 0,
) -> SyntheticExpression:
    """Cohorts of one disease, measured in several laboratories.

    The samples of the first laboratory are drawn as by `expression` with shift 0; another one sees
    its samples through its own map of every gene (``study``, ``study + 1``, ...), with shift 1.

    Args:
        sizes: samples of each laboratory; the first is the reference.
        positive: the share of class 1 in each, or one share for all; (0.7, 0.3) against (0.3, 0.7)
            is a confounded design.
        effect: how far the classes are apart, as a multiple of what they usually are.
        genes: how many.
        study: which genes, classes and laboratories, from 1.
        seed: of the samples.

    Raises:
        InputError: an empty batch, a share outside of 0 to 1, or another number of shares than of
            sizes.

    >>> made = synthetic_expression((6, 4), genes=100)
    >>> made.values.shape, made.batches[5:7].tolist()
    ((10, 100), ['A', 'B'])
    """
    shares = (positive,) * len(sizes) if isinstance(positive, (int, float)) else positive
    if len(shares) != len(sizes) or not sizes:
        raise InputError(
            f"{len(sizes)} sizes and {len(shares)} shares of class 1; give one share for each batch"
        )
    at_least("the smallest size", min(sizes), 1)
    at_least("genes", genes, 1)
    check_size(sum(sizes), genes)
    nature = _nature(genes, study, effect)
    values = np.empty((sum(sizes), genes), np.float32)
    truth, labels = np.empty_like(values), np.empty(len(values), np.int64)
    end = 0
    for k, (size, share) in enumerate(zip(sizes, shares, strict=True)):
        rows = slice(end, end := end + size)
        # a stream for each batch: growing one leaves the others as they are
        generator = np.random.default_rng([seed, k])
        truth[rows], labels[rows] = _samples(nature, size, positive=share, generator=generator)
        shift = 0.0 if k == 0 else 1.0
        values[rows] = _measured(truth[rows], nature, _laboratory(genes, study + k), shift)
    names = [chr(ord("A") + k) if k < 26 else f"batch{k + 1}" for k in range(len(sizes))]
    return SyntheticExpression(values, truth, np.repeat(names, sizes), labels, nature.effect != 0)


def expression(
    n: int,
    *,
    shift: float = 0.0,
    positive: float = 0.5,
    effect: float = 1.0,
    genes: int = GENES,
    study: int = 1,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Draw samples of one laboratory: log2 intensities of genes, and each sample's class.

    A sample is level + programmes + effect of its class + noise, gene by gene. Twenty programmes,
    independent standard normal in every sample, each act on a tenth of the genes; the class acts on
    a twentieth. Another laboratory measures x as a_g + b_g (log2(2^x + 2^{c_g}) - level_g): a
    background that bends what is small, and then an affine map, of each gene's own.

    Args:
        n: number of samples.
        shift: how strong the other laboratory's map is, 0 (none) or more; 1 is what
            `synthetic_expression` takes.
        positive: the share of class 1, to the nearest sample.
        effect: how far the classes are apart, as a multiple of what they usually are.
        genes: how many.
        study: which genes, classes and laboratories, from 1; source and target share it.
        seed: of the samples.

    Returns:
        Shape (n, genes), float32, and labels 0 or 1, shape (n,).

    Raises:
        InputError: n, genes or study below 1, a negative shift, a share outside of 0 to 1.

    >>> values, labels = expression(10, genes=300, positive=0.3)
    >>> values.shape, int(labels.sum())
    ((10, 300), 3)
    """
    at_least("genes", genes, 1)
    check_size(n, genes)
    at_least("shift", shift, 0)
    nature = _nature(genes, study, effect)
    generator = np.random.default_rng(seed)
    true, labels = _samples(nature, n, positive=positive, generator=generator)
    return _measured(true, nature, _laboratory(genes, study + 1), shift), labels


@dataclass(frozen=True)
class _Nature:
    """What is true of the genes, wherever they are measured; arrays of shape (d,)."""

    level: Array
    programmes: Array  # (PROGRAMMES, d)
    effect: Array
    noise: Array


@dataclass(frozen=True)
class _Laboratory:
    """How a laboratory measures them; arrays of shape (d,)."""

    offset: Array
    log_gain: Array
    background: Array


def _nature(genes: int, study: int, strength: float) -> _Nature:
    at_least("study", study, 1)
    generator = np.random.default_rng([study, 0])
    level = 3 + 10 * generator.beta(1.5, 2.5, genes)
    active = generator.random((PROGRAMMES, genes)) < _SHARE_OF_PROGRAMME
    programmes = active * generator.normal(0, 0.5, (PROGRAMMES, genes))
    # at least one gene, and the same number whatever the draw
    chosen = generator.permutation(genes)[: max(1, round(_SHARE_DIFFERING * genes))]
    effect = np.zeros(genes)
    effect[chosen] = generator.choice([-1, 1], len(chosen)) * generator.uniform(
        0.2, 1.0, len(chosen)
    )
    effect *= strength
    noise = generator.uniform(0.2, 0.6, genes)
    return _Nature(*(a.astype(np.float32) for a in (level, programmes, effect, noise)))


def _laboratory(genes: int, number: int) -> _Laboratory:
    generator = np.random.default_rng([number, 1])
    arrays = (
        generator.normal(0, 0.7, genes),
        generator.normal(0, 0.2, genes),
        generator.normal(5, 0.7, genes),
    )
    return _Laboratory(*(a.astype(np.float32) for a in arrays))


def _samples(
    nature: _Nature, n: int, *, positive: float, generator: np.random.Generator
) -> tuple[Array, Array]:
    if not 0 <= positive <= 1:
        raise InputError(f"positive is {positive}; give a share between 0 and 1")
    labels = generator.permutation((np.arange(n) < round(positive * n)).astype(np.int64))
    activity = generator.standard_normal((n, PROGRAMMES), dtype=np.float32)
    values = generator.standard_normal((n, len(nature.level)), dtype=np.float32)
    values *= nature.noise
    values += activity @ nature.programmes
    values += nature.level
    # centred, so that the level is that of a balanced cohort
    values += (labels - 0.5).astype(np.float32)[:, None] * nature.effect
    return values, labels


def _measured(true: Array, nature: _Nature, laboratory: _Laboratory, shift: float) -> Array:
    if shift == 0:
        return true
    # a background of share shift of what it is at 1: log2(2^x + shift 2^c)
    background = laboratory.background + np.float32(np.log2(shift))
    measured = np.logaddexp2(true, background) - nature.level
    measured *= np.exp(np.float32(shift) * laboratory.log_gain)
    measured += nature.level + np.float32(shift) * laboratory.offset
    return measured
