from typing import Any

import pytest

from services.query.adapters.log.mongo_entry_finder import MongoEntryFinder
from services.query.adapters.log.mongo_groups import MongoGroups
from services.query.adapters.log.mongo_log_reader import MongoLogReader
from services.query.adapters.log.mongo_stories import MongoStories
from services.query.adapters.mongo_counts import MongoLogCounts
from services.query.adapters.mongo_letter_reader import MongoLetterReader
from services.query.adapters.mongo_outcomes import MongoOutcomes
from services.query.adapters.mongo_rolled_counts import MongoRolledCounts
from shared.contracts.events import IntegrationEvent
from shared.contracts.filters import LogFilter
from shared.contracts.names import DEAD_LETTERS, REPROCESS_REQUESTS, ROLLUPS
from shared.mongo.client import Database
from shared.mongo.jobs import Jobs
from shared.runtime.clock import now
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
    seed_variety,
)
from tests.support.letters import LetterSeed
from tests.support.rolling import roll_up
from tests.support.seed import seed_entry

LIMIT_MS = 10_000


@pytest.fixture
def seed(database: Database) -> Seed:
    async def store(*events: IntegrationEvent, **changes: Any) -> None:
        await seed_entry(database, *events, **changes)

    return store


class TestMongoLogReader(LogReaderSuite):
    @pytest.fixture
    def log(self, database: Database) -> MongoLogReader:
        return MongoLogReader(database, time_limit_ms=LIMIT_MS, now=now)


class TestMongoStories(StoryReaderSuite):
    @pytest.fixture
    def stories(self, database: Database) -> MongoStories:
        return MongoStories(database, time_limit_ms=LIMIT_MS)


class TestMongoLogCounts(LogCountsSuite):
    @pytest.fixture
    def counts(self, database: Database) -> MongoLogCounts:
        return MongoLogCounts(database, time_limit_ms=LIMIT_MS)


class TestMongoGroups(GroupReaderSuite):
    @pytest.fixture
    def log(self, database: Database) -> MongoLogReader:
        return MongoLogReader(database, time_limit_ms=LIMIT_MS, now=now)

    @pytest.fixture
    def groups(self, database: Database) -> MongoGroups:
        return MongoGroups(database, time_limit_ms=LIMIT_MS)


class TestMongoRolledCounts(RolledCountsSuite):
    @pytest.fixture
    def counts(self, database: Database) -> MongoLogCounts:
        return MongoLogCounts(database, time_limit_ms=LIMIT_MS)

    @pytest.fixture
    def rolled(self, database: Database) -> MongoRolledCounts:
        return MongoRolledCounts(database, time_limit_ms=LIMIT_MS)

    @pytest.fixture
    def roll(self, database: Database) -> Roll:
        async def roll() -> None:
            await roll_up(database)

        return roll

    async def test_until_they_move_on_only_their_place_is_read(
        self, rolled: MongoRolledCounts, seed: Seed, roll: Roll, database: Database
    ) -> None:
        await seed_variety(seed)
        await roll()
        told = await rolled.find_all("loja", LogFilter(), bucket="day")

        await database[ROLLUPS].delete_many({})

        assert told is not None
        assert told.by_kind()["price"] == {"error": 1}
        assert await rolled.find_all("loja", LogFilter(), bucket="day") == told


class TestMongoLetterReader(LetterReaderSuite):
    @pytest.fixture
    def letters(self, database: Database) -> MongoLetterReader:
        return MongoLetterReader(database, time_limit_ms=LIMIT_MS)

    @pytest.fixture
    def seed_letter(self, database: Database) -> LetterSeed:
        async def store(letter: dict[str, Any]) -> None:
            await database[DEAD_LETTERS].insert_one(letter)

        return store


class TestMongoEntryFinder(EntryFinderSuite):
    @pytest.fixture
    def finder(self, database: Database) -> MongoEntryFinder:
        return MongoEntryFinder(database, time_limit_ms=LIMIT_MS)


class TestMongoOutcomes(OutcomeCounterSuite):
    @pytest.fixture
    def outcomes(self, database: Database) -> MongoOutcomes:
        return MongoOutcomes(database, time_limit_ms=LIMIT_MS)


class TestJobs(JobStoreSuite):
    @pytest.fixture
    def jobs(self, database: Database) -> Jobs:
        return Jobs(database, REPROCESS_REQUESTS)
