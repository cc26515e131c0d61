"""Export jobs → a real workbook, in the background, in constant memory.

Reads the topic `integration.exports` and the collection `log_entries`; writes the collection `exports` and the bucket
`export_files`. A file exists whole or not at all, and no cell of it can become a formula.
"""
