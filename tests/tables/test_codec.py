"""The codec of mixed columns: there and back for every table, and nothing but rows comes back."""

import json
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from gparticles.tables.codec import TableCodec
from gparticles.tables.stored import packed

pandas = pytest.importorskip("pandas")
ROWS = st.integers(2, 30)
FINITE = st.floats(-1e9, 1e9, allow_nan=False)


def _whole(dtype):
    ends = np.iinfo(dtype)
    low, high = max(int(ends.min), -(2**40)), min(int(ends.max), 2**40)
    return lambda n: hnp.arrays(dtype, n, elements=st.integers(low, high))


def _of(cells):
    return lambda n: st.lists(cells, min_size=n, max_size=n)


def _categorical(ordered):
    levels = ["low", "mid", "high", "never"]

    def make(n):
        cells = st.lists(st.sampled_from([*levels[:3], None]), min_size=n, max_size=n)
        return cells.map(lambda c: pandas.Categorical(c, categories=levels, ordered=ordered))

    return make


def _typed(cells, dtype):
    return lambda n: st.lists(cells, min_size=n, max_size=n).map(
        lambda c: pandas.array(c, dtype=dtype)
    )


DATES = st.datetimes(pandas.Timestamp("2000-01-01"), pandas.Timestamp("2030-01-01"))
COLUMNS = {
    "float": _of(FINITE),
    "float32": lambda n: hnp.arrays(np.float32, n, elements=st.floats(-1e6, 1e6, width=32)),
    "gaps": _of(st.one_of(FINITE, st.just(float("nan")))),
    "rounded": _of(st.integers(-500, 500).map(lambda k: k / 10)),
    "halves": _of(st.integers(0, 40).map(lambda k: k / 2)),
    "zeros": _of(st.one_of(st.just(0.0), st.floats(0, 1e4))),
    **{kind: _whole(kind) for kind in ("int8", "uint8", "int32", "int64")},
    "Int64": _typed(st.one_of(st.integers(-99, 99), st.none()), "Int64"),
    "bool": _of(st.booleans()),
    "boolean": _typed(st.one_of(st.booleans(), st.none()), "boolean"),
    "text": _of(st.text("ab é,\"'\n", max_size=3)),
    "string": _typed(st.one_of(st.text("ab", max_size=2), st.none()), "string"),
    "nominal": _categorical(ordered=False),
    "ordinal": _categorical(ordered=True),
    "dates": lambda n: st.lists(DATES, min_size=n, max_size=n).map(
        lambda d: np.array(d, "M8[us]").astype("M8[ns]")
    ),
    "days": _of(
        st.dates(date(1900, 1, 1), date(2100, 1, 1)).map(
            lambda d: f"{d.day:02d}.{d.month:02d}.{d.year:04d}"
        )
    ),
    "zoned": _typed(DATES, "datetime64[ns, UTC]"),
    "spans": lambda n: hnp.arrays("m8[s]", n, elements=st.integers(-(10**6), 10**6)),
}


def _varies(cells):
    series = pandas.Series(cells)
    return series.notna().any()


@st.composite
def tables(draw):
    n = draw(ROWS)
    kinds = draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=4, unique=True))
    frame = {}
    for kind in kinds:
        cells = draw(COLUMNS[kind](n).filter(_varies))
        frame[kind] = cells
    # or a table of constants only would be refused, as it should be
    frame["base"] = np.arange(n) * 0.37 + 1 / 3
    return pandas.DataFrame(frame)


def _fit(frame):
    # text that differs in every row of many would be names, or free text
    columns = {name: "categorical" for name in ("text", "string") if name in frame}
    return TableCodec.fit(frame, columns=columns | _called(frame))


def _called(frame):
    numbers = ("int8", "uint8", "int32", "int64", "Int64")
    return {name: "integer" for name in numbers if name in frame}


