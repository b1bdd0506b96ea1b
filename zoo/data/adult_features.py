"""What the 123 features of a9a mean: fourteen attributes of Adult, a feature per category.

LIBSVM lists categories in the order of Adult's own description and cuts numbers into ranges whose
bounds it does not state; the names of ranges here say their order and no more. Hours are cut
around forty a week, which almost half of the people work.
"""

from __future__ import annotations

from typing import NamedTuple


class Attribute(NamedTuple):
    """A name, and its values in the order of their features; exactly one feature, or none, is 1."""

    name: str
    values: tuple[str, ...]
    ordered: bool = False


_FIFTHS = ("lowest fifth", "second fifth", "middle fifth", "fourth fifth", "highest fifth")

ATTRIBUTES = (
    Attribute("age", _FIFTHS, ordered=True),
    Attribute(
        "work class",
        (
            "private",
            "self-employed",
            "self-employed, incorporated",
            "federal government",
            "local government",
            "state government",
            "without pay",
            "never worked",
        ),
    ),
    Attribute("sampling weight", _FIFTHS, ordered=True),
    Attribute(
        "education",
        (
            "bachelor",
            "some college",
            "11th grade",
            "high school",
            "professional school",
            "associate, academic",
            "associate, vocational",
            "9th grade",
            "7th or 8th grade",
            "12th grade",
            "master",
            "1st to 4th grade",
            "10th grade",
            "doctorate",
            "5th or 6th grade",
            "preschool",
        ),
    ),
    Attribute(
        "years of education",
        (
            "less than high school",
            "high school",
            "some college",
            "associate",
            "bachelor or more",
        ),
        ordered=True,
    ),
    Attribute(
        "marital status",
        (
            "married",
            "divorced",
            "never married",
            "separated",
            "widowed",
            "married, spouse absent",
            "married, spouse in the armed forces",
        ),
    ),
    Attribute(
        "occupation",
        (
            "tech support",
            "craft and repair",
            "other service",
            "sales",
            "executive or managerial",
            "professional specialty",
            "handler or cleaner",
            "machine operator or inspector",
            "clerical",
            "farming or fishing",
            "transport",
            "private household service",
            "protective service",
            "armed forces",
        ),
    ),
    Attribute(
        "relationship",
        ("wife", "own child", "husband", "not in a family", "other relative", "unmarried"),
    ),
    Attribute(
        "race",
        (
            "White",
            "Asian or Pacific Islander",
            "American Indian or Inuit",
            "other",
            "Black",
        ),
    ),
    Attribute("sex", ("female", "male")),
    Attribute("capital gain", ("none", "some"), ordered=True),
    Attribute("capital loss", ("none", "some"), ordered=True),
    Attribute(
        "hours a week",
        ("far below 40", "below 40", "40", "above 40", "far above 40"),
        ordered=True,
    ),
    Attribute(
        "native country",
        (
            "United States",
            "Cambodia",
            "England",
            "Puerto Rico",
            "Canada",
            "Germany",
            "outlying US territories",
            "India",
            "Japan",
            "Greece",
            "South",
            "China",
            "Cuba",
            "Iran",
            "Honduras",
            "Philippines",
            "Italy",
            "Poland",
            "Jamaica",
            "Vietnam",
            "Mexico",
            "Portugal",
            "Ireland",
            "France",
            "Dominican Republic",
            "Laos",
            "Ecuador",
            "Taiwan",
            "Haiti",
            "Colombia",
            "Hungary",
            "Guatemala",
            "Nicaragua",
            "Scotland",
            "Thailand",
            "Yugoslavia",
            "El Salvador",
            "Trinidad and Tobago",
            "Peru",
            "Hong Kong",
            "Netherlands",
        ),
    ),
)


def first_features() -> dict[str, int]:
    """The place, counted from 0, of each attribute's first feature."""
    places, at = {}, 0
    for attribute in ATTRIBUTES:
        places[attribute.name] = at
        at += len(attribute.values)
    return places
