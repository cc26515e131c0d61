"""Which environment variables a service reads, for whoever holds a file of `deploy` against them."""

import importlib

from deploy.demo.settings import DemoSettings


def settings_of(service: str) -> set[str]:
    """Return the environment variables that a service, or the demo, reads."""
    model = DemoSettings if service == "demo" else importlib.import_module(f"services.{service}.settings").Settings
    return {f"PONTE_{name.upper()}" for name in model.model_fields}
