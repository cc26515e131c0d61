"""The one HTTP edge: filtered log views, commands in, the registry of integrations, and the panel."""
