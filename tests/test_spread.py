"""How a metric scatters over seeds, as a record holds it."""

from __future__ import annotations

import json
import statistics

import pytest
from records import document, record, weights

from zoo.errors import ManifestError
from zoo.manifest import parse_manifest
from zoo.spread import Spread

VALUES = {0: 0.9951, 1: 0.9956, 2: 0.9957, 10: 0.9949}
SPREAD = Spread("accuracy", "mnist", "test", VALUES)


def test_mean_and_standard_deviation_are_those_of_a_sample() -> None:
    assert SPREAD.n == 4
    assert SPREAD.mean == pytest.approx(sum(VALUES.values()) / 4)
    assert SPREAD.standard_deviation == pytest.approx(statistics.stdev(VALUES.values()))
    assert str(SPREAD) == "99.53 %, standard deviation 0.04 % (n = 4)"


def test_one_seed_has_no_standard_deviation() -> None:
    one = Spread("perplexity", "wikitext2", "test", {3: 95.125})
    assert one.standard_deviation is None
    assert str(one) == "95.12 (n = 1)"
    assert Spread.from_json(one.to_json()) == one


def test_a_record_keeps_it() -> None:
    changed = record(seeds=SPREAD.to_json())
    assert list(changed["seeds"]["values"]) == ["0", "1", "2", "10"]
    found = parse_manifest(json.dumps(document(changed)).encode(), "here")["lenet.mnist"]
    assert found.seeds == SPREAD
    assert found.to_json() == changed
    assert "over seeds" in weights(seeds=SPREAD.to_json())._repr_html_()


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("mean", 0.9999, "seeds.mean: 0.9999 is not"),
        ("n", 5, "seeds.n: 5 is not 4"),
        ("standard_deviation", None, "seeds.standard_deviation: None is not"),
        ("values", {}, "seeds.values"),
        ("values", {"-1": 0.5}, "seeds.values"),
        ("values", {"01": 0.5}, "seeds.values"),
        ("split", "other", "seeds.split"),
        ("metric", "charm", "seeds.metric"),
    ],
)
def test_one_that_contradicts_itself_is_refused(field: str, value: object, message: str) -> None:
    changed = record(seeds={**SPREAD.to_json(), field: value})
    with pytest.raises(ManifestError, match=message):
        parse_manifest(json.dumps(document(changed)).encode(), "here")
