"""What is measured side by side: each contender is one class with the same few attributes (see `contender.py`)."""
