"""The gateway is unready, and its page says so, while a service does not work."""

from __future__ import annotations

from msgspec import structs

from services.gateway.broker.hub import Hub
from services.gateway.broker.readiness import readiness
from services.gateway.broker.service_life import ServiceLife
from services.gateway.settings import GatewaySettings
from shared.clock import ManualClock, ist_ns
from shared.market.calendar import TradingCalendar
from shared.streaming.protocol.beats import Beat, PartitionBeat

BEAT = Beat(
    service="risk",
    replica="host-1",
    pid=1,
    number=1,
    written_ns=ist_ns(2026, 8, 4, 10),
    partitions=(PartitionBeat(partition=0, step="book 17-0", event_ts=ist_ns(2026, 8, 4, 9, 59)),),
)


def test_a_service_that_hangs_makes_the_gateway_unready_until_it_works_again():
    hub = Hub(GatewaySettings(), ("nifty",), 4, ManualClock(ist_ns(2026, 8, 4, 20)), TradingCalendar.load())
    hub.note_broker(ok=True, text="connected")
    hub.note_beats([BEAT])
    assert readiness(hub).ready
    assert hub.status("nifty").silent == ()
    hub.note_beats([structs.replace(BEAT, number=2, well=False, reason="engine: last turn 31 s ago")])
    answer = readiness(hub)
    assert not answer.ready
    assert answer.silent == hub.status("nifty").silent == ("risk: it hangs: engine: last turn 31 s ago",)
    hub.note_beats([structs.replace(BEAT, number=3)])
    assert readiness(hub).ready


def test_it_shows_how_far_each_process_has_got_and_which_one_fell_silent():
    now = [0.0]
    life = ServiceLife(45.0, lambda: now[0])
    life.note([BEAT])
    (one,) = life.answer()
    assert one.works
    assert (one.partitions[0].last_step, one.partitions[0].event_at) == ("book 17-0", "2026-08-04T09:59:00.000+05:30")
    now[0] = 46.0
    (one,) = life.answer()
    assert not one.works
    assert life.silent() == ("risk: no heartbeat for 46 s",)
    life.lost_sight()
    assert life.silent() == ()
