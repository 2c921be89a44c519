"""Ask a service of this machine whether it is ready; the health check of its container.

    python -m shared.observability.probe [live|ready] [PORT]

Ends with 0 when it is, with 1 and the reasons when it is not. Loads nothing but the standard library, so that asking
every few seconds costs little.
"""

from __future__ import annotations

import http.client
import os
import sys

DEFAULT_PORT = 8081


def probe(question: str, port: int, timeout_s: float = 4.0) -> tuple[bool, str]:
    """Ask `/live` or `/ready` on this machine; give the verdict and the answer's text."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", f"/{question}")
        response = connection.getresponse()
        return response.status == http.client.OK, response.read(10_000).decode(errors="replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return False, f"nothing answers on port {port}: {error}"
    finally:
        connection.close()


def main() -> int:
    """Ask as the command line says."""
    arguments = sys.argv[1:]
    question = arguments[0] if arguments else "ready"
    port = arguments[1] if len(arguments) > 1 else os.environ.get("THETAFLOW_HEALTH_PORT") or str(DEFAULT_PORT)
    ok, text = probe(question, int(port))
    sys.stdout.write(f"{text}\n")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
