"""Makes the pages of docs/ whose numbers were measured.

    python docs/make_pages.py                     # all of them
    python docs/make_pages.py swiss-roll peers

A page's words are benchmarks/studies/NAME.md, and every number in them is read from
benchmarks/results: `{w2[recipe]}` is the mean over seeds of the score w2 in the row recipe (the
median where the page says `statistic: median`), `{coverage[recipe]:%}` the same in per cent,
`{wins[w2: a < b]}` in how many seeds row a is below row b, `{ratio[seconds: a / b]}` a quotient of
two rows, `{STEPS}` a constant of the study, and other names are what its `values` returns, or that
of docs/pages/NAME.py where there is one. Lines before `---` name the table's columns and explain
those that are the page's own.
"""

import json
import re
import statistics
import sys
import textwrap
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

DOCS = Path(__file__).parent
BENCHMARKS = DOCS.parent / "benchmarks"
EXPERIMENTS = BENCHMARKS / "results" / "experiments"
sys.path[:0] = [str(DOCS), str(BENCHMARKS)]

# heading and explanation of scores that several pages have
COLUMNS = {
    "w2": "W2 to held-out points | W2: exact Wasserstein-2 distance, at most 1500 points of each "
    "cloud, data units",
    "energy": "energy distance | data units",
    "copy_rate": "copies | share of particles at a training point",
    "nearest_ratio": "nearest | median distance to the nearest training point, over that of "
    "held-out points; 1 is fresh, 0 is copied",
    "coverage": "coverage | share of held-out points with a particle in their neighbourhood",
    "in_large_holes": "in large holes | share of particles in the holes of the first two levels",
    "in_holes": "in holes | share in holes of all four levels",
    "off_square": "off the square | share outside it",
    "kd_lenet": "KD-LeNet | kernel distance of the features of a LeNet to those of held-out digits",
    "fd_lenet": "FD-LeNet | Frechet distance of these features; biased, compare rows only",
    "accuracy": "as labelled | share that the LeNet takes for the digit of its label",
    "nearest_code": "nearest in the code | the same among digits as the codec shows them, for runs "
    "in its latent space",
    "top_speed": "top speed | of any particle at any step, in nats per working unit, as is L",
    "failed": "broke off | share of runs that ended in numbers that are not finite",
    "seconds": "seconds | of the flow, compilation included in the first seed's",
}
ROLES = {
    "source": "*where the first row's particles start*",
    "resampled": "*training points drawn again*",
    "smoothed": "*the same with the likeliest noise*",
    "fresh": "*fresh points*",
}
# between the target and what was done with it, in the rows of a page of medians
SEPARATOR = ": "
# before a block with numbers whose line breaks stay
KEPT = "\\"
# how blocks begin that are no paragraphs, whose lines stay as they are
AS_IT_IS = ("#", "|", "!", "```", "* ", "    ")


class Number(float):
    """A measured number, which knows how pages write it."""

    def __format__(self, how: str) -> str:
        if how == "%":
            return percent(self)
        return format(float(self), how) if how else figure(self)


def figure(value: float) -> str:
    """Three significant digits, or three decimals below 1."""
    if value == 0:
        return "0"
    if abs(value) < 0.0005:
        return "< 0.001"
    if abs(value) >= 1000:
        return f"{value:.3g}"
    return f"{value:.3f}" if abs(value) < 1 else f"{value:.3g}"


def percent(value: float) -> str:
    """A share in words."""
    return f"{100 * value:.1f} %"


class Results:
    """What was measured: lists over seeds, by the row and the score."""

    def __init__(self, record: dict[str, Any], statistic: Callable[..., float] = statistics.fmean):
        self.record, self.statistic = record, statistic
        # rows that were added of other programs
        every = record["rows"] | record.get("beside", {})
        self.rows = {name: [r["scores"] for r in runs] for name, runs in every.items()}
        first = next(iter(record["rows"].values()))
        # data and source are those of the seed, so that the first variant's floors serve all
        self.floors = {role: [r["floors"].get(role, {}) for r in first] for role in ROLES}

    def values(self, row: str, score: str) -> list[float]:
        runs = (self.rows.get(row) or self.floors[row]) if row else []
        return [v for v in (scores.get(score) for scores in runs) if v is not None]

    def of(self, row: str, score: str) -> float:
        """The mean over seeds, or the median on a page of medians."""
        return self.statistic(self.values(row, score))

    def text(self, value: float, how: str = "") -> str:
        """A number as pages write it."""
        return format(Number(value), how)

    def typed(self, variants: Mapping[str, Any], recipe: str) -> str:
        """A list of commands, by their names and overrides."""
        return "\n".join(
            f"* {name}: `{' '.join(['gpa run', recipe, *(f'--set {o}' for o in overrides)])}`"
            for name, overrides in variants.items()
        )

    def wins(self, row: str, other: str, score: str) -> str:
        """In how many of the seeds the first row's score is below the other's."""
        pairs = list(zip(self.values(row, score), self.values(other, score), strict=True))
        return f"{sum(a < b for a, b in pairs)} of {len(pairs)}"

    def cell(self, row: str, score: str) -> str:
        """Mean and standard deviation over seeds; or the median, the smallest and the largest."""
        known = self.values(row, score)
        if not known:
            return ""
        middle = figure(self.statistic(known))
        if self.statistic is statistics.median:
            low, high = figure(min(known)), figure(max(known))
            return middle + f" ({low} to {high})" * (low != high)
        return middle if len(known) < 2 else f"{middle} ± {figure(statistics.stdev(known))}"


