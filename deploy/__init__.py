"""Runs the services: the `ponte` command, local servers, provisioning, the demo shop. No service imports this."""
