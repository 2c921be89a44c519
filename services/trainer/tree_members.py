"""Fitting the tree members: a random forest, served in XGBoost's format, and gradient boosting.

Weights are average uniquenesses, so their sum is the number of independent samples there really are; the least
weight of a leaf is counted in those.
"""

from __future__ import annotations

import json

import numpy as np
import xgboost
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

from shared.learning.ensemble import FOREST_SCALE
from shared.learning.trees import TreeEnsemble

Floats = NDArray[np.float64]

_HALF = 0.5
_FEWEST_ROWS = 200


def fit_forest(
    values: Floats, labels: Floats, weights: Floats, *, trees: int, depth: int, leaf: float, seed: int
) -> tuple[TreeEnsemble, RandomForestClassifier]:
    """Fit a scikit-learn forest and convert it; the original is given too, for comparison.

    Args:
        values: shape (rows, features), NaN where missing.
        labels: 0 or 1, shape (rows,).
        weights: uniqueness, shape (rows,).
        trees: how many.
        depth: levels at most.
        leaf: least weight of a leaf, in independent samples.
        seed: of the bootstrap and the features tried.
    """
    forest = RandomForestClassifier(
        n_estimators=trees,
        max_depth=depth,
        min_weight_fraction_leaf=min(leaf / float(weights.sum()), 0.3),
        max_features=0.25,
        # Each tree draws about twice as many rows as there are independent ones: more would repeat what it has seen.
        max_samples=min(labels.size, max(int(2.0 * float(weights.sum())), _FEWEST_ROWS)),
        random_state=seed,
        n_jobs=1,
    )
    forest.fit(values.astype(np.float32), labels.astype(np.int64), sample_weight=weights)
    return TreeEnsemble(forest_as_booster(forest, values.shape[1]), scale=FOREST_SCALE, shift=_HALF), forest


def forest_as_booster(forest: RandomForestClassifier, features: int) -> xgboost.Booster:
    """Write a binary scikit-learn forest as an XGBoost model whose margin is the share of class 1.

    Every threshold becomes the next float32 above, as one splits by `<=` and the other by `<`; a leaf's value is its
    share over the number of trees; covers are the training weights, so TreeSHAP sees the same averages.
    """
    frame = xgboost.train(
        {"objective": "reg:squarederror", "base_score": 0.0, "nthread": 1, "max_depth": 1},
        xgboost.DMatrix(np.zeros((1, features), dtype=np.float32), np.zeros(1), nthread=1),
        num_boost_round=1,
    )
    model = json.loads(frame.save_raw("json"))
    gbtree = model["learner"]["gradient_booster"]["model"]
    positive = int(np.argmax(forest.classes_ == 1)) if 1 in forest.classes_ else -1
    trees = [
        _tree(estimator.tree_, number, positive, len(forest.estimators_), features)
        for number, estimator in enumerate(forest.estimators_)
    ]
    gbtree["trees"] = trees
    gbtree["tree_info"] = [0] * len(trees)
    gbtree["iteration_indptr"] = list(range(len(trees) + 1))
    gbtree["gbtree_model_param"] = {"num_parallel_tree": "1", "num_trees": str(len(trees))}
    booster = xgboost.Booster(params={"nthread": 1})
    booster.load_model(bytearray(json.dumps(model).encode()))
    return booster


