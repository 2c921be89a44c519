"""What a reader gives: a chain as its source told it, or the reason why there is none."""

from __future__ import annotations

from enum import StrEnum

from shared.errors import BadInputError, NoSessionError, UnknownFormatError
from shared.events import ExpiryChain, Record


class DataVerdict(StrEnum):
    """Why something from outside did not become a snapshot. Closed set; docs/market-data.md says what each means."""

    UNKNOWN_FORMAT = "unknown_format"
    BAD_INPUT = "bad_input"
    EMPTY = "empty"
    NO_QUOTES = "no_quotes"
    OFF_SESSION = "off_session"
    WRONG_DATE = "wrong_date"
    WRONG_UNDERLYING = "wrong_underlying"
    STALE_STAMP = "stale_stamp"
    REPEATED_STAMP = "repeated_stamp"
    BACKWARD_STAMP = "backward_stamp"
    FROZEN = "frozen"
    EXPIRED = "expired"
    NO_MONEY_STRIKES = "no_money_strikes"
    CROSSED_BOOK = "crossed_book"
    WIDE_BOOK = "wide_book"
    VOLUME_BACK = "volume_back"
    SPOT_UNRELATED = "spot_unrelated"
    FEED_DOWN = "feed_down"
    NOT_A_CHAIN = "not_a_chain"
    SET_ASIDE = "set_aside"


class SetAside(Record, frozen=True, kw_only=True):
    """Parts of a capture that were left out while the rest of it was read.

    Attributes:
        count: figures, contracts, rows and expiries left out; a part within a part left out does not count again.
        examples: expected, got and where of the first few.
    """

    count: int = 0
    examples: tuple[str, ...] = ()


NOTHING_ASIDE = SetAside()


class ParsedChain(Record, frozen=True, kw_only=True):
    """The option chain of one underlying as one capture showed it, before any gate.

    Units are the system's own already: points, contracts, units, decimals, ns UTC; a missing number is None. A
    number the source gave and no market can have (a negative price, say) is still here for the gates to judge.

    Attributes:
        stamp_ns: exchange event time.
        received_ns: when the capture was made, if known.
        spot: index level; None where the source has none or says 0.
        vix: India VIX as a decimal, if known.
        expiries: nearest first, each with ascending strikes.
        source: format the capture came through, and what led to it.
        previous_close: level the index closed at on the trading day before, points; None where the source has none.
        expected_day: ISO date which file or folder claim for the capture, if they do.
        set_aside: what was wrong in the capture and is not in here.
    """

    underlying: str
    stamp_ns: int
    received_ns: int | None
    spot: float | None
    vix: float | None
    expiries: tuple[ExpiryChain, ...]
    source: str
    expected_day: str | None = None
    previous_close: float | None = None
    set_aside: SetAside = NOTHING_ASIDE


class BadCapture(Record, frozen=True, kw_only=True):
    """Something from outside that is no usable chain.

    Attributes:
        text: expected and got, in words.
        where: file, row, or address.
        stamp_ns: exchange time it claims, or when it was captured, as far as known.
    """

    verdict: DataVerdict
    text: str
    where: str
    stamp_ns: int | None = None


Parsed = ParsedChain | BadCapture


class EmptyInputError(BadInputError):
    """The format is right and nothing is in it: the feed answered without a chain."""


class NoQuotesError(BadInputError):
    """There are contracts and not one price among them."""


_VERDICT_OF: tuple[tuple[type[BadInputError], DataVerdict], ...] = (
    (EmptyInputError, DataVerdict.EMPTY),
    (NoQuotesError, DataVerdict.NO_QUOTES),
    (UnknownFormatError, DataVerdict.UNKNOWN_FORMAT),
    (NoSessionError, DataVerdict.OFF_SESSION),
)


def bad_capture_of(error: BadInputError, where: str, stamp_ns: int | None = None) -> BadCapture:
    """Turn a reader's error into what is counted and kept aside."""
    verdict = next((verdict for kind, verdict in _VERDICT_OF if isinstance(error, kind)), DataVerdict.BAD_INPUT)
    return BadCapture(verdict=verdict, text=str(error), where=where or error.where, stamp_ns=stamp_ns)
