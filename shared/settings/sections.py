"""Settings that several services share: broker, logs, health, books."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, ClassVar, Final, Literal, Self
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from shared.settings.address import SOCKET_TIMEOUT, shown_address, split_address
from shared.settings.base import ServiceSettings


def _broker_url(url: str) -> str:
    split_address(url)
    return url


def _names(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names or len(set(names)) != len(names) or not all(name.replace("-", "_").isidentifier() for name in names):
        raise ValueError("a comma-separated list of different names, each of letters, digits, - and _")
    return names


class BrokerSettings(ServiceSettings):
    """Where the broker is and how the engine uses it.

    Attributes:
        url: address; its password, if any, is kept out of reprs and messages.
        password: merged into `url`, so that `url` alone connects.
        partitions: streams per topic; the same for every process on one broker.
        lease_ms: how long an owner that fell silent keeps its partition.
        block_ms: longest wait of one blocking read.
        batch: entries taken by one read.
        socket_timeout_s: longest wait for any answer; longer than `block_ms`. Merged into `url` when it is set, so
            that every connection made from the address alone keeps to it.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_BROKER_")
    aliases: ClassVar[Mapping[str, str]] = MappingProxyType({"url": "REDIS_URL"})

    url: Annotated[str, AfterValidator(_broker_url)] = Field(default="redis://127.0.0.1:6379/0", repr=False)
    password: SecretStr | None = None
    partitions: int = Field(default=4, ge=1, le=1024)
    lease_ms: int = Field(default=5_000, ge=100, le=600_000)
    block_ms: int = Field(default=1_000, ge=1, le=60_000)
    batch: int = Field(default=64, ge=1, le=10_000)
    socket_timeout_s: float = Field(default=5.0, gt=0, le=300)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.socket_timeout_s * 1000 <= self.block_ms:
            raise ValueError(
                f"expected SOCKET_TIMEOUT_S longer than BLOCK_MS, got {self.socket_timeout_s} s and {self.block_ms} ms"
            )
        if self.password is not None:
            parts = urlsplit(self.url)
            host = parts.netloc.rpartition("@")[2]
            netloc = f"{parts.username or ''}:{quote(self.password.get_secret_value(), safe='')}@{host}"
            object.__setattr__(self, "url", urlunsplit(parts._replace(netloc=netloc)))
        if self.socket_timeout_s != type(self).model_fields["socket_timeout_s"].default:
            parts = urlsplit(self.url)
            options = [part for part in parts.query.split("&") if part and not part.startswith(f"{SOCKET_TIMEOUT}=")]
            query = "&".join([*options, f"{SOCKET_TIMEOUT}={self.socket_timeout_s:g}"])
            object.__setattr__(self, "url", urlunsplit(parts._replace(query=query)))
        return self

    @property
    def shown_url(self) -> str:
        """Address without user, password and options, for screens and logs."""
        return shown_address(self.url)


class LogSettings(ServiceSettings):
    """How much is logged and in which form.

    Attributes:
        level: least severity that is written.
        format: `json` for machines, `console` for people.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_LOG_")

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


class HealthSettings(ServiceSettings):
    """Endpoint for liveness, readiness and metrics.

    Attributes:
        host: interface to listen on.
        port: 0 switches the endpoint off.
        beat_limit_s: a loop silent for longer is dead.
        fresh_limit_s: market data older than this during a session, or a backlog untouched for as long, is unready.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_HEALTH_")

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65_535)
    beat_limit_s: float = Field(default=30.0, gt=0)
    fresh_limit_s: float = Field(default=180.0, gt=0)


class BookSettings(ServiceSettings):
    """Which books this installation runs.

    Attributes:
        books: sets of underlyings that share one risk budget, each by a name of its own.
    """

    books: Annotated[tuple[str, ...], AfterValidator(_names)] = ("nifty",)


TABLES: Final = ("calendar", "contracts", "costs", "margin", "quotes", "variance")
"""Names of the dated tables."""


class TableSettings(ServiceSettings):
    """Which dated tables of the user's are laid over the packaged ones; the same for every process.

    Attributes:
        tables_folder: folder with any of calendar.toml, contracts.toml (lots and terms), costs.toml, margin.toml, quotes.toml
            and variance.toml, each laid out like the one of its name in `shared/market/tables`; a table named by a setting of
            its own is read from there instead. Read once, as the process starts.
        calendar_table: sessions, holidays, windows and interruptions that the packaged table does not know yet: a file laid
            out like `shared/market/tables/calendar.toml`. Read once, as the process starts.
        variance_table: what a minute, a night and a weekend are worth to the variance of the index: a file laid out like
            `shared/market/tables/variance.toml`. Volatilities, and models trained on them, change their meaning with it.
        quotes_table: how wide a quote may be and still be one: a file laid out like `shared/market/tables/quotes.toml`.
        margin_files: folder with the exchange's daily volatility and exposure margin files, fetched by a person
            (`docs/execution.md`). Read once, as the process starts. None: margins by the packaged table alone.
        participant_files: folder with the exchange's participant-wise open interest files, fetched by a person
            (`docs/market-data.md`). Read once, as the process starts. None: features of who holds the options are missing.
    """

    tables_folder: Path | None = None
    calendar_table: Path | None = None
    variance_table: Path | None = None
    quotes_table: Path | None = None
    margin_files: Path | None = None
    participant_files: Path | None = None

    def place(self, name: str) -> Path | None:
        """Give the file that is laid over the packaged table of a name; None when there is none."""
        own = {"calendar": self.calendar_table, "variance": self.variance_table, "quotes": self.quotes_table}.get(name)
        if own is not None or self.tables_folder is None:
            return own
        file = self.tables_folder / f"{name}.toml"
        return file if file.is_file() else None

    @model_validator(mode="after")
    def _holds_known_tables(self) -> Self:
        folder = self.tables_folder
        if folder is None:
            return self
        if not folder.is_dir():
            raise ValueError(f"expected TABLES_FOLDER to be a folder, got {folder}")
        unknown = sorted(file.name for file in folder.glob("*.toml") if file.stem not in TABLES)
        if unknown:
            known = ", ".join(f"{name}.toml" for name in TABLES)
            raise ValueError(f"expected TABLES_FOLDER to hold any of {known}, got {', '.join(unknown)}")
        return self


class ClockSettings(ServiceSettings):
    """A day and pace of its own for every process of a rehearsal; `thetaflow live --rehearse` sets it, nobody by hand.

    Attributes:
        shown_ns: what the clock shows at `since_ns`, ns UTC; None: the machine's clock, and no rehearsal.
        since_ns: a moment of the machine's monotonic clock, ns.
        rate: seconds of the clock per second of the machine.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_CLOCK_")

    shown_ns: int | None = None
    since_ns: int | None = Field(default=None, ge=0)
    rate: float = Field(default=1.0, gt=0, le=3_600)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if (self.shown_ns is None) is not (self.since_ns is None):
            raise ValueError("expected SHOWN_NS and SINCE_NS both or neither, got one")
        return self

    @property
    def rehearses(self) -> bool:
        """Whether time is made up here, so that nothing may reach a market or a venue."""
        return self.shown_ns is not None


SHARED_SETTINGS: tuple[type[ServiceSettings], ...] = (
    BrokerSettings,
    LogSettings,
    HealthSettings,
    BookSettings,
    TableSettings,
    ClockSettings,
)