@settings(max_examples=60, deadline=None)
@given(tables(), st.integers(0, 3))
def test_every_row_of_every_table_comes_back(frame, seed):
    codec = _fit(frame)
    points = codec.encode(frame, seed=seed)
    assert points.shape == (len(frame), len(codec.coordinates))
    assert np.isfinite(points).all()
    pandas.testing.assert_frame_equal(codec.decode(points), frame)
    arrays = {}
    record = packed(codec, arrays)
    again = TableCodec.from_record(json.loads(json.dumps(record)), arrays)
    pandas.testing.assert_frame_equal(again.decode(points), frame)


@settings(max_examples=60, deadline=None)
@given(tables(), st.data())
def test_whatever_is_decoded_is_a_row(frame, data):
    codec = _fit(frame)
    shape = (5, len(codec.coordinates))
    anything = st.one_of(st.floats(-10, 10), st.floats(allow_nan=True, allow_infinity=True))
    made = codec.decode(data.draw(hnp.arrays(np.float64, shape, elements=anything)))
    assert made.dtypes.equals(frame.dtypes)
    for name in frame:
        cells, known = made[name].dropna(), frame[name].dropna()
        if name in ("text", "string", "nominal", "ordinal", "bool", "boolean"):
            assert set(cells) <= set(known)
        if name in ("rounded", "halves") and len(cells):
            step = 0.1 if name == "rounded" else 0.5
            assert (cells == np.round(np.round(cells / step) * step, 1)).all()
        if name in ("zeros", "halves", "uint8"):
            assert (cells >= 0).all()
        if name in ("dates", "zoned"):
            assert cells.between(known.min(), known.max()).all()
        if not frame[name].isna().any():
            assert not made[name].isna().any()
    # a point of a row is a point of a row
    pandas.testing.assert_frame_equal(codec.decode(codec.encode(made)), made)


@settings(max_examples=30, deadline=None)
@given(
    hnp.arrays(np.float64, st.integers(20, 40), elements=FINITE),
    st.tuples(st.floats(-5, 0), st.floats(0, 5)),
)
def test_ranges_hold(numbers, ends):
    low, high = numbers.min() + ends[0], numbers.max() + ends[1]
    codec = TableCodec.fit(
        pandas.DataFrame({"x": numbers, "y": np.arange(len(numbers)) / 3}),
        ranges={"x": (low, high)},
        columns={"x": "continuous"},
    )
    shape = 50, len(codec.coordinates)
    made = codec.decode(np.random.default_rng(0).normal(size=shape) * 20)
    assert made["x"].between(low, high).all()


def test_tails_go_on_and_signs_stay():
    values = np.random.default_rng(0).lognormal(size=200)
    codec = TableCodec.fit(pandas.DataFrame({"x": values, "z": values - 1}))
    made = codec.decode(np.linspace(-5, 5, 101)[:, None] * [1.0, 1.0])
    assert made["x"].max() > values.max()
    assert 0 < made["x"].min() < values.min()
    assert made["x"].is_monotonic_increasing


def test_normal_scores_are_normal():
    numbers = np.random.default_rng(0).poisson(1.0, size=1000)
    points = TableCodec.fit(pandas.DataFrame({"x": numbers})).encode(
        pandas.DataFrame({"x": numbers})
    )
    assert abs(points.mean()) < 0.1
    assert abs(points.std() - 1) < 0.1
    low, middle = np.quantile(points, [0.1587, 0.5])
    assert abs(low + 1) < 0.15
    assert abs(middle) < 0.1


@pytest.fixture
def wide():
    """A table in which columns are functions of others."""
    generator = np.random.default_rng(0)
    frame = pandas.DataFrame(
        {
            "a": generator.integers(0, 50, 80),
            "b": generator.normal(size=80).round(2) + 20,
            "kind": generator.choice(list("uvw"), 80),
        }
    )
    frame["total"] = (frame["a"] + frame["b"]).round(2)
    frame["again"] = frame["kind"]
    frame["code"] = frame["kind"].map({"u": 3, "v": 1, "w": 7})
    frame["fahrenheit"] = (frame["b"] * 1.8 + 32).round(3)
    frame["old"] = np.where(frame["a"] > 25, "old", "young")
    return frame


