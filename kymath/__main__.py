"""``python -m kymath`` is the command line."""

import sys

from kymath.cli import main

if __name__ == "__main__":
    sys.exit(main())
