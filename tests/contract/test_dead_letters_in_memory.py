import pytest

from tests.contract.dead_letters_suite import DeadLettersSuite
from tests.support.fakes.ingest import MemoryDeadLetters


class TestMemoryDeadLetters(DeadLettersSuite):
    @pytest.fixture
    def dead_letters(self) -> MemoryDeadLetters:
        return MemoryDeadLetters()
