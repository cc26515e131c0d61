"""`python -m services.reprocessor`."""

from services.reprocessor.app import main

main()
