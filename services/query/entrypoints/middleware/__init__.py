"""What stands around every request, from the outermost in: `http.py` has the order."""
