"""The ways in: the command, recipes and run folders, and the scikit-learn estimator."""
