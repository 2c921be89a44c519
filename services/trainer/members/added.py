"""Members beyond the built-in ones: found by name, fitted, and held to what a decision will ask of them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import numpy as np

from shared.errors import BadInputError, ThetaflowError
from shared.ids import content_hash
from shared.models.ensemble import member_outputs
from shared.models.member import Lesson, MemberKind, ServedMember
from shared.models.member_kinds import added_kinds, model_members

_TRIED = 16
_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True)
class ProvenKind:
    """An added kind whose members are tried before they are believed.

    Attributes:
        kind: the user's.
    """

    kind: MemberKind

    @property
    def name(self) -> str:
        """Name of the kind."""
        return self.kind.name

    def fit(self, lesson: Lesson) -> ServedMember:
        """Fit a member and ask what was read back of it as a decision will: one vector, and nothing that comes later.

        Raises:
            NoTrainingDataError: it says that there is too little to learn from.
            BadInputError: it fails, or says otherwise of a vector alone than among others.
        """
        where = f"model member {self.name!r}"
        try:
            member = self.kind.fit(lesson)
            served = self.kind.load(dict(member.arrays()), lesson.frame)
            found = (served.name, served.lookback >= 1)
        except ThetaflowError:
            raise
        except Exception as error:
            raise BadInputError("a member that can be fitted", f"{type(error).__name__}: {error}", where) from error
        if found != (self.name, True):
            raise BadInputError("its name and a lookback of 1 or more", (served.name, served.lookback), where)
        some = np.unique(np.linspace(0, len(lesson.batch) - 1, _TRIED).astype(np.int64))
        among = member_outputs([member], lesson.batch.take(some))[..., 0]
        alone = [member_outputs([served], lesson.batch.alone(int(at), served.lookback))[0, :, 0] for at in some]
        apart = np.abs(among - np.stack(alone))
        if (apart > _TOLERANCE * (1.0 + np.abs(among))).any():
            raise BadInputError("the same of a vector alone, read back, as among others", float(apart.max()), where)
        return member


def proven_kinds(references: Iterable[str]) -> tuple[ProvenKind, ...]:
    """Find the members that a plan adds.

    Raises:
        PluginError: there is no such member, it cannot be used, or its name is none or is taken.
    """
    # The registry looked for `fit`; the port on the serving side does not ask for it.
    return tuple(ProvenKind(cast("MemberKind", kind)) for kind in added_kinds(references).values())


def code_of_members(references: Iterable[str]) -> str:
    """Tell one state of the members' code from another; empty where none is added."""
    registry = model_members()
    prints = [registry.fingerprint(reference) for reference in references]
    return content_hash("\n".join(prints).encode()) if prints else ""
