"""Settings of the gateway: THETAFLOW_GATEWAY_*."""

from __future__ import annotations

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    """Where the dashboard listens, who may command, and when prices are too old.

    Attributes:
        host: interface to listen on; the loopback unless a container says otherwise.
        port: 0 takes a free one.
        allowed_hosts: names a browser may call us by; others are refused, which stops DNS rebinding.
        control_token: what a command must present; commands are refused while there is none.
        stale_after_s: in session, market prices older than this make the gateway unready.
        silence_s: a service whose heartbeat is missing for longer makes the gateway unready.
        poll_ms: pause between two readings of the broker.
        streams_every_s: pause between two inspections of lengths, lag and pending entries.
        history: entries of one stream that are read back at start, at most.
        live_clients: browsers that may follow the page at once.
        socket_timeout_s: longest wait for any answer of the broker.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_GATEWAY_")

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65_535)
    allowed_hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    control_token: SecretStr | None = Field(default=None, min_length=8)
    stale_after_s: float = Field(default=180.0, gt=0)
    silence_s: float = Field(default=45.0, gt=0, le=3_600)
    poll_ms: int = Field(default=200, ge=10, le=10_000)
    streams_every_s: float = Field(default=2.0, ge=0.1, le=300)
    history: int = Field(default=3_000, ge=10, le=100_000)
    live_clients: int = Field(default=32, ge=1, le=1_000)
    socket_timeout_s: float = Field(default=5.0, gt=0, le=60)
