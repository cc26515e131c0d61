"""JSON in and out, as the OpenAPI schema tells it: bodies and answers, a file for each thing that they are about."""
