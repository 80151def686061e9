"""Linear algebra: systems, inverses, determinants, factorisations, eigenvalues, norms."""

from diffbench.primitives.kinds import Row

ROWS: list[Row] = []
