"""The discrete Fourier transforms: linear maps between real and complex arrays."""

from diffbench.primitives.kinds import Row

ROWS: list[Row] = []
