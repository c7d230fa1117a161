"""Targets of which one random part after the other is fitted."""

import numpy as np
import pytest

import gparticles as gpa

pytestmark = pytest.mark.slow


@pytest.fixture
def rows(clouds, tmp_path):
    """Rows around those of the shared target, in parts as large as it; a new object each time."""
    values = np.concatenate([clouds[1] + shift for shift in np.linspace(-0.3, 0.3, 20)])
    np.save(tmp_path / "rows.npy", values)
    return lambda every=3: gpa.FileRows(tmp_path / "rows.npy", rows=30, every=every)


class CutError(Exception):
    pass


def cut(progress):
    if progress.step >= 10:
        raise CutError


def test_parts_follow_each_other_and_a_resumed_flow_draws_the_same(short, rows, tmp_path):
    whole = short(target=rows())
    assert "600 rows, of which phi is fitted to 30 random ones" in whole.notes[-1]
    np.testing.assert_array_equal(short(target=rows()).particles, whole.particles)
    # the first part alone, as an array, is another flow from the fourth step on
    still = short(target=rows().part(0))
    np.testing.assert_array_equal(still.history["divergence"][:3], whole.history["divergence"][:3])
    assert still.history["divergence"][3] != whole.history["divergence"][3]
    saving = {"seconds": 1e-9}
    with pytest.raises(CutError):
        short(target=rows(), checkpoint=gpa.Checkpoint(tmp_path / "s", **saving), callbacks=[cut])
    again = short(target=rows(), checkpoint=gpa.Checkpoint(tmp_path / "s", resume=True, **saving))
    np.testing.assert_array_equal(again.particles, whole.particles)
    np.testing.assert_array_equal(again(whole.trajectory[0]), whole.particles)


def test_a_file_that_changed_is_not_continued(short, rows, refused, tmp_path):
    saving = gpa.Checkpoint(tmp_path / "saved", seconds=1e-9)
    with pytest.raises(CutError):
        short(target=rows(), checkpoint=saving, callbacks=[cut])
    values = np.load(tmp_path / "rows.npy")
    values[-1, 0] += 1e-9
    np.save(tmp_path / "rows.npy", values)
    resumed = gpa.Checkpoint(tmp_path / "saved", resume=True)
    refused(lambda: short(target=rows(), checkpoint=resumed), "other data")


def test_what_needs_all_rows_is_refused(short, rows, refused):
    call = {"target": rows()}
    refused(lambda: short(potential=gpa.ExactPotential(), **call), "leave potential out")
    refused(lambda: short(potential="auto", **call), "leave it out")
    refused(lambda: short(target_weights=np.ones(30), **call), "target_weights", "leave it out")
    refused(lambda: short(labels=np.zeros(40), target_labels=np.zeros(30), **call), "leave it out")
