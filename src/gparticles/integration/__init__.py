"""Batches moved onto a reference or onto their pool: of AnnData objects, and of matrices."""
