"""The stories of the query service: reading, insights, commanding, registry, signing in. Read these first."""
