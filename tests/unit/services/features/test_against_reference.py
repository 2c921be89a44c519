"""Every feature equals what a second, slow, batch computation by pandas and TA-Lib makes of the same snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from services.features.families.declaration import WarmUpUnit
from services.features.families.registry import FEATURE_NAMES, FEATURES
from shared.events import ChainSnapshot
from tests.unit.services.features.reference_chain import features_of_one
from tests.unit.services.features.reference_time import reference_sessions, reference_table
from tests.unit.services.features.synthetic_days import features_of, made_days, table_of

SESSION_FEATURES = {feature.name for feature in FEATURES if feature.warm_up_unit is WarmUpUnit.SESSIONS}
RELATIVE, ABSOLUTE = 1e-7, 1e-9


def differences(
    reference: pd.DataFrame, snapshots: Sequence[ChainSnapshot], names: set[str], first: int = 0
) -> dict[str, Any]:
    """Features that differ in value or in what is missing, with the row of the first difference."""
    table = table_of(features_of(snapshots))
    wrong = {}
    for position, name in enumerate(FEATURE_NAMES):
        if name not in names:
            continue
        ours = table[first:, position]
        theirs = reference[name].to_numpy(dtype=float)[first:] if name in reference else np.full(len(ours), np.nan)
        same = np.isclose(ours, theirs, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
        if not same.all():
            row = int(np.argmin(same))
            wrong[name] = (row, ours[row], theirs[row])
    return wrong


def test_a_clean_morning_agrees_in_every_feature(smooth_day):
    morning = smooth_day[:50]
    assert differences(reference_table(morning), morning, set(FEATURE_NAMES) - SESSION_FEATURES) == {}


def test_a_feed_with_holes_and_missing_numbers_agrees_in_every_feature(rough_day):
    part = rough_day[:170]
    gaps = np.diff([snapshot.header.ts for snapshot in part]) / 60e9
    assert gaps.max() > 10.0
    assert gaps.min() < 1.0
    assert differences(reference_table(part), part, set(FEATURE_NAMES) - SESSION_FEATURES) == {}


def test_features_over_sessions_agree_and_are_all_seen(many_days):
    assert differences(reference_sessions(many_days), many_days, SESSION_FEATURES) == {}
    table = table_of(features_of(many_days))
    seen = {name for position, name in enumerate(FEATURE_NAMES) if not np.isnan(table[:, position]).all()}
    assert seen >= SESSION_FEATURES


def test_the_thirty_day_index_agrees_where_the_chain_reaches_that_far():
    snapshots = made_days(1, expiries=7, strikes=41)[::60]
    reference = pd.DataFrame([features_of_one(snapshot) for snapshot in snapshots])
    assert reference["vix_replicated"].notna().all()
    assert differences(reference, snapshots, {"vix_replicated", "strip_volatility", "next_atm_iv", "iv_7d"}) == {}
