"""A run: from a recipe and its inputs to a finished folder."""
