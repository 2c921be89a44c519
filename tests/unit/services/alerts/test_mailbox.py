"""An alert goes to each address of its severity once, also over restarts; refusals, repeats and quiet hours."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time

from hypothesis import given
from hypothesis import strategies as st

from services.alerts.mailbox import Mailbox, Message
from services.alerts.records import QueuedAlert, QueueRecord
from services.alerts.rules import HEARTBEAT, Rules
from shared.clock import NS_PER_DAY, NS_PER_MINUTE, NS_PER_SECOND, ist_ns
from shared.events import Severity

NOON = ist_ns(2026, 8, 4, 12)
RULES = Rules(
    routes={Severity.CRITICAL: ("phone", "chat"), Severity.WARNING: ("chat",)},
    heartbeat=("phone",),
    quiet=(time(22), time(7)),
)


def notice(
    name: str, severity: Severity = Severity.CRITICAL, at: int = NOON, *, code: str = "kill_file", text: str = ""
):
    return QueuedAlert(
        id=name, ts=at, seen_ns=at, book="nifty", producer="executor", severity=severity, code=code, text=text or name
    )


def ids(messages: Sequence[Message]) -> dict[str, list[str]]:
    return {message.address: [one.id for one in message.notices] for message in messages}


def test_each_address_of_the_severity_gets_it_once():
    mailbox = Mailbox(RULES)
    assert mailbox.accept(notice("a")) is not None
    assert mailbox.accept(notice("a")) is None
    messages = mailbox.due(NOON)
    assert ids(messages) == {"phone": ["a"], "chat": ["a"]}
    assert mailbox.due(NOON) == []  # on their way
    for message in messages:
        mailbox.sent(message, NOON)
    assert mailbox.due(NOON + NS_PER_DAY) == []
    assert mailbox.waiting == 0


def test_a_refusal_is_tried_again_after_a_pause_that_doubles_and_holds_no_other_address_up():
    mailbox = Mailbox(RULES)
    mailbox.accept(notice("a"))
    phone, chat = mailbox.due(NOON)
    mailbox.sent(chat, NOON)
    now, pauses = NOON, []
    for _ in range(7):
        mailbox.refused(phone, now, "500")
        begun = now
        while not (found := mailbox.due(now)):
            now += NS_PER_SECOND
        (phone,) = found
        pauses.append((now - begun) // NS_PER_SECOND)
    assert pauses == [2, 4, 8, 16, 32, 60, 60]
    assert mailbox.addresses["phone"].reason == "500"


def test_what_an_address_never_takes_does_not_hold_the_rest_back():
    mailbox = Mailbox(RULES)
    mailbox.accept(notice("poison"))
    mailbox.accept(notice("b", Severity.WARNING, code="late"))
    taken: list[str] = []
    for minute in range(20):
        now = NOON + minute * NS_PER_MINUTE
        for message in mailbox.due(now):
            names = [one.id for one in message.notices]
            if "poison" in names:
                mailbox.refused(message, now, "400")
            else:
                mailbox.sent(message, now)
                taken += names
    assert taken == ["b"]
    assert "poison" in mailbox.addresses["chat"].waiting


def test_the_same_critical_words_are_counted_and_told_when_the_time_is_over():
    mailbox = Mailbox(RULES)
    mailbox.accept(notice("a", text="disk full"))
    for number in range(3):
        mailbox.accept(notice(f"a{number}", text="disk full", at=NOON + number))
    mailbox.accept(notice("other", text="disk full on b"))
    for message in mailbox.due(NOON):
        assert [one.id for one in message.notices] == ["a", "other"]
        mailbox.sent(message, NOON)
    assert mailbox.repeats(NOON + RULES.dedupe_ns - 1) == []
    (told,) = mailbox.repeats(NOON + RULES.dedupe_ns)
    assert told.text == "3 more since 12:00:00: disk full"
    assert told.severity is Severity.CRITICAL
    assert mailbox.repeats(NOON + NS_PER_DAY) == []


def test_quiet_hours_hold_all_but_critical_alerts_and_the_heartbeat():
    mailbox = Mailbox(RULES)
    night = ist_ns(2026, 8, 4, 23, 30)
    mailbox.accept(notice("warn", Severity.WARNING, night))
    mailbox.accept(notice("beat", Severity.INFO, night, code=HEARTBEAT))
    mailbox.accept(notice("loud", at=night))
    seen: list[str] = []
    for second in range(5):
        for message in mailbox.due(night + second * NS_PER_SECOND):
            seen += [f"{message.address} {one.id}" for one in message.notices]
            mailbox.sent(message, night)
    assert sorted(seen) == ["chat loud", "phone beat", "phone loud"]
    morning = ist_ns(2026, 8, 5, 7)
    assert ids(mailbox.due(morning - 1)) == {}
    assert ids(mailbox.due(morning)) == {"chat": ["warn"]}


def test_many_warnings_go_out_together_at_the_pace_and_critical_ones_do_not_wait_for_it():
    mailbox = Mailbox(RULES)
    sent: list[tuple[int, int]] = []
    for second in range(60):
        now = NOON + second * NS_PER_SECOND
        mailbox.accept(notice(f"w{second}", Severity.WARNING, now, code=f"code{second}"))
        for message in mailbox.due(now):
            sent.append((second, len(message.notices)))
            mailbox.sent(message, now)
    assert len(sent) <= RULES.per_minute * 2
    assert max(count for _, count in sent) > 1
    mailbox.accept(notice("loud", at=NOON + NS_PER_MINUTE))
    assert ids(mailbox.due(NOON + NS_PER_MINUTE))["chat"] == ["loud"]


def test_an_address_that_was_taken_out_of_the_settings_leaves_its_alerts_to_those_that_are_there():
    mailbox = Mailbox(RULES)
    record = mailbox.accept(notice("a"))
    assert record is not None
    other = Mailbox(Rules(routes={Severity.CRITICAL: ("pager",)}))
    other.fold([record])
    assert ids(other.due(NOON)) == {"pager": ["a"]}


def test_old_alerts_are_forgotten_and_one_that_waits_is_not():
    mailbox = Mailbox(Rules(routes={Severity.CRITICAL: ("phone",)}))
    mailbox.accept(notice("waits"))
    mailbox.accept(notice("info", Severity.INFO))
    mailbox.forget(NOON + 8 * NS_PER_DAY)
    assert list(mailbox.notices) == ["waits"]


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["accept", "send", "refuse", "wait"]), st.integers(0, 8), st.sampled_from(list(Severity))
    ),
    max_size=40,
)


@given(steps=STEPS, compacted=st.booleans())
def test_a_restart_at_any_moment_loses_nothing_and_repeats_nothing_that_was_noted(
    *, steps: list[tuple[str, int, Severity]], compacted: bool
):
    records: list[QueueRecord] = []
    mailbox, now = Mailbox(RULES), NOON
    taken: list[tuple[str, str]] = []
    accepted: dict[str, Severity] = {}
    for what, number, severity in steps:
        if what == "accept":
            name = f"n{number}"
            record = mailbox.accept(notice(name, severity, now, code=name))
            if record is not None:
                records.append(record)
                accepted[name] = severity
        elif what == "wait":
            now += NS_PER_MINUTE
        else:
            for message in mailbox.due(now):
                if what == "send":
                    taken += [(message.address, one.id) for one in message.notices]
                    records.append(mailbox.sent(message, now))
                else:
                    records.append(mailbox.refused(message, now, "no"))
        again = Mailbox(RULES)
        again.fold(mailbox.records() if compacted else records)
        mailbox = again
    now += NS_PER_DAY
    for _ in range(200):
        now += NS_PER_MINUTE
        for message in mailbox.due(now):
            taken += [(message.address, one.id) for one in message.notices]
            mailbox.sent(message, now)
    assert sorted(taken) == sorted(
        (address, name) for name, severity in accepted.items() for address in RULES.routes.get(severity, ())
    )
