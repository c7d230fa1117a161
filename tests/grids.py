"""Grids of cases of which the fast tests take a few."""

import pytest


def few_fast(values, few):
    """The same cases, of which those that are not among ``few`` run in the whole suite only."""
    slow = pytest.mark.slow
    return [v if str(v) in few else pytest.param(v, marks=slow, id=str(v)) for v in values]
