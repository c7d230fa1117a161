"""``gpa augment``: what the folder holds, what it says, and what is refused."""

import csv
import inspect
import json
from pathlib import Path
from types import SimpleNamespace
from typing import ClassVar

import numpy as np
import pytest

from gparticles.augment.augmentation import recipe_of
from gparticles.augment.verdict import judged_words, means
from gparticles.experiment.folder import RunFolder
from gparticles.experiment.inputs import gather
from gparticles.experiment.latent_runs import in_its_space
from gparticles.experiment.recipes import check, read_recipe
from gparticles.flow import load_flow
from gparticles.gan import LipschitzCritic, train_gan
from gparticles.tables import Table, load, save

QUICK = (
    "-n",
    30,
    "--gan-steps",
    3,
    "--set",
    "steps=3",
    "--set",
    "store.frames=2",
    "--set",
    "potential.width=8",
)


def _stop(*_, **__):
    raise KeyboardInterrupt


class _Pretended:
    """A GAN without its training, which would take seconds to compile."""

    outcome = "took all 3 steps"
    history: ClassVar = {"divergence": np.array([3.0, 2.0, 1.0], np.float32)}

    def __init__(self, target, labels):
        self.target, self.labelled = target, labels is not None

    def sample(self, n, *, labels=None, seed=0):
        assert (labels is not None) == self.labelled
        noise = np.random.default_rng(seed).normal(size=(n, *self.target.shape[1:]))
        return self.target.mean(axis=0) + self.target.std(axis=0) * noise


@pytest.fixture
def pretended(monkeypatch):
    """Gives the arguments of every call of ``train_gan``."""
    calls = []

    def train(*given, **settings):
        calls.append(inspect.signature(train_gan).bind(*given, **settings).arguments)
        return _Pretended(calls[-1]["target"], calls[-1]["labels"])

    monkeypatch.setattr("gparticles.augment.gans.train_gan", train)
    return calls


@pytest.fixture
def runs_of_the_flow(monkeypatch):
    """A flow that halves, and whether each run was to be resumed; one on the list is cut off."""
    resumed, cut_off = [], []

    def run(config, out, *, resume, ready, callbacks, say):
        resumed.append(resume)
        points = ready.inputs.source / 2
        folder = RunFolder(out)
        folder.begin("")
        np.save(folder.path / "points.npy", points)
        if cut_off:
            raise cut_off.pop()
        folder.finish({})
        flow = SimpleNamespace(outcome="took all 3 steps", particles=points)
        return SimpleNamespace(flow=flow)

    def flow(folder):
        return SimpleNamespace(particles=np.load(folder.path / "points.npy"))

    monkeypatch.setattr("gparticles.augment.augmentation.runs.run", run)
    monkeypatch.setattr("gparticles.experiment.folder.RunFolder.flow", flow)
    return SimpleNamespace(resumed=resumed, cut_off=cut_off)


def test_a_table_comes_back_with_its_header_ids_and_classes(
    gpa, few, pretended, runs_of_the_flow, monkeypatch
):
    columns = ("--id-column", "sample", "--label-column", "kind")
    given = ("augment", "--target", few, *columns, "--validation", 0.5, *QUICK, "--out", "more")
    folder = few.parent / "more"
    runs_of_the_flow.cut_off.append(KeyboardInterrupt())
    status, _, err = gpa(*given)
    assert status == 130
    assert err.splitlines()[-1].endswith("--out more --resume")
    status, _, err = gpa(*given)
    assert status == 2
    assert "--resume" in err
    with monkeypatch.context() as patch:
        patch.setattr("gparticles.augment.gans.train_gan", _stop)
        assert gpa(*given, "--resume")[0] == 130
    status, out, err = gpa(*given, "--resume")
    assert status == 0, err
    # the second time it was finished and was not run again
    assert runs_of_the_flow.resumed == [False, True]
    assert {path.name for path in folder.iterdir()} == {
        *("augmented.csv", "gan-few.csv", "gan-augmented.csv", "config.toml", "history.csv"),
        *("metrics.json", "figures", "gpa"),
    }
    _check_table(folder, few)
    assert [len(call["target"]) for call in pretended] == [20] * 3 + [50] * 3
    assert [call["seed"] for call in pretended] == [0, 1, 2] * 2
    assert {call["scale"] for call in pretended} == {"columns"}
    assert all(len(call["labels"]) == len(call["target"]) for call in pretended)
    assert all(isinstance(call["critic"], LipschitzCritic) for call in pretended)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["w2"]["few"] == pytest.approx(np.mean(metrics["w2"]["few_each"]))
    assert metrics["w2"]["flow"] > 0
    assert metrics["verdict"]["sentence"] in out
    assert "20 rows and 30 new ones" in out
    assert {path.name for path in (folder / "figures").iterdir()} == {"loss.png", "samples.png"}
    loss = list(csv.DictReader((folder / "history.csv").read_text().splitlines()))
    assert list(loss[0]) == ["step", "few", "augmented"]
    assert len(loss) == 3
    status, _, err = gpa(*given)
    assert status == 2
    assert "never overwritten" in err


