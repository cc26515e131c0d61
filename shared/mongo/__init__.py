"""The one MongoDB edge: the client, the error translation, the filter's translation, jobs."""
