"""Lines counted and compared across machines: words and whole numbers by a hash, reals by sums within a tolerance.

The last digits of a real depend on the processor: its vector units add in another order. What a decision is made of
beside them, its words, times, lots and paise, does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256
from math import asinh

REAL = re.compile(r"-?\d+\.\d+(?:e[+-]?\d+)?|-?\d+e[+-]?\d+")
TOLERANCE = 1e-9
"""Of one real, as a share of it."""

SUM_TOLERANCE = 1e-11
"""Of a sum, as a share of the sum of sizes."""

_SPREAD, _MODULUS = 2_654_435_761, 1_000_003


@dataclass
class Tally:
    """Lines of one kind, taken in as they come.

    Attributes:
        by_value: reals are summed; otherwise they are hashed with the words, digit by digit.
    """

    by_value: bool = False
    count: int = 0
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    reals: int = 0
    _hash: object = field(default_factory=sha256, repr=False)

    def add(self, line: str) -> None:
        """Take one line in."""
        self.count += 1
        if self.by_value:
            for text in REAL.findall(line):
                self._add_real(float(text))
            line = REAL.sub("~", line)
        self._hash.update(line.encode() + b"\n")  # type: ignore[attr-defined]

    def summary(self) -> list[object]:
        """Give count and hash of the words; for reals their number, sum, weighted sum and sum of sizes, too."""
        digest = self._hash.hexdigest()  # type: ignore[attr-defined]
        return [self.count, digest, self.reals, *self.sums] if self.by_value else [self.count, digest]

    def _add_real(self, value: float) -> None:
        # asinh keeps large figures from drowning small ones; the weights make two that change places show.
        weight = (self.reals * _SPREAD % _MODULUS) / _MODULUS
        self.reals += 1
        value = asinh(value)
        self.sums = [self.sums[0] + value, self.sums[1] + weight * value, self.sums[2] + abs(value)]


def same_summary(found: list[object], expected: list[object]) -> bool:
    """Compare two summaries: exact but for sums, which may differ by a share of the sum of sizes."""
    exact = 3
    if len(found) != len(expected) or found[:exact] != expected[:exact]:
        return False
    sizes = [float(str(each)) for each in expected[exact:]]
    given = [float(str(each)) for each in found[exact:]]
    return all(abs(one - other) <= SUM_TOLERANCE * max(sizes[-1], 1.0) for one, other in zip(given, sizes, strict=True))


def same_line(found: str, expected: str) -> bool:
    """Compare two lines: their words exactly, their reals within a tolerance."""
    if REAL.sub("~", found) != REAL.sub("~", expected):
        return False
    pairs = zip(map(float, REAL.findall(found)), map(float, REAL.findall(expected)), strict=True)
    return all(abs(one - other) <= TOLERANCE * max(abs(one), abs(other), 1e-3) for one, other in pairs)


def alike(found: object, expected: object) -> bool:
    """Compare plain values: whatever `expected` names must be there and equal, its reals within a tolerance."""
    if isinstance(expected, dict):
        return isinstance(found, dict) and all(
            name in found and alike(found[name], expected[name]) for name in expected
        )
    if isinstance(expected, list | tuple):
        same_length = isinstance(found, list | tuple) and len(found) == len(expected)
        return same_length and all(alike(one, other) for one, other in zip(found, expected, strict=True))  # type: ignore[call-overload]
    if isinstance(expected, float) and isinstance(found, float):
        return abs(found - expected) <= TOLERANCE * max(abs(found), abs(expected), 1e-3)
    return found == expected
