"""The one place that says what a venue's answer over HTTP means."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from services.executor.venues.answers import AnswerShape, HttpReply
from services.executor.venues.port import VenueAnswer, VenueOutcome
from shared.observability.redaction import Redaction

_SHOWN_BODY: Final = 500


def judge(reply: HttpReply, known: AnswerShape | None, redaction: Redaction) -> VenueAnswer:
    """Say what an answer means.

    * a refusal (4xx but a time-out, a redirect) is surely not stored; anything else but 2xx may be either
    * a 2xx whose body speaks of a fault is no confirmation, whatever else is known
    * with an answer that an operator confirmed, a 2xx of the same shape is stored and one of another shape is unclear
    * without one, a 2xx is `ACCEPTED`

    Args:
        reply: what came back.
        known: shape of the answer that means stored, if an operator confirmed one.
        redaction: takes secrets out of every text.
    """
    shape = reply.shape(redaction)
    shown = f"HTTP {reply.status} {redaction.text(reply.body)[:_SHOWN_BODY]}".strip()
    outcome, why = _meaning(reply, shape, known)
    return VenueAnswer(outcome, f"{shown} ({why})" if why else shown, shape)


def _meaning(reply: HttpReply, shape: AnswerShape, known: AnswerShape | None) -> tuple[VenueOutcome, str]:
    status = reply.status
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        refused = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.INTERNAL_SERVER_ERROR
        surely_not = refused and status != HTTPStatus.REQUEST_TIMEOUT
        return (VenueOutcome.FAILED if surely_not else VenueOutcome.UNKNOWN), ""
    fault = reply.fault()
    if fault:
        return VenueOutcome.UNKNOWN, f"no confirmation: {fault}"
    if known is None:
        return VenueOutcome.ACCEPTED, "nobody has confirmed that this means stored"
    if shape == known:
        return VenueOutcome.CONFIRMED, ""
    wanted = f"{known.status} {known.content_type} {known.body}"
    return VenueOutcome.UNKNOWN, f"expected {wanted}, got {shape.status} {shape.content_type} {shape.body}"
