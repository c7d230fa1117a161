"""docs/integration-measured.md from what the benchmarks of integration wrote.

    python benchmarks/integration_page.py

Every figure on the page is read from benchmarks/results/integration*.json.
"""

import json
import statistics
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from common import RESULTS

PAGE = Path(__file__).parents[1] / "docs" / "integration-measured.md"
OURS, NONE = "gparticles", "none"
Runs = list[dict[str, Any]]

HEAD = """# Batch correction, measured

The figures of this page come from the commands named beside them, and the page itself from
`python benchmarks/integration_page.py`. `pip install gparticles[bench]` brings the other methods.

## expO onto VDX, held out

    python benchmarks/integration.py breast_er.npz

Two studies of breast cancer, expO (353 samples) and VDX (150), 966 probes, from the R package
genefu (`data/expos.rda` and `data/vdxs.rda`, Artistic-2.0). The file is not shipped; the script's
head says what it holds. Seven tenths of each study are fitted to, the principal components
included, and the rest is scored, in five splits; no method sees labels. Mixing is the share
of neighbours from the other study over its expectation, W2 the distance of the held-out samples of
expO to those of VDX, ER AUC how well oestrogen-receptor status learnt on the held-out samples
of one study holds on the other's (logistic regression, C = 0.01), copies the share of moved samples
at a training sample of VDX. Mean ± sd over splits.
"""

METHODS = """
ComBat is inmoose's `pycombat_norm` with VDX as reference batch, fitted to the training samples;
what it does to them is one affine map for each gene, which the held-out ones then get. harmonypy
moves both studies, knows no genes and has no transform for new samples, so it was **fitted to the
held-out samples as well**; it was also given wider clusters (sigma 0.5 in the place of 0.1), and
studies that were centred before. POT moves training samples in the 50 components, new ones by its
own extension, the nearest training sample's move; what the components do not hold is centred and
scaled as in gparticles, which is `gpa.LatentGPA`; "no flow" is its map of columns and its Gaussian
map alone.
"""


def read(name: str) -> dict[str, Any] | None:
    path = RESULTS / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def spread(values: Sequence[float], digits: int = 2) -> str:
    mean = f"{statistics.fmean(values):.{digits}f}"
    return mean if len(values) < 2 else f"{mean} ± {statistics.stdev(values):.{digits}f}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|---" * len(header) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def mean(runs: Runs, *keys: str) -> float:
    values = []
    for run in runs:
        value: Any = run
        for key in keys:
            value = value[key]
        values.append(value)
    return statistics.fmean(values)


MEASURES: dict[str, tuple[str, int]] = {
    "mixing": ("mixing", 2),
    "batch_silhouette": ("silhouette, study", 2),
    "er_silhouette": ("silhouette, ER", 3),
    "auc_source_to_target": ("AUC expO to VDX", 3),
    "auc_target_to_source": ("AUC VDX to expO", 3),
    "w2": ("W2", 1),
    "copies": ("copies", 2),
}


def scored(record: dict[str, Any], space: str, *, seconds: bool = True) -> str:
    header = ["method", *(title for title, _ in MEASURES.values()), *["s"] * seconds]
    rows = []
    for name, runs in record["methods"].items():
        if space not in runs[0]:
            continue
        cells = [spread([r[space][k] for r in runs], n) for k, (_, n) in MEASURES.items()]
        if seconds:
            cells.append(f"{statistics.median(run['seconds'] for run in runs):.1f}")
        rows.append([f"**{name}**" if name == OURS else name, *cells])
    return table(header, rows)


def goals(record: dict[str, Any], space: str) -> str:
    ours, base = record["methods"][OURS], record["methods"][NONE]
    mixing, er = mean(ours, space, "mixing"), mean(ours, space, "er_silhouette")
    drops = [
        mean(base, space, key) - mean(ours, space, key)
        for key in ("auc_source_to_target", "auc_target_to_source")
    ]
    said = [
        f"mixing {mixing:.2f} ({'reached' if mixing >= 0.95 else 'not reached'})",
        f"AUC lower than uncorrected by {drops[0]:.3f} and {drops[1]:.3f} "
        f"({'reached' if max(drops) <= 0.01 else 'not reached'})",
        f"silhouette of ER {er:.3f} ({'reached' if er >= 0.15 else 'not reached'})",
    ]
    return "; ".join(said) + "."


