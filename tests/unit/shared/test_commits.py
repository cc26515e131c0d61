"""What is durable is committed in the end, whatever the broker says or does not say; and nothing else is."""

from collections.abc import Collection

from confluent_kafka import TopicPartition
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from shared.contracts.records import Place
from shared.kafka.beginnings import Beginning, Commit
from shared.kafka.commits import AGAIN_SECONDS, ANSWER_SECONDS, REST_SECONDS, Commits

ONE, OTHER = ("integration.events.order", 0), ("integration.events.order", 1)


class Desk:
    """Commits with a broker that answers when it is told to, and a clock."""

    def __init__(self, *places: Place) -> None:
        self.now = 100.0
        self.asked: list[list[TopicPartition]] = []
        self.known: dict[Place, Commit] = {}
        self.commits = Commits(self.asked.append, self.known.__setitem__, clock=lambda: self.now)
        for place in places:
            self.commits.begin(Beginning(place, 0, "a-topic"))

    def rest(self) -> None:
        self.now += REST_SECONDS
        self.commits.tend()

    def answer(self, number: int = -1, *, refused: Collection[Place] = ()) -> None:
        self.commits.heed(self.what(number), dict.fromkeys(refused, "UNKNOWN_MEMBER_ID"))

    def what(self, number: int = -1) -> dict[Place, int]:
        return {(at.topic, at.partition): at.offset for at in self.asked[number]}


def test_a_commit_holds_once_the_broker_says_so_and_names_the_topic_that_it_is_of() -> None:
    desk = Desk(ONE)
    desk.commits.commit({ONE: 7})

    assert desk.commits.done == {ONE: 0}
    assert not desk.commits.are_settled
    assert [at.metadata for at in desk.asked[0]] == ["topic-id=a-topic"]
    desk.answer()
    assert desk.commits.done == {ONE: 7}
    assert desk.known == {ONE: (7, "a-topic")}
    assert desk.commits.are_settled


def test_what_comes_while_one_is_under_way_goes_with_the_next_and_only_the_newest_of_a_partition() -> None:
    desk = Desk(ONE, OTHER)
    for offset in (1, 2, 3):
        desk.commits.commit({ONE: offset})
    desk.commits.commit({OTHER: 9})

    assert len(desk.asked) == 1
    desk.answer()
    desk.rest()
    assert desk.what() == {ONE: 3, OTHER: 9}


def test_between_two_commits_there_is_a_rest_however_many_batches_are_done() -> None:
    desk = Desk(ONE)
    for offset in range(1, 11):
        desk.commits.commit({ONE: offset})
        desk.answer(0)
    desk.commits.tend()

    assert [desk.what(number) for number in range(len(desk.asked))] == [{ONE: 1}]
    assert not desk.commits.are_settled
    desk.rest()
    assert desk.what() == {ONE: 10}


def test_a_refused_partition_is_tried_again_after_a_moment_and_the_others_hold() -> None:
    desk = Desk(ONE, OTHER)
    desk.commits.commit({ONE: 7, OTHER: 9})
    desk.answer(refused={ONE})

    assert desk.commits.done == {ONE: 0, OTHER: 9}
    desk.commits.tend()
    assert len(desk.asked) == 1
    desk.now += AGAIN_SECONDS
    desk.commits.tend()
    assert desk.what() == {ONE: 7}


def test_a_commit_that_nobody_answers_is_sent_again_with_what_came_since() -> None:
    desk = Desk(ONE, OTHER)
    desk.commits.commit({ONE: 7, OTHER: 9})
    desk.commits.commit({ONE: 8})
    desk.now += ANSWER_SECONDS
    desk.commits.tend()

    assert desk.what() == {ONE: 8, OTHER: 9}
    desk.answer(0)  # too late: it says nothing of what is newer
    assert desk.commits.done == {ONE: 0, OTHER: 9}
    desk.answer()
    assert desk.commits.done == {ONE: 8, OTHER: 9}


def test_what_is_owed_of_a_partition_goes_before_it_goes_away_and_never_after() -> None:
    desk = Desk(ONE, OTHER)
    desk.commits.commit({ONE: 7})
    desk.commits.commit({ONE: 8, OTHER: 3})
    desk.commits.part({ONE})

    assert desk.what() == {ONE: 8}
    desk.answer(0)
    desk.answer(1)
    assert desk.commits.done == {OTHER: 0}
    assert desk.known == {}  # whoever has it now may have gone on
    desk.rest()
    assert desk.what() == {OTHER: 3}


class Committing(RuleBasedStateMachine):
    """Any order of commits, answers, refusals, silence and partings."""

    def __init__(self) -> None:
        super().__init__()
        self.desk = Desk(ONE, OTHER)
        self.durable: dict[Place, int] = {ONE: 0, OTHER: 0}
        self.answered = 0

    @rule(place=st.sampled_from([ONE, OTHER]), more=st.integers(1, 5))
    def is_written(self, place: Place, more: int) -> None:
        self.durable[place] += more
        self.desk.commits.commit({place: self.durable[place]})

    @precondition(lambda self: self.answered < len(self.desk.asked))
    @rule(refused=st.sets(st.sampled_from([ONE, OTHER])))
    def broker_answers(self, refused: set[Place]) -> None:
        number, self.answered = self.answered, self.answered + 1
        self.desk.answer(number, refused=refused)

    @rule(seconds=st.sampled_from([AGAIN_SECONDS / 2, AGAIN_SECONDS, ANSWER_SECONDS]))
    def time_passes(self, seconds: float) -> None:
        self.desk.now += seconds
        self.desk.commits.tend()

    @rule(place=st.sampled_from([ONE, OTHER]))
    def goes_away_and_comes_back(self, place: Place) -> None:
        self.desk.commits.part({place})
        self.desk.commits.begin(Beginning(place, self.durable[place], "a-topic"))

    @invariant()
    def nothing_is_committed_that_is_not_durable(self) -> None:
        for at in (at for asked in self.desk.asked for at in asked):
            assert at.offset <= self.durable[at.topic, at.partition]
        assert all(self.desk.commits.done[place] <= offset for place, offset in self.durable.items())

    def teardown(self) -> None:
        while not self.desk.commits.are_settled:
            self.desk.now += ANSWER_SECONDS
            self.desk.commits.tend()
            self.desk.answer()
        assert self.desk.commits.done == self.durable


TestCommitting = Committing.TestCase
