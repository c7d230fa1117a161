"""Whatever a folder's files hold, a report is written or one line says what is damaged."""

import json
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from gparticles import InputError, plots
from gparticles.report import About, packing, write_report
from gparticles.report.animation import save_animation
from gparticles.report.representation import flow_html
from gparticles.report.shown import Shown, choose
from tests.evaluate.flows import made, walk

VERSIONS = {"Python": "3"}
METRICS = {
    "w2": {
        "value": 1.25,
        "fresh": None,
        "resampled": 2.5,
        "smoothed": 2,
        "low": 1.0,
        "high": 1.5,
        "unit": "data units",
        "title": "Wasserstein-2",
        "note": "exact",
        "points": [8, 4],
        "sentence": "S1",
    },
    "copy_rate": {"value": 0.5, "sentence": "S2"},
    "coverage": {"value": 0.5, "expected": 0.9, "sentence": "S3"},
    "outcome": {"value": "took all 5 steps", "certified": True, "notes": ["a"]},
    "seconds": {"value": 1.5},
    "steps": {"value": 5},
}
ODD = [
    None,
    True,
    -1,
    10**400,
    float("nan"),
    float("inf"),
    "",
    "x",
    "\udce9",
    [],
    [1],
    {},
    {"a": 1},
]


def report(folder, metrics, *, versions=VERSIONS):
    flow = made(walk(8, 2))
    about = About("run", "", "gpa run", "seed = 0", versions, metrics)
    return write_report(folder / "report.html", flow, choose(flow, walk(4, 2)[0]), about=about)


def test_every_field_of_the_metrics_may_hold_anything(tmp_path, monkeypatch):
    """Each value, on each level, in the place of each: a page, or one line that names the mend."""
    # compressing it takes longer than all the rest
    monkeypatch.setattr(packing, "plotly_script", lambda: "")
    refused = []
    places = [(), *((name,) for name in METRICS)]
    places += [(name, field) for name, entry in METRICS.items() for field in entry]
    for place in places:
        for odd in ODD:
            metrics = json.loads(json.dumps(METRICS))
            if not place:
                metrics = odd
            elif len(place) == 1:
                metrics[place[0]] = odd
            else:
                metrics[place[0]][place[1]] = odd
            try:
                assert report(tmp_path, metrics).stat().st_size > 1e4
            except InputError as error:
                refused.append(str(error))
    assert len(refused) > len(places)
    assert all("\n" not in line and "restore them" in line for line in refused)


@pytest.mark.parametrize("versions", [None, [], "x", {"Python": None}, {"Python": {"a": 1}}])
def test_versions_are_texts(versions, tmp_path):
    with pytest.raises(InputError, match="versions"):
        report(tmp_path, METRICS, versions=versions)


def changed(flow, **history):
    return replace(flow, history={**flow.history, **history})


def damaged(flow):
    """The flow with one array in it that cannot be drawn, and what names it."""
    way, energy = flow.trajectory, flow.history["kinetic_energy"]
    for odd in (np.nan, np.inf, -np.inf):
        frames, end = way.copy(), flow.particles.copy()
        frames[1, 0], end[2] = odd, odd
        yield replace(flow, trajectory=frames), "frames"
        yield replace(flow, particles=end), "particles"
    yield replace(flow, trajectory=way[:0]), "frames"
    yield replace(flow, trajectory=way[:, :3]), "frames"
    yield replace(flow, trajectory=way[0]), "frames"
    yield replace(flow, trajectory=way.astype("U5")), "frames"
    yield replace(flow, particles=flow.particles[:0]), "particles"
    yield replace(flow, particles=flow.particles.astype("U5")), "particles"
    yield replace(flow, trajectory_steps=flow.trajectory_steps[:2]), "frames"
    yield replace(flow, trajectory_steps=flow.trajectory_steps - 9), "frames"
    yield replace(flow, trajectory_steps=flow.trajectory_steps.astype(float)), "frames"
    yield changed(flow, kinetic_energy=energy[:2]), "kinetic_energy"
    yield changed(flow, divergence=energy.astype("U5")), "divergence"
    yield changed(flow, held_out=np.ones((5, 2))), "held_out"
    yield replace(flow, history={"time": flow.history["time"]}), "divergence"


@pytest.mark.parametrize("shape", [(2,), (3,), (7,), (6, 6)])
def test_arrays_that_cannot_be_drawn_are_refused(shape, tmp_path):
    flow = made(walk(8, *shape))
    shown = choose(flow, walk(4, *shape)[0])
    about = About("run", "", "gpa run", "seed = 0", VERSIONS, METRICS)
    for broken, part in damaged(flow):
        for draw in (
            lambda: write_report(tmp_path / "a.html", broken, shown, about=about),  # noqa: B023
            lambda: write_report(tmp_path / "a.html", broken, None, about=about),  # noqa: B023
            lambda: save_animation(broken, shown, tmp_path / "a.gif"),  # noqa: B023
            lambda: flow_html(broken),  # noqa: B023
        ):
            with pytest.raises(InputError, match=part) as caught:
                draw()
            assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("target", np.full((4, 2), np.nan)),
        ("target", np.zeros((0, 2))),
        ("target", np.zeros((4, 3))),
        ("target", np.array([["a", "b"]])),
        ("chosen", np.array([0, 8])),
        ("chosen", np.array([-1])),
        ("chosen", np.array([0.5])),
        ("chosen", np.zeros((2, 2), int)),
        ("chosen", np.zeros(0, int)),
        ("target_rows", 2),
        ("target_rows", "4"),
        ("target_rows", None),
        ("columns", ("a",)),
        ("columns", ("a", 3)),
        ("columns", ("a", None)),
    ],
)
def test_what_was_kept_to_be_shown_fits_the_flow(field, value, tmp_path):
    flow = made(walk(8, 2))
    shown: Shown = replace(choose(flow, walk(4, 2)[0]), **{field: value})
    about = About("run", "", "gpa run", "seed = 0", VERSIONS, METRICS)
    with pytest.raises(InputError):
        write_report(tmp_path / "a.html", flow, shown, about=about)
    with pytest.raises(InputError):
        save_animation(flow, shown, tmp_path / "a.gif")


@pytest.mark.parametrize(
    "draw",
    [
        lambda panel: plots.scatter(panel, np.zeros((0, 2)), np.zeros((3, 2))),
        lambda panel: plots.scatter(panel, np.zeros((3, 2)), np.zeros((0, 2))),
        lambda panel: plots.image_grid(panel, np.zeros((0, 4, 4))),
        lambda panel: plots.image_grid(panel, np.zeros((3, 4))),
        lambda panel: plots.image_grid(panel, np.zeros((3, 4, 4, 2))),
        lambda panel: plots.image_grid(panel, np.full((3, 4, 4), np.nan)),
        lambda panel: plots.history_curve(panel, np.zeros(3), np.zeros(4)),
        lambda panel: plots.strip([panel], np.zeros((2, 3, 2)), [0], target=np.zeros((3, 2))),
        lambda panel: plots.strip([], np.zeros((0, 3, 2)), [], target=np.zeros((3, 2))),
        lambda panel: plots.Projection(np.full((5, 9), np.nan)),
        lambda panel: plots.Projection(np.zeros((0, 9))),
        lambda panel: plots.Projection(np.zeros((5, 2)), columns=["a"]),
        lambda panel: plots.Projection(np.ones((5, 9)))(np.ones((5, 8))),
    ],
)
def test_what_figures_refuse(draw):
    with pytest.raises(InputError) as caught:
        draw(Figure().add_subplot())
    assert "\n" not in str(caught.value)
