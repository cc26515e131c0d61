import orjson

from services.ingest.core.decode import decode
from services.ingest.core.fold import Delivery, changed_fields, held_from_document, new_entry
from shared.contracts.records import Address, Record
from tests.bench.loadgen import PARTITIONS, TOPIC, make_load
from tests.bench.machine import QUIET_LOAD, Machine
from tests.bench.measure import Run
from tests.bench.peers import model
from tests.bench.peers.bare_loop import BareLoop
from tests.bench.peers.connect import Connect
from tests.bench.peers.ours import Ours
from tests.bench.table import render
from tests.support.builders import RECEIVED_AT, make_cloudevent, make_record


def run(rate: float) -> Run:
    return Run(1000, 1000 / rate, 0.1, 0.1, 0.01, 10**8, 10**8, 0.0, "", {})


def page(load: float) -> str:
    results = {
        (512, "new"): {"ours": [run(900), run(1000), run(1100)], "connect2": [run(500)], "bare": ["not finished: x"]}
    }
    contenders = {"ours": Ours(), "connect2": Connect(2), "bare": BareLoop()}
    return render(results, contenders, Machine(2, load, 2**30, "Linux"), "quick")


def test_every_contender_and_every_run_gets_the_same_bytes() -> None:
    once, again = (make_load("m", 500, size=512, keys="zipf") for _ in range(2))

    assert once.messages == again.messages


def test_every_event_of_the_load_is_valid() -> None:
    for keys in ("new", "zipf"):
        for message in make_load("m", 50, size=512, keys=keys).messages:
            record = Record(Address(TOPIC, 0, 0), message.key, message.value, (), RECEIVED_AT)
            assert [event.entry_id for event in decode(record)] == [message.key.decode()]


def test_each_partition_ends_with_a_marker_of_its_own() -> None:
    load = make_load("m", 100, size=512, keys="new")

    assert [message.partition for message in load.messages[-PARTITIONS:]] == list(range(PARTITIONS))
    assert load.entries == 100


def test_the_bare_model_writes_the_fields_that_ours_does_however_late_an_alias_comes() -> None:
    at = "2026-11-23T10:11:1{}.000Z".format
    causes = [{"code": "ORD-SLA", "message": "No available sla", "field": None}]
    told = [
        make_cloudevent(id="b", causes=causes, processed_at=at(1), aliases={"order": "A", "shipment": "Z"}),
        make_cloudevent(id="a", causes=causes, processed_at=at(0), aliases={"order": "B", "parcel": "P"}),
        make_cloudevent(id="c", causes=causes, processed_at=at(1), aliases={"shipment": "Y"}),
    ]
    records = [make_record(orjson.dumps(one), offset=offset) for offset, one in enumerate(told)]
    deliveries = [Delivery(event, record.address) for record in records for event in decode(record)]
    stamp = int(RECEIVED_AT.timestamp() * 1000)
    arrived = [(record.value or b"", TOPIC, 0, record.address.offset, stamp) for record in records]

    entry = new_entry(deliveries[:1])
    (identity,) = entries = model.by_entry(arrived[1:])

    writes = model.plan(entries, {identity: entry})
    ours = changed_fields(held_from_document(entry), deliveries[1:])
    assert writes.changes[identity]._doc == {"$set": ours}  # the driver has no other way to tell


def test_a_load_is_about_as_long_as_asked() -> None:
    for size in (512, 8192):
        assert abs(make_load("m", 100, size=size, keys="new").mean_bytes / size - 1) < 0.2


def test_a_quiet_machine_gets_a_verdict_by_the_medians() -> None:
    assert "| ≥ 1.25 x Connect, state only, two tasks | 2.00 x | met |" in page(load=0.5)


def test_a_busy_machine_gets_figures_and_no_verdict() -> None:
    busy = page(load=QUIET_LOAD + 0.1)

    assert "2.00 x | no verdict (busy)" in busy
    assert "No verdict" in busy


def test_who_did_not_finish_stands_in_the_table_with_the_reason() -> None:
    assert "| bare loop | state + attempts | not finished: x |" in page(load=0.5)
