"""What every feature family must keep: a number per declaration, pure, restorable, and missing where nothing is known."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from services.features.families.registry import FAMILIES, feature_set
from services.features.handler import FeaturesHandler
from services.features.settings import FeaturesSettings
from shared.events import ChainSnapshot, FeatureVector
from tests.howto.page import write_block
from tests.unit.services.features.synthetic_days import CALENDAR, CLOCK, CONTRACTS, made_days

OF_THE_PAGE = "put_wing"
EVERY = 5


@pytest.fixture(scope="module")
def snapshots() -> list[ChainSnapshot]:
    """Two synthetic days, every fifth minute."""
    return made_days(2)[::EVERY]


@pytest.fixture(params=[family.title for family in FAMILIES] + [OF_THE_PAGE])
def family(request, tmp_path):
    """Give what makes handlers, the declarations, and where the values stand in a vector."""
    references: tuple[str, ...] = ()
    if request.param == OF_THE_PAGE:
        references = (f"{write_block('feature-family.md', 0, tmp_path / 'put_wing.py')}:FAMILY",)
    title = "Put wing" if references else request.param
    computed = feature_set(references)
    start = 0
    for one in computed.families:
        if one.title == title:
            break
        start += len(one.features)
    settings = FeaturesSettings(families=references)
    make = lambda: FeaturesHandler("nifty", settings, CALENDAR, CONTRACTS, CLOCK)  # noqa: E731
    return make, one.features, slice(start, start + len(one.features))


def values(
    handler: FeaturesHandler, snapshots: Sequence[ChainSnapshot], place: slice
) -> list[tuple[float | None, ...]]:
    found = [out for snapshot in snapshots for out in handler.handle(snapshot)]
    return [vector.values[place] for vector in found if isinstance(vector, FeatureVector)]


def test_every_declaration_says_what_it_is(family):
    _, declared, _ = family
    assert declared
    for feature in declared:
        assert feature.name.isidentifier()
        assert all((feature.unit, feature.formula, feature.source)), feature.name


def test_the_same_snapshots_give_the_same_numbers_and_a_restart_changes_none(family, snapshots):
    make, declared, place = family
    whole = values(make(), snapshots, place)
    assert all(len(one) == len(declared) for one in whole)
    cut = len(snapshots) // 3
    first, second = make(), make()
    out = values(first, snapshots[:cut], place)
    second.restore(first.checkpoint())
    assert out + values(second, snapshots[cut:], place) == whole


def test_a_chain_without_any_quote_is_no_error(family, snapshots):
    make, declared, place = family
    empty = msgspec.structs.replace(snapshots[3], expiries=())
    (found,) = values(make(), [empty], place)
    assert len(found) == len(declared)
