"""``gpa augment``: more rows from few, and whether a generative model gains by them."""
