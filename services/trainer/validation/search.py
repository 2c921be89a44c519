"""Search for a better plan, off by default: on days before the first judged one, each trial counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import optuna

from services.trainer.dataset.samples import TrainingSamples
from services.trainer.members.fitting import TrainingPlan
from services.trainer.metrics import log_loss
from services.trainer.validation.forecasting import Progress, forecast_walk_forward

_FOLDS = 3


def search_plan(
    samples: TrainingSamples, plan: TrainingPlan, trials: int, progress: Progress
) -> tuple[TrainingPlan, tuple[TrainingPlan, ...]]:
    """Give the plan with the least walk-forward log loss on the early days, and every plan that was tried.

    The days of the first stretch and before are never judged, so what is chosen on them is not chosen on what it is
    judged by.

    Args:
        samples: all of them.
        plan: where the search begins; its folds and seed stay.
        trials: how many plans to try.
        progress: told of each trial.

    Raises:
        NoTrainingDataError: the early days are too few to learn from.
    """
    days = np.unique(samples.day[samples.labelled])
    unjudged = plan.min_train + (1.0 - plan.min_train) / plan.folds
    early = samples.take(samples.day <= days[max(int(days.size * unjudged) - 1, 0)])
    tried: list[TrainingPlan] = []

    def loss_of(trial: optuna.Trial) -> float:
        progress("search", trial.number, trials)
        chosen = replace(
            plan,
            forest_leaf=trial.suggest_float("forest_leaf", 30.0, 300.0, log=True),
            booster_leaf=trial.suggest_float("booster_leaf", 20.0, 150.0, log=True),
            forest_depth=trial.suggest_int("forest_depth", 3, 9),
            booster_depth=trial.suggest_int("booster_depth", 1, 4),
            rate=trial.suggest_float("rate", 0.03, 0.2, log=True),
            lstm=replace(
                plan.lstm,
                hidden=trial.suggest_categorical("hidden", (8, 16, 32)),
                dropout=trial.suggest_float("dropout", 0.0, 0.5),
            ),
        )
        tried.append(chosen)
        forecasts = forecast_walk_forward(early, replace(chosen, folds=_FOLDS), lambda *_: None)
        at = forecasts.judged
        labels, probability = early.pays[forecasts.rows[at]], forecasts.probability[at]
        return log_loss(labels.ravel(), probability.ravel())

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=plan.seed))
    study.optimize(loss_of, n_trials=trials, n_jobs=1)
    return tried[study.best_trial.number], tuple(tried)