def others(record: dict[str, Any], space: str) -> str:
    """The methods that keep the biology and mix at least as well, and the smallest W2 of these."""
    base = record["methods"][NONE]
    keep = []
    for name, runs in record["methods"].items():
        drops = [
            mean(base, space, key) - mean(runs, space, key)
            for key in ("auc_source_to_target", "auc_target_to_source")
        ]
        good = mean(runs, space, "mixing") >= 0.95 and max(drops) <= 0.01 if space in runs[0] else 0
        if good and mean(runs, space, "er_silhouette") >= 0.15:
            keep.append((mean(runs, space, "w2"), name))
    if not keep:
        return "No method reaches all three."
    listed = ", ".join(f"{name} (W2 {value:.1f})" for value, name in sorted(keep))
    return f"Those that reach all three, by W2: {listed}."


def real(record: dict[str, Any]) -> str:
    floors = {space: [f[space] for f in record["floor"]] for space in ("latents", "genes")}
    parts = [HEAD, "\nIn the 50 components:\n\n", scored(record, "latents")]
    parts += ["\nIn the 966 genes:\n\n", scored(record, "genes", seconds=False), METHODS]
    parts.append(
        "\nRandom parts of the held-out samples of expO alone, of sizes in the two studies' "
        "proportion, mix at "
        f"{mean(floors['latents'], 'mixing'):.2f} (sd of one such draw "
        f"{mean(floors['latents'], 'mixing_sd'):.2f}) in the components and "
        f"{mean(floors['genes'], 'mixing'):.2f} in the genes, at W2 "
        f"{mean(floors['latents'], 'w2'):.1f} and {mean(floors['genes'], 'w2'):.1f}: what perfect "
        "correction gives, at fewer samples.\n"
    )
    parts.append(
        "\nThe aims were mixing of at least 0.95, AUC no more than 0.01 below that without "
        "correction in both directions, and a silhouette of ER of at least 0.15. In the "
        f"components: {goals(record, 'latents')} {others(record, 'latents')} In the genes: "
        f"{goals(record, 'genes')} {others(record, 'genes')}\n"
    )
    scale, not_scaled = (record["methods"][n] for n in (OURS, f"{OURS}, residuals not scaled"))
    parts.append(
        "\n`scale_residual`, which is on by default in `LatentGPA`, acts on what the components do "
        f"not hold: with it mixing in the genes is {mean(scale, 'genes', 'mixing'):.2f}, AUC "
        f"{mean(scale, 'genes', 'auc_source_to_target'):.3f} and "
        f"{mean(scale, 'genes', 'auc_target_to_source'):.3f}, and W2 "
        f"{mean(scale, 'genes', 'w2'):.1f}; without, {mean(not_scaled, 'genes', 'mixing'):.2f}, "
        f"{mean(not_scaled, 'genes', 'auc_source_to_target'):.3f} and "
        f"{mean(not_scaled, 'genes', 'auc_target_to_source'):.3f}, and "
        f"{mean(not_scaled, 'genes', 'w2'):.1f}.\n"
    )
    return "".join(parts)


def choice(record: dict[str, Any]) -> str:
    text = """
## How the defaults were chosen

    python benchmarks/integration.py breast_er.npz --choose

The same measures on splits 100 to 102 of the same two studies. Other splits, but the same samples:
the choice has seen them all, one way or another. In the 50 components:

"""
    text += scored(record, "latents", seconds=False)
    return f"{text}\nIn the genes:\n\n{scored(record, 'genes', seconds=False)}"


