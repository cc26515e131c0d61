"""How the partitions of several topics are shared out among the lanes of ingest."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from uuid import uuid4

from shared.contracts.records import BatchOutcome, Record
from shared.kafka.intake import Intake
from tests.support.eventually import eventually_async
from tests.support.ingest_topics import own_topic

LANES, PARTITIONS = 3, 6


async def nothing(_: Sequence[Record]) -> BatchOutcome:
    return BatchOutcome()


async def test_each_lane_gets_the_same_share_of_every_topic_whoever_came_first(bootstrap: str) -> None:
    with own_topic(bootstrap, PARTITIONS) as orders, own_topic(bootstrap, PARTITIONS) as stocks:
        topics, group = [orders, stocks], f"test.{uuid4().hex[:8]}"
        lanes = [
            Intake(bootstrap=bootstrap, group=group, topics=topics, handle=nothing, batch_size=100)
            for _ in range(LANES)
        ]

        async def shares() -> list[Counter[str]]:
            return [Counter(topic for topic, _ in list(lane.member.assigned)) for lane in lanes]

        running = []
        for number, lane in enumerate(lanes, start=1):
            running.append(asyncio.create_task(lane.run()))
            fair = Counter(dict.fromkeys(topics, PARTITIONS // number))
            shared = [fair] * number + [Counter()] * (LANES - number)
            await eventually_async(shares, shared.__eq__)
        for lane in lanes:
            lane.stop()
        await asyncio.gather(*running)
