"""Rights on the broker, derived from the topology: each service gets the streams it reads and writes, and nothing else.

    python -m shared.streaming.redis.acl features=SECRET predictor=SECRET ... > users.acl

writes an ACL file for the server (`--aclfile users.acl`) with the hashes of the passwords given; a user without one
stays off. docs/acl/users.acl is the file with all of them off. `shared.streaming.redis.users` makes passwords, too.
The file needs a server of version 7 or later: a service reads its inputs without a right to add to them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

from shared.errors import ConfigError
from shared.events.topology import (
    SERVICE_INPUTS,
    SERVICES,
    ServiceRow,
    Topic,
    consumers_of,
    followed_by,
    looked_at_by,
    produced_by,
)

OPERATOR: Final = "operator"
"""Who may do everything with Thetaflow's keys: replay dead letters, repair by hand."""
READER: Final = "reader"
"""Who may look at everything and change nothing: people with `redis-cli`."""
LOADER: Final = "loader"
"""Who may make the server read its users again, and nothing else."""

_HELLO: Final = "+auth +hello +ping +select +client|setname"
_LOOK: Final = (
    "+cluster|slots +time +xrange +xrevrange +xlen +xread +xinfo|stream +xinfo|groups +xpending +get +pttl +exists "
    "+hget +hgetall +zrange +eval_ro +info"
)
_ENGINE: Final = "+eval +evalsha +script|load +xreadgroup +xack +xclaim +xgroup|create +xtrim"
_KEEP: Final = "+get +set +del +incr +pexpire +hget +hset +hdel +zadd +zrem +zremrangebyscore"
_BROWSE: Final = "+scan +type +ttl +hlen +hkeys +zcard +strlen +dbsize +command +xinfo"
_PARTITION: Final = "{*}"
_ALL: Final = f"{_PARTITION}:*"


_REPLAY: Final = "user default off resetpass ~* &* +@all"
"""Nobody can log in as `default`: it is off and has no password. Its rights are those the server itself needs: Redis 7.0
reads its append-only file as this user and checks it at each EXEC. Without them every commit is refused on the way back
from a restart, and the server comes up empty and healthy.
"""


def acl_users() -> tuple[str, ...]:
    """Name all users of the broker."""
    return tuple(_rights())


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
    lines = [_REPLAY]
    for user, granted in rights.items():
        password = passwords.get(user)
        switch = "off" if password is None else f"on #{sha256(password.encode()).hexdigest()}"
        lines.append(f"user {user} {switch} resetchannels resetkeys {granted}")
    return "\n".join(lines) + "\n"


def _rights() -> dict[str, str]:
    return {
        **{row.name: _of_service(row) for row in SERVICES},
        READER: f"%R~{_ALL} -@all {_HELLO} {_LOOK} {_BROWSE}",
        OPERATOR: f"~{_ALL} -@all {_HELLO} {_LOOK} {_BROWSE} {_ENGINE} {_KEEP} +xadd +xdel +xgroup",
        LOADER: f"-@all {_HELLO} +acl|load",
    }


def _of_service(row: ServiceRow) -> str:
    """Give a service's rights.

    The first part says what it may call on all its keys; a script names every key it works on and needs one part that
    has them all. The parts in brackets add what it may do to some of them: XADD to its outputs, keep its own values.
    """
    inputs, outputs = SERVICE_INPUTS.get(row.name, ()), produced_by(row.name)
    own = _own_keys(row)
    # Trimming a stream asks where those begin who fold it again.
    beside = dict.fromkeys(group for topic in inputs for group in consumers_of(topic) if group != row.name)
    keys = [*dict.fromkeys((*inputs, *outputs)), *own, *(f"position:{group}" for group in beside)]
    words = [_keys(keys)]
    if row.reads_all:
        words.append(f"%R~{_ALL}")
    else:
        words += [f"%R~{_PARTITION}:{topic}" for topic in looked_at_by(row) if topic not in keys]
    if row.watches:
        words.append(f"%R~{_PARTITION}:beat:*")
    words += ["-@all", _HELLO, _LOOK]
    if row.handles:
        words.append(_ENGINE)
    elif row.publishes_as:
        words.append("+eval")
    if own:
        words.append(f"({_keys(own)} -@all {_KEEP})")
    if outputs:
        words.append(f"({_keys(outputs)} -@all +xadd)")
    if row.holds:
        words.append(f"({_keys(followed_by(row.name))} -@all +xgroup|create +xgroup|setid)")
    return " ".join(word for word in words if word)


def _own_keys(row: ServiceRow) -> list[str]:
    kept = [f"{kind}:{row.name}" for kind in ("lease", "fence", "state", "position", "members")] if row.handles else []
    kept += [f"published:{producer}" for producer in row.publishes_as]
    if row.handles:
        kept += ["marks", "turn:*"]
    return [*kept, *(["layout"] if kept else []), f"beat:{row.name}"]


def _keys(names: Iterable[str | Topic]) -> str:
    return " ".join(f"~{_PARTITION}:{name}" for name in names)


def main(arguments: list[str]) -> int:
    """Print the file for `user=password` arguments."""
    sys.stdout.write(acl_file(dict(argument.split("=", 1) for argument in arguments)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