def synthetic(record: dict[str, Any]) -> str:
    text = f"""
## Where the truth is known

    python benchmarks/integration_synthetic.py --genes {record["genes"]}

Two made-up laboratories of 300 samples and {record["genes"]} genes
(`gparticles.data.synthetic_expression`: low-rank biology, a background that bends small
intensities, an affine map for each gene), {len(record["seeds"])} draws. Error is the root mean
squared error per gene of the held-out samples against what the first laboratory would have
measured, the median over genes; AUC tells the truly differing genes from others by Welch's t on
held-out samples of both.
Methods marked "labels" use the classes, also those of the held-out samples unless they only weight.
"""
    for design, runs in record["designs"].items():
        text += f"\nClass proportions: {design}.\n\n"
        text += table(
            ["method", "error", "share of it left", "AUC of differing genes"],
            [
                [
                    f"**{name}**" if name == OURS else name,
                    *(spread([r[k] for r in each], 3) for k in ("error", "share", "auc")),
                ]
                for name, each in runs.items()
            ],
        )
    best = {
        design: min(
            (mean(runs[name], "error"), name) for name in runs if name not in ("the truth", NONE)
        )[1]
        for design, runs in record["designs"].items()
    }
    said = ", ".join(f"{name} ({design})" for design, name in best.items())
    return f"{text}\nSmallest error: {said}.\n"


def protocol(record: dict[str, Any]) -> str:
    text = """
## The paper's protocol

    python benchmarks/integration_protocol.py breast_er.npz

Each ER class onto the same class, all 966 genes; half of the squared W2 to the target's class,
which is what the Sinkhorn divergence of geomloss (p = 2) comes to at a small blur, as a share of
that before. The paper prints 1.47 % and 2.61 % for its own data (GSE26639 and GSE76275, 54,675
genes), of samples that the flow was fitted to, with the target's labels used: a sample moved onto
a target sample scores best, and copies are the share that is. Held out, nothing can be had by
copying.
"""
    for kind in ("fitted and scored on the same samples", "held out"):
        before = record[kind][NONE]
        rows = []
        for name, runs in record[kind].items():
            cells = [
                spread([100 * run[c] / old[c] for run, old in zip(runs, before, strict=True)])
                for c in ("positive", "negative")
            ]
            copied = spread([run["copies"] for run in runs]) if "copies" in runs[0] else "-"
            shown = "the target's own reconstruction" if name == "floor" else name
            rows.append([shown, *cells, copied])
        text += f"\n{kind.capitalize()}:\n\n"
        text += table(["method", "ER positive, %", "ER negative, %", "copies"], rows)
    return text


def times(record: dict[str, Any]) -> str:
    text = f"""
## Time and memory

    python benchmarks/integration_times.py

Made-up cells of ten types in 50 components, half of them in each of two batches, on
{record["machine"]["cores"]} cores ({record["machine"]["processor"]}); compilation included, imports
not; memory is the peak less that before. `gpa.integrate` fits the potential to random parts of
1024 cells where a batch has more than 5000.

"""
    text += table(
        ["cells", "method", "s", "MiB", "mixing before", "mixing after"],
        [
            [
                f"{row['cells']:,}",
                row["method"],
                f"{row['seconds']:.1f}",
                f"{row['mib']:.0f}",
                f"{row['mixing_before']:.2f}",
                f"{row['mixing']:.2f}",
            ]
            for row in record["rows"]
        ],
    )
    largest = max(row["cells"] for row in record["rows"])
    last = {r["method"]: r["seconds"] for r in record["rows"] if r["cells"] == largest}
    ratio = last["gparticles"] / last["harmonypy"]
    return f"{text}\nAt {largest:,} cells gparticles takes {ratio:.1f} times harmonypy's time.\n"


SECTIONS: dict[str, Callable[[dict[str, Any]], str]] = {
    "integration": real,
    "integration-choice": choice,
    "integration-synthetic": synthetic,
    "integration-protocol": protocol,
    "integration-times": times,
}


def main() -> None:
    found = {name: read(name) for name in SECTIONS}
    PAGE.write_text("".join(SECTIONS[name](r) for name, r in found.items() if r is not None))
    print(PAGE)


if __name__ == "__main__":
    main()
