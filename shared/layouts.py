"""Stored forms and their versions: whatever is written names its layout, whatever is read may be an older one.

A stored form is read by raising it, version by version, to the one of this code: each step is a pure function from plain
values to plain values. What was written before layouts had names (v0.1.0) is version 1 and carries no envelope.

    >>> import msgspec
    >>> class Point(msgspec.Struct):
    ...     x: int
    ...     y: int
    >>> points = Layout("point", Point, version=2, upcasters={1: lambda old: {"x": old["x"], "y": 0}})
    >>> points.decode(b'{"x": 3}')
    Point(x=3, y=0)
    >>> points.encode(Point(1, 2))
    b'{"layout":"point","v":2,"content":{"x":1,"y":2}}'
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar

import msgspec

from shared.errors import LayoutError, NewerLayoutError

T = TypeVar("T")

Plain = dict[str, Any]
"""What a stored form is between two versions: JSON's own values."""

Upcaster = Callable[[Plain], Plain]
"""Raises a stored form by one version."""

FIRST = 1
"""Version of everything that names none."""


class _Envelope(msgspec.Struct, frozen=True):
    layout: str
    v: int
    content: Any


class _Head(msgspec.Struct, frozen=True):
    layout: str = ""
    v: int = FIRST
    content: msgspec.Raw = msgspec.Raw()


def check_chain(what: str, version: int, upcasters: Mapping[int, Upcaster]) -> None:
    """Refuse versions without a way up; ValueError names the missing steps."""
    wanted = set(range(FIRST, version))
    if wanted != set(upcasters):
        raise ValueError(f"{what}: expected upcasters from versions {sorted(wanted)}, got {sorted(upcasters)}")


def raise_to(content: Plain, version: int, current: int, upcasters: Mapping[int, Upcaster]) -> Plain:
    """Raise plain values from a version to the current one."""
    for step in range(version, current):
        content = upcasters[step](content)
    return content


class Layout(Generic[T]):
    """One stored form: its name, its version, and how older ones are read.

    Args:
        name: of the form, such as `executor.state`.
        kind: type of its content.
        version: of this code.
        upcasters: by the version they raise, from 1 on.
        encoding: of the bytes.
    """

    def __init__(
        self,
        name: str,
        kind: type[T],
        *,
        version: int = FIRST,
        upcasters: Mapping[int, Upcaster] = MappingProxyType({}),
        encoding: Literal["json", "msgpack"] = "json",
    ) -> None:
        check_chain(name, version, upcasters)
        self.name = name
        self.version = version
        self._kind = kind
        self._upcasters = upcasters
        self._module = msgspec.json if encoding == "json" else msgspec.msgpack

    def encode(self, content: T) -> bytes:
        """Write content with the name and version of its layout."""
        raw: bytes = self._module.encode(_Envelope(self.name, self.version, content))
        return raw

    def decode(self, raw: bytes) -> T:
        """Read content of this version or an older one.

        Raises:
            NewerLayoutError: a newer version of Thetaflow wrote it.
            LayoutError: it is another form, or not what its version promises.
        """
        try:
            head = self._module.decode(raw, type=_Head)
            named = bool(head.layout)
            if named and head.layout != self.name:
                raise LayoutError(f"expected a {self.name}, got a {head.layout}")
            version = head.v if named else FIRST
            if version > self.version:
                raise NewerLayoutError(self.name, self.version, version)
            body = bytes(head.content) if named else raw
            if version == self.version:
                found: T = self._module.decode(body, type=self._kind)
                return found
            plain = raise_to(self._module.decode(body), version, self.version, self._upcasters)
            return msgspec.convert(plain, self._kind)
        except (msgspec.DecodeError, msgspec.ValidationError, KeyError, TypeError, UnicodeDecodeError) as error:
            raise LayoutError(f"expected a {self.name} of version {self.version}, got {error}") from error
