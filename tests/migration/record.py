"""Write `decisions_v0_1_0.json` and the trades of made-up days, at the tag v0.1.0.

    PYTHONPATH=. python tests/migration/record.py DATA_FOLDER

Of recorded days only counts and hashes are kept: their prices are the exchange's.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.migration import decisions as here


def main() -> int:
    """Replay everything and write both files beside this one."""
    data = Path(sys.argv[1])
    folder = Path(__file__).parent
    found: dict[str, object] = {}
    lines: list[str] = []
    runs = {"demo": here.synthetic(here.DEMO_SEED, 1), "election": here.election_day(data)}
    runs |= {f"synthetic-{seed}": here.synthetic(seed, here.SYNTHETIC_DAYS) for seed in here.SYNTHETIC_SEEDS}
    runs |= {f"synthetic-{seed}-by-day": here.synthetic(seed, here.SYNTHETIC_DAYS) for seed in here.SYNTHETIC_SEEDS}
    runs |= {name: here.recorded(data, name) for name in here.RECORDED}
    for name, items in runs.items():
        fresh = name.endswith("by-day")
        decisions = here.replayed_day_by_day(items) if fresh else here.replayed(items)
        found[name] = decisions.summary()
        sys.stderr.write(f"{name}: {found[name]}\n")
        if name == "demo" or name.startswith("synthetic"):
            lines += [f"{name} {line}" for line in decisions.trades]
    (folder / "decisions_v0_1_0.json").write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
    (folder / "trades_v0_1_0.txt").write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
