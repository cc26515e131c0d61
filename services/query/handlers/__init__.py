"""The stories of the query service. Read these first.

Looking: `reading`, `searching`, `comparing`, `insights`, `freshness`, `outcomes`, `previewing`, `dead_letters`, `files`. Asking for work:
`commanding`, `repeating`. What people keep: `views`, `registry`. Who they are and what they did: `signing_in`, `keys`, `tokens`, `auditing`.
The live stream: `streaming`, over `stream_hub` and what else begins so.
"""
