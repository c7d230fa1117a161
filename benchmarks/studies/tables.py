"""New rows of small tables: gparticles beside simple ways and packages, judged on held-out rows.

    pip install gparticles[bench]
    python benchmarks/run.py tables                          # some minutes
    python benchmarks/run.py tables --sizes 50 100 200 500 --seeds 0 1 2 3 4 --methods all
    python benchmarks/run.py tables --choose                 # on the tables that settings are from

Tables and the columns that are learnt are in table_data.py, methods in table_methods.py. Of each
table so many rows are drawn to learn from, and at most 300 others to judge by. What has been
measured is kept after every table, and a second call goes on with what is missing.
"""

import json
import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from common import RESULTS, Record, machine, print_means, write_json
from table_data import CHOOSING, EVERY, MIXED, NUMERIC, split, table
from table_methods import MATRIX, METHODS, OTHERS, OURS

from gparticles.evaluate.fidelity import MEASURES, Sides
from gparticles.evaluate.frame_units import FrameUnits
from gparticles.evaluate.usefulness import Fold, usefulness
from gparticles.tables.codec import TableCodec

NEW = 1000
FEWEST_HELD_OUT = 50
FRESH = "fresh rows"
CHEAP = (*OURS, *MATRIX, "SMOTE-NC (imbalanced-learn)")
JUDGED = ("told_apart", "energy", "margins", "associations", "nearest_ratio", "copy_rate")
TITLES = {
    "told_apart": "told from real",
    "energy": "energy distance",
    "new_teaches": "new rows teach",
    "both_teach": "real + new",
    "margins": "columns",
    "associations": "pairs",
    "nearest_ratio": "nearest",
    "copy_rate": "copies",
    "broken": "broken rows",
    "seconds": "s",
}
# what a method raises where a table is not for it
REFUSALS = (ValueError, TypeError, KeyError, ImportError, RuntimeError, AttributeError)


def judged(new: Any, learnt: Any, held_out: Any, *, task: str, seed: int) -> dict[str, float]:
    """The scores of new rows."""
    units, count = FrameUnits.of(learnt), min(len(new), len(held_out))
    some = new.iloc[np.random.default_rng(seed).permutation(len(new))[:count]]
    sides = Sides(*(units.rows(frame) for frame in (some, learnt, held_out)))
    scores = {name: MEASURES[name].measure(sides) for name in JUDGED}
    taught = usefulness([Fold(learnt, new, held_out)], task, repeats=1, draws=0, seed=seed)
    return {
        **scores,
        "real_teaches": taught.scores["real"].value,
        "new_teaches": taught.gains["new"].value,
        "both_teach": taught.gains["both"].value,
        "broken": broken(new, learnt),
    }


def broken(new: Any, learnt: Any) -> float:
    """The share of rows with a kind that does not occur, or off a column's grid or range.

    A row is whole if the codec of the learnt rows leaves it as it is, to a part in 10^6.
    """
    codec = TableCodec.fit(learnt)
    whole = np.ones(len(new), bool)
    for column in codec.columns:
        cells = new[column.name]
        missing = cells.isna().to_numpy(bool)
        if not learnt[column.name].isna().any():
            whole &= ~missing
        if hasattr(column, "levels"):
            known = learnt[column.name].dropna().unique()
            whole &= missing | cells.isin(known).to_numpy(bool)
    rows = new[whole].reset_index(drop=True)
    if not len(rows):
        return 1.0
    # as the learnt rows hold their cells
    rows = rows.astype({c: learnt[c].dtype for c in rows if learnt[c].dtype.kind not in "iuf"})
    again, same = codec.decode(codec.encode(rows)), np.ones(len(rows), bool)
    for name in learnt.columns:
        one, other = again[name], rows[name]
        if learnt[name].dtype.kind in "iuf":
            cells = (one.to_numpy(float), other.to_numpy(float))
            same &= np.isclose(*cells, rtol=1e-6, atol=1e-9, equal_nan=True)
        else:
            same &= (one.isna() & other.isna()).to_numpy() | (one == other).to_numpy(bool)
    return float(1 - same.sum() / len(new))


def fresh(held_out: Any, learnt: Any, *, task: str, seed: int) -> dict[str, float]:
    """One half of the held-out rows as if they were new, judged by the other."""
    half = len(held_out) // 2
    return judged(held_out.iloc[:half], learnt, held_out.iloc[half:], task=task, seed=seed)


def measured(name: str, method: str, rows: int, seed: int) -> Record:
    """One method on one table; why not where it does not take the table."""
    learnt, held_out = split(table(name), rows, seed)
    about = {"task": EVERY[name].task, "seed": seed}
    if method == FRESH:
        return fresh(held_out, learnt, **about)
    began = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            new = METHODS[method](learnt, NEW, seed=seed)
            seconds = time.perf_counter() - began
            return judged(new, learnt, held_out, **about) | {"seconds": seconds}
    except REFUSALS as error:
        return {"refused": f"{type(error).__name__}: {str(error).splitlines()[0][:200]}"}


def usable(names: Sequence[str], rows: int) -> list[str]:
    """Tables with enough rows to hold some out."""
    return [name for name in names if len(table(name)) >= rows + FEWEST_HELD_OUT]


def run(
    *,
    sizes: tuple[int, ...] = (100,),
    seeds: tuple[int, ...] = (0,),
    tables: tuple[str, ...] = ("wine", "auto", "quakes", "concrete", "penguins", "credit"),
    methods: tuple[str, ...] = CHEAP,
    choose: bool = False,
) -> None:
    """Measure what is missing, keep it, and print means; "all" stands for all tables or methods."""
    path = RESULTS / f"tables{'-choice' if choose else ''}.json"
    if choose:
        tables = tuple(CHOOSING)
    elif tables == ("all",):
        tables = (*NUMERIC, *MIXED)
    methods = (*OURS, *MATRIX, *OTHERS) if methods == ("all",) else methods
    record: Record = {"machine": machine(), "new": NEW, "runs": []}
    if path.exists():
        record = json.loads(path.read_text())
    known = {(r["table"], r["method"], r["rows"], r["seed"]) for r in record["runs"]}
    for rows in sizes:
        for name in usable(tables, rows):
            for seed in seeds:
                for method in (*methods, FRESH):
                    if (name, method, rows, seed) not in known:
                        scores = measured(name, method, rows, seed)
                        at = {"table": name, "method": method, "rows": rows, "seed": seed}
                        record["runs"].append(at | {"scores": scores})
            write_json(path, record)
    show(record["runs"])


def show(runs: list[Record]) -> None:
    """Means over tables and seeds, for each number of rows and each sort of table."""
    for rows in sorted({r["rows"] for r in runs}):
        for title, names in (("numeric", {*NUMERIC, *CHOOSING}), ("mixed", {*MIXED})):
            kept = [r for r in runs if r["rows"] == rows and r["table"] in names]
            every: dict[str, list[Record]] = {}
            for r in kept:
                if "refused" not in r["scores"]:
                    every.setdefault(r["method"], []).append({"seconds": 0.0} | r["scores"])
            if every:
                print_means(f"{rows} rows, {title} tables", every, TITLES)
