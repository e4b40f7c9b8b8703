"""`/metrics`, read by the parser of Prometheus's own Python client."""

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families


def families(text: str) -> dict[str, Metric]:
    """Every family by the name that Prometheus shows; a text that is not valid is an error."""
    found: dict[str, Metric] = {}
    for family in text_string_to_metric_families(text):
        # The parser takes `_total` off; people, dashboards and README say it.
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert name not in found, f"{name} is there twice"
        found[name] = family
    return found


def total(text: str, name: str, labels: dict[str, str]) -> float:
    """The sum over all samples of this exact name that bear these labels; 0 where there is none."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def sample_names(text: str) -> set[str]:
    """Every name that a query can ask for."""
    return {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}


def label_names(text: str) -> set[str]:
    """Every label that a query can ask for."""
    return {
        name for family in text_string_to_metric_families(text) for sample in family.samples for name in sample.labels
    }
