import pytest

from tests.contract.query.access_suites import AuditSuite, CredentialsSuite, KeyStoreSuite
from tests.support.fakes.query import FakeAudit, FakeCredentials


class TestFakeKeys(KeyStoreSuite):
    @pytest.fixture
    def keys(self) -> FakeCredentials:
        return FakeCredentials()


class TestFakeCredentials(CredentialsSuite):
    @pytest.fixture
    def credentials(self) -> FakeCredentials:
        return FakeCredentials()


class TestFakeAudit(AuditSuite):
    @pytest.fixture
    def audit(self) -> FakeAudit:
        return FakeAudit()
