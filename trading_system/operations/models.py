"""The model registry from the front door: list, show, promote, roll back."""

from __future__ import annotations

from pathlib import Path

import msgspec

from services.predictor.settings import PredictorSettings
from shared.clock import from_ns
from shared.models.member_kinds import MemberKinds
from shared.models.registry import ListedModel, ModelRegistry
from shared.settings import load_settings


def list_models(folder: Path) -> list[dict[str, object]]:
    """Give one row for each bundle, the newest training first."""
    return [_row(listed) for listed in _registry(folder).listed()]


def show_model(folder: Path, version: str) -> dict[str, object]:
    """Give everything known about a bundle, with every verdict on it.

    Raises:
        BundleError: there is no such bundle, or it was changed.
    """
    registry = _registry(folder)
    full = registry.resolve(version)
    _, manifest = registry.load(full)
    verdicts = [msgspec.to_builtins(entry) for entry in registry.history() if entry.version == full]
    return {"version": full, "manifest": msgspec.to_builtins(manifest), "history": verdicts}


def promote_model(folder: Path, version: str, *, reason: str, operator: str, ts: int) -> str:
    """Let a bundle decide from now on and give its full version; BundleError when it cannot be used."""
    registry = _registry(folder)
    full = registry.resolve(version)
    registry.promote(full, [reason], ts=ts, operator=operator)
    return full


def rollback_model(folder: Path, *, reason: str, operator: str, ts: int) -> str:
    """Let the champion before the present one decide again and give its version; BundleError when there is none."""
    return _registry(folder).rollback([reason], ts=ts, operator=operator)


def _registry(folder: Path) -> ModelRegistry:
    """Open the registry with the members that a predictor of this installation knows."""
    return ModelRegistry(folder, MemberKinds(load_settings(PredictorSettings).members))


def _row(listed: ListedModel) -> dict[str, object]:
    manifest, verdict = listed.manifest, listed.verdict
    return {
        "version": listed.version,
        "role": None if listed.role is None else listed.role.value,
        "trained_until": None if manifest is None else f"{from_ns(manifest.trained_until):%Y-%m-%d}",
        "samples": None if manifest is None else manifest.samples,
        "metrics": {} if manifest is None else dict(manifest.metrics),
        "verdict": None if verdict is None else verdict.act.value,
        "problem": listed.problem,
    }
