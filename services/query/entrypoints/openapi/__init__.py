"""The OpenAPI schema: what FastAPI writes of the routes, finished for clients."""
