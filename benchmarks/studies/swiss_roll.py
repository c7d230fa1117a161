"""The Swiss roll: many particles from few points."""

from study import REFERENCE, experiment

EXPERIMENT = experiment(
    "swiss-roll",
    {
        "recipe": (),
        "reference's settings": (*REFERENCE, "integrator=heun", "step_size=0.5", "steps=5000"),
    },
)
