"""Differences, integrals, interpolation, convolution and polynomials along an axis."""

from diffbench.primitives.kinds import Row

ROWS: list[Row] = []
