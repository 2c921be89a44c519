"""Words for what a setting takes, read off its type, so that a refusal can say what was expected."""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from datetime import date, time
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import SecretStr
from pydantic.fields import FieldInfo

_KINDS: Mapping[type, str] = {
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a text",
    Path: "a path",
    SecretStr: "a secret",
    date: "a date like 2025-08-29",
    time: "a time of day like 15:20",
}
_SEQUENCES = (tuple, list, frozenset, set)


def describe_expected(info: FieldInfo) -> str:
    """Say in words what a field takes, bounds included: "an integer of at least 1"."""
    words = _kind(info.annotation)
    low = next((f"at least {one.ge}" for one in _of(info, Ge)), "")
    low = low or next((f"more than {one.gt}" for one in _of(info, Gt)), "")
    high = next((f"at most {one.le}" for one in _of(info, Le)), "")
    high = high or next((f"less than {one.lt}" for one in _of(info, Lt)), "")
    length = [f"at least {one.min_length} long" for one in _of(info, MinLen)]
    length += [f"at most {one.max_length} long" for one in _of(info, MaxLen)]
    bounds = " and ".join(part for part in (low, high) if part)
    return " ".join(part for part in (words, f"of {bounds}" if bounds else "", " and ".join(length)) if part)


def holds_secret(annotation: Any) -> bool:  # noqa: ANN401  # annotations have no common type
    """Tell whether a field's value must never be shown."""
    return any(one is SecretStr for one in _members(annotation))


def split_list(annotation: Any, text: str) -> object:  # noqa: ANN401  # annotations have no common type
    """Take a comma-separated text apart where the field holds several values; any other text stays as it is."""
    if any(get_origin(one) in _SEQUENCES for one in _members(annotation)):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def _of(info: FieldInfo, kind: type[Any]) -> Iterator[Any]:
    return (one for one in info.metadata if isinstance(one, kind))


def _members(annotation: Any) -> tuple[Any, ...]:  # noqa: ANN401  # annotations have no common type
    """Give the alternatives of a union, without None; a plain type is its own only alternative."""
    if get_origin(annotation) is Annotated:
        return _members(get_args(annotation)[0])
    if get_origin(annotation) in {Union, types.UnionType}:
        return tuple(one for part in get_args(annotation) if part is not type(None) for one in _members(part))
    return (annotation,)


def _kind(annotation: Any) -> str:  # noqa: ANN401  # annotations have no common type
    return " or ".join(_one_kind(one) for one in _members(annotation))


def _one_kind(one: Any) -> str:  # noqa: ANN401  # annotations have no common type
    origin = get_origin(one)
    if origin is Literal:
        return "one of " + ", ".join(map(str, get_args(one)))
    if origin in _SEQUENCES:
        return "a comma-separated list, each " + _kind(get_args(one)[0])
    if isinstance(one, type) and issubclass(one, Enum):
        return "one of " + ", ".join(str(member.value) for member in one)
    return _KINDS.get(one, getattr(one, "__name__", str(one)))
