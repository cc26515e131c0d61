"""`python -m services.query`."""

from services.query.app import main

main()
