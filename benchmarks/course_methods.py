"""Estimates of a snapshot that was left out, from the two around it: ours and others'.

Every method is ``(before, after, share, seed) -> (points, weights)``: two clouds of shapes (m, d)
and (n, d), and how far between them the snapshot lies.
"""

import warnings
from collections.abc import Callable

import numpy as np
from scipy.spatial.distance import cdist

from gparticles.divergence import KL
from gparticles.flow import Store, transport
from gparticles.potential import smooth_mlp
from gparticles.timecourse.course import FIT_STEPS, LIPSCHITZ, SMOOTHING, STEPS
from gparticles.timecourse.field import carried, match_field
from gparticles.timecourse.judging import baselines
from gparticles.timecourse.legs import FlowSettings, Leg, connect
from gparticles.timecourse.snapshots import Snapshot

Estimate = tuple[np.ndarray, np.ndarray]
Method = Callable[[np.ndarray, np.ndarray, float, int], Estimate]
# pairs that are drawn of a plan without zeros
PAIRS = 1000
CFM_STEPS = 1000
OURS, FIELD, PROFET = "gparticles", "gparticles, field", "PROFET's recipe"
EXACT = "exact OT (McCann)"
RANDOM = ("independent mixing", "entropic OT", "moscot", "OT-CFM", FIELD, PROFET)


def snapshot(points: np.ndarray, time: float) -> Snapshot:
    n = len(points)
    return Snapshot(time, points, np.full(n, 1 / n), np.arange(n))


def even(points: np.ndarray) -> Estimate:
    return points, np.full(len(points), 1 / len(points))


def leg_of(before: np.ndarray, after: np.ndarray, seed: int, **settings: float) -> Leg:
    size = max(len(before), len(after))
    chosen = {"lipschitz": LIPSCHITZ, "smoothing": SMOOTHING, "steps": STEPS, **settings}
    flows = FlowSettings(f=KL(), size=size, seed=seed, **chosen)  # type: ignore[arg-type]
    return connect(snapshot(before, 0.0), snapshot(after, 1.0), flows)


def ours(before: np.ndarray, after: np.ndarray, share: float, seed: int) -> Estimate:
    leg = leg_of(before, after, seed)
    return leg.place(share), leg.weights


def field(before: np.ndarray, after: np.ndarray, share: float, seed: int) -> Estimate:
    fit = match_field([leg_of(before, after, seed)], steps=FIT_STEPS, seed=seed)
    return even(carried(fit.field, before, np.array([0.0, share]))[-1])


def profet(before: np.ndarray, after: np.ndarray, share: float, seed: int) -> Estimate:
    """Network of 128-128-128, KL, the flow's own time, and a field of the same width."""
    potential = smooth_mlp(before.shape[1], width=128, depth=3, seed=seed)
    flow = transport(
        before, after, potential=potential, steps=500, store=Store(frames=21), seed=seed
    )
    path = flow.trajectory.astype(np.float32)
    rows = np.arange(len(before))
    weights, nothing = np.full(len(rows), 1 / len(rows)), np.zeros(2)
    # the field is matched to the ways alone
    leg = Leg(0.0, 1.0, path, weights, rows, None, nothing)  # type: ignore[arg-type]
    fit = match_field([leg], steps=3000, seed=seed, width=128)
    return even(carried(fit.field, before, np.array([0.0, share]))[-1])


def floor(name: str) -> Method:
    def method(before: np.ndarray, after: np.ndarray, share: float, _: int) -> Estimate:
        return baselines(snapshot(before, 0.0), snapshot(after, 1.0), share)[name]

    return method


def of_plan(plan: np.ndarray, clouds: Estimate, share: float, seed: int) -> Estimate:
    before, after = clouds
    generator = np.random.default_rng(seed)
    flat = generator.choice(plan.size, PAIRS, p=plan.ravel() / plan.sum())
    rows, columns = np.unravel_index(flat, plan.shape)
    return even((1 - share) * before[rows] + share * after[columns])


def mixing(before: np.ndarray, after: np.ndarray, share: float, seed: int) -> Estimate:
    return of_plan(np.ones((len(before), len(after))), (before, after), share, seed)


def entropic(before: np.ndarray, after: np.ndarray, share: float, seed: int) -> Estimate:
    import ot

    cost = cdist(before, after, "sqeuclidean")
    p, q = even(before)[1], even(after)[1]
    plan = ot.sinkhorn(p, q, cost / cost.mean(), 0.05, numItermax=5000, warn=False)
    return of_plan(np.asarray(plan), (before, after), share, seed)


def moscot(before: np.ndarray, after: np.ndarray, share: float, seed: int) -> Estimate:
    """moscot's TemporalProblem with its defaults, and its own interpolation."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import anndata
        import pandas as pd
        from moscot.problems.time import TemporalProblem

        points = np.concatenate([before, after])
        times = np.repeat([0.0, 1.0], [len(before), len(after)])
        adata = anndata.AnnData(points, obs=pd.DataFrame({"time": pd.Categorical(times)}))
        adata.obsm["X_pca"] = points
        problem = TemporalProblem(adata).prepare(time_key="time", joint_attr="X_pca").solve()
        middle = problem._interpolate_gex_with_ot(
            number_cells=PAIRS,
            source_data=before,
            target_data=after,
            source=0.0,
            target=1.0,
            interpolation_parameter=share,
            account_for_unbalancedness=False,
            seed=seed,
        )
    return even(np.asarray(middle, np.float64))


def ot_cfm(before: np.ndarray, after: np.ndarray, share: float, seed: int) -> Estimate:
    """torchcfm's exact OT-CFM: its MLP, batches of 128, 1000 steps, 50 Euler steps."""
    import torch
    from torchcfm.conditional_flow_matching import ExactOptimalTransportConditionalFlowMatcher
    from torchcfm.models import MLP

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - torchcfm draws its pairs from here
    scale = float(np.concatenate([before, after]).std())
    centre = before.mean(axis=0)
    x0, x1 = (
        torch.tensor((part - centre) / scale, dtype=torch.float32) for part in (before, after)
    )
    model = MLP(dim=x0.shape[1], time_varying=True)
    optimiser = torch.optim.Adam(model.parameters(), 1e-3)
    matcher = ExactOptimalTransportConditionalFlowMatcher(sigma=0.1)
    for _ in range(CFM_STEPS):
        batch = (part[torch.randint(len(part), (128,))] for part in (x0, x1))
        t, x, u = matcher.sample_location_and_conditional_flow(*batch)
        loss = ((model(torch.cat([x, t[:, None]], 1)) - u) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    x = x0
    with torch.no_grad():
        for k in range(50):
            t = torch.full((len(x), 1), share * k / 50)
            x = x + share / 50 * model(torch.cat([x, t], 1))
    return even(x.numpy().astype(np.float64) * scale + centre)


METHODS: dict[str, Method] = {
    "stay": floor("stay"),
    "mean shift": floor("mean shift"),
    "independent mixing": mixing,
    EXACT: floor("exact transport"),
    "entropic OT": entropic,
    "moscot": moscot,
    "OT-CFM": ot_cfm,
    PROFET: profet,
    FIELD: field,
    OURS: ours,
}
