"""`python -m services.query`."""

import sys

from services.query.app import main

if __name__ == "__main__":
    sys.exit(main())
