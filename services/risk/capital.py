"""What new positions are measured against: the capital of the settings, less what the account has lost of it."""

from __future__ import annotations

from services.risk.settings import RiskSettings
from shared.events import BookState

_PAISE = 100.0


def with_capital_left(settings: RiskSettings, book: BookState) -> RiskSettings:
    """Give the settings with the capital a book has left, never more than they say and never less than 0.

    Gains not yet realised do not count, losses not yet realised do, as at a broker's.

    Args:
        settings: limits in force.
        book: at the same chain step.
    """
    missing = settings.capital - (book.equity_paise - max(book.unrealised_paise, 0)) / _PAISE
    if missing <= 0.0 or settings.loss_weight == 0.0:
        return settings
    left = max(settings.capital - settings.loss_weight * missing, 0.0)
    return settings.model_copy(update={"capital": left})
