"""Pages whose numbers have no mean: medians over seeds, with the smallest and the largest."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pages import Results, figure, paragraph, where

# of a row's name, between the target and what was done with it
SEPARATOR = ": "
Printed = Mapping[str, Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True)
class MedianPage:
    """A page with one table for each target; rows are named "target: variant".

    Attributes:
        columns: names of scores, in the table's order.
        legends: their headings and explanations.
        finding: makes its sentences from the results.
        commands: one line, as one would type it, for each variant.
        printed: numbers of others, by target, row and score; they are no results of ours.
    """

    title: str
    claim: str
    setting: str
    columns: tuple[str, ...]
    legends: Mapping[str, tuple[str, str]]
    finding: Callable[[Results], str]
    picture: str
    commands: Sequence[str]
    printed: Printed

    def text(self, name: str, record: dict[str, Any]) -> str:
        """The page, complete."""
        results = Results(record)
        seeds = " ".join(map(str, record["seeds"]))
        about = f"""Median over {len(record["seeds"])} seeds, which change data, source and network
            alike; in brackets the smallest and the largest."""
        legend = "; ".join(": ".join(self.legends[column]) for column in self.columns)
        commands = "\n".join(f"* {line}" for line in self.commands)
        return f"""# {self.title}

{paragraph(f"**Claim.** {self.claim}")}

{paragraph(f"**Setting.** {self.setting} {about}")}

```sh
python benchmarks/experiments.py {name} --seeds {seeds}
python docs/make_experiments.py
```

![{self.picture}]({name}.png)

{table(self, results)}

{paragraph(f"{legend}. {where(record)}")}

{paragraph(f"**Finding.** {self.finding(results)}")}

One run of each kind of row:

{commands}
"""


def median(results: Results, row: str, score: str) -> float:
    """Over the seeds."""
    return statistics.median(results.values(row, score))


def cell(results: Results, row: str, score: str) -> str:
    """The median, the smallest and the largest."""
    known = results.values(row, score)
    if not known:
        return ""
    low, high = figure(min(known)), figure(max(known))
    ends = f" ({low} to {high})" if low != high else ""
    return figure(statistics.median(known)) + ends


def label(results: Results, row: str) -> str:
    """The variant, and how many of the seeds were run where not all were."""
    variant, run = row.split(SEPARATOR)[1], len(results.rows[row])
    return variant if run == len(results.record["seeds"]) else f"{variant} (seeds: {run})"


def table(page: MedianPage, results: Results) -> str:
    """Every target has a line of its own above its rows."""
    headings = [page.legends[column][0] for column in page.columns]
    lines = ["| | " + " | ".join(headings) + " |", "|---|" + "---|" * len(headings)]
    for target in dict.fromkeys(row.split(SEPARATOR)[0] for row in results.rows):
        lines.append(f"| **{target}** |" + " |" * len(headings))
        for row in (row for row in results.rows if row.split(SEPARATOR)[0] == target):
            cells = [cell(results, row, column) for column in page.columns]
            lines.append(f"| {label(results, row)} | " + " | ".join(cells) + " |")
        for row, found in page.printed.get(target, {}).items():
            cells = [figure(found[c]) if c in found else "" for c in page.columns]
            lines.append(f"| *{row}* | " + " | ".join(cells) + " |")
    return "\n".join(lines)