def _check_table(folder, few):
    rows = list(csv.reader((folder / "augmented.csv").read_text().splitlines()))
    assert rows[0] == ["sample", "kind", "height", "weight", "income"]
    assert len(rows) == 1 + 20 + 30
    known = {row[0]: row for row in csv.reader(few.read_text().splitlines())}
    for row in rows[1:21]:
        given = known[row[0]]
        np.testing.assert_allclose(np.array(row[2:], float), np.array(given[2:], float), rtol=1e-6)
        assert row[1] == given[1]
    assert [row[0] for row in rows[21:23]] == ["generated-00001", "generated-00002"]
    assert sorted({row[1] for row in rows[21:]}) == ["a", "b"]
    columns = {"id_column": "sample", "label_column": "kind"}
    new = load(folder / "augmented.csv", **columns).values[20:]
    np.testing.assert_array_equal(new, np.load(folder / "gpa" / "points.npy"))
    assert len(load(folder / "gan-few.csv", **columns)) == 30


def test_images_come_back_as_images_with_their_classes(gpa, pretended, runs_of_the_flow, tmp_path):
    images = np.random.default_rng(0).random((16, 6, 5, 3)).astype(np.float32)
    kinds = np.array(["cat", "dog", "dog", "dog"] * 4)
    like = Table(values=images, labels=kinds, kind="images", name="mine")
    save(images, tmp_path / "mine", like=like, labels=kinds)
    (tmp_path / "my.toml").write_text(
        "target = 'mine'\nsource = 'logistic'\nn = 12\nconditional = true\nbounds = [0.0, 1.0]\n"
        "validation = 0.5\n"
    )
    status, out, err = gpa("augment", "--target", "my.toml", "--out", "more", "--gan-steps", 3)
    assert status == 0, err
    assert "8 rows and 12 new ones: more/augmented\n" in out
    assert "W2 to held-out rows" in out
    found = load(tmp_path / "more" / "augmented")
    assert found.values.shape == (20, 6, 5, 3)
    assert sorted(found.labels.tolist()) == ["cat"] * 5 + ["dog"] * 15
    new = load(tmp_path / "more" / "gan-few")
    assert (new.values.shape, sorted(set(new.labels))) == ((12, 6, 5, 3), ["cat", "dog"])
    assert {call["bounds"] for call in pretended} == {(0.0, 1.0)}
    assert [call["target"].shape for call in pretended] == [(8, 6, 5, 3)] * 3 + [(20, 6, 5, 3)] * 3


def test_in_a_latent_space_gans_learn_latents_and_make_images(
    gpa, pretended, runs_of_the_flow, tmp_path
):
    (tmp_path / "my.toml").write_text(
        "source = 'logistic'\nn = 12\nbounds = [0.0, 1.0]\nsteps = 2\nlipschitz = 0.5\n"
        "latent = {dim = 3, keep_residual = false}\ntarget = {dataset = 'digits', n = 40}\n"
        "potential = {preset = 'tight', width = 8}\n"
    )
    status, _, err = gpa("augment", "--target", "my.toml", "--out", "more", "--gan-steps", 3)
    assert status == 0, err
    assert [call["target"].shape for call in pretended] == [(40, 3)] * 3 + [(52, 3)] * 3
    # of pixels, which latents are not
    assert {call["bounds"] for call in pretended} == {None}
    critic = pretended[0]["critic"]
    assert critic.potential.layers[0].matrix.raw.shape == (8, 3)
    config = check(read_recipe("my.toml"))
    codec, _ = in_its_space(config, gather(config, max_held_out=10))
    few = load(tmp_path / "more" / "augmented.npz").values
    seen = pretended[-1]["target"]
    np.testing.assert_allclose(codec.encode(few.reshape(52, -1)), seen, atol=1e-4)
    made = load(tmp_path / "more" / "gan-few.npz").values
    assert made.shape == (12, 8, 8)
    assert made.min() >= 0
    assert made.max() <= 1
    # decoded latents are in the flat of the components, up to what the bounds cut off
    flat = made[(made > 0).all((1, 2)) & (made < 1).all((1, 2))].reshape(-1, 64)
    np.testing.assert_allclose(codec.decode(codec.encode(flat)), flat, atol=1e-5)
    metrics = json.loads((tmp_path / "more" / "metrics.json").read_text())
    assert metrics["w2"]["unit"] == "data units"
    assert metrics["nearest_ratio"]["few"] > 0


def test_a_name_that_nobody_knows(fails):
    fails(("augment", "--target", "swis-roll"), "swis-roll", "did you mean 'swiss-roll'?")
    fails(("augment", "--target", "xyz"), "no file, dataset or recipe", "two-moons", "mixture,")
    fails(("augment", "--target", "absent.npy"), "absent.npy", "no such file")
    fails(("augment", "--target", "digits", "--set", "latent.codec=umap"), "pca, autoencoder")
    fails(("augment", "--target", "digits", "--set", "latent.epochs=3"), "latent.epochs")


