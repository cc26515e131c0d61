from shared.client.answers.access import FieldErrorAnswer, Problem
from shared.client.errors import Invalid


def test_what_is_refused_says_what_would_be_taken() -> None:
    faults = (
        FieldErrorAnswer(field="status", reason="'foo' is unknown", allowed=("success", "error")),
        FieldErrorAnswer(field="limit", reason="must be 1 to 500", allowed=None),
    )
    problem = Problem(
        type="about:blank",
        title="Unprocessable Content",
        status=422,
        detail="two parameters are wrong",
        instance="/v1/logs/order",
        correlation_id=None,
        errors=faults,
    )

    assert str(Invalid(422, problem)) == (
        "422 Unprocessable Content: status: 'foo' is unknown (allowed: success, error); limit: must be 1 to 500"
    )
