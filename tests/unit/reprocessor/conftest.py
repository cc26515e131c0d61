import pytest

from services.reprocessor.handlers.ports import Limits, Plugs
from tests.support.fakes.reprocessor import (
    FakeClock,
    FakeEntryStore,
    FakeIntegrations,
    FakeJobs,
    FakeRetryTopics,
    FakeStatusTopic,
    Tallies,
)
from tests.support.reprocessing_world import World


@pytest.fixture
def world() -> World:
    """A reprocessor on fakes."""
    clock = FakeClock()
    return World(
        Plugs(
            entries=FakeEntryStore(),
            topics=FakeRetryTopics(),
            jobs=FakeJobs(),
            integrations=FakeIntegrations(),
            status=FakeStatusTopic(),
            clock=clock,
            sleep=clock.sleep,
            limits=Limits(batch_size=10),
            observe=Tallies(),
        )
    )
