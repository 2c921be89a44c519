"""Users of the broker on disk: a password file for each, and the server's ACL file, made once and kept.

    python -m shared.streaming.redis.users DIR [redis://host:6379]

writes `DIR/<user>/password` for every user that has none yet, and in `DIR/server` what the server needs: `users.acl`, and
a `redis-cli` in `bin` that logs in as `reader`. With an address, a server that runs already reads the file again.

Compose mounts a volume of its own at every `DIR/<user>`, so that a container sees no password but its own. Inside that
volume files are readable by everybody, for the container's user is not the one who wrote them.
"""

from __future__ import annotations

import secrets
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from shared.errors import BrokerReplyError, BrokerUnavailableError, ConfigError
from shared.streaming.redis.acl import LOADER, READER, acl_file, acl_users
from shared.streaming.redis.broker import Broker

PASSWORD: Final = "password"  # noqa: S105 - a file's name
SERVER: Final = "server"

_SECRET_BYTES: Final = 32
_READER_CLI: Final = f"""#!/bin/sh
# redis-cli as a user that reads and changes nothing; whoever names another user logs in as that one.
PATH=${{PATH#*:}}
export PATH
case " $* " in *" --user "*|*" -u "*) exec redis-cli "$@" ;; esac
REDISCLI_AUTH=$(cat "${{0%/*}}/../{READER}")
export REDISCLI_AUTH
exec redis-cli --user {READER} "$@"
"""


def write_users(directory: Path, new_password: Callable[[], str]) -> bool:
    """Write what is missing of the users' files; tell whether the server has to read them again.

    Args:
        directory: for the files; made when missing. Passwords that are there stay.
        new_password: gives a password that nobody can guess.
    """
    passwords: dict[str, str] = {}
    for user in acl_users():
        file = directory / user / PASSWORD
        if not file.exists():
            _write(file, new_password() + "\n", 0o444)
        passwords[user] = file.read_text(encoding="ascii").strip()
    server = directory / SERVER
    _write(server / READER, passwords[READER] + "\n", 0o444)
    _write(server / "bin" / "redis-cli", _READER_CLI, 0o555)
    return _write(server / "users.acl", acl_file(passwords), 0o444)


def _write(file: Path, content: str, mode: int) -> bool:
    """Write a file whole or not at all; tell whether its content is new."""
    if file.exists() and file.read_text(encoding="utf-8") == content:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    made = file.with_name(f".{file.name}.new")
    made.unlink(missing_ok=True)
    made.write_text(content, encoding="utf-8")
    made.chmod(mode)
    made.replace(file)
    return True


def reload_users(url: str) -> bool:
    """Make a running server read its ACL file again; False when none answers or it knows no user of ours yet."""
    with closing(Broker(url)) as broker:
        try:
            broker.shared(0).call("ACL", "LOAD")
        except (BrokerUnavailableError, BrokerReplyError, ConfigError):
            return False
    return True


def main(arguments: list[str]) -> int:
    """Write the files, and tell what was done."""
    directory, *server = arguments
    changed = write_users(Path(directory), lambda: secrets.token_urlsafe(_SECRET_BYTES))
    told = "written" if changed else "as they were"
    if changed and server:
        password = (Path(directory) / LOADER / PASSWORD).read_text(encoding="ascii").strip()
        scheme, _, rest = server[0].partition("://")
        read = reload_users(f"{scheme}://{LOADER}:{password}@{rest}")
        told += ", read by the server" if read else ", to be read when the server starts"
    sys.stdout.write(f"users of the broker: {told}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
