"""What the local servers are told: properties, command lines, variables of the containers."""

import re
from pathlib import Path

import pytest

from deploy.local import cache
from deploy.local.cache import KafkaParts, cache_folder, jar_name
from deploy.local.containers import kafka_environment, volume_name
from deploy.local.errors import LocalServerError
from deploy.local.jars import JARS, KAFKA_VERSION
from deploy.local.kafka import copy_formatted, java_arguments, java_environment, kafka_properties
from deploy.local.mongod import STORAGE, mongod_arguments


def properties_of(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines())


@pytest.fixture
def parts(tmp_path: Path) -> KafkaParts:
    """Parts of which none is there, with a Java runtime that only looks like one."""
    (tmp_path / "java" / "lib").mkdir(parents=True)
    (tmp_path / "java" / "lib" / "modules").touch()
    return KafkaParts(tmp_path / "cache", tmp_path / "java" / "bin" / "java")


def test_kafka_listens_on_the_loopback_only():
    properties = properties_of(kafka_properties(21001, 21002))

    assert properties["listeners"] == "PLAINTEXT://127.0.0.1:21001,CONTROLLER://127.0.0.1:21002"
    assert properties["advertised.listeners"] == "PLAINTEXT://127.0.0.1:21001"
    assert properties["controller.quorum.voters"] == "1@127.0.0.1:21002"


def test_a_misspelt_topic_is_never_made():
    assert properties_of(kafka_properties(1, 2))["auto.create.topics.enable"] == "false"


@pytest.mark.parametrize("name", ["offsets.topic", "transaction.state.log", "share.coordinator.state.topic"])
def test_internal_topics_need_one_broker(name):
    assert properties_of(kafka_properties(1, 2))[f"{name}.replication.factor"] == "1"


def test_the_container_is_told_the_same_as_the_embedded_broker():
    embedded, container = properties_of(kafka_properties(21001, 21002)), kafka_environment(21001)

    assert container["KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS"] == embedded["group.initial.rebalance.delay.ms"]
    assert container["KAFKA_ADVERTISED_LISTENERS"].startswith(embedded["advertised.listeners"] + ",")
    assert all(re.fullmatch(r"CLUSTER_ID|KAFKA_[A-Z_]+", name) for name in container)


def test_the_container_reaches_itself_by_a_port_of_its_own():
    told = kafka_environment(21001)

    assert told["KAFKA_INTER_BROKER_LISTENER_NAME"] == "BROKER"
    assert "BROKER://localhost:19092" in told["KAFKA_ADVERTISED_LISTENERS"]


def test_a_data_folder_has_the_same_volumes_every_time(tmp_path):
    assert volume_name(tmp_path, "kafka") == volume_name(tmp_path, "kafka")
    assert (
        len({volume_name(tmp_path, "kafka"), volume_name(tmp_path, "mongo"), volume_name(tmp_path / "a", "mongo")}) == 3
    )


def test_mongod_listens_on_the_loopback_only_and_runs_no_scripts(tmp_path):
    arguments = mongod_arguments(Path("mongod"), tmp_path, 21003, {})

    assert arguments[arguments.index("--bind_ip") + 1] == "127.0.0.1"
    assert arguments[arguments.index("--wiredTigerCacheSizeGB") + 1] == "1"
    assert {option: arguments[arguments.index(option) + 1] for option in STORAGE} == STORAGE
    assert "--noscripting" in arguments


def test_mongod_takes_a_tests_own_parameters(tmp_path):
    arguments = mongod_arguments(Path("mongod"), tmp_path, 21003, {"enableTestCommands": "1"})

    assert arguments[arguments.index("enableTestCommands=1") - 1] == "--setParameter"


def test_the_aot_cache_is_used_as_soon_as_it_is_there(parts):
    without = java_arguments(parts, "kafka.Kafka", ["server.properties"])
    parts.root.mkdir()
    parts.aot.touch()

    assert not [word for word in without if word.startswith("-XX:AOTCache")]
    assert f"-XX:AOTCache={parts.aot}" in java_arguments(parts, "kafka.Kafka", ["server.properties"])


def test_another_java_runtime_has_another_aot_cache(parts):
    before = parts.aot
    (parts.java.parent.parent / "lib" / "modules").write_text("newer")

    assert parts.aot != before


def test_options_from_the_environment_do_not_reach_the_jvm(monkeypatch):
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xmx1m")
    monkeypatch.setenv("LANG", "C")

    assert "JAVA_TOOL_OPTIONS" not in java_environment()
    assert java_environment()["LANG"] == "C"


def test_every_jar_is_pinned_to_the_byte_and_has_a_file_of_its_own():
    assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for _, digest in JARS)
    assert len({jar_name(coordinate) for coordinate, _ in JARS}) == len(JARS)
    assert f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}" in dict(JARS)


def test_missing_jars_are_told_in_one_sentence_with_the_remedy(parts):
    with pytest.raises(LocalServerError, match=r"run `make setup` once with network"):
        parts.require()


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"PONTE_CACHE_DIR": "/there", "XDG_CACHE_HOME": "/xdg"}, "/there"),
        ({"XDG_CACHE_HOME": "/xdg"}, "/xdg/ponte"),
        ({}, "/home/someone/.cache/ponte"),
    ],
)
def test_the_cache_folder_follows_the_environment(monkeypatch, environ, folder):
    monkeypatch.setattr(cache.Path, "home", lambda: Path("/home/someone"))

    assert cache_folder(environ) == Path(folder)


def test_each_copy_of_the_formatted_folder_is_a_cluster_of_its_own(tmp_path):
    template = tmp_path / "template"
    template.mkdir()
    (template / "bootstrap.checkpoint").write_bytes(b"records")

    copy_formatted(template, tmp_path / "one")
    copy_formatted(template, tmp_path / "two")
    one, two = ((tmp_path / name / "meta.properties").read_text() for name in ("one", "two"))

    assert properties_of(one)["cluster.id"] != properties_of(two)["cluster.id"]
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{21}", properties_of(one)["cluster.id"])
    assert (tmp_path / "one" / "bootstrap.checkpoint").read_bytes() == b"records"


def test_a_folder_that_holds_data_is_left_as_it_is(tmp_path):
    kept = tmp_path / "log"
    kept.mkdir()
    (kept / "meta.properties").write_text("cluster.id=mine\n")

    copy_formatted(tmp_path / "template", kept)

    assert (kept / "meta.properties").read_text() == "cluster.id=mine\n"


def test_a_folder_with_something_else_in_it_is_never_removed(tmp_path):
    (tmp_path / "log" / "topic-0").mkdir(parents=True)

    with pytest.raises(LocalServerError, match=r"lacks its meta\.properties"):
        copy_formatted(tmp_path / "template", tmp_path / "log")
    assert (tmp_path / "log" / "topic-0").exists()
