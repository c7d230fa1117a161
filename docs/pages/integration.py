"""What docs/integration-measured.md says of the measurements of batch correction."""

import json
import statistics
from collections.abc import Sequence
from typing import Any

from common import RESULTS

OURS, NONE, KEPT = "gparticles", "none", "gparticles, programs kept"
OLDER_TIMES = (
    "The rows are from before the flow of large batches saw a part of its target; a first call "
    "whose programs an earlier process kept was not measured then."
)
Runs = list[dict[str, Any]]
MEASURES: dict[str, tuple[str, int]] = {
    "mixing": ("mixing", 2),
    "batch_silhouette": ("silhouette, study", 2),
    "er_silhouette": ("silhouette, ER", 3),
    "auc_source_to_target": ("AUC expO to VDX", 3),
    "auc_target_to_source": ("AUC VDX to expO", 3),
    "w2": ("W2", 1),
    "copies": ("copies", 2),
}
AIMS = {"mixing": 0.95, "er_silhouette": 0.15}
MOST_LOST = 0.01
SAME, HELD_OUT = "fitted and scored on the same samples", "held out"


def spread(values: Sequence[float], digits: int = 2) -> str:
    mean = f"{statistics.fmean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def means(runs: Runs) -> dict[str, Any]:
    """The runs' means, of parts as well."""
    return {
        key: means([run[key] for run in runs])
        if isinstance(value, dict)
        else statistics.fmean(run[key] for run in runs)
        for key, value in runs[0].items()
    }


def bold(name: str) -> str:
    return f"**{name}**" if name == OURS else name


def scored(record: dict[str, Any], space: str) -> str:
    header = ["method", *(title for title, _ in MEASURES.values())]
    rows = []
    for name, runs in record["methods"].items():
        if space in runs[0]:
            cells = [spread([r[space][k] for r in runs], n) for k, (_, n) in MEASURES.items()]
            rows.append([bold(name), *cells])
    return table(header, rows)


def lost(methods: dict[str, Any], name: str, space: str) -> list[float]:
    """How much lower AUC is than without correction, in both directions."""
    keys = ("auc_source_to_target", "auc_target_to_source")
    return [methods[NONE][space][key] - methods[name][space][key] for key in keys]


def reached(methods: dict[str, Any], name: str, space: str) -> dict[str, bool]:
    found = {key: methods[name][space][key] >= aim for key, aim in AIMS.items()}
    return found | {"auc": max(lost(methods, name, space)) <= MOST_LOST}


def goals(methods: dict[str, Any], space: str) -> str:
    """How the default stands to the aims, and which others reach all of them."""
    ours, reaches = methods[OURS][space], reached(methods, OURS, space)
    words = {key: "reached" if value else "not reached" for key, value in reaches.items()}
    er = f"{ours['er_silhouette']:.3f} ({words['er_silhouette']})"
    drops = " and ".join(f"{value:.3f}" for value in lost(methods, OURS, space))
    every = [n for n in methods if space in methods[n] and all(reached(methods, n, space).values())]
    return f"""mixing {ours["mixing"]:.2f} ({words["mixing"]}); AUC lower than uncorrected by
        {drops} ({words["auc"]}); silhouette of ER {er}.
        All three are reached by: {", ".join(every) or "no method"}."""


def real(record: dict[str, Any], choice: dict[str, Any]) -> dict[str, Any]:
    methods = {name: means(runs) for name, runs in record["methods"].items()}
    return {
        "latents": scored(record, "latents"),
        "genes": scored(record, "genes"),
        "choice_latents": scored(choice, "latents"),
        "choice_genes": scored(choice, "genes"),
        "floor": means(record["floor"]),
        "methods": methods,
        "goals": {space: goals(methods, space) for space in ("latents", "genes")},
        "auc_lost": " and ".join(f"{v:.3f}" for v in lost(methods, OURS, "latents")),
        "auc_aim": "reached" if max(lost(methods, OURS, "latents")) <= 0.002 else "not reached",
    }


def synthetic(record: dict[str, Any]) -> dict[str, Any]:
    header = ["method", "error", "share of it left", "AUC of differing genes"]
    values: dict[str, Any] = {"genes_drawn": record["genes"], "draws": len(record["seeds"])}
    for design, name in (("balanced", "even"), ("70/30 against 30/70", "uneven")):
        rows = record["designs"][design]
        values[name] = {method: means(runs) for method, runs in rows.items()}
        keys = ("error", "share", "auc")
        values[f"table_{name}"] = table(
            header,
            [
                [bold(m), *(spread([r[k] for r in runs], 3) for k in keys)]
                for m, runs in rows.items()
            ],
        )
    # of the truth itself the error is 0
    errors = {method: v["error"] for method, v in values["even"].items() if v["error"]}
    return values | {"best": min(errors, key=lambda method: errors[method])}


def percents(record: dict[str, Any], kind: str) -> str:
    """Half of W2 squared as a share of that before."""
    rows = []
    for name, runs in record[kind].items():
        pairs = list(zip(runs, record[kind][NONE], strict=True))
        cells = [spread([100 * a[c] / b[c] for a, b in pairs]) for c in ("positive", "negative")]
        copied = spread([run["copies"] for run in runs]) if "copies" in runs[0] else "-"
        rows.append(
            ["the target's own reconstruction" if name == "floor" else name, *cells, copied]
        )
    return table(["method", "ER positive, %", "ER negative, %", "copies"], rows)