class Scores(dict[str, Any]):
    """One score by its row: what `{w2[recipe]}` reads; `wins` and `ratio` compare two rows."""

    def __init__(self, results: Results, name: str):
        super().__init__()
        self.results, self.name = results, name

    def __missing__(self, row: str) -> Any:
        if self.name not in ("wins", "ratio"):
            return Number(self.results.of(row, self.name))
        pair = re.fullmatch(r"(\w+): (.+) [</] (.+)", row)
        assert pair is not None, row
        score, one, other = pair.groups()
        if self.name == "wins":
            return self.results.wins(one, other, score)
        return Number(self.results.of(one, score) / self.results.of(other, score))


class Names(dict[str, Any]):
    """What a template may name: values, the study's constants, and scores."""

    def __init__(self, values: Mapping[str, Any], module: ModuleType, results: Results | None):
        super().__init__({key: shown(value) for key, value in values.items()})
        self.module, self.results = module, results

    def __missing__(self, name: str) -> Any:
        if self.results is None or name.isupper():
            return getattr(self.module, name)
        return Scores(self.results, name)


def shown(value: Any) -> Any:
    """Numbers as pages write them, alone or by name."""
    if isinstance(value, dict):
        return {key: shown(one) for key, one in value.items()}
    return Number(value) if isinstance(value, float) else value


def render(text: str, names: Mapping[str, Any]) -> str:
    """The template with its numbers: blocks that hold some are filled, unless they are tables."""
    blocks = (block(part, names) for part in text.strip("\n").split("\n\n"))
    return "\n\n".join(part for part in blocks if part) + "\n"


def block(part: str, names: Mapping[str, Any]) -> str:
    if "{" not in part or part.startswith(KEPT):
        return part.removeprefix(KEPT).format_map(names)
    # a name may have been wrapped
    filled = (part if part.startswith(AS_IT_IS) else " ".join(part.split())).format_map(names)
    blocks = filled.split("\n\n")
    return "\n\n".join(b if b.startswith(AS_IT_IS) else paragraph(b) for b in blocks)


def paragraph(text: str) -> str:
    """In lines of at most 100 characters."""
    return textwrap.fill(" ".join(text.split()), 100, break_on_hyphens=False)


class Page:
    """A template and the study that its numbers come from.

    Attributes:
        name: of the study.
        title: the page's first line.
        columns: names of scores, in the table's order.
        own: heading and explanation of scores that are this page's own.
    """

    def __init__(self, name: str, template: str, module: ModuleType):
        head, self.text = template.split("---\n", 1)
        known = [line.split(": ", 1) for line in head.splitlines()]
        self.own = {key: value for key, value in known if " | " in value}
        self.about = {key: value for key, value in known if " | " not in value}
        self.columns = self.about.get("columns", "").split()
        # numbers that take much work have a module of their own
        apart = (DOCS / "pages" / f"{name}.py").exists()
        self.name, self.module = name, import_module(f"pages.{name}") if apart else module
        self.title = self.text.strip().splitlines()[0].removeprefix("# ")

    def results(self, record: dict[str, Any]) -> Results:
        return Results(record, getattr(statistics, self.about.get("statistic", "fmean")))

    def render(self, record: dict[str, Any]) -> str:
        """The page, complete."""
        results = self.results(record) if self.columns else None
        values = getattr(self.module, "values", lambda _: {})
        usual = {} if results is None else self.usual(results)
        return render(self.text, Names(usual | values(results or record), self.module, results))

    def usual(self, results: Results) -> dict[str, str]:
        """What every page of an experiment has."""
        seeds = results.record["seeds"]
        return {
            "about": self.about_seeds(len(seeds)),
            "seeds": " ".join(map(str, seeds)),
            "table": table(self, results),
            "legend": self.legend().format_map(Names({}, self.module, None)),
            "where": where(results.record),
            "settings": settings(results),
        }

    def about_seeds(self, count: int) -> str:
        changing = self.about.get("changing", "data, source and network alike")
        if "statistic" in self.about:
            return f"""Median over {count} seeds, which change {changing}; in brackets the smallest
                and the largest."""
        if count == 1:
            return "One seed only."
        return f"Mean ± standard deviation over {count} seeds, which change {changing}."

    def heading(self, column: str) -> str:
        return (self.own | COLUMNS)[column].split(" | ")[0]

    def legend(self) -> str:
        """What the columns are."""
        return "; ".join(explained(self.own.get(c) or COLUMNS[c]) for c in self.columns) + "."


