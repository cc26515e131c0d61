"""Who calls us and in which shape: HTTP routes, and the panel's pages."""
