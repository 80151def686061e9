"""Functions that put entries in order: sort, partition, median, quantiles, and the nan-functions."""

from diffbench.primitives.kinds import Row

ROWS: list[Row] = []