def explained(column: str) -> str:
    heading, meaning = column.split(" | ")
    # W2's heading says what it is the distance to
    return meaning if meaning.startswith(heading[:2] + ":") else f"{heading}: {meaning}"


def table(page: Page, results: Results) -> str:
    """Rows are variants and what they are measured against."""
    names = [page.heading(column) for column in page.columns]
    lines = ["| | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    if results.statistic is statistics.median:
        return "\n".join([*lines, *lines_of_targets(page, results)])
    for row in (*results.rows, *(role for role in ROLES if any(results.floors[role]))):
        cells = [results.cell(row, column) for column in page.columns]
        if any(cells):
            lines.append(f"| {ROLES.get(row, row)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def lines_of_targets(page: Page, results: Results) -> list[str]:
    """Every target has a line of its own above its rows; others' printed numbers come last."""
    lines, count = [], len(results.record["seeds"])
    printed = getattr(page.module, "PRINTED", {})
    for target in dict.fromkeys(row.split(SEPARATOR)[0] for row in results.rows):
        lines.append(f"| **{target}** |" + " |" * len(page.columns))
        for row in (row for row in results.rows if row.split(SEPARATOR)[0] == target):
            variant, run = row.split(SEPARATOR)[1], len(results.rows[row])
            label = variant if run == count else f"{variant} (seeds: {run})"
            cells = [results.cell(row, column) for column in page.columns]
            lines.append(f"| {label} | " + " | ".join(cells) + " |")
        for row, known in printed.get(target, {}).items():
            cells = [figure(known[c]) if c in known else "" for c in page.columns]
            lines.append(f"| *{row}* | " + " | ".join(cells) + " |")
    return lines


def where(record: dict[str, Any]) -> str:
    """The machine."""
    at = record["machine"]
    cores = f"{at['cores']} core" + "s" * (at["cores"] > 1)
    return f"""Measured on {cores} of {at["processor"]} that others used too (load
        {at["load_before"]:.1f} before the first run), so that seconds are rough."""


def settings(results: Results) -> str:
    """What each variant overrides, as one would type it; nothing where rows are not recipes."""
    recipe = results.record.get("recipe", "")
    variants = {name: runs[0].get("overrides", ()) for name, runs in results.record["rows"].items()}
    return results.typed(variants, recipe) if recipe else ""


def index(pages: list[Page], records: list[dict[str, Any]]) -> str:
    """The list of experiments."""
    lines = [
        f"* [{page.title}]({page.name}.md), {seconds(record):.0f} s"
        for page, record in zip(pages, records, strict=True)
    ]
    return f"""# Experiments

What the method is said to do, measured over several seeds: one page for each claim,
with the command, a figure, a table and whether the claim holds. The seconds are those of the last
measurement of the whole page, on cores that others used too.

{chr(10).join(lines)}
"""


def seconds(record: dict[str, Any]) -> float:
    """What a study took: as a whole where that was kept, or else its flows alone."""
    runs = [run["scores"].get("seconds", 0.0) for row in record["rows"].values() for run in row]
    return record.get("took", sum(runs))


def pages() -> dict[str, Page]:
    """Every page, by the name of its study, sorted."""
    from studies import load

    templates = sorted((BENCHMARKS / "studies").glob("*.md"))
    names = {path.stem.replace("_", "-"): path for path in templates}
    return {name: Page(name, path.read_text(), load(name)) for name, path in names.items()}


def main() -> None:
    """Write those that are named, or all, and the list of experiments."""
    known = pages()
    unknown = set(sys.argv[1:]) - set(known)
    if unknown:
        sys.exit(f"no page {', '.join(unknown)}; there are {', '.join(known)}")
    experiments, records = [], []
    for name, page in known.items():
        experiment = "page" not in page.about
        place = EXPERIMENTS if experiment else BENCHMARKS / "results"
        path = place / f"{name}.json"
        if not path.exists():
            continue
        record = json.loads(path.read_text())
        if experiment:
            experiments.append(page)
            records.append(record)
        if name in sys.argv[1:] or not sys.argv[1:]:
            (DOCS / page.about.get("page", f"experiments/{name}.md")).write_text(
                page.render(record)
            )
            if hasattr(page.module, "draw_page"):
                page.module.draw_page(record)
    (DOCS / "experiments" / "README.md").write_text(index(experiments, records))


if __name__ == "__main__":
    main()
