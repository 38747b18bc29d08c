"""`python -m lao` is the command `lao`."""

import sys

from lao.cli import main

if __name__ == "__main__":
    sys.exit(main())
