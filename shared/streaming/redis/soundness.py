"""Whether a server keeps what it is given: eviction, append-only file, memory."""

from __future__ import annotations

from typing import Final

from shared.streaming.redis.connection import BrokerConnection

_LEAST_BYTES: Final = 128 << 20
_MOST_SHARE: Final = 0.85
_MIB: Final = 1 << 20
_KEEPS: Final = "noeviction"


def server_faults(connection: BrokerConnection) -> tuple[str, ...]:
    """Name what may make this server lose states and streams; empty when nothing is known.

    Raises:
        BrokerUnavailableError: it does not answer.
        BrokerReplyError: we may not ask.
    """
    memory, persistence = _info(connection, "memory"), _info(connection, "persistence")
    found = []
    policy, most = memory.get("maxmemory_policy", _KEEPS), int(memory.get("maxmemory", "0"))
    if policy != _KEEPS:
        found.append(f"expected maxmemory-policy {_KEEPS}, got {policy}: it deletes states and streams at will")
    if persistence.get("aof_enabled", "1") != "1":
        found.append("expected an append-only file (appendonly yes), got none: a restart loses every book")
    if 0 < most < _LEAST_BYTES:
        found.append(f"expected a maxmemory of at least {_LEAST_BYTES // _MIB} MiB, got {most // _MIB} MiB")
    used = int(memory.get("used_memory", "0"))
    if most and used > _MOST_SHARE * most:
        found.append(f"expected at most {_MOST_SHARE:.0%} of maxmemory used, got {used / most:.0%}")
    evicted = evictions(connection)
    if evicted:
        found.append(evicted)
    return tuple(found)


def evictions(connection: BrokerConnection) -> str:
    """Say how many keys the server has evicted since its start; empty when none."""
    count = int(_info(connection, "stats").get("evicted_keys", "0"))
    return f"eviction: the broker has deleted {count} keys for want of memory since it started" if count else ""


def _info(connection: BrokerConnection, section: str) -> dict[str, str]:
    text: bytes = connection.call("INFO", section)
    rows = (line.partition(":") for line in text.decode(errors="replace").splitlines() if ":" in line)
    return {name: value.strip() for name, _, value in rows}
