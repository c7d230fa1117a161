"""Every code block of the documentation runs, page by page and in the order of the page.

Blocks of Python share the names of their page; those of shell run the command in this process, in
a folder with `examples/`, with few steps and rows. A block that begins with a comment `# name.toml`
or `# name.py` is written as that file.
"""

import re
import shlex
import tomllib
from pathlib import Path

import numpy as np
import pytest
from sklearn.decomposition import PCA

import gparticles
from gparticles.experiment.config import Config
from tests.blocks import blocks, commands
from tests.grids import few_usual

# they compile and train
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PAGES = [
    page
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    if any(block.language in ("python", "sh", "toml") for block in blocks(page))
]
# what needs a network, downloads, minutes (tests/augment have it smaller), or the whole repository
MINUTES = "gpa augment --target mnist"
ELSEWHERE = (MINUTES, "make ", "pip ", "python benchmarks/run.py ", "python docs/", "tensorboard ")
FETCHES = ("geo_series", "joined(", "from_zarr")
# what pages take from other pages, or from their readers
BEFORE = {"divergence.md": ["gpa run --target examples/few.csv -n 5000 --out runs/more"]}
# as little as shows that the words are right: the end of the command, or in the place of its words
SMALL = {"run": "--set steps=10", "augment": "--set steps=10 --gan-steps 2"}


# the first page a reader meets after README, whose blocks .ci/wheel runs as they stand
FIRST = {str(ROOT / "docs" / "start.md")}


@pytest.mark.parametrize("page", few_usual(PAGES, FIRST), ids=lambda page: Path(page).stem)
def test_blocks_run(page, gpa, tmp_path):
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    names = {"__name__": "page", **prepare(page, gpa)}
    for block in blocks(page):
        file = re.match(r"# (\w+\.(?:toml|py))\n", block.text)
        if file:
            Path(file[1]).write_text(block.text, encoding="utf-8")
        elif block.language == "python" and not any(word in block.text for word in FETCHES):
            # padded, so that an error names the line of the page
            code = compile("\n" * block.line + block.text, str(page), "exec")
            exec(code, names)
        elif block.language == "toml":
            check_keys(tomllib.loads(block.text))
        elif block.language == "sh":
            for command in commands(block):
                run(command, gpa)


def prepare(page, gpa):
    """Makes what the page takes from the folder; gives the names that it takes as known."""
    for command in BEFORE.get(page.name, []):
        run(command, gpa)
    if page.name == "integration.md":
        for name, seed in (("cells", 0), ("later", 1)):
            cells(seed).write_h5ad(f"{name}.h5ad")
    points = np.random.default_rng(0).normal(size=(60, 3))
    names = {
        "devices.md": {"gpa": gparticles, "source": points + 1, "target": points},
        "trajectories.md": {"adata": cells(0)},
        "choosing.md": {"gpa": gparticles},
    }
    return names.get(page.name, {})


def cells(seed):
    anndata = pytest.importorskip("anndata")
    values = np.random.default_rng(seed).normal(size=(60, 20)).astype(np.float32)
    made = anndata.AnnData(values + 10)
    made.obs["batch"] = ["AB"[k % 2] for k in range(60)]
    made.obs["hours"] = [12 * (k % 3) for k in range(60)]
    made.obs["cell_type"] = [("ESC", "other")[k // 3 % 2] for k in range(60)]
    made.var_names = ["SOX2", "GATA6", *(f"gene{k}" for k in range(18))]
    components = PCA(5, random_state=0).fit(made.X)
    made.obsm["X_pca"] = components.transform(made.X)
    made.varm["PCs"] = components.components_.T
    return made


def run(command, gpa):
    """One line of shell; what is not the command `gpa` only has to be known here."""
    if command.startswith(ELSEWHERE):
        return
    program, *words = shlex.split(command)
    assert program == "gpa", command
    if "steps=" not in command:
        words += shlex.split(SMALL.get(words[0], ""))
    words = [
        "60" if before == "-n" else word
        for before, word in zip(["", *words[:-1]], words, strict=True)
    ]
    status, _, err = gpa(*words)
    assert status == 0, f"{command}: {err}"


def check_keys(recipe):
    """Keys of a recipe that a page shows, whatever files it names."""
    for key, value in recipe.items():
        assert key in Config.model_fields, key
        assert value != {}, key
