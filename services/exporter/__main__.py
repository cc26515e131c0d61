"""Start the exporter: `python -m services.exporter`."""

from services.exporter.app import run

if __name__ == "__main__":
    run()
