"""Recipes with ``[latent]``: tables and images through a codec, and what is shown of them."""

import json
from pathlib import Path

import numpy as np
import pytest

from gparticles.experiment import runs
from gparticles.experiment.evaluation import evaluate_run
from gparticles.experiment.folder import RunFolder
from gparticles.experiment.inputs import gather
from gparticles.experiment.latent_runs import as_shown
from gparticles.experiment.pictures import report_again
from gparticles.experiment.recipes import Recipe, check, packaged, read_recipe
from gparticles.latent import GaussianMap, LatentFlow, latent_transport

GENES = {"dataset": "expression", "genes": 1200, "n": 40}
KEYS = {
    "source": {**GENES, "n": 30, "shift": 1.0},
    "target": GENES,
    "latent": {"codec": "pca", "dim": 3, "align": True, "scale_residual": True},
    "steps": 3,
}


def config(**changed):
    return check(Recipe("test", "the test", {**KEYS, **changed}, Path.cwd()))


@pytest.mark.slow
def test_genes_through_components(tmp_path, refused):
    result = runs.run(config(), tmp_path / "run")
    assert isinstance(result.flow, LatentFlow)
    # particles of all genes, in an npz, since text of so many columns is of no use
    assert result.particles.name == "particles.npz"
    particles = np.load(result.particles)["X"]
    assert particles.shape == (30, 1200)
    assert particles.dtype == np.float32
    np.testing.assert_array_equal(particles, result.flow.particles)
    assert result.flow.latent.particles.shape == (30, 3)
    assert result.flow.alignment is not None
    # judged in the latent space, and said so
    assert result.metrics["steps"]["value"] == 3
    clouds = gather(config(), max_held_out=10)
    gaps = [np.abs(x.mean(0) - clouds.target.mean(0)).mean() for x in (clouds.source, particles)]
    assert gaps[1] < 0.2 * gaps[0]
    _begins_with_the_source(result.flow, clouds.source)
    bound = result.metrics["latent_bound"]
    assert bound["value"] == bound["after"] < bound["before"]
    assert bound["lipschitz"] == pytest.approx(result.flow.lipschitz)
    notes = " ".join(result.metrics["outcome"]["notes"])
    assert "3 latent dimensions" in notes
    assert "show the latent space" in notes
    folder = RunFolder(tmp_path / "run")
    page = (tmp_path / "run" / "report.html").read_text()
    assert "Latent bound: as the decoder shows them" in page
    assert report_again(folder).read_text() == page
    again = runs.run(check(read_recipe(str(tmp_path / "run" / "config.toml"))), tmp_path / "again")
    np.testing.assert_array_equal(again.flow.particles, result.flow.particles)
    # new samples of the source ride the stored flow
    more = runs.sample(folder, 30, tmp_path / "more.npz", seed=1).path
    assert np.load(more)["X"].shape == (30, 1200)
    path = tmp_path / "unseen.npz"
    np.savez(path, X=np.load(more)["X"])
    found = evaluate_run(folder, path)
    assert np.isfinite(found["w2"]["value"])


def _begins_with_the_source(flow, source):
    shown = as_shown(flow)
    assert shown.trajectory_steps.tolist() == [-1, *flow.latent.trajectory_steps]
    start = flow.codec.encode(source.astype(np.float64))
    np.testing.assert_allclose(shown.trajectory[0], start, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(shown.trajectory[1:], flow.latent.trajectory)


def test_classes_are_mapped_back_by_their_own_means():
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(30, 8)), rng.normal(size=(40, 8)) + 3
    labels, others = np.arange(30) % 2, np.arange(40) % 2
    short = {"steps": 2, "align": GaussianMap(), "latent_dim": 3}
    flow = latent_transport(source, target, labels=labels, target_labels=others, **short)
    _begins_with_the_source(flow, source)


def test_images_are_shown_as_images(tmp_path):
    keys = {"source": "logistic", "target": {"dataset": "digits", "n": 40}, "n": 30, "steps": 3}
    result = runs.run(config(**keys, latent={"dim": 3}), tmp_path / "run")
    assert result.flow.particles.shape == (30, 8, 8)
    assert "grids" in (tmp_path / "run" / "report.html").read_text()
    # pixels are judged, not latents
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert "show the latent space" not in " ".join(metrics["outcome"]["notes"])


@pytest.mark.parametrize(
    ("latent", "parts"),
    [
        ({"codec": "umap"}, ["latent.codec", "pca, autoencoder"]),
        ({"dim": 0}, ["latent.dim", "from 1 to"]),
        ({"dims": 3}, ["'latent.dims'", "'latent.dim'"]),
        ({"epochs": 3}, ["latent.epochs", "pca"]),
    ],
)
def test_refusals(tmp_path, refused, latent, parts):
    refused(lambda: runs.run(config(latent=latent), tmp_path / "run"), *parts)
    assert not (tmp_path / "run").exists()


def test_a_bare_name_is_the_codec(tmp_path):
    assert config(latent="autoencoder").latent.codec == "autoencoder"


def test_the_packaged_recipe_is_of_the_papers_width():
    assert "54,675 genes" in packaged()["gene-expression"]
    found = check(read_recipe("gene-expression"))
    assert found.source.options() == {"shift": 1.0}
    assert found.latent.dim == 50
