"""What columns are taken for, and what is refused in one line that names the mend."""

import numpy as np
import pytest

from gparticles.tables.codec import TableCodec
from gparticles.tables.dates import formats_of

pandas = pytest.importorskip("pandas")
RNG = np.random.default_rng(0)
N = 60
SENTENCES = [f"the {word} number {k} is here" for k, word in enumerate(["one", "other"] * 30)]
X = RNG.normal(size=N)


def _kinds(**columns):
    return TableCodec.fit(pandas.DataFrame({**columns, "x": X})).kinds


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (RNG.normal(size=N), "continuous"),
        (RNG.integers(0, 30, N), "integer"),
        (RNG.integers(0, 30, N) * 50, "on a grid of 50"),
        (RNG.integers(0, 300, N) / 10, "on a grid of 0.1"),
        (RNG.integers(0, 30, N) * 0.5, "on a grid of 0.5"),
        (RNG.choice([3.0, 4.5], N), "categorical"),
        (RNG.choice(list("abc"), N), "categorical"),
        (RNG.random(N) < 0.5, "boolean"),
        (pandas.Categorical(RNG.choice(list("ab"), N), ordered=True), "ordinal"),
        (pandas.date_range("2024-01-01", periods=N), "date"),
        ([f"2024-{k % 12 + 1:02d}-01" for k in range(N)], "date"),
        ([f"{k % 24:02d}:{k % 60:02d}" for k in range(N)], "date"),
        (np.arange(N) + 7, "identifier"),
        ([f"p{k}" for k in range(N)], "identifier"),
        (["same"] * N, "constant"),
        ([4.5] * N, "constant"),
    ],
)
def test_kinds_of_columns(cells, kind):
    assert _kinds(c=cells)["c"] == kind


def test_kinds_can_be_set():
    frame = pandas.DataFrame({"size": RNG.choice(["S", "L", "M"], N), "k": RNG.integers(0, 5, N)})
    frame["x"], frame["note"] = X, SENTENCES
    codec = TableCodec.fit(
        frame, columns={"size": ["S", "M", "L"], "k": "categorical", "note": "drop"}
    )
    assert codec.kinds == {"size": "ordinal", "k": "categorical", "x": "continuous"}
    assert codec.coordinates == ("size", "k = 0", "k = 1", "k = 2", "k = 3", "k = 4", "x")
    low, high = codec.decode(np.array([[-3.0, *np.zeros(6)], [3.0, *np.zeros(6)]]))["size"]
    assert (low, high) == ("S", "L")


def test_new_rows_get_new_identifiers():
    frame = pandas.DataFrame({"id": np.arange(N) + 5, "name": [f"p{k}" for k in range(N)], "x": X})
    made = TableCodec.fit(frame).decode(np.zeros((3, 1)))
    assert made["id"].tolist() == [65, 66, 67]
    assert made["name"].tolist() == ["generated-00001", "generated-00002", "generated-00003"]


def test_different_whole_numbers_may_be_identifiers_and_that_is_told():
    frame = pandas.DataFrame({"x": X, "income": RNG.permutation(N) * 137 + 20_000})
    (note,) = TableCodec.fit(frame).notes
    assert '"income" holds 60 different whole numbers' in note
    assert '"identifier"' in note


