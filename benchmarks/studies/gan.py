"""GANs on the 200 points of the Swiss roll from which the recipe makes 5000."""

from functools import partial

from gan_runs import Made, by_flow, by_gan, draw_samples, study_rows
from measure import Measurement
from pages import Page, Results, figure, percent

import gparticles as gpa

RECIPE = "swiss-roll"
FLOW, KL_1, PENALISED = (
    "particles (recipe)",
    "KL-Lipschitz GAN, L = 1",
    "Wasserstein GAN, penalty",
)
CLIPPED = {limit: f"Wasserstein GAN, clipped at {limit}" for limit in (0.01, 0.1)}
KL, ALPHA = "KL-Lipschitz GAN, L = 0.1", "alpha 2-Lipschitz GAN, L = 0.1"
# benchmarks/gan_settings.py
STEPS = 3000
CRITICS = {
    KL_1: gpa.LipschitzCritic(lipschitz=1.0),
    KL: gpa.LipschitzCritic(lipschitz=0.1),
    ALPHA: gpa.LipschitzCritic(f=gpa.Alpha(2.0), lipschitz=0.1),
    PENALISED: gpa.PenalisedCritic(strength=10.0, learning_rate=3e-3),
} | {name: gpa.ClippedCritic(limit=limit, learning_rate=3e-4) for limit, name in CLIPPED.items()}


def player(seed: int, *, critic: gpa.LipschitzCritic) -> Made:
    return by_gan(RECIPE, seed, critic=critic, steps=STEPS)


ROWS = {FLOW: partial(by_flow, RECIPE)} | {
    name: partial(player, critic=critic) for name, critic in CRITICS.items()
}


def finding(r: Results) -> str:
    w2 = {row: figure(r.mean(row, "w2")) for row in (*ROWS, "resampled", "smoothed", "fresh")}
    covered = {row: percent(r.mean(row, "coverage")) for row in ROWS}
    best = min(CRITICS, key=lambda row: r.mean(row, "w2"))
    ahead = r.wins(FLOW, best, "w2")
    worst = max(CLIPPED.values(), key=lambda row: r.mean(row, "w2"))
    close = abs(r.mean(best, "w2") - r.mean(FLOW, "w2")) < 0.1 * r.mean(FLOW, "w2")
    verdict = (
        "It does not hold for every GAN."
        if close or r.mean(best, "w2") < r.mean(FLOW, "w2")
        else "It holds in degree: no GAN comes as near."
    )
    return f"""{verdict} W2 of the particles is {w2[FLOW]}, that of the best GAN ({best})
        {w2[best]}, and the particles are nearer in {ahead} seeds; training points drawn again have
        {w2["resampled"]}, with the likeliest noise {w2["smoothed"]}, fresh points {w2["fresh"]}.
        The particles cover {covered[FLOW]} of the held-out points, that GAN {covered[best]}. What
        fails is the oldest of the four: {worst} is at {w2[worst]} and covers {covered[worst]},
        with settings that were not tuned. The KL-Lipschitz GAN of the claim is at {w2[KL_1]} with
        L = 1 and covers {covered[KL_1]}. With L = 0.1 it comes to {w2[KL]} and blurs the roll: its
        samples are {figure(r.mean(KL, "nearest_ratio"))} times as far from the training points as
        fresh ones are, those of L = 1 {figure(r.mean(KL_1, "nearest_ratio"))}
        times."""


EXPERIMENT = Measurement(study_rows(RECIPE, ROWS), draw_samples)
PAGE = Page(
    "GANs on 200 points of the Swiss roll",
    "GANs fail on the 200 points from which particles learn, with critic and potential alike "
    "(README of the published code; arXiv 2210.17230).",
    "200 points; each makes 5000, judged by 2000 fresh ones. GANs: critics with the width, depth "
    "and activation of the recipe's potential, and its layers where the slope is bounded; 3000 "
    "steps of a generator of three hidden layers of 64, five of the critic for each. Rates and "
    "steps were tried for the alpha 2 and the penalised critic on data seeds 100 and 101, which "
    "are not shown, judged by further points of these (`python benchmarks/gan_settings.py "
    "swiss-roll penalised`): no choice mattered much, and 8000 steps were hardly better than 2000. "
    "The clipped critic is shown with two limits and was not tuned further.",
    ("w2", "nearest_ratio", "copy_rate", "coverage", "seconds"),
    finding,
    options="--seeds 0 1 2 3 4",
    picture="What each makes with the first seed",
)
