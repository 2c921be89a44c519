"""Every error Thetaflow raises on purpose, as one tree.

    ThetaflowError
    |- ConfigError            a setting is unknown or has a bad value; the process stops
    |  |- MissingSecretError  all is well but for a secret that is not there
    |  |- PluginError         a strategy, family, source or member of that name or file is not there or cannot be used
    |- BadInputError          something from outside is not what its format promises
    |  |- UnknownFormatError  no reader recognises the file
    |  |- NoSessionError      a stamp or a request lies outside every trading session
    |- TableError             a dated table (calendar, contracts, costs) does not cover the date asked about
    |- WireError              an entry on the broker cannot become an event
    |  |- UnknownEventError   its type is not one of ours
    |  |- SchemaVersionError  its version is none of ours
    |  |- NewerEventError  its version is newer than ours: this replica waits for its upgrade
    |- LayoutError            something stored is not what its layout promises
    |  |- NewerLayoutError    a newer version of Thetaflow wrote it
    |- HandlerError           a handler failed on one event, after all attempts
    |- EngineError            the engine itself cannot go on as it is
    |  |- OrderGapError       older entries are pending elsewhere: recover before going on
    |  |- BrokerUnavailableError  the broker does not answer
    |  |- BrokerReplyError   the broker answers with a refusal
    |  |- UpgradeNeededError  an entry is of a newer version than this replica reads: it stays for one that can
    |  |- StateError         a stored state is not one of this version of its handler
    |  |- PipelineBehindError  a consumer group has not caught up in the time it was given
    |- NoTrainingDataError    training was asked for and there is nothing to learn from
    |- BundleError            a model bundle is missing, corrupt, of another feature schema, or names an unknown member
    |- NotArmedError          live trading was asked for without both confirmations

A message says what was expected, what came, and where. Errors that concern one event carry its id.
"""

from __future__ import annotations


class ThetaflowError(Exception):
    """Root of the tree: `except ThetaflowError` catches what Thetaflow raises on purpose and no accident."""


class ConfigError(ThetaflowError):
    """A setting is unknown or has a bad value."""


class MissingSecretError(ConfigError):
    """A secret is asked for and not there, or its file cannot be read; nothing else is wrong."""


class PluginError(ConfigError):
    """A strategy, feature family, source or model member is not there, cannot be used, or has a name that is taken."""


class BadInputError(ThetaflowError):
    """Something from outside is not what its format promises.

    Attributes:
        expected: what the reader wanted to see.
        got: what it saw instead, shortened.
        where: file, row, field, or whatever leads a person to it.
    """

    def __init__(self, expected: str, got: object, where: str = "") -> None:
        self.expected = expected
        self.got = shorten(got)
        self.where = where
        place = f" in {where}" if where else ""
        super().__init__(f"expected {expected}, got {self.got}{place}")


class UnknownFormatError(BadInputError):
    """No reader recognises the file."""


class NoSessionError(BadInputError):
    """A stamp or a request lies outside every trading session."""


class TableError(ThetaflowError):
    """A dated table does not cover the date it is asked about."""


class WireError(ThetaflowError):
    """An entry on the broker cannot become an event.

    Attributes:
        event_id: id field of the entry, as far as it could be read.
    """

    def __init__(self, message: str, event_id: str = "") -> None:
        self.event_id = event_id
        super().__init__(f"{message} (event {event_id or 'without id'})")


class UnknownEventError(WireError):
    """The entry's type is not one of ours."""


class SchemaVersionError(WireError):
    """The entry's type is ours, its version is none of ours."""


class NewerEventError(WireError):
    """The entry is of a newer version than this code's: it is left for a replica that can read it."""


class LayoutError(ThetaflowError, ValueError):
    """Something stored is not what its layout promises."""


class NewerLayoutError(LayoutError):
    """A newer version of Thetaflow wrote it.

    Attributes:
        name: of the layout.
        known: newest version this code reads.
        got: version it came in.
    """

    def __init__(self, name: str, known: int, got: int) -> None:
        self.name = name
        self.known = known
        self.got = got
        super().__init__(f"expected a {name} of version {known} at most, got version {got}: upgrade this replica")


class HandlerError(ThetaflowError):
    """A handler failed on one event, after all attempts.

    Attributes:
        event_id: id of the event it failed on.
        attempts: how often it was tried.
    """

    def __init__(self, handler: str, event_id: str, attempts: int, cause: BaseException) -> None:
        self.event_id = event_id
        self.attempts = attempts
        super().__init__(
            f"{handler} failed on event {event_id} after {attempts} attempts: {type(cause).__name__}: {cause}"
        )


class EngineError(ThetaflowError):
    """The engine itself cannot go on as it is."""


class OrderGapError(EngineError):
    """Older entries are pending elsewhere: recover before going on."""


class BrokerUnavailableError(EngineError):
    """The broker does not answer."""


class BrokerReplyError(EngineError):
    """The broker answers with a refusal.

    Attributes:
        code: first word of the refusal, such as NOGROUP.
    """

    def __init__(self, text: str, where: str) -> None:
        self.code = text.split(" ", 1)[0]
        super().__init__(f"expected an answer from {where}, got the refusal {text!r}")


class UpgradeNeededError(EngineError):
    """An entry is of a newer version than this replica reads: it stays pending for one that can."""


class StateError(EngineError):
    """A stored state is not one of this version of its handler."""


class PipelineBehindError(EngineError):
    """A consumer group has not caught up in the time it was given.

    Attributes:
        group: the slowest one.
    """

    def __init__(self, group: str, message: str) -> None:
        self.group = group
        super().__init__(message)


class NoTrainingDataError(ThetaflowError):
    """Training was asked for and there is nothing to learn from."""


class BundleError(ThetaflowError):
    """A model bundle is missing, corrupt, of another feature schema, or names an unknown member: the last good one stays."""


class NotArmedError(ThetaflowError):
    """Live trading was asked for without both confirmations."""


def shorten(value: object, limit: int = 120) -> str:
    """Show a value in an error message, at most `limit` characters of its repr."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 3]}..."
