from openapi_spec_validator import validate

from services.query.app import build
from services.query.settings import Settings


def test_the_schema_is_valid_by_the_standard_patterns_included():
    spec = build(Settings(kafka_bootstrap="127.0.0.1:1", mongo_uri="mongodb://127.0.0.1:1")).openapi()
    assert spec["openapi"].startswith("3.1")
    validate(spec)
