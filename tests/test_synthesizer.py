"""New rows of frames: dtypes, conditions, classes, saving, and what is refused."""

import json

import numpy as np
import pytest

import gparticles as gpa
from gparticles.choosing import Way
from gparticles.tables.codec import TableCodec

pandas = pytest.importorskip("pandas")
pytestmark = pytest.mark.slow
QUICK = Way(steps=100)


@pytest.fixture(scope="module")
def frame():
    generator = np.random.default_rng(0)
    kind = generator.choice(["a", "b", "c"], 120, p=[0.6, 0.3, 0.1])
    size = generator.normal(size=120) + 3 * (kind == "b")
    frame = pandas.DataFrame({"size": size, "kind": kind, "count": generator.poisson(20, 120)})
    frame["part"] = pandas.Categorical(generator.choice(["x", "y"], 120))
    frame.loc[:10, "size"] = np.nan
    return frame


@pytest.fixture(scope="module")
def fitted(frame):
    return gpa.Synthesizer(potential=QUICK, columns={"kind": "label"}).fit(frame)


def test_rows_are_like_those_of_the_frame(fitted, frame):
    made = fitted.sample(400, seed=1)
    assert made.dtypes.equals(frame.dtypes)
    assert set(made["kind"]) == {"a", "b", "c"}
    assert (made["kind"] == "a").mean() == pytest.approx((frame["kind"] == "a").mean(), abs=0.05)
    gap = made.groupby("kind")["size"].mean()
    assert 2 < gap["b"] - gap["a"] < 4
    assert 0.01 < made["size"].isna().mean() < 0.3
    assert made["count"].min() >= 0


def test_every_call_draws_others_and_a_seed_draws_the_same(fitted):
    first, second = fitted.sample(5), fitted.sample(5)
    assert not first.equals(second)
    pandas.testing.assert_frame_equal(fitted.sample(5, seed=3), fitted.sample(5, seed=3))


def test_conditions_and_balance(fitted):
    rare = fitted.sample(30, where={"kind": "c"}, seed=0)
    assert set(rare["kind"]) == {"c"}
    assert fitted.report_["acceptance"] == 1
    some = fitted.sample(30, where={"kind": ["a", "c"], "count": (18, 25), "part": "x"}, seed=0)
    assert some["count"].between(18, 25).all()
    assert set(some["part"]) == {"x"}
    assert set(some["kind"]) <= {"a", "c"}
    assert 0 < fitted.report_["acceptance"] < 1
    assert sorted(fitted.sample(31, balance="kind", seed=0)["kind"].value_counts()) == [10, 10, 11]
    assert sorted(fitted.sample(30, balance="part", seed=0)["part"].value_counts()) == [15, 15]


def test_what_is_saved_makes_the_same_rows(fitted, tmp_path):
    fitted.save(tmp_path / "made")
    again = gpa.load_synthesizer(tmp_path / "made")
    pandas.testing.assert_frame_equal(again.sample(9, seed=2), fitted.sample(9, seed=2))
    assert json.dumps(again.report_["columns"]) == json.dumps(fitted.report_["columns"])
    with pytest.raises(gpa.InputError, match="holds a flow already"):
        fitted.save(tmp_path / "made")
    path = tmp_path / "made" / "table.json"
    path.write_text(path.read_text().replace("continuous", "x").replace('"low"', '"slow"'))
    with pytest.raises(gpa.InputError, match="damaged"):
        gpa.load_synthesizer(tmp_path / "made")
    with pytest.raises(gpa.InputError, match="holds no synthesizer"):
        gpa.load_synthesizer(tmp_path)


def test_few_rows_choose_nothing_and_that_is_told(frame):
    made = gpa.Synthesizer(seed=1).fit(frame[:30])
    assert "30 rows are too few" in made.report_["choice"]["sentence"]
    assert made.flow_.choice == made.report_["choice"]
    assert len(made.sample(3)) == 3


def test_frames_of_dask_are_refused_by_what_needs_all_rows(refused):
    lazy = type("DataFrame", (), {"__module__": "dask.dataframe.core"})()
    refused(lambda: TableCodec.fit(lazy), "Dask", "frame.compute()")


def test_frames_of_dask(frame, monkeypatch):
    dd = pytest.importorskip("dask.dataframe")
    monkeypatch.setattr("gparticles.synthesizer.MOST_ROWS", 100)
    way = Way(steps=2)
    model = gpa.Synthesizer(potential=way).fit(dd.from_pandas(frame, npartitions=3))
    assert 98 <= model.report_["rows"] <= 102
    assert "rows of 120 were learnt, drawn at random" in model.report_["notes"][0]
    lazy = model.sample(31, seed=4, where={"kind": ["a", "b"]}, partitions=3)
    assert lazy.npartitions == 3
    made = lazy.compute(scheduler="sync")
    # as a worker does it once more
    again = lazy.compute(scheduler="sync")
    pandas.testing.assert_frame_equal(again, made)
    assert made.dtypes.equals(lazy.dtypes)
    assert made.dtypes["part"] == frame.dtypes["part"]
    assert made.index.tolist() == list(range(31))
    assert set(made["kind"]) <= {"a", "b"}
    assert len(made["size"].dropna().unique()) == made["size"].notna().sum()
    alone = model.sample(10, seed=4, where={"kind": ["a", "b"]})
    pandas.testing.assert_frame_equal(made.iloc[:10], alone.iloc[:10], check_dtype=False)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"potential": "nothing"}, 'use "auto", "network"'),
        ({"seed": -1}, "seed is -1"),
        ({"columns": {"size": "label"}}, "rows without a label"),
    ],
)
def test_refused(frame, arguments, words):
    with pytest.raises(gpa.InputError, match=words):
        gpa.Synthesizer(**arguments).fit(frame)
    with pytest.raises(gpa.InputError, match="n is 0"):
        gpa.Synthesizer(potential=Way(steps=2)).fit(frame).sample(0)
