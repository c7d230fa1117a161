"""Grids of cases of which the fast tests, or the usual ones, take a few."""

import pytest


def few_fast(values, few):
    """The same cases, of which those that are not among ``few`` are left out of fast tests."""
    slow = pytest.mark.slow
    return [v if str(v) in few else pytest.param(v, marks=slow, id=str(v)) for v in values]


def few_usual(values, few):
    """The same cases, of which those that are not among ``few`` are for thorough tests only."""
    thorough = pytest.mark.thorough
    return [v if str(v) in few else pytest.param(v, marks=thorough, id=str(v)) for v in values]
