"""A store is written and read back without pandas, and whoever wants pandas still gets it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
CODE = """
import sys
import pyarrow as pa
from pathlib import Path
from shared.store.layout import compact, read_parts, write_part
from shared.store.memory import leave_pandas_out, release_unused
from shared.store.tables import EVENT_SCHEMA
leave_pandas_out()
folder, rows = Path(sys.argv[1]), [{"entry": "1-0", "topic": "a", "ts": 1}, {"entry": "2-0", "topic": "b", "ts": None}]
for name in ("p0", "p1"):
    write_part(folder, name, pa.Table.from_pylist(rows, schema=EVENT_SCHEMA))
assert compact(folder, ("topic", "ts")) == 2
release_unused()
read = read_parts(folder.glob("*.parquet"))
assert [row["topic"] for row in read.to_pylist()] == ["a", "a", "b", "b"]
assert "pandas" not in sys.modules
assert len(read.to_pandas()) == 4
"""


def test_a_store_needs_no_pandas_and_keeps_nobody_from_it(tmp_path):
    done = subprocess.run([sys.executable, "-c", CODE, tmp_path], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
