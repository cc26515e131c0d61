"""deploy/kubernetes, as far as it can be held without a cluster."""

import importlib.util
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.ingest.settings import Settings as IngestSettings
from services.query.settings import Settings as QuerySettings
from shared.contracts.names import EVENTS_TOPICS, TOPICS
from tests.support.service_settings import settings_of

HOUSE = Path(__file__).parents[3]
FOLDER = HOUSE / "deploy/kubernetes"
RECIPE = (HOUSE / "deploy/Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((HOUSE / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
VERSION = tomllib.loads((HOUSE / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
SERVICES = sorted(path.parent.name for path in (HOUSE / "services").glob("*/__init__.py"))
WORKLOADS = [*SERVICES, "provision"]
ADDRESSES = {"PONTE_KAFKA_BOOTSTRAP", "PONTE_MONGO_URI"}
"""With passwords in them: in a Secret."""
MIB_OF = {"Mi": 1, "Gi": 1024}


def documents_of(path: Path) -> list[dict[str, Any]]:
    """Return the documents of a file."""
    return [document for document in yaml.safe_load_all(path.read_text(encoding="utf-8")) if document]


FILES = {path: documents_of(path) for path in sorted(FOLDER.rglob("*.yaml"))}
OBJECTS = [one for path, found in FILES.items() if path.name != "kustomization.yaml" for one in found]
CONFIGURED = dict(
    line.split("=", 1) for line in (FOLDER / "base/ponte.env").read_text(encoding="utf-8").splitlines() if "=" in line
)
"""The settings that all share."""


def one_of(kind: str, name: str) -> dict[str, Any]:
    """Return the object of that kind and name."""
    (found,) = [one for one in OBJECTS if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def workload_of(name: str) -> dict[str, Any]:
    """Return what runs a service, or provision."""
    return one_of("Job" if name == "provision" else "Deployment", f"ponte-{name}")


def pod_of(name: str) -> dict[str, Any]:
    """Return the pod of a service, or of provision."""
    return dict(workload_of(name)["spec"]["template"]["spec"])


def container_of(name: str) -> dict[str, Any]:
    """Return its one container."""
    (container,) = pod_of(name)["containers"]
    return dict(container)


def given_to(name: str) -> set[str]:
    """Return the variables that a container's own `env` sets."""
    return {one["name"] for one in container_of(name).get("env", [])}


def mib(amount: str) -> float:
    """Return an amount of memory in MiB."""
    return float(amount[:-2]) * MIB_OF[amount[-2:]]


def replicas_of_ingest() -> list[int]:
    """Return how many ingest workers the files allow, at most."""
    scaled = one_of("ScaledObject", "ponte-ingest")["spec"]
    return [workload_of("ingest")["spec"]["replicas"], scaled["maxReplicaCount"], scaled["fallback"]["replicas"]]


def test_every_file_is_one_that_kustomize_takes() -> None:
    for path, (kustomization, *_) in FILES.items():
        if path.name == "kustomization.yaml":
            beside = {one.name for one in path.parent.glob("*.yaml")} - {path.name}
            assert {name for name in kustomization["resources"] if "/" not in name} == beside
            assert all((path.parent / name).exists() for name in kustomization["resources"])


def test_every_service_of_the_house_runs_and_is_spared_by_drains() -> None:
    for name in SERVICES:
        chosen = workload_of(name)["spec"]["selector"]["matchLabels"]
        assert workload_of(name)["spec"]["template"]["metadata"]["labels"] == chosen
        assert one_of("PodDisruptionBudget", f"ponte-{name}")["spec"]["selector"]["matchLabels"] == chosen


@pytest.mark.parametrize("name", WORKLOADS)
def test_an_image_is_the_one_that_compose_builds_at_the_version_of_the_house(name: str) -> None:
    assert container_of(name)["image"] == f"{COMPOSE[name]['image']}:{VERSION}"


def test_the_example_names_a_place_for_every_image() -> None:
    (kustomization,) = FILES[FOLDER / "overlays/production/kustomization.yaml"]

    assert {one["name"] for one in kustomization["images"]} == {COMPOSE[name]["image"] for name in WORKLOADS}
    assert not any("newTag" in one for one in kustomization["images"])


def test_no_file_asks_for_whatever_is_newest() -> None:
    assert [path.name for path in FILES if "latest" in path.read_text(encoding="utf-8")] == []


@pytest.mark.parametrize("name", WORKLOADS)
def test_no_pod_has_more_rights_than_it_needs(name: str) -> None:
    pod, container = pod_of(name), container_of(name)
    (uid,) = set(re.findall(r"^USER (\d+)$", RECIPE, re.MULTILINE))

    assert pod["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": int(uid),
        "runAsGroup": int(uid),
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_container_asks_for_what_it_needs_and_has_an_end(name: str) -> None:
    asked, limit = (container_of(name)["resources"][one] for one in ("requests", "limits"))

    assert set(asked) == set(limit) == {"cpu", "memory"}
    assert mib(asked["memory"]) < mib(limit["memory"])
    assert name == "provision" or mib(limit["memory"]) >= float(COMPOSE[name]["mem_limit"].removesuffix("m"))


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_asked_where_its_image_answers(name: str) -> None:
    container = container_of(name)
    (port,) = re.findall(r"PONTE_HEALTH_PORT=(\d+)", RECIPE)

    assert {"name": "health", "containerPort": int(port)} in container["ports"]
    assert {probe: container[probe]["httpGet"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")} == {
        "startupProbe": {"path": "/health/live", "port": "health"},
        "livenessProbe": {"path": "/health/live", "port": "health"},
        "readinessProbe": {"path": "/health/ready", "port": "health"},
    }


@pytest.mark.parametrize("name", SERVICES)
def test_every_variable_is_one_that_the_service_reads(name: str) -> None:
    assert given_to(name) - settings_of(name) == set()


def test_every_shared_variable_is_one_that_some_service_reads() -> None:
    (kustomization,) = FILES[FOLDER / "overlays/production/kustomization.yaml"]
    merged = {line.partition("=")[0] for one in kustomization["configMapGenerator"] for line in one["literals"]}

    assert CONFIGURED
    assert (CONFIGURED.keys() | merged) - set().union(*map(settings_of, SERVICES)) == set()


def test_the_page_says_how_each_secret_is_made() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    text = " ".join(path.read_text(encoding="utf-8") for path in FILES)
    named = set(
        re.findall(
            r"secretRef: {name: ([\w-]+)}|secretKeyRef: {name: ([\w-]+)|secretName: (ponte-ca)|name: (ponte-keda)", text
        )
    )

    assert {name for names in named for name in names if name} == set(
        re.findall(r"create secret generic ([\w-]+)", page)
    )
    assert all(f"--from-literal={variable}=" in page for variable in {"PONTE_API_KEY", *ADDRESSES})


def test_no_secret_is_in_a_file() -> None:
    assert {one["kind"] for one in OBJECTS} & {"Secret", "ConfigMap"} == set()
    assert not {"PONTE_API_KEY", *ADDRESSES} & CONFIGURED.keys()


@pytest.mark.parametrize("name", WORKLOADS)
def test_addresses_come_from_a_secret_and_the_key_reaches_only_query(name: str) -> None:
    sources = container_of(name)["envFrom"]

    assert sources == [{"configMapRef": {"name": "ponte"}}, {"secretRef": {"name": "ponte-servers"}}]
    assert ("PONTE_API_KEY" in given_to(name)) == (name == "query")
    assert all("valueFrom" in one for one in container_of(name).get("env", []) if one["name"] == "PONTE_API_KEY")


def test_what_a_worker_has_in_hand_is_done_before_it_is_killed() -> None:
    longest = IngestSettings.model_fields["stop_seconds"].default

    assert all(pod_of(name)["terminationGracePeriodSeconds"] > longest + 10 for name in SERVICES)


def test_a_request_in_hand_is_answered_before_query_is_killed() -> None:
    pod, container = pod_of("query"), container_of("query")
    waited = container["lifecycle"]["preStop"]["sleep"]["seconds"]

    assert (
        pod["terminationGracePeriodSeconds"] > waited + QuerySettings.model_fields["query_drain_seconds"].default + 10
    )
    assert workload_of("query")["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_no_ingest_worker_is_left_without_a_partition() -> None:
    (partitions,) = {topic.partitions for topic in TOPICS if topic.name in EVENTS_TOPICS}
    lanes = IngestSettings.model_fields["ingest_lanes"].default

    assert "PONTE_INGEST_LANES" not in CONFIGURED.keys() | given_to("ingest")
    assert max(replicas_of_ingest()) * lanes <= partitions
    assert workload_of("ingest")["spec"]["strategy"]["rollingUpdate"]["maxSurge"] == 0


def test_ingest_is_scaled_by_the_lag_of_its_own_group() -> None:
    scaled = one_of("ScaledObject", "ponte-ingest")["spec"]
    (trigger,) = scaled["triggers"]

    assert scaled["scaleTargetRef"] == {"name": workload_of("ingest")["metadata"]["name"]}
    assert trigger["metadata"]["consumerGroup"] == IngestSettings.model_fields["ingest_group"].default
    assert trigger["authenticationRef"]["name"] == one_of("TriggerAuthentication", "ponte-kafka")["metadata"]["name"]
    assert 1 <= scaled["minReplicaCount"] <= scaled["maxReplicaCount"]


def test_who_is_scaled_is_not_set_back_by_an_update() -> None:
    (kustomization,) = FILES[FOLDER / "overlays/production/kustomization.yaml"]
    (patch,) = kustomization["patches"]
    scaled = {
        one["spec"]["scaleTargetRef"]["name"]
        for one in OBJECTS
        if one["kind"] in {"ScaledObject", "HorizontalPodAutoscaler"}
    }

    assert yaml.safe_load(patch["patch"]) == [{"op": "remove", "path": "/spec/replicas"}]
    assert {f"ponte-{name}" for name in SERVICES if re.fullmatch(patch["target"]["name"], f"ponte-{name}")} == scaled


def test_provision_runs_a_module_of_the_house_and_reads_what_it_needs() -> None:
    *python, module = container_of("provision")["command"]

    assert python == ["python", "-m"]
    assert importlib.util.find_spec(module) is not None
    assert "PONTE_MONGO_DATABASE" in CONFIGURED


def test_provision_needs_nothing_that_comes_after_it() -> None:
    (base,) = FILES[FOLDER / "base/kustomization.yaml"]
    first = [
        base["configMapGenerator"][0]["options"],
        *(one_of("Namespace", "ponte"), one_of("NetworkPolicy", "ponte-servers")),
    ]

    labels = [one.get("labels") or one["metadata"]["labels"] for one in first]

    assert {one["app.kubernetes.io/component"] for one in labels} == {"ground"}


def test_reports_in_the_making_have_a_disk_of_their_own() -> None:
    (folder,) = [one["value"] for one in container_of("exporter")["env"] if one["name"] == "PONTE_EXPORTER_TEMP_FOLDER"]
    (mount,) = [one for one in container_of("exporter")["volumeMounts"] if one["mountPath"] == folder]
    (volume,) = [one for one in pod_of("exporter")["volumes"] if one["name"] == mount["name"]]

    assert volume["emptyDir"]["sizeLimit"]
    assert "medium" not in volume["emptyDir"]


def test_the_panel_is_reached_where_query_listens() -> None:
    ports = {one["name"]: one["containerPort"] for one in container_of("query")["ports"]}
    (port,) = one_of("Service", "ponte-query")["spec"]["ports"]

    assert {"name": "PONTE_HTTP_PORT", "value": str(ports[port["targetPort"]])} in container_of("query")["env"]
    assert (
        one_of("Service", "ponte-query")["spec"]["selector"] == workload_of("query")["spec"]["selector"]["matchLabels"]
    )


def test_what_no_policy_names_is_refused() -> None:
    refused = one_of("NetworkPolicy", "ponte-nothing-else")["spec"]
    named = {port["name"] for name in SERVICES for port in container_of(name)["ports"]}
    reached = {
        port["port"]
        for one in OBJECTS
        if one["kind"] == "NetworkPolicy"
        for rule in one["spec"].get("ingress", [])
        for port in rule["ports"]
    }

    assert refused["policyTypes"] == ["Ingress", "Egress"]
    assert not refused.keys() & {"ingress", "egress"}
    assert reached == named
