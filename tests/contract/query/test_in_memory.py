from typing import Any

import pytest

from shared.contracts.entries import attempt_document
from shared.contracts.events import IntegrationEvent
from shared.contracts.records import Address
from tests.contract.query.suites import (
    EntryFinderSuite,
    GroupReaderSuite,
    JobStoreSuite,
    LetterReaderSuite,
    LogCountsSuite,
    LogReaderSuite,
    OutcomeCounterSuite,
    Roll,
    RolledCountsSuite,
    Seed,
    StoryReaderSuite,
)
from tests.support.fakes.query import FakeJobs, FakeLetters, FakeLog, FakeRolledCounts
from tests.support.letters import LetterSeed
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
    async def store(*events: IntegrationEvent, **changes: Any) -> None:
        document = entry_document(events, **changes)
        log.entries[document["_id"]] = document
        for event in events:
            log.attempts[event.attempt_id] = attempt_document(event, Address("integration.events.order", 0, 0))

    return store


class TestFakeLogReads(LogReaderSuite):
    pass


class TestFakeLogCounts(LogCountsSuite):
    pass


class TestFakeGroups(GroupReaderSuite):
    @pytest.fixture
    def groups(self, log: FakeLog) -> FakeLog:
        return log


class TestFakeRolledCounts(RolledCountsSuite):
    @pytest.fixture
    def rolled(self) -> FakeRolledCounts:
        return FakeRolledCounts()

    @pytest.fixture
    def roll(self, rolled: FakeRolledCounts, log: FakeLog) -> Roll:
        async def roll() -> None:
            rolled.log = log

        return roll


class TestFakeLogTells(StoryReaderSuite):
    @pytest.fixture
    def stories(self, log: FakeLog) -> FakeLog:
        return log


class TestFakeLogFinds(EntryFinderSuite):
    pass


class TestFakeLogOutcomes(OutcomeCounterSuite):
    @pytest.fixture
    def outcomes(self, log: FakeLog) -> FakeLog:
        return log


class TestFakeLetters(LetterReaderSuite):
    @pytest.fixture
    def letters(self) -> FakeLetters:
        return FakeLetters()

    @pytest.fixture
    def seed_letter(self, letters: FakeLetters) -> LetterSeed:
        async def store(letter: dict[str, Any]) -> None:
            letters.letters[letter["_id"]] = letter

        return store


class TestFakeJobs(JobStoreSuite):
    @pytest.fixture
    def jobs(self) -> FakeJobs:
        return FakeJobs()
