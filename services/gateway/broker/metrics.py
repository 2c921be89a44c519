"""Prometheus figures of the whole pipeline, read from the view when a scraper asks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from services.gateway.broker.hub import Hub
from services.gateway.schemas.book import BookAnswer

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_PAISE: Final = 100
_HALT: Final = {"active": 0, "reducing": 1, "halted": 2}


class PipelineCollector(Collector):
    """Turns the view into metrics. Money in rupees, ages in seconds."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        """Give every family."""
        yield from self._of_gateway()
        yield from self._of_streams()
        yield from self._of_books({book: self._hub.whole(book) for book in self._hub.known_books()})

    def _of_gateway(self) -> Iterator[Metric]:
        ok, _ = self._hub.broker()
        yield GaugeMetricFamily("thetaflow_gateway_broker_up", "1 while the broker answers.", value=int(ok))
        working = GaugeMetricFamily(
            "thetaflow_process_works", "1 while its heart beats.", labels=["service", "replica"]
        )
        for one in self._hub.services.answer():
            working.add_metric([one.service, one.replica], int(one.works))
        yield working
        for name, text, count in (
            ("events", "Events folded into the view.", self._hub.absorbed),
            ("unreadable", "Entries that are no events.", self._hub.unreadable),
            ("broker_losses", "Times the broker was lost.", self._hub.broker_losses),
        ):
            yield CounterMetricFamily(f"thetaflow_gateway_{name}", text, value=count)

    def _of_streams(self) -> Iterator[Metric]:
        report = self._hub.streams()
        if report is None:
            return
        length = GaugeMetricFamily("thetaflow_stream_entries", "Entries a stream holds.", labels=["stream"])
        lag = GaugeMetricFamily("thetaflow_group_lag_entries", "Entries not yet read.", labels=["stream", "group"])
        pending = GaugeMetricFamily(
            "thetaflow_group_pending_entries", "Entries read and not settled.", labels=["stream", "group"]
        )
        oldest = GaugeMetricFamily(
            "thetaflow_group_oldest_pending_seconds", "Age of the oldest unsettled entry.", labels=["stream", "group"]
        )
        for stream in report.streams:
            length.add_metric([stream.stream], stream.length)
            for group in stream.groups:
                names = [stream.stream, group.group]
                lag.add_metric(names, group.lag)
                pending.add_metric(names, group.pending)
                oldest.add_metric(names, group.oldest_pending_s or 0.0)
        replicas = GaugeMetricFamily("thetaflow_replicas", "Replicas alive.", labels=["service"])
        for service, members in report.members.items():
            replicas.add_metric([service], len(members))
        dead = GaugeMetricFamily("thetaflow_dead_letter_entries", "Entries set aside.", value=report.dead)
        yield from (length, lag, pending, oldest, replicas, dead)

    @staticmethod
    def _of_books(books: dict[str, BookAnswer]) -> Iterator[Metric]:
        figures = {
            "thetaflow_day_pnl_rupees": ("Net of costs, open positions at their mark.", "pnl_paise"),
            "thetaflow_day_costs_rupees": ("Costs of the day.", "costs_paise"),
            "thetaflow_day_max_drawdown_rupees": ("Largest fall of the day's equity.", "max_drawdown_paise"),
            "thetaflow_exposure_rupees": ("Premium at risk.", "exposure_paise"),
            "thetaflow_margin_rupees": ("Margin in use.", "margin_paise"),
            "thetaflow_free_rupees": ("What new positions may bind.", "free_paise"),
        }
        for name, (text, attribute) in figures.items():
            money = GaugeMetricFamily(name, text, labels=["book"])
            for book, answer in books.items():
                paise = getattr(answer.day, attribute)
                if paise is not None:
                    money.add_metric([book], paise / _PAISE)
            yield money
        ready = GaugeMetricFamily("thetaflow_prices_ready", "0 when prices are too old in session.", labels=["book"])
        age = GaugeMetricFamily("thetaflow_last_tick_age_seconds", "Age of the last snapshot.", labels=["book"])
        positions = GaugeMetricFamily("thetaflow_open_positions", "Open positions.", labels=["book"])
        trades = GaugeMetricFamily("thetaflow_day_trades", "Trades closed today.", labels=["book"])
        wins = GaugeMetricFamily("thetaflow_day_wins", "Of these with a net gain.", labels=["book"])
        halted = GaugeMetricFamily("thetaflow_halt_state", "0 active, 1 reducing, 2 halted.", labels=["book"])
        denials = GaugeMetricFamily("thetaflow_day_denials", "Denials of the day.", labels=["book", "code"])
        for book, answer in books.items():
            ready.add_metric([book], int(answer.status.freshness != "stale"))
            if answer.status.tick_age_s is not None:
                age.add_metric([book], answer.status.tick_age_s)
            positions.add_metric([book], answer.day.open_positions)
            trades.add_metric([book], answer.day.trades)
            wins.add_metric([book], answer.day.wins)
            if answer.status.halt.state != "unknown":
                halted.add_metric([book], _HALT[answer.status.halt.state])
            for code, count in answer.denials.by_code.items():
                denials.add_metric([book, code], count)
        yield from (ready, age, positions, trades, wins, halted, denials)


def render(hub: Hub) -> bytes:
    """Give the exposition in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(PipelineCollector(hub))
    return generate_latest(registry)
