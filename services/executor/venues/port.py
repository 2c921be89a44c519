"""What a venue can do for the executor, in two capabilities.

* A **signal venue** keeps a value per variable and trades on its own: the executor writes what it should hold, and so
  mirrors the book on it.
* An **order venue** takes orders and reports what became of them. The verbs and their contract stand here and
  `venues/simulated` keeps them. Order-taking venues are not wired to the book yet.

Both answer in three ways, because a network has three: it was done, it was surely not done, or nobody knows. A signal
venue has a fourth: it was taken, in words that nobody has confirmed to mean stored. Neither raises for what the network
or the venue does, and no text of theirs holds a secret.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Generic, Protocol, Self, TypeVar, runtime_checkable

from services.executor.venues.answers import AnswerShape
from services.executor.venues.write import Write
from shared.events import Contract, Side, VenueTarget
from shared.settings import ServiceSettings


class VenueOutcome(StrEnum):
    """What a call came to. UNKNOWN: it may have been done, or may still be.

    ACCEPTED is a signal venue's alone: the answer has a good status and no fault, and no operator has confirmed that it
    means stored. It counts as stored for an entry; a 0 is repeated.
    """

    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class VenueAnswer:
    """What a call came to.

    Attributes:
        outcome: what it means.
        text: the venue's words without any secret.
        shape: of the answer, for an operator to confirm; None when none came or the venue's answers need no confirming.
    """

    outcome: VenueOutcome
    text: str
    shape: AnswerShape | None = None


def no_answer_is_known() -> AnswerShape | None:
    """Know no answer that means stored."""
    return None


@dataclass(frozen=True, slots=True)
class VenueTerms:
    """What the executor tells every venue.

    Attributes:
        book: whose positions it will be told.
        timeout_s: longest wait for an answer, seconds.
        sends: False for a dry run, which only asks for texts: a missing secret is then no fault.
        known_answer: gives the shape of the answer that an operator confirmed to mean stored; asked at each call.
    """

    book: str
    timeout_s: float
    sends: bool
    known_answer: Callable[[], AnswerShape | None] = no_answer_is_known


@runtime_checkable
class SignalVenue(Protocol):
    """Keeps a value per variable: a write replaces the value, and nothing tells what was traded on it."""

    def request_text(self, write: Write) -> str:
        """Say what is sent for a write, without any secret."""
        ...

    def store(self, write: Write) -> VenueAnswer:
        """Store a write's values; never raises for what the network or the venue does.

        CONFIRMED means stored, ACCEPTED probably. The caller repeats a write under the same fence: storing it twice must do no harm.
        """
        ...

    def close(self) -> None:
        """Give connections up."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order for one contract.

    Attributes:
        client_id: ours, unique for ever; a venue that sees it again does nothing and answers as the first time.
        quantity: units, not lots; whole lots of `lot_size` units.
        limit_price: points per unit: the least a sale may fetch, the most a purchase may cost; None takes the market's
            price.
        lot_size: units of one lot of the contract on that day.
    """

    client_id: str
    contract: Contract
    side: Side
    quantity: int
    limit_price: float | None = None
    lot_size: int = 1

    @classmethod
    def entry(cls, target: VenueTarget) -> Self:
        """Give the order that enters what a venue should hold.

        Raises:
            ValueError: the target is not of one leg (a limit on a net premium is none of a leg's), or was written before
                targets said how big a lot is.
        """
        if len(target.legs) != 1 or target.lot_size < 1:
            raise ValueError(
                f"expected a target of one leg in lots of at least one unit, got {len(target.legs)} legs in lots of "
                f"{target.lot_size} for order {target.order_id!r}"
            )
        (leg,) = target.legs
        return cls(
            client_id=target.order_id,
            contract=leg.contract,
            side=leg.side,
            quantity=target.lots * leg.ratio * target.lot_size,
            limit_price=target.limit_price,
            lot_size=target.lot_size,
        )


class OrderStatus(StrEnum):
    """Where an order stands at the venue. OPEN may still fill; the others are final."""

    OPEN = "open"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderReport:
    """An order as the venue sees it now.

    Attributes:
        number: grows with every change at the venue.
        filled: units so far.
        text: the venue's reason, without any secret.
    """

    number: int
    request: OrderRequest
    status: OrderStatus
    filled: int
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FillReport:
    """One execution; `number` grows with every change at the venue, `price` is points per unit, `quantity` units."""

    number: int
    client_id: str
    contract: Contract
    side: Side
    quantity: int
    price: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReport:
    """Units held in a contract, negative when sold."""

    contract: Contract
    quantity: int


Report = TypeVar("Report")


@dataclass(frozen=True, slots=True)
class Reports(Generic[Report]):
    """What a question came to: with any outcome but CONFIRMED `items` is empty and says nothing about the venue."""

    outcome: VenueOutcome
    items: tuple[Report, ...] = ()
    text: str = ""


@runtime_checkable
class OrderVenue(Protocol):
    """Takes orders and reports what became of them."""

    def submit(self, request: OrderRequest) -> VenueAnswer:
        """Place an order, at most once per client id, also when it is repeated after UNKNOWN.

        CONFIRMED means that the venue has it, not that it fills; FAILED that it has not and never will of this call. A
        quantity that is no whole number of lots is FAILED.
        """
        ...

    def modify(self, client_id: str, *, quantity: int, limit_price: float | None) -> VenueAnswer:
        """Give an open order another total quantity (units, whole lots, what is filled included) and limit."""
        ...

    def cancel(self, client_id: str) -> VenueAnswer:
        """Take back what is still open of an order; one that is cancelled already is CONFIRMED again."""
        ...

    def orders(self) -> Reports[OrderReport]:
        """Report every order of the day, in order of its newest change."""
        ...

    def fills(self, after: int = 0) -> Reports[FillReport]:
        """Report executions with a number above `after`, in order."""
        ...

    def positions(self) -> Reports[PositionReport]:
        """Report what is held, contract by contract, without what is flat."""
        ...

    def close(self) -> None:
        """Give connections up."""
        ...


class VenueType(Protocol):
    """What the registry holds: a class that makes a venue from its own settings and the executor's terms.

    Attributes:
        settings_class: its own settings, `ServiceSettings` for none. The prefix of a class from outside this code begins
            with THETAFLOW_VENUE_.
    """

    settings_class: ClassVar[type[ServiceSettings]]

    def __call__(self, settings: Any, terms: VenueTerms) -> SignalVenue | OrderVenue:  # noqa: ANN401  # an instance of settings_class
        """Make the venue.

        Raises:
            MissingSecretError: a secret it needs to send is missing; it may come later.
            ConfigError: something else is.
        """
        ...
