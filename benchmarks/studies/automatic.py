"""The automatic choice beside every fixed setting, each judged on points that nothing saw.

    python benchmarks/run.py automatic                            # some minutes
    python benchmarks/run.py automatic --kind tables --seeds 0 1 2
    python benchmarks/run.py automatic --kind clouds --names swiss-roll --seeds 0

"clouds" are the data sets of peer_data.py, moved by `gpa.transport(potential="auto")`: the fixed
settings are its potentials, each at every stage that it chooses from, and the score is that of
docs/peers.md on at most 1000 particles and 1000 held-out points. "tables" are those of
table_data.py, 100 rows each, and the choice is that of `gpa.Synthesizer`: the fixed settings are
the ways with the default network and without one, and the score is the one that it chooses by,
with real rows that were kept apart, and with each quarter of these alone: how much these differ is
what one draw leaves to chance. A fixed setting of which more than 1 % of what it makes are
copies is no rival. What has been measured is kept, and a second call goes on with what is missing.
"""

import json
from dataclasses import replace
from typing import Any

import numpy as np
from common import RESULTS, Record, figure, machine, print_table, write_json
from peer_data import DATA, draw
from table_data import MIXED, NUMERIC, split, table

import gparticles as gpa
from gparticles.choosing import DEFAULT, choose_way
from gparticles.choosing.choice import NOISES, OTHERS
from gparticles.choosing.scoring import MOST_COPIES, score
from gparticles.evaluate.frame_units import FrameUnits
from gparticles.evaluate.memorisation import memorisation
from gparticles.flow import Store, auto
from gparticles.flow.transport import transport
from gparticles.tables.codec import TableCodec
from studies.peers import distance

OUT = RESULTS / "automatic.json"
ROWS, MOST, PARTS = 100, 1000, 4
FIXED = (DEFAULT, *OTHERS[:3])
CHOICES = {"kind": ("clouds", "tables", "all")}
CLOUDS, TABLES = tuple(DATA), (*NUMERIC, *MIXED)


def of_cloud(name: str, seed: int) -> Record:
    """The score of every potential at every stage, and which of them is chosen."""
    sample, metric = draw(name, seed), DATA[name].metric
    settings = {"source": sample.source, "target": sample.target, "seed": seed}
    chosen = gpa.transport(**settings, potential="auto").choice or {}
    scores = {}
    for kind, change in auto.candidates(sample.target, settings).items():
        flow = transport(**settings | change, store=Store(potentials=False, frames=auto.FRAMES))
        for step, points in zip(flow.trajectory_steps[1:], flow.trajectory[1:], strict=True):
            near = memorisation(points, sample.target, sample.held_out)
            value = distance(metric, points[:MOST], sample.held_out[:MOST])
            scores[f"{kind}, {step} steps"] = value if near.copy_rate <= MOST_COPIES else None
    return {"chosen": f"{chosen['chosen']}, {chosen['steps']} steps", "scores": scores}


def of_table(name: str, seed: int) -> Record:
    """The score of every way, and which of them is chosen."""
    learnt, held_out = split(table(name), ROWS, seed)
    codec, units = TableCodec.fit(learnt), FrameUnits.of(learnt)
    points = codec.encode(learnt, seed=seed)
    chosen = choose_way(points, settled=codec.settled, seed=seed).way
    known, real = units.points(learnt), units.points(held_out)
    quarters = [real[part::PARTS] for part in range(PARTS)]
    scores, parts = {}, {}
    for way in FIXED:
        fitted = way.fit(points, seed=seed)
        for noise in NOISES:
            made = fitted.with_noise(noise, points, seed=seed).particles(seed=seed)
            new, name = units.points(codec.decode(made)), str(replace(way, noise=noise))
            loss = score(new, known, real, seed=seed).loss
            scores[name] = loss if np.isfinite(loss) else None
            if np.isfinite(loss):
                each = [score(new, known, some, seed=seed) for some in quarters]
                # the whole has said that these are no copies
                parts[name] = [s._replace(copies=0.0).loss for s in each]
    return {"chosen": str(chosen), "scores": scores, "parts": parts}


MEASURE = {"clouds": (of_cloud, CLOUDS), "tables": (of_table, TABLES)}


def run(
    *,
    kind: str = "all",
    names: tuple[str, ...] = (),
    seeds: tuple[int, ...] = (0,),
) -> None:
    """Measure what is missing, keep it, and print by how much the choice is beyond the best."""
    record: Record = {"machine": machine(), "rows": ROWS, "runs": []}
    if OUT.exists():
        record = json.loads(OUT.read_text())
    known = {(r["kind"], r["name"], r["seed"]) for r in record["runs"]}
    for sort, (measure, every) in MEASURE.items():
        for name in every if kind in (sort, "all") else ():
            for seed in seeds:
                if (not names or name in names) and (sort, name, seed) not in known:
                    at = {"kind": sort, "name": name, "seed": seed}
                    record["runs"].append(at | measure(name, seed))
                    write_json(OUT, record)
    show(record["runs"])


def show(runs: list[Record]) -> None:
    """A line for each data set."""
    lines: list[list[Any]] = []
    for r in runs:
        scores = {way: value for way, value in r["scores"].items() if value is not None}
        # tables of few kinds have rows in common, which count as copies
        if not scores:
            continue
        best = min(scores, key=lambda way: scores[way])
        own = scores.get(r["chosen"])
        beyond = "-" if own is None else f"{100 * (own / scores[best] - 1):.1f} %"
        lines.append([f"{r['name']} {r['seed']}", r["chosen"], figure(own), best, beyond])
    print_table("the choice", ["data", "chosen", "score", "best in hindsight", "beyond"], lines)
