"""Files of mixed columns: letter for letter there and back, and conditions on their rows."""

import numpy as np
import pytest

from gparticles.tables import conditions
from gparticles.tables.codec import TableCodec
from gparticles.tables.conditions import (
    conditions_of,
    conditions_of_words,
    levels_of,
    select,
)
from gparticles.tables.mixed import read_frame, read_frames, save_frame, written_frames

pandas = pytest.importorskip("pandas")
ROWS = (
    'kind,"a, b",weight,count,day,note\n'
    "a,007, ,3,2024-01-31,x\n"
    'b,12,1.50,4,2024-02-29,"say ""hi"""\n'
    "ä,3,2.25,NA,2024-03-01, x\n"
    "b,3,1e-3,5,2024-02-01,x\n"
)


def test_a_csv_comes_back_letter_for_letter(csv, tmp_path):
    frame, form = read_frame(csv(ROWS))
    assert frame.dtypes.astype(str).tolist() == [
        *("object", "object", "float64", "Int64", "object", "object")
    ]
    again = save_frame(frame, tmp_path / "b", form)
    assert again.name == "b.csv"
    text = ROWS.replace("1.50", "1.5").replace("1e-3", "0.001")
    assert again.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", ["a.tsv", "a.csv.gz", "a.parquet"])
def test_other_kinds_of_files(csv, tmp_path, name):
    frame, form = read_frame(csv(ROWS))
    path = save_frame(frame, tmp_path / name, form)
    again = read_frame(path)[0]
    # text of parquet has a dtype of its own from pandas 3 on
    text = {name: object for name, kind in again.dtypes.items() if kind == "str"}
    pandas.testing.assert_frame_equal(again.astype(text), frame)


@pytest.mark.parametrize("name", ["a.csv", "a.parquet"])
def test_blocks_are_the_rows_of_the_whole(csv, tmp_path, name):
    # what a column of text holds in the first rows may look like numbers
    rows = (f"{code},{k / 4},\n" for k, code in enumerate("12abc"))
    text = "code,x,day\n" + "".join(rows) + "d,1.0,2024-01-31\n"
    frame, form = read_frame(csv(text))
    whole = save_frame(frame, tmp_path / f"whole-{name}", form)
    with written_frames(tmp_path / name, form) as (path, write):
        for frames in read_frames(whole, 2, texts={"code", "day"}):
            write(frames[0].astype(frame.dtypes))
    if name == "a.csv":
        assert path.read_bytes() == whole.read_bytes()
    pandas.testing.assert_frame_equal(read_frame(path)[0], read_frame(whole)[0])


def test_dtypes_of_parquet_are_kept(tmp_path):
    frame = pandas.DataFrame(
        {
            "x": np.linspace(0, 1, 9, dtype="float32"),
            "k": pandas.Categorical(list("abcabcabc"), ordered=True),
            "n": pandas.array([1, None, 3] * 3, dtype="Int8"),
            "d": pandas.date_range("2024-01-01", periods=9, tz="UTC"),
        }
    )
    frame.to_parquet(tmp_path / "a.parquet")
    read, form = read_frame(tmp_path / "a.parquet")
    codec = TableCodec.fit(read)
    made = codec.decode(codec.encode(read))
    again, _ = read_frame(save_frame(made, tmp_path / "b.parquet", form))
    pandas.testing.assert_frame_equal(again, frame)


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("a,b\n1,x\n2,y\nz,z\n", ('row 4, column "a"', '"z" among numbers')),
        ('a,b\n"1,20",x\n"3,50",y\n', ("decimals with a point", "1.20")),
        ('a,b\n"1,200",x\n"3,500",y\n', ('"1,200" among numbers', "1200")),
        ("a,a\n1,x\n2,y\n", ("several columns are called", "a name of its own")),
        ("a,b\n1,x\n", ("only one row", "at least two")),
        ("a;b\n1;x\n2;y\n", ("semicolons", "commas")),
        ("a,b\n1,x\n2\n", ("row 3 has 1 columns", "row 1 has 2")),
    ],
)
def test_files_that_are_refused(csv, refused, content, parts):
    refused(lambda: read_frame(csv(content)), "a.csv", *parts)


def test_identifiers_are_found_as_in_tables_of_numbers(csv):
    assert read_frame(csv("who,x\nr1,2\nr2,3\n"))[1].id_column == "who"
    assert read_frame(csv("kind,x\na,2\na,3\n"))[1].id_column is None
    frame, form = read_frame(csv("x,tag\n1,7\n2,8\n"), id_column="tag")
    assert form.id_column == "tag"
    assert frame["tag"].tolist() == ["7", "8"]


