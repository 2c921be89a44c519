"""What a rehearsal may reach: this machine and nothing else, with a token that opens no door."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from shared.errors import ConfigError
from shared.settings import ClockSettings, load_settings

TOKEN: Final = "rehearsal"  # noqa: S105 - it is no secret, and every real one is refused
"""The one token a venue may be given in a rehearsal."""


def rehearses(environ: Mapping[str, str] | None = None) -> bool:
    """Say whether this process runs by the clock of a rehearsal, so that nothing may leave the machine.

    Args:
        environ: variables; the process's own when None.

    Raises:
        ConfigError: a setting of the clock is wrong.
    """
    return load_settings(ClockSettings, environ).rehearses


def check_loopback(setting: str, address: str) -> None:
    """Refuse an address off this machine.

    A name is refused, too, `localhost` included: what it stands for is decided elsewhere.

    Args:
        setting: that holds the address.
        address: a URL.

    Raises:
        ConfigError: it is not an address of the loopback interface.
    """
    host = urlsplit(address).hostname or ""
    try:
        inside = ip_address(host).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise ConfigError(
            f"{setting}: expected an address of this machine such as 127.0.0.1 in a rehearsal, got {host!r}"
        )