def test_what_cannot_be_used_is_refused(fails, tmp_path):
    fails(("augment", "--target", "none.csv"), "none.csv")
    fails(("augment", "--target", "gaussian", "--label-column", "kind"), "--label-column")
    fails(("augment", "--target", "gaussian", "--set", "stps=3"), "stps")
    fails(("augment", "--target", "gaussian", "--gan-steps", "0"), "gan-steps")
    assert not (tmp_path / "runs").exists()


def test_a_target_may_be_a_recipe_a_dataset_or_a_file(few):
    assert recipe_of("swiss-roll", {}).keys["source"]["std"] == 3.0
    assert recipe_of("mnist", {}).keys["n"] == 600
    drawn = recipe_of("two-moons", {}).keys
    assert drawn["target"] == {"dataset": "two-moons"}
    assert drawn["source"] == {"noise": "gaussian"}
    given = recipe_of(str(few), {"id_column": "sample"}).keys
    assert given["target"] == {"file": str(few.resolve()), "id_column": "sample"}
    assert given["n"] == 5000
    # as many particles as the source has rows
    own = few.parent / "own.toml"
    own.write_text("target = 'few.csv'\nsource = 'few.csv'\n")
    keys = recipe_of(str(own), {"label_column": "kind"}).keys
    assert "n" not in keys
    assert keys["target"] == {"file": "few.csv", "label_column": "kind"}


def _scores(few, augmented, *, flow=2.0, smoothed=2.5, names=("w2",)):
    entry = {
        "value": flow,
        "resampled": 3.0,
        "smoothed": smoothed,
        "fresh": 1.0,
        "unit": "u",
        "title": "t",
        "points": [1, 1],
        "note": "",
    }
    measured = {
        "flow": [{"w2": entry}],
        "few": [{"w2": {**entry, "value": v}} for v in few],
        "augmented": [{"w2": {**entry, "value": v}} for v in augmented],
    }
    return {name: means(measured)["w2"] for name in names}


def test_words_claim_no_more_than_the_numbers():
    gained = judged_words(_scores([3.0, 3.2], [2.0, 2.4]))
    assert gained.startswith("The GAN gained by them: W2 to held-out rows is 2.2 with")
    assert "3.1 without" in gained
    assert judged_words(_scores([3.0, 3.2], [3.5, 3.3])).startswith("The GAN lost by them")
    assert judged_words(_scores([3.0, 3.2], [2.0, 3.1])).startswith("No clear gain")
    # every training is better, by 1 % on average, and trainings differ by as much
    little = judged_words(_scores([3.0, 3.03, 3.01], [2.99, 2.97, 2.995]))
    assert little.startswith("No clear gain for the GAN: W2 to held-out rows is 2.985 with")
    assert "(-0.94 %; trainings from other seeds differ by 0.015)" in little
    assert "gained" not in little
    assert "cannot be told from one training" in judged_words(_scores([3.0], [2.0]))
    assert judged_words(_scores([3.0], [2.0], flow=2.6)).endswith("plain noise comes as near.")
    assert "--validation 0.2" in judged_words(None)
    # pixels apart say less of images than features
    seen = judged_words(_scores([3.0], [2.0], names=("w2", "kd_lenet")))
    assert "KD-LeNet to held-out rows is 2 with" in seen
    assert "so few rows" in judged_words({})


@pytest.mark.slow
def test_with_a_real_flow_and_real_gans(gpa, tmp_path):
    few = Path(__file__).parents[2] / "examples" / "few.csv"
    out = tmp_path / "more"
    short = ("-n", 40, "--gan-steps", 4, "--set", "steps=4", "--out", out)
    status, _, err = gpa("augment", "--target", few, "--validation", 0.2, *short)
    assert status == 0, err
    given, rows = (
        load(few, id_column="id").values,
        load(out / "augmented.csv", id_column="id").values,
    )
    kept = {tuple(row) for row in rows[:-40]}
    assert len(kept) == 160
    assert kept < {tuple(row) for row in given}
    flow = load_flow(out / "gpa" / "flow")
    np.testing.assert_allclose(rows[-40:], flow.particles, rtol=1e-12)
    assert flow.steps == 4
    assert not kept & {tuple(row) for row in rows[-40:]}
    samples = [
        load(out / f"gan-{name}.csv", id_column="id").values for name in ("few", "augmented")
    ]
    assert all(np.isfinite(cloud).all() and cloud.std() > 0 for cloud in samples)
    assert not np.array_equal(*samples)
    loss = np.loadtxt(out / "history.csv", delimiter=",", skiprows=1)
    assert len(loss) == 4
    assert np.isfinite(loss).all()
