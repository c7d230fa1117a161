"""Grids of cases of which the fast tests, or the usual ones, take a few."""

import pytest


def few_fast(values, few):
    """The same cases; those that are not among ``few`` are left out of the fast tests."""
    return _marked(values, few, pytest.mark.slow)


def few_usual(values, few):
    """The same cases; those that are not among ``few`` are for the thorough tests only."""
    return _marked(values, few, pytest.mark.thorough)


def _marked(values, few, mark):
    return [v if str(v) in few else pytest.param(v, marks=mark, id=str(v)) for v in values]