def protocol(record: dict[str, Any]) -> dict[str, Any]:
    """How far above the target's own reconstruction the paper's figures are, and these."""
    same = {name: means(runs) for name, runs in record[SAME].items()}
    best = {
        label: min((v[label], name) for name, v in same.items() if name not in (NONE, "floor"))
        for label in ("positive", "negative")
    }
    ratios = {label: value / same["floor"][label] for label, (value, _) in best.items()}
    return {
        "protocol_same": percents(record, SAME),
        "protocol_held_out": percents(record, HELD_OUT),
        "printed": {0: 3517 / 2977, 1: 6225 / 3381},
        "nearest": " and ".join(f"{ratios[k]:.1f} ({name})" for k, (_, name) in best.items()),
        "copied": max(v["copies"] for name, v in same.items() if name != "floor"),
    }


def times(record: dict[str, Any]) -> dict[str, Any]:
    rows = record["rows"]
    digits = {"seconds": 1, "mib": 0, "mixing_before": 2, "mixing": 2}
    cells = [[f"{row[k]:.{n}f}" for k, n in digits.items()] for row in rows]
    largest = max(row["cells"] for row in rows)
    last = {row["method"]: row["seconds"] for row in rows if row["cells"] == largest}
    again = last["gparticles, second call"]
    ratios = {"a first call": last[OURS] / last["harmonypy"]}
    older = KEPT not in last
    if not older:
        ratios["a first call with programs kept"] = last[KEPT] / last["harmonypy"]
    ratios["a second call"] = again / last["harmonypy"]
    reach = [f"{call} {'reaches' if ratio <= 1 else 'misses'} it" for call, ratio in ratios.items()]
    return {
        "load": record["machine"]["load_before"],
        "aim_time": ", ".join(reach),
        "cores": record["machine"]["cores"],
        "processor": record["machine"]["processor"],
        "times": table(
            ["cells", "method", "s", "MiB", "mixing before", "mixing after"],
            [
                [f"{row['cells']:,}", row["method"], *each]
                for row, each in zip(rows, cells, strict=True)
            ],
        ),
        "largest": f"{largest:,}",
        "slower": last[OURS] / last["harmonypy"],
        "first": min(row["seconds"] for row in rows if row["method"] == OURS),
        "again": again,
        "again_slower": again / last["harmonypy"],
        "times_older": OLDER_TIMES if older else "",
    }


def compositions(record: dict[str, Any]) -> dict[str, Any]:
    """Made-up designs and real data of different compositions."""
    keys = ("own", "mixing", "error")
    header = ["method", "own class", "mixing within classes", "error left"]
    rows, held_out, real_rows, summary = [], [], [], {}
    base = [run["own"] for run in record["methods"][NONE]]
    data = list(dict.fromkeys(run["data"] for run in record["real"][NONE]))
    for name, runs in record["methods"].items():
        known = {k: [run[k] for run in runs if run[k] == run[k]] for k in keys}
        apart = {k: [run["held_out"][k] for run in runs] for k in keys}
        apart = {k: [value for value in values if value == value] for k, values in apart.items()}
        for lines, part in ((rows, known), (held_out, apart)):
            lines.append([bold(name), *(spread(part[k], 3 if k == "own" else 2) for k in keys)])
        lost = statistics.fmean(b - run["own"] for b, run in zip(base, runs, strict=True))
        worst = max(b - run["own"] for b, run in zip(base, runs, strict=True))
        summary[name] = {k: statistics.fmean(v) for k, v in known.items()}
        summary[name] |= {"lost": lost, "worst": worst}
        summary[name] |= {f"held_out_{k}": statistics.fmean(v) for k, v in apart.items()}
        cells = []
        for title in data:
            found = [run for run in record["real"][name] if run["data"] == title]
            cells += [spread([run[k] for run in found], n) for k, n in (("own", 3), ("mixing", 2))]
        real_rows.append([bold(name), *cells])
    titles = [f"{title}: {what}" for title in data for what in ("own class", "mixing")]
    theirs, ours = record["methods"]["harmonypy"], record["methods"][OURS]
    behind = sum(
        b["own"] > a["own"] + 0.001 and b["mixing"] > a["mixing"]
        for a, b in zip(ours, theirs, strict=True)
    )
    worst = max(range(len(ours)), key=lambda k: base[k] - ours[k]["own"])
    aims = {
        "own": summary[OURS]["lost"] <= 0.005,
        "mixing": summary[OURS]["mixing"] >= 0.95,
        "harmony": behind == 0,
    }
    return {
        **{f"aim_{k}": "reached" if yes else "not reached" for k, yes in aims.items()},
        "worst_design": f'"{ours[worst]["design"]}"',
        "worst_own": ours[worst]["own"],
        "worst_harmony": theirs[worst]["own"],
        "composition_numbers": " ".join(map(str, record["seeds"])),
        "composition": table(header, rows),
        "composition_held_out": table(header, held_out),
        "composition_real": table(["method", *titles], real_rows),
        "composed": summary,
        "designs": len(ours),
        "composition_seeds": len(record["seeds"]),
        "behind_harmony": behind,
    }


def values(record: dict[str, Any]) -> dict[str, Any]:
    """All of the page's numbers; what is not in the record is in those beside it."""
    choice, drawn, paper, timed, composed = (
        json.loads((RESULTS / f"integration-{name}.json").read_text())
        for name in ("choice", "synthetic", "protocol", "times", "composition")
    )
    rest = synthetic(drawn) | protocol(paper) | times(timed) | compositions(composed)
    return real(record, choice) | rest
