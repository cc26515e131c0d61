"""The exporter's stories: `exporting` first, then `housekeeping`; what they need of the world stands in `ports`."""
