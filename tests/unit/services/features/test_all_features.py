"""What holds for every feature: missing stays missing, no future, no difference by restart, scale as declared."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from services.features.families.declaration import Scaling, WarmUpUnit
from services.features.families.registry import FAMILIES, FEATURE_NAMES, FEATURES, SCHEMA, SCHEMA_ID
from shared.clock import NS_PER_MINUTE, NS_PER_SECOND
from shared.events import ChainSnapshot, LegColumns, QualityFlag
from shared.market.contracts import ContractTable
from shared.streaming.protocol.codec import encode_json
from tests.unit.services.features.synthetic_days import (
    features_of,
    new_handler,
    roughened,
    scaled,
    table_of,
)

READ_BY_NAME = {
    "trend_ema_fast_slow",
    "pcr_oi",
    "max_pain_distance",
    "risk_reversal_25d",
    "return_15m",
    "opening_range_position",
    "atm_iv",
    "realised_vol_30m",
    "iv_minus_rv",
    "oi_build_imbalance",
}
NEVER_IN_A_SMOOTH_MINUTE_FEED = {"vix_replicated", "gamma_flip_distance", "volume_against_profile"}


def restamped(snapshot: ChainSnapshot, ts: int, **changes: object) -> ChainSnapshot:
    header = msgspec.structs.replace(snapshot.header, ts=ts)
    return msgspec.structs.replace(snapshot, header=header, **changes)


def lines(vectors) -> list[bytes]:
    return [encode_json(vector) for vector in vectors]


@pytest.fixture(scope="module")
def first_seen(smooth_day) -> dict[str, int | None]:
    """Index of the first snapshot of a session that has each feature."""
    known = ~np.isnan(table_of(features_of(smooth_day)))
    return {name: int(known[:, n].argmax()) if known[:, n].any() else None for n, name in enumerate(FEATURE_NAMES)}


@pytest.fixture(scope="module")
def session_of_first_value(many_days) -> dict[str, int]:
    """Number of sessions before the first one that has each feature."""
    table = table_of(features_of(many_days))
    days = [snapshot.header.ts // (1440 * NS_PER_MINUTE) for snapshot in many_days]
    order = sorted(set(days))
    return {name: order.index(days[int((~np.isnan(table[:, n])).argmax())]) for n, name in enumerate(FEATURE_NAMES)}


class TestRegistry:
    def test_declares_at_least_sixty_features_each_under_its_own_name(self):
        assert len(FEATURES) >= 60
        assert len(set(FEATURE_NAMES)) == len(FEATURES)
        assert set(FEATURE_NAMES) >= READ_BY_NAME

    def test_every_declaration_says_what_it_is(self):
        for feature in FEATURES:
            assert feature.name.isidentifier()
            assert all((feature.unit, feature.formula, feature.source)), feature.name
            assert feature.needs_history or feature.warm_up == 0, feature.name

    def test_every_family_gives_as_many_values_as_it_declares(self, smooth_day):
        (vector,) = features_of(smooth_day[:1])
        assert len(vector.values) == sum(len(family.features) for family in FAMILIES) == len(SCHEMA.names)
        assert vector.schema_id == SCHEMA_ID


class TestMissing:
    def test_a_missing_number_is_none_and_never_nan_or_infinite(self, rough_day):
        for vector in features_of(rough_day):
            for name, value in zip(FEATURE_NAMES, vector.values, strict=True):
                assert value is None or (type(value) is float and abs(value) < 1e15), name

    def test_a_chain_without_a_single_number_leaves_only_the_time_and_the_report_of_the_evening_before(
        self, smooth_day
    ):
        snapshot = smooth_day[30]
        blank = tuple(
            msgspec.structs.replace(chain, call=_blank(chain.call), put=_blank(chain.put))
            for chain in snapshot.expiries
        )
        (vector,) = features_of([msgspec.structs.replace(snapshot, expiries=blank, vix=None, spot=None)])
        present = {name for name, value in zip(FEATURE_NAMES, vector.values, strict=True) if value is not None}
        assert present == {
            "minutes_from_open",
            "minutes_to_close",
            "session_fraction",
            "session_phase",
            "minutes_to_expiry",
            "days_to_expiry",
            "is_expiry_day",
            "day_of_week",
            "pro_call_balance",
            "pro_put_balance",
        }
        assert vector.market.forward is None
        assert vector.market.candidates == ()

    def test_a_chain_with_no_expiry_left_still_gives_a_vector(self, smooth_day):
        (vector,) = features_of([msgspec.structs.replace(smooth_day[0], expiries=())])
        assert vector.market.expiry is None
        assert vector.market.lot_size > 0

    @pytest.mark.parametrize("seed", range(4))
    def test_feeds_with_most_numbers_missing_never_fail(self, smooth_day, seed):
        rough = smooth_day[:60]
        for _ in range(8):
            rough = roughened(rough, seed)
        assert len(features_of(rough)) == len(rough)

    def test_a_gap_leaves_look_backs_missing_rather_than_stretched(self, smooth_day):
        feed = [*smooth_day[:60], *smooth_day[90:120]]
        table = table_of(features_of(feed))
        after = table[60, FEATURE_NAMES.index("return_5m")], table[60, FEATURE_NAMES.index("rsi_14")]
        assert np.isnan(after).all()
        assert np.isnan(table[60, FEATURE_NAMES.index("trend_ema_fast_slow")])
        assert not np.isnan(table[-1, FEATURE_NAMES.index("trend_ema_fast_slow")])


class TestWarmUp:
    @pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
    def test_a_feature_appears_when_its_warm_up_is_over_and_not_before(self, first_seen, feature):
        first = first_seen[feature.name]
        if feature.warm_up_unit is WarmUpUnit.SESSIONS:
            assert first is None
        elif feature.name not in NEVER_IN_A_SMOOTH_MINUTE_FEED:
            # The feed begins a minute after the open: bars are counted from 1, slots of the day began before it.
            bars = feature.warm_up_unit is WarmUpUnit.BARS
            assert first in ({feature.warm_up - 1} if bars else {max(feature.warm_up - 1, 0), feature.warm_up})

    @pytest.mark.parametrize(
        "feature", [f for f in FEATURES if f.warm_up_unit is WarmUpUnit.SESSIONS], ids=lambda feature: feature.name
    )
    def test_a_feature_over_sessions_waits_for_as_many_sessions(self, session_of_first_value, feature):
        assert session_of_first_value[feature.name] == feature.warm_up

    @pytest.mark.parametrize("at", [100, 250])
    def test_a_feature_without_history_is_the_same_from_the_snapshot_alone(self, rough_day, at):
        running = features_of(rough_day[: at + 1])[-1]
        (alone,) = features_of([rough_day[at]])
        assert running.market == alone.market
        for feature, before, now in zip(FEATURES, running.values, alone.values, strict=True):
            if not feature.needs_history:
                assert before == now, feature.name


class TestTime:
    def test_changing_the_future_changes_no_past_value(self, rough_day):
        cut = 150
        truth = lines(features_of(rough_day)[:cut])
        dearer = [scaled(snapshot, 1.1) for snapshot in rough_day[cut:]]
        assert lines(features_of([*rough_day[:cut], *dearer])[:cut]) == truth
        assert lines(features_of(rough_day[:cut])) == truth

    def test_a_restart_after_any_snapshot_changes_nothing(self, rough_day):
        truth = lines(features_of(rough_day))
        handler = new_handler()
        for number, snapshot in enumerate(rough_day):
            (answer,) = lines(features_of([snapshot], handler))
            assert answer == truth[number], number
            state = handler.checkpoint()
            handler = new_handler()
            handler.restore(state)
            assert handler.checkpoint() == state

    def test_a_restart_between_sessions_changes_nothing(self, many_days):
        truth = lines(features_of(many_days))
        cut = len(many_days) * 3 // 4
        before = new_handler()
        features_of(many_days[:cut], before)
        after = new_handler()
        after.restore(before.checkpoint())
        assert lines(features_of(many_days[cut:], after)) == truth[cut:]

    def test_a_replay_gives_the_same_bytes(self, rough_day):
        assert lines(features_of(rough_day)) == lines(features_of(rough_day))

    def test_repeated_late_stale_and_out_of_session_snapshots_leave_no_trace(self, smooth_day):
        handler = new_handler()
        features_of(smooth_day[:80], handler)
        state = handler.checkpoint()
        last = smooth_day[79].header.ts
        strange = scaled(smooth_day[80], 1.05)
        features_of([restamped(strange, last), restamped(strange, last - NS_PER_MINUTE)], handler)
        features_of([restamped(strange, last + 1, quality=(QualityFlag.STALE,))], handler)
        features_of([restamped(strange, last + 1, quality=(QualityFlag.FALLBACK,))], handler)
        features_of([restamped(strange, last + 400 * NS_PER_MINUTE)], handler)
        assert handler.checkpoint() == state

    def test_a_late_snapshot_sees_no_history_at_all(self, smooth_day):
        handler = new_handler()
        features_of(smooth_day[:80], handler)
        (late,) = features_of([smooth_day[60]], handler)
        for feature, value in zip(FEATURES, late.values, strict=True):
            assert value is None or not feature.needs_history, feature.name


class TestScale:
    @pytest.mark.parametrize("factor", [0.8, 3.0])
    def test_features_scale_as_declared(self, smooth_day, factor):
        feed = smooth_day[:80]
        plain, larger = table_of(features_of(feed)), table_of(features_of([scaled(one, factor) for one in feed]))
        for n, feature in enumerate(FEATURES):
            expected = plain[:, n] * (factor if feature.scaling is Scaling.PROPORTIONAL else 1.0)
            np.testing.assert_allclose(larger[:, n], expected, rtol=1e-6, atol=1e-9, err_msg=feature.name)


class TestLots:
    def test_another_lot_for_the_same_units_changes_no_feature(self, many_days, monkeypatch):
        """The lot of NIFTY went 25, 75, 65: a model must not take that for a change of the market."""
        tables = []
        for lot, contracts in ((75, 1), (25, 3)):
            terms = ContractTable.load()
            monkeypatch.setattr(terms, "lot_size", lambda *_, units=lot: units)
            feed = [_in_lots(snapshot, contracts) for snapshot in many_days]
            tables.append(table_of(features_of(feed, new_handler(terms))))
        assert not np.isnan(tables[0]).all(axis=0)[FEATURE_NAMES.index("volume_against_profile")]
        for n, name in enumerate(FEATURE_NAMES):
            np.testing.assert_allclose(tables[1][:, n], tables[0][:, n], rtol=1e-9, atol=1e-12, err_msg=name)

    def test_volume_of_past_sessions_is_counted_in_units_though_the_lot_changes_overnight(self, many_days, monkeypatch):
        days = sorted({_day_of(snapshot) for snapshot in many_days})
        cut = days[len(days) // 2]
        terms = ContractTable.load()
        monkeypatch.setattr(terms, "lot_size", lambda *_: 75)
        plain = table_of(features_of(many_days, new_handler(terms)))
        handler = new_handler(terms)
        rows = []
        for snapshot in many_days:
            smaller = _day_of(snapshot) >= cut
            monkeypatch.setattr(terms, "lot_size", lambda *_, units=25 if smaller else 75: units)
            rows += features_of([_in_lots(snapshot, 3 if smaller else 1)], handler)
        changed = table_of(rows)
        for name in ("volume_against_profile", "oi_call_units", "volume_rate_5m", "gamma_gross"):
            column = FEATURE_NAMES.index(name)
            np.testing.assert_allclose(changed[:, column], plain[:, column], rtol=1e-9, err_msg=name)


class TestMemory:
    def test_the_state_of_many_days_is_bounded(self, many_days, smooth_day):
        handler = new_handler()
        features_of(smooth_day, handler)
        assert len(handler.checkpoint()) < 32_000
        for snapshot in many_days[1:]:
            features_of([snapshot], handler)
            assert len(handler.checkpoint()) < 32_000

    def test_a_feed_twenty_times_as_fast_needs_no_more(self, smooth_day):
        slow, fast = new_handler(), new_handler()
        features_of(smooth_day[:60], slow)
        for snapshot in smooth_day[:60]:
            stamps = [snapshot.header.ts + second * NS_PER_SECOND for second in range(0, 60, 3)]
            features_of([restamped(snapshot, stamp) for stamp in stamps], fast)
        assert len(fast.checkpoint()) < 1.05 * len(slow.checkpoint())


def _day_of(snapshot: ChainSnapshot) -> int:
    return snapshot.header.ts // (1440 * NS_PER_MINUTE)


def _in_lots(snapshot: ChainSnapshot, contracts: int) -> ChainSnapshot:
    """Count the same units in so many times the contracts."""
    expiries = []
    for chain in snapshot.expiries:
        sides = {}
        for name in ("call", "put"):
            side = getattr(chain, name)
            counts = {
                column: tuple(None if n is None else n * contracts for n in getattr(side, column))
                for column in ("volume", "oi", "oi_change")
            }
            sides[name] = msgspec.structs.replace(side, **counts)
        expiries.append(msgspec.structs.replace(chain, **sides))
    return msgspec.structs.replace(snapshot, expiries=tuple(expiries))


def _blank(side: LegColumns) -> LegColumns:
    return msgspec.structs.replace(
        side,
        **{name: (None,) * len(side.bid) for name in side.__struct_fields__},
    )
