"""What the stores of saved views promise. Subclass with the fixture `views`."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.query.core.view import MAX_VIEWS, View
from services.query.handlers.views import NameTaken, TooManyViews, ViewStore

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=24)
WHOLE = View(
    id="0123456789abcdef",
    name="Sem SLA: a&b + “ç”",
    kind="order",
    filter="status=error&q=a%26b+%2B+%C3%A7",
    sort="-attempts",
    created_by="first",
    created_at=NOW,
    updated_at=NOW,
)
OTHER = replace(WHOLE, id="fedcba9876543210", name="Preços", kind="price", filter="")


class ViewStoreSuite:
    async def test_a_view_is_kept_whole_and_found_by_its_account_only(self, views: ViewStore) -> None:
        assert await views.list_views("loja") == []
        await views.add_view("loja", WHOLE)
        await views.add_view("vizinha", replace(OTHER, name=WHOLE.name))

        assert await views.find_view("loja", WHOLE.id) == WHOLE
        assert await views.list_views("loja") == [WHOLE]
        assert await views.find_view("loja", OTHER.id) is None

    async def test_views_are_listed_by_name_whatever_their_case(self, views: ViewStore) -> None:
        names = ["b", "Á", "A", "c", "B2", "a3"]
        for number, name in enumerate(names):
            await views.add_view("loja", replace(WHOLE, id=f"{number:016}", name=name))
        assert [view.name for view in await views.list_views("loja")] == ["A", "a3", "b", "B2", "c", "Á"]

    async def test_a_name_is_taken_once_whatever_its_case(self, views: ViewStore) -> None:
        await views.add_view("loja", WHOLE)
        await views.add_view("loja", OTHER)

        for name in (WHOLE.name, WHOLE.name.upper()):
            with pytest.raises(NameTaken):
                await views.add_view("loja", replace(WHOLE, id="1" * 16, name=name))
            with pytest.raises(NameTaken):
                await views.replace_view("loja", replace(OTHER, name=name, revision=2), revision=1)
        with pytest.raises(NameTaken):
            await views.add_view("loja", replace(WHOLE, name="another"))

        assert await views.list_views("loja") == [OTHER, WHOLE]
        renamed = replace(WHOLE, name=WHOLE.name.upper(), revision=2)
        assert await views.replace_view("loja", renamed, revision=1)

    async def test_an_account_has_room_for_so_many_and_no_more(self, views: ViewStore) -> None:
        many = [replace(WHOLE, id=f"{n:016}", name=str(n)) for n in range(MAX_VIEWS + 1)]
        for view in many[:MAX_VIEWS]:
            await views.add_view("loja", view)
        with pytest.raises(TooManyViews):
            await views.add_view("loja", many[-1])
        await views.add_view("vizinha", many[-1])
        assert await views.remove_view("loja", many[0], until=LATER)
        await views.add_view("loja", many[-1])
        assert len(await views.list_views("loja")) == MAX_VIEWS

    async def test_only_the_newest_revision_is_replaced_or_removed(self, views: ViewStore) -> None:
        second = replace(WHOLE, name="second", revision=2)
        assert not await views.replace_view("loja", second, revision=1)
        await views.add_view("loja", WHOLE)

        assert await views.replace_view("loja", second, revision=1)
        assert not await views.replace_view("loja", second, revision=1)
        assert not await views.remove_view("loja", WHOLE, until=LATER)
        assert not await views.remove_view("vizinha", second, until=LATER)
        assert await views.find_view("loja", WHOLE.id) == second
        assert await views.remove_view("loja", second, until=LATER)
        assert not await views.remove_view("loja", second, until=LATER)
        assert await views.list_views("loja") == []

    async def test_what_was_removed_is_remembered_and_stands_in_nobodys_way(self, views: ViewStore) -> None:
        await views.add_view("loja", WHOLE)
        assert await views.find_removed("loja", WHOLE.id) is None
        await views.remove_view("loja", WHOLE, until=LATER)

        assert await views.find_removed("loja", WHOLE.id) == WHOLE
        assert await views.find_removed("vizinha", WHOLE.id) is None
        assert await views.find_view("loja", WHOLE.id) is None
        assert not await views.replace_view("loja", replace(WHOLE, revision=2), revision=1)
        await views.add_view("loja", replace(OTHER, name=WHOLE.name))
        again = replace(WHOLE, name="again")
        await views.add_view("loja", again)
        assert (await views.find_view("loja", WHOLE.id), await views.find_removed("loja", WHOLE.id)) == (again, None)
