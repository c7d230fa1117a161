"""What a run on a table of mixed columns measures, draws and says besides."""

from pathlib import Path
from typing import Any

from gparticles.experiment.config import Config
from gparticles.experiment.folder import RunFolder
from gparticles.experiment.mixed_runs import FEWEST_ROWS, Mixed

CHOICE, VERDICT = "choice", "verdict"
FIGURES = "figures"


def table_metrics(config: Config, mixed: Mixed, rows: Any) -> dict[str, Any]:
    """Entries of ``metrics.json``: the choice, and how like real rows the new ones are.

    Args:
        config, mixed: of the run.
        rows: the new ones, a DataFrame.
    """
    note = "the first of the particles, all of which the numbers of the flow are of"
    metrics: dict[str, Any] = {"rows_written": {"value": len(rows), "note": note}}
    if mixed.choice is not None:
        metrics[CHOICE] = mixed.choice.to_dict()
    if mixed.held_out is None or min(len(mixed.held_out), len(rows)) < FEWEST_ROWS:
        return metrics
    # scikit-learn takes a second to import
    from gparticles.evaluate.fidelity import fidelity
    from gparticles.evaluate.usefulness import Fold, usefulness

    real, new, held_out = map(mixed.judged, (mixed.frame, rows, mixed.held_out))
    # those that a run of numbers has already are measured alike
    metrics |= fidelity(new, held_out, learnt=real, seed=config.seed)
    if config.task is None:
        return metrics
    task = _named(config.task, mixed)
    verdict = usefulness([Fold(real, new, held_out)], task, seed=config.seed)
    return metrics | verdict.entries() | {VERDICT: {"sentence": verdict.sentence}}


def _named(task: str, mixed: Mixed) -> Any:
    """The column's own name, which may be no text."""
    return next(name for name in mixed.frame.columns if str(name) == task)


def draw_table(folder: RunFolder, mixed: Mixed, rows: Any) -> None:
    """Writes the pictures of a table's columns into ``figures/``."""
    from gparticles.evaluate.table_pictures import save_table_pictures
    from gparticles.plots.tables import save_dial

    figures = folder.subfolder(FIGURES)
    save_table_pictures(mixed.judged(rows), mixed.judged(mixed.frame), figures)
    choice = mixed.choice
    if choice is not None and choice.score is not None:
        chosen = (choice.score.nearest, choice.score.told_apart)
        save_dial(choice.curves, figures / "dial.png", chosen=chosen)


def section(folder: RunFolder, metrics: dict[str, Any]) -> Any:
    """The report's section of a table, of what the folder holds; None where that is no table."""
    from gparticles.evaluate.table_pictures import CAPTIONS
    from gparticles.report.table_section import table_section

    captions = CAPTIONS | {
        "dial.png": "How well new rows are told from held-out ones against how near they lie to "
        "learnt ones, for more and less noise"
    }
    figures: dict[Path, str] = {
        folder.path / FIGURES / name: caption
        for name, caption in captions.items()
        if (folder.path / FIGURES / name).exists()
    }
    choice = metrics.get(CHOICE)
    if not figures and choice is None:
        return None
    verdict = metrics.get(VERDICT, {}).get("sentence")
    return table_section(choice, () if verdict is None else (str(verdict),), figures)
