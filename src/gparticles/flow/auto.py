"""``potential="auto"``: which potential, and how many steps, by points of the target held out."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from gparticles.checks import check_points, check_weights
from gparticles.divergence import Wasserstein1
from gparticles.errors import InputError
from gparticles.flow.drawing import drawn_target
from gparticles.flow.exact import ExactPotential
from gparticles.flow.recording import Store
from gparticles.flow.sharding import of_first
from gparticles.flow.solution import Flow
from gparticles.potential import tight_mlp

AUTO = "auto"
# times that a part of the target is held out, and which part
REPEATS, HELD_OUT = 3, 0.25
FEWEST = 40
# of the flow's stages that are scored
FRAMES = 11
# steps of the flow without a network, and the smoothing, in nats
EXACT_STEPS, SMOOTHING = 12, 1.0
# particles nearer to learnt points than this, beside held-out ones, count as a shortage
NEAR, SHORTAGE_COUNTS = 0.8, 0.1
COPY, MOST_COPIES = 0.01, 0.01
_MOST = 1000
# settings that say which potential it shall be
_NETWORKS_OWN = ("reverse", "fit_steps", "optimizer", "batch_size", "integrator")

Settings = dict[str, Any]
Transport = Callable[..., Flow]


class StageScore(NamedTuple):
    """How good particles are at a stage, means over held-out parts.

    Attributes:
        energy: energy distance to held-out points over these points' own mean distance.
        nearest: median distance to the nearest learnt point, over that of held-out points.
        copies: share of particles at a learnt point.
    """

    energy: float
    nearest: float
    copies: float

    @property
    def loss(self) -> float:
        """energy + 0.1 times what nearest lacks of 0.8; infinite beyond 1 % of copies."""
        if self.copies > MOST_COPIES:
            return float("inf")
        return self.energy + SHORTAGE_COUNTS * max(NEAR - self.nearest, 0.0)


def chosen_flow(transport: Transport, settings: Settings) -> Flow:
    """The flow whose potential and steps were best on held-out points of the target.

    Three times a quarter of the target is held out, every potential moves the source to the rest,
    and its stages are scored (``StageScore``). The flow is then taken anew to the whole target, as
    far as the best stage.

    Args:
        transport: ``gparticles.transport``.
        settings: its arguments, by name, with ``potential="auto"``.

    Returns:
        A flow whose ``choice`` says what was chosen, and from what.

    Raises:
        InputError: a target of which parts are drawn.
    """
    given = {k: v for k, v in settings.items() if v is not None} | {"potential": None}
    if drawn_target(settings["target"], {}) is not None:
        raise InputError(
            'potential: "auto" chooses by all rows of a target; leave it out where rows are drawn '
            "from a file"
        )
    target = check_points(settings["target"], "target")
    weights = check_weights(settings["target_weights"], len(target), "target_weights")
    usable = np.flatnonzero(weights > 0)
    if len(usable) < FEWEST:
        reason = (
            f"{len(usable)} points are too few to choose by held-out ones (at least {FEWEST} are "
            "needed)"
        )
        return _with(transport(**given), _default(reason))
    potentials = candidates(target, settings)
    scores = {
        (name, stage): score
        for name, change in potentials.items()
        for stage, score in _scored(transport, given | change, (target, weights)).items()
    }
    # on several hosts a last digit may decide otherwise, and all of them carry out one flow
    choice = of_first(_record(scores), settings.get("devices"))
    chosen = potentials[choice["chosen"]]
    if choice["scores"]:
        chosen = chosen | {"steps": choice["steps"]}
    return _with(transport(**given | chosen), choice)


def _default(reason: str) -> dict[str, Any]:
    """The choice where none can be made."""
    sentence = f"{reason}: the default network is used"
    return {"chosen": "network", "sentence": sentence, "scores": {}}


def candidates(target: np.ndarray, settings: Settings) -> dict[str, Settings]:
    """What is changed for each potential; those that the other settings allow."""
    seed, shape = settings.get("seed", 0), target.shape[1:]
    lipschitz = 1.0 if settings.get("lipschitz") is None else settings["lipschitz"]
    labels = settings.get("target_labels")
    changes: dict[str, Settings] = {"network": {}}
    if np.isfinite(lipschitz):
        tight: Any = tight_mlp(int(np.prod(shape)), width=32, lipschitz=lipschitz, seed=seed)
        if labels is not None:
            tight = tight.per_class(len(np.unique(np.asarray(labels))), seed=seed)
        changes["tight network"] = {"potential": tight}
        if all(settings.get(name) in (None, False) for name in _NETWORKS_OWN):
            steps = min(settings.get("steps") or EXACT_STEPS, EXACT_STEPS)
            exact: Settings = {"potential": ExactPotential(SMOOTHING), "steps": steps}
            usual: Settings = {"step_size": 1.0}
            # with classes it would need equal shares of them on both sides
            if labels is None:
                usual["f"] = Wasserstein1()
            exact |= {k: value for k, value in usual.items() if settings.get(k) is None}
            changes["no network"] = exact
    return changes


def _scored(
    transport: Transport, settings: Settings, clouds: tuple[np.ndarray, np.ndarray]
) -> dict[int, StageScore]:
    """The mean score of every stage, by its step."""
    target, weights = clouds
    generator = np.random.default_rng([settings.get("seed", 0), 4])
    # a rule that ends flows early would end each at another stage
    own = ("callbacks", "checkpoint", "stop")
    trial = {name: value for name, value in settings.items() if name not in own}
    each: dict[int, list[StageScore]] = {}
    for _ in range(REPEATS):
        usable = generator.permutation(np.flatnonzero(weights > 0))
        out = usable[: round(HELD_OUT * len(usable))]
        learnt = weights.copy()
        learnt[out] = 0.0
        flow = transport(
            **trial | {"target_weights": learnt, "store": Store(potentials=False, frames=FRAMES)}
        )
        parts = target[np.setdiff1d(usable, out)], target[out]
        for step, particles in zip(flow.trajectory_steps[1:], flow.trajectory[1:], strict=True):
            each.setdefault(int(step), []).append(stage_score(particles, *parts))
    means = {
        step: StageScore(*np.mean(scores, axis=0))
        for step, scores in each.items()
        if len(scores) == REPEATS
    }
    return {step: score for step, score in means.items() if np.isfinite(score.energy)}


def stage_score(particles: np.ndarray, learnt: np.ndarray, held_out: np.ndarray) -> StageScore:
    """The score of particles, shape (m, *event), by points that were learnt and others."""
    new, known, unseen = (
        np.asarray(a, np.float64).reshape(len(a), -1)[:_MOST] for a in (particles, learnt, held_out)
    )
    within = _mean_between(unseen)
    energy = 2 * cdist(new, unseen).mean() - _mean_between(new) - within
    nearest, usual = cdist(new, known).min(axis=1), np.median(cdist(unseen, known).min(axis=1))
    usual = float(usual) or 1.0
    copies = float((nearest <= COPY * usual).mean())
    return StageScore(float(energy) / (within or 1.0), float(np.median(nearest)) / usual, copies)


def _mean_between(points: np.ndarray) -> float:
    """The mean distance of two different points."""
    return float(cdist(points, points).sum()) / max(len(points) * (len(points) - 1), 1)


def _record(scores: dict[tuple[str, int], StageScore]) -> dict[str, Any]:
    """What is chosen, and the best stage of every potential, for people and for saving."""
    if not scores:
        return _default("no flow stayed finite on held-out points")
    chosen = min(scores, key=lambda at: scores[at].loss)
    best: dict[str, tuple[str, int]] = {}
    for at in sorted(scores, key=lambda at: scores[at].loss):
        best.setdefault(at[0], at)
    entries = {
        name: {"steps": at[1], **{k: round(float(v), 6) for k, v in scores[at]._asdict().items()}}
        for name, at in best.items()
    }
    words = "; ".join(
        f"{name}, {e['steps']} steps: energy distance {e['energy']:.4g}, nearest "
        f"{e['nearest']:.2f}, copies {100 * e['copies']:.1f} %"
        for name, e in entries.items()
    )
    sentence = f"{chosen[0]}, {chosen[1]} steps, was best on held-out points ({words})"
    if not np.isfinite(scores[chosen].loss):
        sentence += "; all of them copy more than 1 % of the target"
    return {"chosen": chosen[0], "steps": chosen[1], "sentence": sentence, "scores": entries}


def _with(flow: Flow, choice: dict[str, Any]) -> Flow:
    """The flow that knows how it was chosen."""
    flow.settings["choice"] = choice
    return flow
