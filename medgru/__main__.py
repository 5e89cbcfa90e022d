"""`python -m medgru`."""

import sys

from medgru.cli import main

if __name__ == "__main__":
    sys.exit(main())
