"""The Swiss roll: many particles from few points."""

from pages import FLOORS, Page, Results, figure
from study import REFERENCE, Experiment


def finding(r: Results) -> str:
    ours, theirs = "recipe", "reference's settings"
    w2 = {row: figure(r.mean(row, "w2")) for row in (ours, theirs, *FLOORS)}
    near = {row: figure(r.mean(row, "nearest_ratio")) for row in (ours, theirs)}
    slower = r.mean(theirs, "seconds") / r.mean(ours, "seconds")
    return f"""It holds, with a reserve. W2 is {w2[ours]}, below that of the training points
        drawn again ({w2["resampled"]}, in {r.wins(ours, "resampled", "w2")} seeds) and of the same
        with the likeliest noise ({w2["smoothed"]}, in {r.wins(ours, "smoothed", "w2")}), and far
        from that of fresh points ({w2["fresh"]}). Hardly a particle is a copy, but particles lie
        nearer to the training points than fresh ones do (nearest {near[ours]}). The longer run
        with the reference's settings comes nearer to them still ({near[theirs]}) and not nearer to
        held-out points (W2 {w2[theirs]}), in {slower:.0f} times the time."""


EXPERIMENT = Experiment(
    "swiss-roll",
    {
        "recipe": (),
        "reference's settings": (
            *REFERENCE,
            "integrator=heun",
            "step_size=0.5",
            "steps=5000",
        ),
    },
)
PAGE = Page(
    "Swiss roll: 5000 particles from 200 points",
    "5000 particles from a Gaussian learn the Swiss roll from 200 points (README of the "
    "published code; arXiv 2210.17230), without becoming copies of them, since there are more "
    "particles than points.",
    "Particles start from N(0, 9 I); 2000 fresh points of the roll are held out.",
    ("w2", "nearest_ratio", "copy_rate", "coverage", "seconds"),
    finding,
)
