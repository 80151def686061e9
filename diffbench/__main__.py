"""`python -m diffbench` is the command `diffbench`."""

import sys

from diffbench.cli import main

if __name__ == "__main__":
    sys.exit(main())
