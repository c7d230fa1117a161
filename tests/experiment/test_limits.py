"""Numbers beyond what arrays hold, text beyond what parsers take, names beyond UTF-8: one line."""

import numpy as np
import pytest

from gparticles.experiment.inputs import check_memory

HUGE = "1" + "0" * 50_000
HEX = "0x" + "f" * 60_000


@pytest.fixture
def table(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n3,5\n4,4\n")
    return tmp_path


@pytest.mark.parametrize("number", [str(2**63), str(2**64), HUGE])
@pytest.mark.parametrize("option", ["--seed", "-n", "steps", "seed", "n", "fit_steps"])
def test_numbers_that_are_too_large(option, number, table, fails):
    words = [option, number] if option.startswith("-") else ["--set", f"{option}={number}"]
    fails(["run", "--target", "a.csv", *words], option)
    assert not (table / "runs").exists()


@pytest.mark.parametrize(
    ("setting", "part"),
    [
        ("steps=1000000000", "from 1 to 10,000,000"),
        ("potential.width=1000000000000", "from 1 to 16,384"),
        ("fit_steps=1000000000000", "from 1 to 2,147,483,647"),
        ("batch_size=99999999999999999999", "from 1 to"),
        ("potential.depth=99999", "from 1 to 1,000"),
        (f"lipschitz={HEX}", "thousands of digits"),
        (f"steps={HEX}", "thousands of digits"),
        ("bounds=[1e308, 1e309]", "two numbers"),
        ("a=" + "[" * 100_000, "unknown key 'a'"),
        ("a=" + "[" * 100_000 + "]" * 100_000, "unknown key 'a'"),
        (".".join("a" * 50_000) + "=1", "unknown key 'a'"),
    ],
    ids=range(11),
)
def test_settings_that_are_too_large(setting, part, table, fails):
    fails(["run", "--target", "a.csv", "--set", setting], part)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("a = " + "[" * 100_000, "nested too deeply"),
        (f"target = 'a.csv'\nseed = {HUGE}", "thousands of digits"),
        (f"target = 'a.csv'\nseed = {HEX}", "thousands of digits"),
    ],
    ids=range(3),
)
def test_files_that_are_too_large(text, part, table, fails):
    (table / "my.toml").write_text(text)
    fails(["run", "my.toml"], "my.toml", part)


def test_more_points_than_memory_holds_are_refused(table, fails, monkeypatch):
    # pages and their size: 4 GiB
    monkeypatch.setattr("gparticles.experiment.inputs.os.sysconf", lambda _: 2**16)
    assert check_memory(1000, np.zeros((1, 3))) == 1000
    fails(["run", "--target", "a.csv", "-n", 10**8], "n is 100,000,000", "67,108,864 such points")
    assert not (table / "runs").exists()


def test_a_name_that_is_not_utf8_is_refused_before_the_folder_is_made(table, fails):
    name = b"caf\xe9.csv".decode("utf-8", "surrogateescape")
    (table / "a.csv").rename(table / name)
    fails(["run", "--target", name, "--out", "new"], "caf\\udce9.csv", "rename it")
    assert not (table / "new").exists()
