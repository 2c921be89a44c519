"""What the ingest service may be told."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from shared.settings import ServiceSettings


class IngestSettings(ServiceSettings):
    """Where snapshots come from and what they must be like.

    Attributes:
        source: `replay` reads `replay_path`, `synthetic` makes a market, `openalgo` and `zerodha` ask a broker's API,
            `kite` watches `kite_folder` for a broker's CSV pushes, `nse` polls the exchange's site and needs
            `accept_nse_terms`. Or one of an installed package, or yours as `path/to/file.py:ClassName`.
        live_only: refuse a source that plays a recorded or made-up market.
        accept_nse_terms: must be true for `nse`. NSE's terms of use (clauses 3 and 4, 29 October 2025) forbid
            automated collection and use in virtual trading or simulation; the operator answers for a licence.
        replay_path: file, folder, or ISO date in the store; empty means none.
        replay_speed: event time per second of real time; 0 replays as fast as the pipeline takes it.
        store: folder of the recorder.
        underlying: symbol on which the book trades.
        max_expiries: unexpired expiries that enter a snapshot, nearest first; six reach beyond the 30 days a VIX needs.
        beat_s: seconds between clock ticks.
        stale_after_s: market time after which a stamp is too old, and how long silence lasts before ticks go on
            without a snapshot.
        frozen_polls: identical snapshots in a row, counted with the first, from which on they are refused.
        spot_tolerance: share of the forward by which spot may differ before it is flagged.
        unrelated_spot: share of the forward from which spot and quotes cannot belong to one market.
        oi_jump: share of an expiry's OI that may change between two snapshots before it is flagged.
        poll_s, poll_jitter_s: seconds between polls of the site and the random part on top.
        nse_url: base address of the site.
        nse_expiries: expiries asked for at each poll of the site, nearest first; one request each.
        nse_timeout_s: longest wait for one whole answer of the site.
        api_timeout_s: longest wait for one whole answer of a broker's API.
        api_strikes: strikes asked for on each side of the money, per expiry.
        api_expiries: expiries asked for at each poll of a broker's API, nearest first.
        openalgo_url: base address of your OpenAlgo.
        openalgo_api_key: its API key.
        openalgo_per_s: requests a second; it passes them on to a broker whose own limit is often far below its 50.
        openalgo_depth_strikes: strikes on each side of the money whose quantities are asked for, two requests a strike; 0
            none, and an unknown quantity is taken as enough for a paper fill.
        zerodha_url: base address of Kite Connect.
        zerodha_api_key: of your Kite Connect app.
        zerodha_token_path: file that the day's access token is written to; read at each poll.
        fallback_limit_s: market time for which the last good chain may stand in for a silent feed, marked as such, for
            display and exits only; 0 never.
        kite_folder: folder a broker's feed writes its CSV files into.
        synthetic_seed, synthetic_days: which made-up market and how many of its days.
        synthetic_richness: by how much its implied volatility is over what is realised, a share of it.
    """

    model_config = SettingsConfigDict(env_prefix="THETAFLOW_INGEST_")

    source: str = Field(default="synthetic", min_length=1)
    live_only: bool = False
    accept_nse_terms: bool = False
    replay_path: str = ""
    replay_speed: float = Field(default=0.0, ge=0)
    store: Path = Path("store")
    underlying: str = Field(default="NIFTY", min_length=1)
    max_expiries: int = Field(default=6, ge=1, le=64)
    beat_s: int = Field(default=60, ge=1, le=3600)
    stale_after_s: int = Field(default=180, ge=1, le=3600)
    frozen_polls: int = Field(default=3, ge=2, le=1000)
    spot_tolerance: float = Field(default=0.005, gt=0, lt=1)
    unrelated_spot: float = Field(default=0.05, gt=0, lt=1)
    oi_jump: float = Field(default=0.5, gt=0)
    poll_s: float = Field(default=60.0, ge=5, le=3600)
    poll_jitter_s: float = Field(default=5.0, ge=0, le=300)
    nse_url: str = "https://www.nseindia.com"
    nse_expiries: int = Field(default=2, ge=1, le=8)
    nse_timeout_s: float = Field(default=10.0, gt=0, le=60)
    api_timeout_s: float = Field(default=10.0, gt=0, le=60)
    api_strikes: int = Field(default=25, ge=5, le=100)
    api_expiries: int = Field(default=3, ge=2, le=8)
    openalgo_url: str = "http://127.0.0.1:5000"
    openalgo_api_key: SecretStr | None = Field(default=None, min_length=1)
    openalgo_per_s: float = Field(default=3.0, gt=0, le=50)
    openalgo_depth_strikes: int = Field(default=3, ge=0, le=25)
    zerodha_url: str = "https://api.kite.trade"
    zerodha_api_key: SecretStr | None = Field(default=None, min_length=1)
    zerodha_token_path: Path | None = None
    fallback_limit_s: int = Field(default=900, ge=0, le=7200)
    kite_folder: Path = Path("kite")
    synthetic_seed: int = Field(default=7, ge=0)
    synthetic_days: int = Field(default=1, ge=1, le=10_000)
    synthetic_richness: float = Field(default=0.0, ge=-0.5, le=2.0)
