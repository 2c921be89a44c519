"""Rights on the broker: each service gets the streams it reads and writes, and nothing else.

    python -m shared.streaming.redis.acl features=SECRET predictor=SECRET ... > users.acl

writes an ACL file for the server (`--aclfile users.acl`) with the hashes of the passwords given; a user without one
stays off. docs/acl/users.acl is the file with all of them off.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from shared.errors import ConfigError
from shared.events.topology import SERVICE_INPUTS, Topic, consumers_of

SERVICE_OUTPUTS: Final[Mapping[str, tuple[Topic, ...]]] = {
    "features": (Topic.FEATURES,),
    "predictor": (Topic.SIGNALS,),
    "risk": (Topic.ORDERS, Topic.HALTS),
    "executor": (Topic.FILLS, Topic.TRADES, Topic.BOOK),
    "trainer": (Topic.MODELS, Topic.OFFLINE),
}
SOURCES: Final[Mapping[str, tuple[Topic, ...]]] = {
    "ingest": (Topic.CHAIN, Topic.ALERTS),
    "gateway": (Topic.CONTROL, Topic.ALERTS),
    "offline": (Topic.OFFLINE,),
}
READERS: Final = ("gateway", "recorder")
OPERATOR: Final = "operator"
"""Who may do everything with Thetaflow's keys: replay dead letters, repair by hand."""

_HELLO: Final = "+auth +hello +ping +select +client|setinfo +client|setname +cluster|slots +time"
_LOOK: Final = "+xrange +xrevrange +xlen +xread +xinfo|stream +xinfo|groups +xpending +get +pttl +exists +hget +hgetall +zrange +eval_ro"
_PUBLISH: Final = "+eval +xadd +hset +hget +set"
_WORK: Final = (
    "+eval +evalsha +script|load +xreadgroup +xack +xadd +xclaim +xgroup|create +xtrim "
    "+set +del +incr +pexpire +hset +hdel +zadd +zrem +zremrangebyscore"
)


def acl_file(passwords: Mapping[str, str]) -> str:
    """Write the ACL file.

    Args:
        passwords: by user; whoever has none stays off.

    Raises:
        ConfigError: a user is not one of ours.
    """
    rights = _rights()
    if unknown := sorted(passwords.keys() - rights.keys()):
        raise ConfigError(f"ACL: expected users of {', '.join(rights)}, got {', '.join(unknown)}")
    lines = ["user default off"]
    for user, (keys, commands) in rights.items():
        password = passwords.get(user)
        switch = "off" if password is None else f"on #{sha256(password.encode()).hexdigest()}"
        lines.append(f"user {user} {switch} resetchannels resetkeys {' '.join(keys)} -@all {commands}")
    return "\n".join(lines) + "\n"


def _rights() -> dict[str, tuple[list[str], str]]:
    rights = {service: (_service_keys(service), f"{_HELLO} {_LOOK} {_WORK}") for service in SERVICE_INPUTS}
    for source, topics in SOURCES.items():
        keys = [*(f"~{{*}}:{topic}" for topic in topics), f"~{{*}}:published:{source}", "~{0}:layout"]
        rights[source] = (keys, f"{_HELLO} {_LOOK} {_PUBLISH}")
    for reader in READERS:
        keys, commands = rights.get(reader, ([], f"{_HELLO} {_LOOK}"))
        rights[reader] = ([*keys, "%R~{*}:*"], commands)
    rights[OPERATOR] = (["~{*}:*"], f"{_HELLO} {_LOOK} {_WORK} +xdel +xgroup +pttl")
    return rights


def _service_keys(service: str) -> list[str]:
    streams = dict.fromkeys((*SERVICE_INPUTS[service], *SERVICE_OUTPUTS[service], Topic.ALERTS, Topic.DEAD))
    # Trimming a stream asks where those begin who fold it again.
    beside = dict.fromkeys(group for topic in SERVICE_INPUTS[service] for group in consumers_of(topic))
    return [
        *(f"~{{*}}:{topic}" for topic in streams),
        *(f"~{{*}}:{kind}:{service}" for kind in ("lease", "fence", "state", "position", "members")),
        *(f"~{{*}}:position:{group}" for group in beside if group != service),
        "~{*}:marks",
        "~{*}:turn:*",
        "~{0}:layout",
    ]


def main(arguments: list[str]) -> int:
    """Print the file for `user=password` arguments."""
    sys.stdout.write(acl_file(dict(argument.split("=", 1) for argument in arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
