"""Averages, covariances, histograms."""

from diffbench.primitives.kinds import Row

ROWS: list[Row] = []
