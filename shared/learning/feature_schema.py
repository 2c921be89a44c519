"""The contract between who computes features and who reads them: an ordered list of names under one id."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FeatureSchema:
    """Names and units of the values of a FeatureVector, in order.

    Attributes:
        id: content hash of the registry's declarations; a vector names it, a reader compares it.
        names: one per value.
        units: one per value.
    """

    id: str
    names: tuple[str, ...]
    units: tuple[str, ...]