@pytest.mark.parametrize(
    ("columns", "parts"),
    [
        ({"t": SENTENCES}, ("free text (60 of 60 cells differ)", "drop it")),
        ({"t": [None] * N}, ("has no value at all", "remove it")),
        ({"d": ["2024-01-31", "31.01.2024"] * 29 + ["1/2/24"] * 2}, ("several ways", "2024-01-31")),
        ({"v": [np.inf, *X[1:]]}, ("infinite value", "remove the row")),
        ({"two": [np.inf] + [1.5] * (N - 1)}, ("infinite value", "remove the row")),
        ({"big": 2**60 + np.arange(N) * 3**30}, ("above 2^53", "make it text")),
        ({"comma": [f"1,{k:02d}" for k in range(N)]}, ('"1,00"', "looks like a number", "a point")),
        ({"z": X + 1j}, ("complex128", "make it numbers")),
        ({"o": [[1], [2]] * 30}, ("cells of kind list", "pandas.to_datetime")),
        ({"p": pandas.period_range("2024", periods=N, freq="D")}, ("period", "make it")),
    ],
)
def test_refused_with_the_mend(columns, parts, refused):
    refused(lambda: _kinds(**columns), next(iter(columns)), *parts)


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        ({"columns": {"y": "integer"}}, ("no column", '"y"', "use one of")),
        ({"columns": {"x": "whole"}}, ('"whole"', "continuous, integer")),
        ({"columns": {"x": "integer"}}, ("not whole", '"continuous"')),
        ({"columns": {"k": ["a"]}}, ('"b"', "add it to the list")),
        ({"columns": {"k": "continuous"}}, ('"a"', "no number")),
        ({"columns": {"k": "constant"}}, ("holds 2 values",)),
        ({"columns": {"x": "label", "k": "label"}}, ("second label",)),
        ({"ranges": {"x": (0, None)}}, ("outside its range", "widen")),
        ({"ranges": {"x": 5}}, ("the range 5", "give (low, high)")),
        ({"ranges": {"x": ("a", None)}}, ("the range ['a', None]", "give numbers")),
        ({"ranges": {"k": (0, 1)}}, ("has a range, and is categorical", "leave the range out")),
        ({"ranges": {"d": ("soon", None)}}, ("'soon' is no date", "2024-01-31")),
        ({"columns": {"x": 3}}, ('cannot be "3"', "a list of levels")),
        ({"columns": {"x": "date"}}, ("holds numbers, no dates", "2024-01-31")),
        ({"columns": {"d": "integer"}}, ("holds dates, no numbers", '"date"')),
        ({"columns": {"d": "identifier"}}, ("holds dates", '"date"')),
    ],
)
def test_settings_that_do_not_fit_are_refused(arguments, parts, refused):
    frame = pandas.DataFrame({"x": X, "k": ["a", "b"] * 30})
    frame["d"] = pandas.date_range("2024-01-01", periods=N)
    refused(lambda: TableCodec.fit(frame, **arguments), *parts)


def test_tables_that_say_nothing_are_refused(refused):
    frame = pandas.DataFrame({"x": X, "k": ["a", "b"] * 30})
    refused(lambda: TableCodec.fit(frame[:1]), "only one row", "at least two")
    refused(lambda: TableCodec.fit(frame[:0]), "no rows")
    refused(lambda: TableCodec.fit(pandas.DataFrame({"k": ["a"] * 9})), "no column that varies")
    refused(lambda: TableCodec.fit(X), "ndarray", "DataFrame")
    twice = pandas.concat([frame, frame], axis=1)
    refused(lambda: TableCodec.fit(twice), "several columns called", "a name of its own")


def test_later_rows_that_were_never_seen_are_refused(refused):
    frame = pandas.DataFrame({"x": X, "k": ["a", "b"] * 30})
    codec = TableCodec.fit(frame)
    later = frame.assign(k="c")
    refused(lambda: codec.encode(later), '"c" did not occur', 'use "a", "b"')
    refused(lambda: codec.encode(frame[["x"]]), 'no column "k"')
    refused(lambda: codec.encode(frame.assign(x=np.nan)), "missing value", "fill it in")
    assert codec.encode(frame[["k", "x"]]).shape == (N, 2)


def test_dates_that_could_be_read_in_two_ways_are_told():
    days = [f"{k % 12 + 1:02d}/{(k * 5) % 12 + 1:02d}/2024" for k in range(N)]
    (note,) = TableCodec.fit(pandas.DataFrame({"d": days, "x": X})).notes
    assert "%d/%m/%Y, not %m/%d/%Y" in note


@pytest.mark.parametrize(
    "text", ["2024-02-29", "29.02.2024", "2024-02-29 23:59:01", "2024-02-29T23:59:01Z", "23:59"]
)
def test_dates_come_back_letter_for_letter(text):
    assert formats_of([text])
    frame = pandas.DataFrame({"d": [text, text.replace("29", "28")] * 30, "x": X})
    pandas.testing.assert_frame_equal(
        TableCodec.fit(frame).decode(TableCodec.fit(frame).encode(frame)), frame
    )
