"""`python -m services.exporter`."""

from services.exporter.app import main

main()
