"""What must agree after a restart; what does not is told, never guessed away."""

from __future__ import annotations

from collections.abc import Mapping

from services.executor.book.state import ExecutorState
from services.executor.venues.write import MAY_BE_STORED, Write
from shared.events import BookState, Intent


def differences(
    state: ExecutorState | None, book: BookState | None, intent: Intent | None, held: Mapping[int, Write]
) -> list[str]:
    """Compare the checkpoint with the ledger's own sums, the last BookState, the last Intent and the outbox.

    Args:
        state: checkpoint, if there is one.
        book: newest on the stream, if any.
        intent: newest on the stream, if any.
        held: newest write per variable of the outbox.
    """
    found: list[str] = []
    if state is not None:
        found += state.differences()
    if state is not None and book is not None:
        found += _against_book(state, book)
    if state is None and book is not None and (book.positions or book.pending_orders):
        found.append(f"expected a checkpoint for {len(book.positions)} open positions, got none")
    if state is not None and (intent is None) != (state.intent_number == 0):
        found.append(f"expected intent {state.intent_number} on the stream, got {'none' if intent is None else 'one'}")
    if state is not None and intent is not None and intent.number != state.intent_number:
        found.append(f"expected intent {state.intent_number} on the stream, got {intent.number}")
    wanted = {target.variable: target for target in intent.targets} if intent is not None else {}
    for variable, write in held.items():
        if not write.value or write.state not in MAY_BE_STORED:
            continue
        signal = "" if write.target is None else write.target.signal_id
        target = wanted.get(variable)
        if target is None or target.signal_id != signal:
            asked = "nothing" if target is None or not target.direction else target.signal_id
            found.append(
                f"variable {variable}: the venue may hold {write.value:+d} of {signal}, the book wants {asked}"
            )
    return found


def _against_book(state: ExecutorState, book: BookState) -> list[str]:
    found = []
    if book.cash_paise != state.cash_paise:
        found.append(f"expected cash of {state.cash_paise} paise in the last book, got {book.cash_paise}")
    shown = {position.order_id: position.lots for position in book.positions}
    kept = {order_id: position.open_lots for order_id, position in state.positions.items()}
    if shown != kept:
        found.append(f"expected open lots {kept} in the last book, got {shown}")
    return found
