"""What an API's answer can be instead of what was asked for.

ApiError                what was asked for did not come
ApiSilentError        nothing in time, or the connection broke
ApiSessionError       the credentials are not taken (any more): a person has to log in
ApiBusyError          too many requests (429)
ApiRefusedError       the request is wrong, or not allowed (other 4xx): the same again will not help
ApiFaultError         the API failed by its own account (5xx)
ApiBodyError          an answer that cannot be read
"""

from __future__ import annotations

from shared.errors import BadInputError


class ApiError(BadInputError):
    """An API did not give what was asked for."""


class ApiSilentError(ApiError):
    """Nothing came in time, or the connection broke."""


class ApiSessionError(ApiError):
    """The API does not take our credentials: asking again with the same ones will not help."""


class ApiBusyError(ApiError):
    """The API says that we ask too much."""


class ApiRefusedError(ApiError):
    """The API does not do what was asked, and will not when it is asked again."""


class ApiFaultError(ApiError):
    """The API failed by its own account."""


class ApiBodyError(ApiError):
    """The answer is not of the shape that the API's documentation promises."""
