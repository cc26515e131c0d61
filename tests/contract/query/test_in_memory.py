import pytest

from shared.contracts.entries import attempt_document
from shared.contracts.events import IntegrationEvent
from shared.contracts.records import Address
from tests.contract.query.suites import (
    CredentialsSuite,
    EntryFinderSuite,
    JobStoreSuite,
    LogCountsSuite,
    LogReaderSuite,
    RegistrySuite,
    Seed,
)
from tests.support.fakes.query import FakeCredentials, FakeJobs, FakeLog, FakeRegistry
from tests.support.seed import entry_document


@pytest.fixture
def log() -> FakeLog:
    return FakeLog()


@pytest.fixture
def counts(log: FakeLog) -> FakeLog:
    return log


@pytest.fixture
def finder(log: FakeLog) -> FakeLog:
    return log


@pytest.fixture
def seed(log: FakeLog) -> Seed:
    async def store(*events: IntegrationEvent) -> None:
        document = entry_document(events)
        log.entries[document["_id"]] = document
        for event in events:
            log.attempts[event.attempt_id] = attempt_document(event, Address("integration.events.order", 0, 0))

    return store


class TestFakeLogReads(LogReaderSuite):
    pass


class TestFakeLogCounts(LogCountsSuite):
    pass


class TestFakeLogFinds(EntryFinderSuite):
    pass


class TestFakeJobs(JobStoreSuite):
    @pytest.fixture
    def jobs(self) -> FakeJobs:
        return FakeJobs()


class TestFakeRegistry(RegistrySuite):
    @pytest.fixture
    def registry(self) -> FakeRegistry:
        return FakeRegistry()


class TestFakeCredentials(CredentialsSuite):
    @pytest.fixture
    def credentials(self) -> FakeCredentials:
        return FakeCredentials()
