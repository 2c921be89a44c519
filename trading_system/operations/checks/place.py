"""Whether everything that is written has a place, every port is free, and nobody else trades there."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from services.alerts.settings import AlertSettings
from services.executor.settings import ExecutorSettings
from services.executor.venues.arming import check_armed
from services.executor.venues.registry import choose_venue
from services.gateway.settings import GatewaySettings
from services.recorder.settings import RecorderSettings
from services.trainer.settings import TrainerSettings
from shared.errors import ConfigError, EngineError, NotArmedError, PluginError
from shared.settings import BrokerSettings, HealthSettings, load_settings
from shared.settings.writable import why_unwritable
from shared.streaming.connect import connect
from trading_system.offline.settings import OfflineSettings
from trading_system.operations.checks.findings import Finding, Grade, Subject
from trading_system.operations.sole_live import owners_on

LOGS: Final = Path("data/logs")

_LEAST_FREE_GIB: Final = 1.0


def folders_writable(subject: Subject) -> Iterator[Finding]:
    """Say of each folder that a service writes to whether it can."""
    for variable, folder in _folders(subject):
        reason = why_unwritable(folder)
        if reason:
            yield Finding(
                "folder", Grade.FAILED, f"{variable}: nothing can be written to {folder}: {reason}", _give(folder)
            )
        else:
            yield Finding("folder", Grade.OK, f"{variable}: {folder}")


def _folders(subject: Subject) -> Iterator[tuple[str, Path]]:
    try:
        executor = load_settings(ExecutorSettings, subject.environ)
        recorder = load_settings(RecorderSettings, subject.environ)
        trainer = load_settings(TrainerSettings, subject.environ)
        alerts = load_settings(AlertSettings, subject.environ)
        offline = load_settings(OfflineSettings, subject.environ)
    except ConfigError:
        return  # Told by the check of the settings.
    if executor.directory is not None:
        yield "THETAFLOW_EXECUTOR_DIRECTORY", executor.directory
    yield "THETAFLOW_RECORDER_STORE", recorder.store
    yield "THETAFLOW_TRAINER_MODELS", trainer.models
    yield "THETAFLOW_OFFLINE_MODELS", offline.models
    yield "THETAFLOW_OFFLINE_REPORTS", offline.reports
    yield "THETAFLOW_ALERTS_DIRECTORY", alerts.directory
    yield "logs of `thetaflow live`", LOGS


def _give(folder: Path) -> str:
    return f"give {folder} to the user that Thetaflow runs as (`chown -R`), or name another folder"


def store_disk(subject: Subject) -> Iterator[Finding]:
    """Say how much is free where days are recorded."""
    try:
        store = load_settings(RecorderSettings, subject.environ).store
    except ConfigError:
        return
    there = next((one for one in (store, *store.absolute().parents) if one.is_dir()), Path("/"))
    gib = shutil.disk_usage(there).free / 2**30
    enough = gib >= _LEAST_FREE_GIB
    yield Finding(
        "store disk",
        Grade.OK if enough else Grade.FAILED,
        f"{gib:.1f} GiB free at {store}",
        "" if enough else "free space",
    )


def venue_ready(subject: Subject) -> Iterator[Finding]:
    """Say what would leave this machine, and whether the venue has what it needs for it."""
    try:
        settings = load_settings(ExecutorSettings, subject.environ)
    except ConfigError:
        return
    if settings.venue_mode == "off":
        yield Finding("venue", Grade.OK, "off: on paper alone, no order leaves this machine")
        return
    try:
        choice = choose_venue(settings, subject.environ)
    except (ConfigError, PluginError) as error:
        yield Finding("venue", Grade.FAILED, str(error), f"give {settings.venue} what it lacks (docs/execution.md)")
        return
    if choice.missing and settings.venue_mode == "live":
        yield Finding("venue", Grade.FAILED, choice.missing, f"give {choice.name} its secret (docs/execution.md)")
        return
    yield Finding("venue", Grade.OK, f"{choice.name}, mode {settings.venue_mode}")


def armed_today(subject: Subject) -> Iterator[Finding]:
    """Say whether signals may leave today: the last thing that a person does."""
    try:
        settings = load_settings(ExecutorSettings, subject.environ)
    except ConfigError:
        return
    if settings.venue_mode != "live" or settings.directory is None:
        yield Finding("arming", Grade.OK, f"not needed with venue mode {settings.venue_mode}")
        return
    try:
        arming = check_armed(settings.directory, subject.book, subject.today)
    except NotArmedError as error:
        yield Finding("arming", Grade.WARNING, str(error), "`thetaflow arm`, when all else is in order")
    else:
        yield Finding("arming", Grade.OK, f"{subject.book} is armed for {subject.today} by {arming.operator}")


def nobody_else_trades(subject: Subject) -> Iterator[Finding]:
    """Say which services run on the broker already."""
    try:
        broker = load_settings(BrokerSettings, subject.environ)
        with connect(broker.url, broker.partitions) as client:
            owners = owners_on(client)
    except (ConfigError, EngineError):
        return  # Told by the check of the broker.
    text = f"{', '.join(owners)} run on it: a second `thetaflow live` is refused" if owners else "no service runs on it"
    yield Finding("live on the broker", Grade.OK, text)


def ports_free(subject: Subject) -> Iterator[Finding]:
    """Say whether the dashboard's port is free, or taken by a live that runs."""
    try:
        gateway = load_settings(GatewaySettings, subject.environ)
        health = load_settings(HealthSettings, subject.environ)
    except ConfigError:
        return
    for name, host, port in (("dashboard", gateway.host, gateway.port), ("health", health.host, health.port)):
        if port == 0:
            continue
        if _is_taken(host, port):
            text = f"{name}: port {port} of {host} is taken, by a live that runs or by somebody else"
            yield Finding("port", Grade.WARNING, text)
        else:
            yield Finding("port", Grade.OK, f"{name}: port {port} of {host} is free")


def _is_taken(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False
