"""Settings of the Tradetron venue; they stand in the executor's section."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator

from shared.settings import ServiceSettings


class TradetronSettings(ServiceSettings):
    """Where signals go, under which keys, and how patiently.

    Attributes:
        tradetron_mode: `off`; `dry_run` says what would be sent; `live` sends, once it is armed for the day as well.
        tradetron_token: of the strategy, from THETAFLOW_EXECUTOR_TRADETRON_TOKEN or the file that ..._TOKEN_FILE names.
        tradetron_url: of the API.
        tradetron_method: `post` keeps the token out of addresses; `get` is what the oldest clients use.
        tradetron_sources: formats of the live feed, as `ChainSnapshot.source` names them; anything else is a simulation
            and never leaves the house.
        tradetron_trigger_key: takes +1, -1 and 0; with several slots the second is called `<key>_2`.
        tradetron_strike_key, tradetron_lots_key, tradetron_stop_key, tradetron_target_key, tradetron_signal_key,
        tradetron_fence_key, tradetron_valid_until_key: data keys, sent before the trigger; empty ones are not sent.
        tradetron_timeout_s: longest wait for an answer.
        tradetron_min_interval_s: least pause between two calls.
        tradetron_settle_s: how long a call without an answer may still arrive.
        tradetron_retry_s, tradetron_retry_max_s: first and longest pause between two attempts at an exit.
        tradetron_breaker_failures, tradetron_breaker_s: failures in a row that hold entries back, and for how long.
        tradetron_max_age_s: an intent older than this opens nothing.
    """

    tradetron_mode: Literal["off", "dry_run", "live"] = "off"
    tradetron_token: SecretStr | None = None
    tradetron_url: str = "https://api.tradetron.tech/api"
    tradetron_method: Literal["get", "post"] = "post"
    tradetron_sources: tuple[str, ...] = ()
    tradetron_trigger_key: str = Field(default="gap", min_length=1)
    tradetron_strike_key: str = ""
    tradetron_lots_key: str = ""
    tradetron_stop_key: str = ""
    tradetron_target_key: str = ""
    tradetron_signal_key: str = ""
    tradetron_fence_key: str = ""
    tradetron_valid_until_key: str = ""
    tradetron_timeout_s: float = Field(default=5.0, gt=0.0, le=60.0)
    tradetron_min_interval_s: float = Field(default=1.0, ge=0.0)
    tradetron_settle_s: float = Field(default=10.0, ge=0.0)
    tradetron_retry_s: float = Field(default=1.0, gt=0.0)
    tradetron_retry_max_s: float = Field(default=15.0, gt=0.0)
    tradetron_breaker_failures: int = Field(default=3, ge=1)
    tradetron_breaker_s: float = Field(default=30.0, gt=0.0)
    tradetron_max_age_s: float = Field(default=180.0, gt=0.0)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.tradetron_mode != "live":
            return self
        if self.tradetron_token is None:
            raise ValueError("expected TRADETRON_TOKEN or TRADETRON_TOKEN_FILE with TRADETRON_MODE live, got neither")
        if not self.tradetron_sources:
            raise ValueError("expected TRADETRON_SOURCES to name the live feed with TRADETRON_MODE live, got none")
        if self.tradetron_settle_s < self.tradetron_timeout_s:
            raise ValueError(
                f"expected TRADETRON_SETTLE_S of at least TRADETRON_TIMEOUT_S, got {self.tradetron_settle_s:g} s "
                f"and {self.tradetron_timeout_s:g} s"
            )
        return self
