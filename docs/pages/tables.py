"""What docs/tables-measured.md says of the measurements of tables."""

import json
import math
import statistics
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from table_data import CHOOSING, MIXED, NUMERIC

AUTOMATIC = Path(__file__).parents[2] / "benchmarks" / "results" / "automatic.json"
# what the choice may lack of the best fixed setting
WITHIN = 0.02
# what was asked of new rows
MOST_TOLD, LEAST_NEAREST = 0.70, 0.8
# standard errors that are no chance
ERRORS = 2
OURS, DEFAULT, FRESH = "gparticles, chosen", "gparticles, default", "fresh rows"
COLUMNS: dict[str, tuple[str, float, int]] = {
    "told_apart": ("told from real", 1, 3),
    "energy": ("energy distance", 1000, 1),
    "new_teaches": ("new rows teach", 1, 3),
    "both_teach": ("real + new", 1, 3),
    "margins": ("columns", 1, 3),
    "nearest_ratio": ("nearest", 1, 2),
    "copy_rate": ("copies", 1, 3),
    "broken": ("broken", 1, 3),
    "seconds": ("s", 1, 1),
}
"""Heading, factor and decimals."""
HIGHER = {"new_teaches": True, "both_teach": True}
COMPARED = ("told_apart", "energy", "new_teaches", "both_teach", "margins")
Runs = list[dict[str, Any]]


def values(record: dict[str, Any]) -> dict[str, Any]:
    """What the page names."""
    runs = [r for r in record["runs"] if "refused" not in r["scores"]]
    sizes = sorted({r["rows"] for r in runs})
    at = record["machine"]
    return {
        "sizes": " or ".join(map(str, sizes)),
        "new": str(record["new"]),
        "tables_measured": " ".join(_measured(runs, rows) for rows in sizes),
        "choosing": ", ".join(CHOOSING),
        "numeric": ", ".join(NUMERIC),
        "mixed": ", ".join(MIXED),
        "every_table": "\n\n".join(_tables(runs, rows) for rows in sizes),
        "reach": _reach(runs, sizes),
        **_automatic(json.loads(AUTOMATIC.read_text())),
        "machine": f"{at['cores']} cores of {at['processor']} that others used too, so that "
        "seconds, which hold compiling, are too many",
    }


def _sorts(runs: Runs, rows: int) -> dict[str, Runs]:
    """Runs of numeric and of mixed tables, of the draws on which ours were measured."""
    kept = [r for r in runs if r["rows"] == rows]
    places: dict[tuple[str, int], set[str]] = {}
    for r in kept:
        places.setdefault((r["table"], r["seed"]), set()).add(r["method"])
    whole = {place for place, known in places.items() if {OURS, DEFAULT} <= known}
    sorts = {"numeric": NUMERIC, "mixed": MIXED}
    return {
        sort: chosen
        for sort, names in sorts.items()
        if (chosen := [r for r in kept if r["table"] in names and (r["table"], r["seed"]) in whole])
    }


def _measured(runs: Runs, rows: int) -> str:
    words = []
    for sort, chosen in _sorts(runs, rows).items():
        names = list(dict.fromkeys(r["table"] for r in chosen))
        tables = f"{len(names)} {sort} {'table' if len(names) == 1 else 'tables'}"
        draws: dict[str, list[str]] = {}
        for name in names:
            draws.setdefault(_seeds(chosen, name), []).append(name)
        each = "; ".join(f"{seeds} of {', '.join(of)}" for seeds, of in draws.items())
        words.append(f"{tables} ({each})")
    return f"With {rows} rows: {' and '.join(words)}."


def _seeds(runs: Runs, name: str) -> str:
    """Of which draws of a table there are numbers."""
    seeds = sorted({r["seed"] for r in runs if r["table"] == name})
    return f"seed{'s' * (len(seeds) > 1)} {' and '.join(map(str, seeds))}"


def _means(runs: Runs) -> dict[str, dict[str, float]]:
    every: dict[str, dict[str, list[float]]] = {}
    for r in runs:
        # where most held-out rows are among the learnt ones, nearest is a ratio to nothing
        known = {k: v for k, v in r["scores"].items() if not math.isnan(v)}
        for key, value in known.items():
            every.setdefault(r["method"], {}).setdefault(key, []).append(value)
    ordered = sorted(every, key=lambda m: (m != OURS, m != DEFAULT, m == FRESH))
    return {m: {key: statistics.fmean(v) for key, v in every[m].items()} for m in ordered}


def _complete(runs: Runs) -> Runs:
    """Runs of the methods that took every table: others' means are of other tables."""
    counts = Counter(r["method"] for r in runs)
    return [r for r in runs if counts[r["method"]] == counts[OURS]]


def _best(means: dict[str, dict[str, float]], key: str) -> str:
    methods = [m for m in means if m != FRESH]
    sign = -1 if HIGHER.get(key) else 1
    return min(methods, key=lambda m: sign * means[m].get(key, float("inf")))


def _tables(runs: Runs, rows: int) -> str:
    parts = []
    for sort, chosen in _sorts(runs, rows).items():
        means, count = _means(chosen), sum(r["method"] == OURS for r in chosen)
        best = {key: _best(_means(_complete(chosen)), key) for key in COMPARED}
        lines = []
        for method in means:
            name, *cells = _cells(means, method, best)
            known = sum(r["method"] == method for r in chosen)
            lines.append([name if known == count else f"{name} ({known} of {count})", *cells])
        head = ["", *(title for title, _, _ in COLUMNS.values())]
        parts.append(f"## {rows} rows, {sort} tables\n\n{_table(head, lines)}")
    return "\n\n".join(parts)


