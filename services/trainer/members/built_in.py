"""The built-in members as they are fitted; `shared.models.member_kinds` reads them back."""

from __future__ import annotations

from dataclasses import dataclass

from services.trainer.members.linear import fit_linear
from services.trainer.members.lstm import LstmSettings, fit_lstm
from services.trainer.members.tree_members import fit_booster, fit_forest
from shared.models.linear import LinearMember
from shared.models.member import Lesson
from shared.models.recurrent import LstmMember
from shared.models.trees import TreeMember


@dataclass(frozen=True, slots=True)
class ForestKind:
    """A random forest of both sides.

    Attributes:
        trees, depth: how many, and levels of each.
        leaf: least weight of a leaf in independent samples.
    """

    trees: int
    depth: int
    leaf: float
    name: str = "forest"

    def fit(self, lesson: Lesson) -> TreeMember:
        """Fit one forest; sides share their splits."""
        forests, _ = fit_forest(
            lesson.values,
            lesson.labels,
            lesson.weights,
            trees=self.trees,
            depth=self.depth,
            leaf=self.leaf,
            seed=lesson.seed,
        )
        return TreeMember(self.name, forests)


@dataclass(frozen=True, slots=True)
class BoosterKind:
    """Boosted trees, each side for itself.

    Attributes:
        rounds, depth, rate: at most so many trees, their levels, and the pace.
        leaf: least weight of a leaf in independent samples.
    """

    rounds: int
    depth: int
    rate: float
    leaf: float
    name: str = "booster"

    def fit(self, lesson: Lesson) -> TreeMember:
        """Fit both sides."""
        values = lesson.values
        sides = (
            fit_booster(
                values,
                lesson.labels[:, side],
                lesson.weights,
                days=lesson.days,
                rounds=self.rounds,
                depth=self.depth,
                rate=self.rate,
                leaf=self.leaf,
                seed=lesson.seed + side,
            )
            for side in range(lesson.labels.shape[1])
        )
        return TreeMember(self.name, tuple(sides))


@dataclass(frozen=True, slots=True)
class LstmKind:
    """A small recurrent network over the last vectors of the session; the late days say when it stops.

    Attributes:
        settings: size and pace.
    """

    settings: LstmSettings
    name: str = "lstm"

    def fit(self, lesson: Lesson) -> LstmMember:
        """Train it on what was known before the late days."""
        kept = lesson.kept
        model = fit_lstm(
            lesson.batch.pool,
            lesson.batch.windows(self.settings.length)[kept],
            lesson.labels[kept],
            lesson.weights[kept],
            scaler=lesson.frame.scaler,
            used=lesson.used,
            held_out=lesson.late[kept],
            seed=lesson.seed,
            settings=self.settings,
        )
        return LstmMember(model)


@dataclass(frozen=True, slots=True)
class LinearKind:
    """Logistic regression of both sides; stretches of days choose its penalty."""

    name: str = "linear"

    def fit(self, lesson: Lesson) -> LinearMember:
        """Fit both sides."""
        model = fit_linear(lesson.scaled, lesson.labels, lesson.weights, lesson.days, lesson.used)
        return LinearMember(lesson.frame.scaler, model)
