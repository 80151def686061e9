"""Plain NumPy programs on exact numbers: one trace, and an algebra that says what its entries are.

trace.py    arrays of exact entries, and what a row of the table means for them
digits.py   numbers of many digits (mpmath)
symbols.py  symbols (SymPy)
linear_algebra.py  numpy.linalg on both
special.py         scipy.special on both
"""

from diffbench.exact.digits import Digits, arithmetic
from diffbench.exact.trace import Algebra, Exact, ExactTrace

__all__ = ["Algebra", "Digits", "Exact", "ExactTrace", "arithmetic"]
