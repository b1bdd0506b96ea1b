"""How a metric scatters over the seeds of one recipe."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from zoo.errors import ManifestError
from zoo.figures import metric_value


@dataclass(frozen=True)
class Spread:
    """A metric of trainings that differ in nothing but their seed; `values` are by seed."""

    metric: str
    dataset: str
    split: str
    values: Mapping[int, float]

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def mean(self) -> float:
        return statistics.fmean(self.values.values())

    @property
    def standard_deviation(self) -> float | None:
        """Of the sample, with n - 1; None for one seed."""
        return statistics.stdev(self.values.values()) if self.n > 1 else None

    def __str__(self) -> str:
        mean, deviation = metric_value(self.metric, self.mean), self.standard_deviation
        if deviation is None:
            return f"{mean} (n = 1)"
        return f"{mean}, standard deviation {metric_value(self.metric, deviation)} (n = {self.n})"

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Spread:
        """Raises ManifestError where n, mean or standard deviation are not those of the values."""
        values = {int(seed): value for seed, value in record["values"].items()}
        found = cls(record["metric"], record["dataset"], record["split"], values)
        for name in ("n", "mean", "standard_deviation"):
            computed, said = getattr(found, name), record[name]
            if (computed is None) != (said is None) or (
                said is not None and not math.isclose(computed, said, rel_tol=1e-9, abs_tol=1e-12)
            ):
                raise ManifestError(f"seeds.{name}: {said} is not {computed}, that of its values.")
        return found

    def to_json(self) -> dict[str, Any]:
        return {
            "metric": self.metric,
            "dataset": self.dataset,
            "split": self.split,
            "n": self.n,
            "mean": self.mean,
            "standard_deviation": self.standard_deviation,
            "values": {str(seed): value for seed, value in sorted(self.values.items())},
        }
