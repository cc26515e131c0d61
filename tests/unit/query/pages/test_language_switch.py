from services.query.core.integration import Integration
from services.query.core.permissions import SCOPES
from tests.support.fakes.query import FakeRegistry
from tests.support.panel_over_fakes import FROM_PANEL, services, visitor

SWITCH = 'class="languages"'
WITH_SCRIPT_ALONE = 'class="languages needs-script"'


async def test_without_a_script_no_other_language_is_offered_where_it_would_cost_what_was_typed() -> None:
    registry = FakeRegistry()
    registry.integrations["loja", "MLC"] = Integration("MLC", "ML", revision=3)
    wrong = {"revision": "3", "emails": "?", "scopes": "root", "reason": "x" * 501}
    async with await visitor(services(registry=registry), *SCOPES) as client:
        filled_in = [
            await client.get("/new-integration"),
            await client.get("/new-key"),
            await client.get("/logs/order/reprocess"),
            *[
                await client.post(path, data=wrong, headers=FROM_PANEL)
                for path in ("/integrations", "/integrations/MLC", "/keys", "/keys/id/rotate", "/keys/id/revoke")
            ],
        ]
        read = [
            await client.get(path)
            for path in ("/integrations", "/integrations/MLC", "/keys", "/keys/id", "/logs/order", "/help", "/sign-in")
        ]
    assert [page.text.count(WITH_SCRIPT_ALONE) for page in filled_in] == [1] * len(filled_in)
    assert [page.text.count(SWITCH) for page in read] == [1] * len(read)
