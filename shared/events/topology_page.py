"""The reference of topics and services: `python -m shared.events.topology_page > docs/topology.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from shared.events.topology import SERVICE_INPUTS, SERVICES, TOPICS, ServiceRow, TopicRow, looked_at_by, produced_by

_TOPIC_HEAD = (
    "| topic | events | producers | consumer groups | followers | entries kept | key |\n|---|---|---|---|---|---|---|"
)
_SERVICE_HEAD = "| service | handles | may look at | writes | keeps beside its streams | replay waits for it |\n|---|---|---|---|---|---|"


def topology_page() -> str:
    """Write the reference as Markdown: topics in the table's order, then services."""
    topics, services = "\n".join(map(_topic, TOPICS)), "\n".join(map(_service, SERVICES))
    return (
        "# Topology\n\n"
        "Written by `python -m shared.events.topology_page > docs/topology.md`; edit the table in\n"
        "`shared/events/topology.py`. Routing, consumer groups, trimming and each service's rights on the broker follow from it.\n\n"
        "A *consumer group* handles every entry in order and commits; nothing is trimmed that it has not finished. A *follower*\n"
        "reads without a group. A new topic is a name in `Topic` and a row in `TOPICS`; a new process is a row in `SERVICES`.\n\n"
        f"## Topics\n\n{_TOPIC_HEAD}\n{topics}\n\n## Services\n\n{_SERVICE_HEAD}\n{services}\n"
    )


def _topic(row: TopicRow) -> str:
    kept = "until deleted by hand" if row.keep is None else f"{row.keep:,}"
    kinds = ", ".join(kind.__name__ for kind in row.events)
    return _line(f"`{row.topic}`", kinds, *map(_names, (row.producers, row.readers, row.followers)), kept, row.key)


def _service(row: ServiceRow) -> str:
    kept = [f"memory of what `{producer}` published" for producer in row.publishes_as]
    if row.handles:
        kept.insert(0, "leases, checkpoints, positions, replicas")
    if row.holds:
        kept.append("a hold on trimming")
    follows = ("everything",) if row.reads_all else looked_at_by(row)
    handled = SERVICE_INPUTS.get(row.name, ())
    written = produced_by(row.name)
    waits = "yes" if row.decides else ""
    return _line(row.name, *map(_names, (handled, follows, written, kept)), waits)


def _names(names: Iterable[str]) -> str:
    return ", ".join(names)


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    sys.stdout.write(topology_page())
