"""Who calls the exporter: commands from the topic, the runner's leases, the clock."""
