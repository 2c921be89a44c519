"""Settings of Tradetron alone: address, token and the names of its runtime variables."""

from __future__ import annotations

from typing import ClassVar, Final, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from services.executor.venues.settings import VenueSettings
from shared.settings import ServiceSettings

_MOST_KEYS: Final = 10
"""`key`, `key1` to `key9`."""


class TradetronSettings(ServiceSettings):
    """Where signals go, and under which keys.

    Attributes:
        token: of the strategy, from THETAFLOW_EXECUTOR_TRADETRON_TOKEN or the file that ..._TOKEN_FILE names.
        url: of the API.
        method: `post` keeps the token out of addresses; `get` is what the oldest clients use.
        trigger_key: takes +1, -1 and 0; with several variables the second is called `<key>_2`.
        strike_key, lots_key, stop_key, target_key, signal_key, fence_key, valid_until_key: data keys, sent before the
            trigger; empty ones are not sent.
        expiry_key, expiry_text_key, kind_key: data keys likewise: the expiry as 2025-09-02 and as brokers spell it, 02SEP2025;
            CE or PE.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_EXECUTOR_TRADETRON_")
    left_to_others: ClassVar[tuple[str, ...]] = tuple(VenueSettings.aliases.values())

    token: SecretStr | None = None
    url: str = "https://api.tradetron.tech/api"
    method: Literal["get", "post"] = "post"
    trigger_key: str = Field(default="gap", min_length=1)
    strike_key: str = ""
    lots_key: str = ""
    stop_key: str = ""
    target_key: str = ""
    signal_key: str = ""
    fence_key: str = ""
    valid_until_key: str = ""
    expiry_key: str = ""
    expiry_text_key: str = ""
    kind_key: str = ""

    @model_validator(mode="after")
    def _fit_one_call(self) -> Self:
        keys = (
            *(self.trigger_key, self.strike_key, self.lots_key, self.stop_key, self.target_key, self.signal_key),
            *(self.fence_key, self.valid_until_key, self.expiry_key, self.expiry_text_key, self.kind_key),
        )
        count = sum(map(bool, keys))
        if count > _MOST_KEYS:
            # The trigger goes last: it would be the one that is not read.
            raise ValueError(f"expected at most {_MOST_KEYS} keys in one call, got {count}")
        return self
