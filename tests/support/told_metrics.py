"""What the processes of Ponte tell Prometheus: the series of each metric by name, with their labels."""

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics import MetricWrapperBase

from shared.runtime import metrics

SCRAPED = frozenset({"job", "instance"})
"""Labels that Prometheus puts on every series of a target."""

SUFFIXES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}


def labels_by_series() -> dict[str, frozenset[str]]:
    """Return the labels of every series that a rule or a panel may name."""
    told = {"up": SCRAPED}
    for metric in vars(metrics).values():
        if isinstance(metric, MetricWrapperBase):
            (family,) = metric.describe()
            for suffix in SUFFIXES[family.type]:
                bounds = {"le"} if suffix == "_bucket" else set()
                told[f"{family.name}{suffix}"] = SCRAPED | set(metric._labelnames) | bounds
    for family in ProcessCollector(registry=CollectorRegistry()).collect():
        told[f"{family.name}{SUFFIXES[family.type][0]}"] = SCRAPED
    return told
