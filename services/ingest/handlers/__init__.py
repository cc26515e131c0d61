"""The stories of ingest: `ingesting` first, with `writing`, for the events; `shelving` keeps dead letters, `replaying` sends them back;
`gaps` writes down what was missed, `rolling_up` keeps the counts, `housekeeping` removes what is old. `ports` is what they need.
"""
