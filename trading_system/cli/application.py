"""The command line: the front door's verbs for people and scripts."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import typer

from shared.errors import ConfigError, ThetaflowError
from shared.settings.env_file import adopt_env_file
from trading_system.cli import (
    alerts,
    arm,
    audit,
    control,
    dead,
    demo,
    doctor,
    features,
    importing,
    inspect,
    live,
    mode,
    query,
    risk_report,
    settling,
    simulate,
    spreads,
    train,
    variance,
    venue,
    watch,
)

_EXIT_FAILED, _EXIT_CONFIG = 1, 2

app = typer.Typer(
    name="thetaflow",
    help="Sell NIFTY index options by model and rule. Paper by default; educational and research software.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command(name="demo")(demo.demo)
app.command(name="simulate")(simulate.simulate_command)
app.command(name="live")(live.live)
app.command(name="watch")(watch.watch_command)
app.command(name="mode")(mode.mode_command)
app.command(name="replay")(mode.replay_command)
app.command(name="inspect")(inspect.inspect_command)
app.command(name="doctor")(doctor.doctor)
app.command(name="control")(control.control)
app.command(name="settle")(settling.settle_command)
app.command(name="query")(query.query_command)
app.command(name="risk-report")(risk_report.risk_report_command)
app.command(name="import")(importing.import_command)
app.command(name="features")(features.features_command)
app.command(name="lookahead")(features.lookahead_command)
app.command(name="train")(train.train_command)
app.add_typer(train.models_app, name="models")
app.command(name="arm")(arm.arm_command)
app.command(name="spreads")(spreads.spreads_command)
app.command(name="variance")(variance.variance_command)
app.add_typer(venue.app, name="venue")
app.add_typer(audit.app, name="audit")
app.add_typer(dead.app, name="dead")
app.add_typer(alerts.app, name="alerts")


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def main() -> None:
    """Run the command line; an error raised on purpose is one line and an exit code, not a traceback."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        # What was started is ended on the way out, as after Ctrl-C.
        signal.signal(number, _leave)
    try:
        adopt_env_file()
        app()
    except ConfigError as error:
        sys.stderr.write(f"thetaflow: configuration: {error}\n")
        raise SystemExit(_EXIT_CONFIG) from None
    except ThetaflowError as error:
        sys.stderr.write(f"thetaflow: {type(error).__name__}: {error}\n")
        raise SystemExit(_EXIT_FAILED) from None
