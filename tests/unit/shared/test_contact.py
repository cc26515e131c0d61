import json

from shared.kafka.contact import ASK_AGAIN_SECONDS, LOST_SECONDS, Contact
from tests.support.clock import Clock


class Kafka:
    """Answers a fresh client, or not; counts the questions."""

    def __init__(self, *, answers: bool) -> None:
        self.is_there = answers
        self.asked = 0

    def answers(self) -> bool:
        self.asked += 1
        return self.is_there


def statistics(state: str) -> str:
    return json.dumps({"name": "ponte.ingest.0", "cgrp": {"state": state, "join_state": "steady"}})


def test_a_client_whose_group_has_a_coordinator_is_never_lost_and_kafka_is_asked_nothing() -> None:
    kafka, clock = Kafka(answers=True), Clock()
    contact = Contact(kafka.answers, clock=clock)
    for _ in range(10):
        clock.now += LOST_SECONDS - 1
        contact.hear(statistics("up"))
        assert not contact.is_lost()
    assert kafka.asked == 0


def test_a_client_that_looks_in_vain_for_long_is_lost_when_kafka_answers_another() -> None:
    kafka, clock = Kafka(answers=True), Clock()
    contact = Contact(kafka.answers, clock=clock)
    clock.now += LOST_SECONDS - 1
    contact.hear(statistics("query-coord"))
    assert not contact.is_lost()
    clock.now += 1
    assert not contact.is_lost()  # Kafka may be back just now, and the client about to find it
    clock.now += ASK_AGAIN_SECONDS
    contact.hear(statistics("query-coord"))
    assert contact.is_lost()


def test_while_kafka_answers_nobody_the_client_is_kept_and_kafka_asked_now_and_then() -> None:
    kafka, clock = Kafka(answers=False), Clock()
    contact = Contact(kafka.answers, clock=clock)
    clock.now += LOST_SECONDS
    assert not contact.is_lost()
    assert not contact.is_lost()
    assert kafka.asked == 1
    kafka.is_there = True
    clock.now += ASK_AGAIN_SECONDS
    assert not contact.is_lost()
    clock.now += ASK_AGAIN_SECONDS
    assert contact.is_lost()


def test_a_client_that_finds_its_coordinator_again_has_all_its_time_anew() -> None:
    kafka, clock = Kafka(answers=True), Clock()
    contact = Contact(kafka.answers, clock=clock)
    for _ in range(3):
        clock.now += LOST_SECONDS
        assert not contact.is_lost()
        contact.hear(statistics("up"))
    clock.now += LOST_SECONDS - 1
    assert not contact.is_lost()
    assert kafka.asked == 3