@pytest.fixture
def zoo():
    generator = np.random.default_rng(0)
    frame = pandas.DataFrame(
        {
            "kind": ["cat"] * 45 + ["dog"] * 12 + ["owl"] * 3,
            "age": generator.integers(1, 20, 60),
            "day": pandas.date_range("2024-01-01", periods=60),
            "tame": generator.random(60) < 0.5,
            "size": generator.choice(["S", "M", "L"], 60),
            "born": [f"{k % 28 + 1:02d}.{k % 12 + 1:02d}.2020" for k in range(60)],
            "weight": generator.normal(size=60).astype("float32").round(1),
        }
    )
    return frame, TableCodec.fit(frame, columns={"size": ["S", "M", "L"]})


def _draw(frame):
    return lambda n, call: frame.sample(n, replace=True, random_state=call)


@pytest.mark.parametrize(
    ("words", "query"),
    [
        (["kind=dog"], "kind == 'dog'"),
        (["age>=5", "age<=9"], "5 <= age <= 9"),
        (["age=7"], "age == 7"),
        (["tame=True", "day>=2024-02-01"], "tame and day >= '2024-02-01'"),
        ([" kind = owl "], "kind == 'owl'"),
        (["age>=4.5", "age<=5.5", "age>=3"], "age == 5"),
        (["size>=M"], "size != 'S'"),
        (["born>=15.12.2020"], "born.str.slice(3, 5) == '12' and born >= '15'"),
        (["weight=0.1"], "0.05 < weight < 0.15"),
    ],
)
def test_conditions_as_they_are_typed(zoo, words, query):
    frame, codec = zoo
    (first, *others) = conditions_of_words(codec, words)
    holds = first.holds(frame)
    for condition in others:
        holds = holds & condition.holds(frame)
    pandas.testing.assert_frame_equal(frame[holds], frame.query(query))


def test_rows_are_drawn_until_enough_are_so(zoo):
    frame, codec = zoo
    where = conditions_of(codec, {"kind": ["dog", "owl"], "age": (3, None)})
    made = select(_draw(frame), 200, conditions=where)
    assert len(made.frame) == 200
    assert set(made.frame["kind"]) == {"dog", "owl"}
    assert made.frame["age"].min() >= 3
    share = (frame["kind"].isin(["dog", "owl"]) & (frame["age"] >= 3)).mean()
    assert abs(made.acceptance - share) < 0.1


def test_more_rows_than_are_drawn_in_vain(zoo, monkeypatch):
    monkeypatch.setattr(conditions, "MOST", 50)
    monkeypatch.setattr(conditions, "AT_ONCE", 20)
    made = select(_draw(zoo[0]), 130)
    assert (len(made.frame), made.acceptance) == (130, 130 / 140)


def test_categories_are_balanced(zoo):
    frame, codec = zoo
    made = select(_draw(frame), 31, balance=levels_of(codec, "kind")).frame
    assert sorted(made["kind"].value_counts()) == [10, 10, 11]


def test_categories_are_balanced_over_all_blocks_of_a_file(zoo):
    frame, codec = zoo
    kind = levels_of(codec, "kind")
    blocks = [
        select(_draw(frame), n, balance=kind, start=start).frame for start, n in ((0, 4), (4, 5))
    ]
    assert list(pandas.concat(blocks)["kind"].value_counts()) == [3, 3, 3]


@pytest.mark.parametrize(
    ("where", "parts"),
    [
        ({"sort": 1}, ('no column "sort"', "use one of")),
        ({"kind": "cow"}, ('no row has "cow"', '"cat", "dog", "owl"')),
        ({"age": "old"}, ('"old" is no number', ">= and <=", "(low, high) in Python")),
        ({"age": (None, "old")}, ('"old" is no number',)),
        ({"day": "old"}, ("'old' is no date", "2024-01-31")),
        ({"born": ("2020-01-01", None)}, ('"2020-01-01"', "write it as %d.%m.%Y")),
        ({"kind": ("cat", None)}, ("without an order", "ask with =")),
        ({"kind": []}, ("empty list", "at least one")),
        ("kind=cat", ("is a str", "dictionary")),
        ({"age": (1, 2, 3)}, ("3 ends", "(low, high)")),
    ],
)
def test_conditions_that_mean_nothing(zoo, refused, where, parts):
    refused(lambda: conditions_of(zoo[1], where), *parts)


def test_conditions_that_hardly_a_row_satisfies(zoo, refused):
    frame, codec = zoo
    where = conditions_of_words(codec, ["kind=owl", "age>=100"])
    refused(lambda: select(_draw(frame), 9, conditions=where), "too few of 2", "ask for less")
    refused(lambda: conditions_of_words(codec, ["kind"]), "no condition", "column=value")
    both = ["kind=owl", "kind=dog"]
    refused(lambda: conditions_of_words(codec, both), "several values at once", "leave one out")
    refused(lambda: levels_of(codec, "age"), "balance", "a column of categories")