def fit_booster(
    values: Floats,
    labels: Floats,
    weights: Floats,
    *,
    held_out: NDArray[np.bool_],
    rounds: int,
    depth: int,
    rate: float,
    leaf: float,
    seed: int,
) -> TreeEnsemble:
    """Fit boosted trees, as many as serve the held-out stretch best, then again on all rows.

    Args:
        values: shape (rows, features), NaN where missing.
        labels: 0 or 1, shape (rows,).
        weights: uniqueness, shape (rows,).
        held_out: the last stretch in time, shape (rows,); rows that overlap it must have weight 0 or be absent.
        rounds: at most.
        depth: levels.
        rate: learning rate.
        leaf: least weight of a leaf, in independent samples.
        seed: of row and feature sampling.
    """
    parameters = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "tree_method": "hist",
        "max_bin": 64,
        "max_depth": depth,
        "eta": rate,
        "min_child_weight": leaf / 4.0,  # the hessian of one sample is at most a quarter
        "lambda": 5.0,
        "subsample": 0.6,
        "colsample_bytree": 0.5,
        "seed": seed,
        "nthread": 1,
    }
    data = values.astype(np.float32)

    def matrix(rows: NDArray[np.bool_]) -> xgboost.DMatrix:
        return xgboost.DMatrix(data[rows], labels[rows], weight=weights[rows], nthread=1)

    trial = xgboost.train(
        parameters,
        matrix(~held_out),
        num_boost_round=rounds,
        evals=[(matrix(held_out), "held_out")],
        early_stopping_rounds=25,
        verbose_eval=False,
    )
    best = max(int(trial.best_iteration) + 1, 5)
    return TreeEnsemble(xgboost.train(parameters, matrix(np.ones(labels.size, dtype=bool)), num_boost_round=best))


def _tree(tree: object, number: int, positive: int, count: int, features: int) -> dict[str, object]:
    left = np.asarray(tree.children_left)  # type: ignore[attr-defined]  # scikit-learn's Tree has no stubs
    right = np.asarray(tree.children_right)  # type: ignore[attr-defined]  # the same
    feature = np.asarray(tree.feature)  # type: ignore[attr-defined]  # the same
    threshold = np.asarray(tree.threshold)  # type: ignore[attr-defined]  # the same
    cover = np.asarray(tree.weighted_n_node_samples)  # type: ignore[attr-defined]  # the same
    missing_left = np.asarray(tree.missing_go_to_left)  # type: ignore[attr-defined]  # the same
    shares = np.asarray(tree.value)[:, 0, :]  # type: ignore[attr-defined]  # the same
    value = (shares[:, positive] / shares.sum(axis=1) if positive >= 0 else np.zeros(left.size)) / count
    # XGBoost lays siblings side by side and its TreeSHAP counts on it; scikit-learn numbers nodes depth first.
    order = _siblings_together(left, right)
    place = np.empty_like(order)
    place[order] = np.arange(order.size)
    left, right = left[order], right[order]
    leaf = left < 0
    left, right = np.where(leaf, -1, place[left]), np.where(leaf, -1, place[right])
    feature, cover, missing_left, value = feature[order], cover[order], missing_left[order], value[order]
    conditions = np.where(leaf, value, _just_above(threshold[order]))
    nodes = left.size
    parents = np.full(nodes, 2147483647)
    parents[left[~leaf]] = np.flatnonzero(~leaf)
    parents[right[~leaf]] = np.flatnonzero(~leaf)
    return {
        "base_weights": value.tolist(),
        "categories": [],
        "categories_nodes": [],
        "categories_segments": [],
        "categories_sizes": [],
        "default_left": missing_left.astype(int).tolist(),
        "id": number,
        "left_children": left.tolist(),
        "loss_changes": [0.0] * nodes,
        "parents": parents.tolist(),
        "right_children": right.tolist(),
        "split_conditions": conditions.tolist(),
        "split_indices": np.where(leaf, 0, feature).tolist(),
        "split_type": [0] * nodes,
        "sum_hessian": cover.tolist(),
        "tree_param": {
            "num_deleted": "0",
            "num_feature": str(features),
            "num_nodes": str(nodes),
            "size_leaf_vector": "1",
        },
    }


def _siblings_together(left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order nodes breadth first, so that a right child follows its left sibling."""
    order = [0]
    for node in order:
        if left[node] >= 0:
            order += [int(left[node]), int(right[node])]
    return np.array(order, dtype=np.int64)


def _just_above(threshold: Floats) -> Floats:
    """Give the smallest float32 above each threshold: x <= t for a float32 x says x < that."""
    nearest = threshold.astype(np.float32)
    below = np.where(nearest.astype(np.float64) > threshold, np.nextafter(nearest, np.float32(-np.inf)), nearest)
    return np.nextafter(below, np.float32(np.inf)).astype(np.float64)