def test_functions_of_other_columns_are_found_and_hold_in_every_row(wide):
    codec = TableCodec.fit(wide)
    words = dict(zip(wide, codec.kinds.values(), strict=True))
    assert words["total"] == "computed: a + b"
    assert words["again"] == "a copy of kind"
    assert words["code"] == "a function of kind"
    assert words["fahrenheit"] == "computed: 1.8 b + 32"
    assert words["old"] == "intervals of a"
    assert len(codec.notes) == 5
    pandas.testing.assert_frame_equal(codec.decode(codec.encode(wide)), wide)
    made = codec.decode(np.random.default_rng(1).normal(size=(200, len(codec.coordinates))) * 2)
    np.testing.assert_allclose(made["total"], made["a"] + made["b"], atol=1e-9)
    assert (made["again"] == made["kind"]).all()
    assert (made["code"] == made["kind"].map({"u": 3, "v": 1, "w": 7})).all()
    learnt = TableCodec.fit(wide, columns={"total": "continuous"})
    assert learnt.kinds["total"] == "continuous"


def test_a_difference_is_turned_round_where_it_would_lose_its_sign():
    generator = np.random.default_rng(0)
    paid, owed = generator.integers(1, 50, (2, 60))
    frame = pandas.DataFrame({"limit": paid + owed, "paid": paid, "owed": owed})
    codec = TableCodec.fit(frame)
    assert codec.kinds["limit"] == "computed: paid + owed"
    made = codec.decode(np.random.default_rng(1).normal(size=(200, 2)) * 3)
    assert (made >= 1).all(axis=None)


def test_many_zeros_have_a_coordinate_of_their_own():
    generator = np.random.default_rng(0)
    amounts = np.where(generator.random(200) < 0.4, 0.0, generator.lognormal(3, 1, 200).round(2))
    frame = pandas.DataFrame({"amount": amounts, "x": generator.normal(size=200)})
    codec = TableCodec.fit(frame)
    assert codec.coordinates == ("amount", "amount = 0", "x")
    assert codec.kinds["amount"] == "on a grid of 0.01, often 0"
    made = codec.decode(np.array([[2.0, 0.9, 0.0], [2.0, 0.1, 0.0], [-9.0, 0.1, 0.0]]))
    assert made["amount"][0] == 0
    assert (made["amount"][1:] > 0).all()


def test_text_in_a_column_that_was_one_of_numbers_is_refused(refused):
    codec = TableCodec.fit(pandas.DataFrame({"x": [0.5, 1.25, 7.0]}))
    refused(lambda: codec.encode(pandas.DataFrame({"x": ["a", "b"]})), "no number", "like those")


def test_missing_cells_are_learnt_or_imputed():
    generator = np.random.default_rng(0)
    x = generator.normal(size=300)
    frame = pandas.DataFrame({"x": x, "y": 2 * x + generator.normal(size=300) / 10, "k": "a"})
    frame.loc[x > 1, ["y"]] = np.nan
    frame["k"] = np.where(x > 0, "p", "q")
    codec = TableCodec.fit(frame)
    assert codec.coordinates[-1] == "y missing"
    points = codec.encode(frame)
    np.testing.assert_array_equal(codec.decode(points)["y"].isna(), frame["y"].isna())
    full = TableCodec.fit(frame, impute=True)
    filled = full.decode(full.encode(frame))
    assert not filled.isna().any(axis=None)
    known = frame["y"].notna()
    pandas.testing.assert_series_equal(filled["y"][known], frame["y"][known])
    # the ranks go on where the cells are missing
    assert np.corrcoef(filled["y"], x)[0, 1] > 0.9


def test_columns_that_are_missing_together_share_a_coordinate():
    frame = pandas.DataFrame({"a": [1.5, None, 3.2, 4.1] * 6, "b": [1, None, 3, 4] * 6})
    frame["c"] = np.random.default_rng(0).normal(size=24)
    codec = TableCodec.fit(frame)
    assert codec.coordinates[-1] == "a and b missing"


def test_rare_categories_are_kept():
    frame = pandas.DataFrame(
        {"k": ["a"] * 99 + ["rare"], "x": np.random.default_rng(0).random(100)}
    )
    codec = TableCodec.fit(frame)
    assert codec.decode(codec.encode(frame))["k"].iloc[-1] == "rare"
