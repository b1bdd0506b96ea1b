"""Sliders and choices, and what they mean in the data."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

import zoo
from zoo.data.adult_features import ATTRIBUTES, first_features
from zoo.gallery import forms


def test_a_slider_for_each_named_feature_reaches_around_its_mean() -> None:
    weights = zoo.get_weights("linear_regression.california_housing")
    use = weights.preprocessing
    sliders = forms.controls(weights)
    assert [one.name.replace(" ", "_") for one in sliders] == list(use["names"])
    for slider, mean, spread in zip(sliders, use["mean"], use["std"], strict=True):
        assert isinstance(slider, forms.Slider)
        assert slider.least <= slider.value <= slider.most
        assert abs(slider.value - mean) <= slider.step
        assert slider.least >= 0 or mean < 0
        assert slider.most >= mean + 2 * spread
        steps = (slider.value - slider.least) / slider.step
        assert steps == pytest.approx(round(steps), abs=1e-6)


@pytest.mark.parametrize(
    ("label", "expected"),
    [
        ("100,000 dollars", {"scale": 100_000, "name": "dollars", "digits": 0}),
        ("metres", {"scale": 1, "name": "metres", "digits": 3}),
        ("", {"scale": 1, "name": "", "digits": 3}),
        ("0.5 dollars", {"scale": 0.5, "name": "dollars", "digits": 4}),
        ("1,000.25 m", {"scale": 1000.25, "name": "m", "digits": 0}),
        ("10", {"scale": 10, "name": "", "digits": 2}),
        ("0.0 m", {"scale": 1, "name": "0.0 m", "digits": 3}),
        ("2nd prize", {"scale": 1, "name": "2nd prize", "digits": 3}),
        (
            "1" * 200 + "0" * 200 + " m",
            {"scale": 1, "name": "1" * 200 + "0" * 200 + " m", "digits": 3},
        ),
    ],
)
def test_units_are_read_from_the_label(label: str, expected: dict[str, object]) -> None:
    weights = zoo.get_weights("linear_regression.california_housing")
    assert forms.unit(dataclasses.replace(weights, labels=(label,))) == expected
    assert forms.unit(zoo.get_weights("logistic_regression.adult")) is None


def test_features_that_nobody_has_named_have_no_form() -> None:
    adult = zoo.get_weights("logistic_regression.adult")
    metric = dataclasses.replace(adult.metrics[0], dataset="other")
    assert forms.controls(dataclasses.replace(adult, metrics=(metric,))) == []


def test_the_census_form_switches_one_feature_of_each_attribute_on() -> None:
    features: set[int] = set()
    for control in forms.controls(zoo.get_weights("logistic_regression.adult")):
        actives = json.loads(control.actives or "")
        listed = isinstance(control, forms.Choice)
        shown = control.values if listed else json.loads(control.names or "")
        assert len(actives) == len(shown)
        assert 0 <= control.value < len(actives)
        features |= {one for chosen in actives for one in chosen}
    weight = first_features()["sampling weight"]
    untouched = {weight, weight + 1, weight + 3, weight + 4}
    assert features == set(range(123)) - untouched


@pytest.mark.usefixtures("data_mirror")
def test_the_attributes_are_those_of_the_data() -> None:
    rows = zoo.load_dataset("adult").train.inputs
    firsts = first_features()
    assert sum(len(one.values) for one in ATTRIBUTES) == rows.shape[1]
    for attribute in ATTRIBUTES:
        first = firsts[attribute.name]
        assert rows[:, first : first + len(attribute.values)].sum(axis=1).max() == 1
    education, years = firsts["education"], firsts["years of education"]
    for place, group in enumerate(forms._EDUCATION_YEARS):
        chosen = rows[rows[:, education + place] == 1]
        assert (chosen[:, years + group] == 1).all()
    common = {"work class": "private", "education": "high school", "marital status": "married"}
    common |= {"relationship": "husband", "race": "White", "sex": "male", "hours a week": "40"}
    common |= {"native country": "United States", "capital gain": "none", "capital loss": "none"}
    for attribute in ATTRIBUTES:
        if attribute.name in common:
            first = firsts[attribute.name]
            counts = rows[:, first : first + len(attribute.values)].sum(axis=0)
            assert attribute.values[int(np.argmax(counts))] == common[attribute.name]