def _cells(means: dict[str, dict[str, float]], method: str, best: dict[str, str]) -> Sequence[str]:
    cells = []
    for key, (_, factor, decimals) in COLUMNS.items():
        value = means[method].get(key)
        text = "" if value is None else f"{factor * value:.{decimals}f}"
        cells.append(f"**{text}**" if best.get(key) == method and text else text)
    name = f"*{method}*" if method == FRESH else method
    return [f"**{name}**" if method in (OURS, DEFAULT) else name, *cells]


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _reach(runs: Runs, sizes: Sequence[int]) -> str:
    """What was asked of the chosen way, for each size and sort of table."""
    head = ["", "told at most 0.70", "told best", "new rows teach best", "real + new best"]
    lines = [
        _asked(f"{rows} rows, {sort}", _means(_complete(chosen)), told=sort == "numeric")
        for rows in sizes
        for sort, chosen in _sorts(runs, rows).items()
    ]
    return _table([*head, "broken 0", "nearest at least 0.8"], lines)


def _asked(name: str, means: dict[str, dict[str, float]], *, told: bool) -> list[str]:
    """Numbers, beside the best of the others, and whether they are as asked.

    Args:
        name: of the row.
        means: of every method.
        told: whether it was asked how well rows are told from real ones.
    """
    others = {m: s for m, s in means.items() if m not in (OURS, DEFAULT, FRESH)}
    own = means[OURS]
    apart = f"{own['told_apart']:.3f}"
    cells = [_met(apart, met=own["told_apart"] <= MOST_TOLD) if told else f"{apart}: not asked"]
    for key in ("told_apart", "new_teaches", "both_teach"):
        rival = _best(others, key)
        theirs = others[rival][key]
        better = own[key] > theirs if HIGHER.get(key) else own[key] < theirs
        cells.append(_met(f"{own[key]:.3f} beside {theirs:.3f} of {rival}", met=better))
    cells.append(_met(f"{own['broken']:.3f}", met=own["broken"] == 0))
    near = own["nearest_ratio"]
    return [name, *cells, _met(f"{near:.2f}", met=near >= LEAST_NEAREST)]


def _met(number: str, *, met: bool) -> str:
    return f"{number}: {'met' if met else '**not met**'}"


def _automatic(record: dict[str, Any]) -> dict[str, str]:
    """The choice beside the best fixed setting in hindsight, for each kind of data."""
    values = {}
    for kind in ("tables", "clouds"):
        every = [r for r in record["runs"] if r["kind"] == kind]
        runs = [r for r in every if _known(r)]
        lines = [
            [f"{r['name']}, seed {r['seed']}", r["chosen"], *map(_score, _places(r)), _beyond(r)]
            for r in runs
        ]
        head = ["", "chosen", "its score", "best", "of", "beyond"]
        values[f"automatic_{kind}"] = _table(head, lines)
        values[f"automatic_{kind}_words"] = _hindsight(runs)
        without = ", ".join(r["name"] for r in every if r not in runs)
        values[f"automatic_{kind}_without"] = without and (
            "Left out, since its few columns have rows in common that count as copies whatever the "
            f"setting: {without}."
        )
    return values


def _known(run: dict[str, Any]) -> dict[str, float]:
    return {name: score for name, score in run["scores"].items() if score is not None}


def _places(run: dict[str, Any]) -> tuple[Any, Any, str]:
    """The score of the choice, the best one, and whose it is."""
    known = _known(run)
    best = min(known, key=lambda name: known[name])
    return known.get(run["chosen"]), known[best], best


def _score(value: Any) -> str:
    if value is None:
        return "copies"
    return value if isinstance(value, str) else f"{value:.3g}"


def _excess(run: dict[str, Any]) -> float:
    own, best, _ = _places(run)
    return float("inf") if own is None else own / best - 1


def _surely_worse(run: dict[str, Any]) -> bool:
    """Whether what was chosen loses to the best by more than one draw of held-out rows decides."""
    parts, best = run["parts"], _places(run)[2]
    if run["chosen"] not in parts:
        return True
    worse = [own - other for own, other in zip(parts[run["chosen"]], parts[best], strict=True)]
    return statistics.fmean(worse) > ERRORS * statistics.stdev(worse) / len(worse) ** 0.5


def _beyond(run: dict[str, Any]) -> str:
    excess = _excess(run)
    return "" if excess == float("inf") else f"{100 * excess:.1f} %"


def _hindsight(runs: Runs) -> str:
    """How often the choice is near the best, and the one setting that would have been best."""
    excesses = [_excess(r) for r in runs]
    finite = [e for e in excesses if e < float("inf")]
    near = sum(e <= WITHIN for e in excesses)
    common = set.intersection(*(set(_known(r)) for r in runs))
    relative = {
        name: statistics.fmean(_known(r)[name] / _places(r)[1] - 1 for r in runs) for name in common
    }
    middle, mean, most = (100 * f(finite) for f in (statistics.median, statistics.fmean, max))
    words = (
        f"at most {100 * WITHIN:.0f} % worse in {near} of {len(runs)}, {middle:.1f} % in the "
        f"median, {mean:.1f} % in the mean and {most:.1f} % at most"
    )
    if all("parts" in r for r in runs):
        surely = sum(e > WITHIN and _surely_worse(r) for e, r in zip(excesses, runs, strict=True))
        words += (
            f"; of the {len(runs) - near} others {surely} lose by more than two standard errors of "
            "the difference in the quarters of the held-out rows, which is no chance of the draw"
        )
    if not relative:
        return words
    one = min(relative, key=lambda name: relative[name])
    return (
        f"{words}; the best of all settings that are the same everywhere ({one}) is "
        f"{100 * relative[one]:.1f} % worse in the mean"
    )
