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

from shared.models.trees import FOREST_SCALE, FOREST_SHIFT, TreeEnsemble

Floats = NDArray[np.float64]

_FEWEST_ROWS = 200
_STRETCHES = 3
_FEWEST_ROUNDS = 5
_SHRINKAGE = 3.0
"""A leaf's step is divided by one and this share of the least leaf over its hessian: small leaves take small steps."""


def fit_forest(
    values: Floats, labels: Floats, weights: Floats, *, trees: int, depth: int, leaf: float, seed: int
) -> tuple[tuple[TreeEnsemble, ...], RandomForestClassifier]:
    """Fit one scikit-learn forest for all sides and convert it side by side; the original is given too.

    Sides share their splits: what parts the outcomes of selling a put and of selling a call at once is less often an
    accident than what parts one of them.

    Args:
        values: shape (rows, features), NaN where missing.
        labels: 0 or 1, shape (rows, sides).
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
        max_samples=min(labels.shape[0], max(int(2.0 * float(weights.sum())), _FEWEST_ROWS)),
        random_state=seed,
        n_jobs=1,
    )
    asked = labels.astype(np.int64)
    forest.fit(values.astype(np.float32), asked[:, 0] if asked.shape[1] == 1 else asked, sample_weight=weights)
    boosters = (forest_as_booster(forest, values.shape[1], side) for side in range(labels.shape[1]))
    return tuple(TreeEnsemble(booster, scale=FOREST_SCALE, shift=FOREST_SHIFT) for booster in boosters), forest


def forest_as_booster(forest: RandomForestClassifier, features: int, side: int) -> xgboost.Booster:
    """Write one side of a scikit-learn forest of yes and no as an XGBoost model whose margin is the share of yes.

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
    classes = forest.classes_ if forest.n_outputs_ == 1 else forest.classes_[side]
    positive = int(np.argmax(classes == 1)) if 1 in classes else -1
    trees = [
        _tree(estimator.tree_, number, side, positive, len(forest.estimators_), features)
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
    days: NDArray[np.int64],
    rounds: int,
    depth: int,
    rate: float,
    leaf: float,
    seed: int,
) -> TreeEnsemble:
    """Fit boosted trees: as many as serve stretches of days best that are forecast from the others.

    Args:
        values: shape (rows, features), NaN where missing.
        labels: 0 or 1, shape (rows,).
        weights: uniqueness, shape (rows,).
        days: ordinals, ascending, shape (rows,); no label outlives its day.
        rounds: at most.
        depth: levels.
        rate: learning rate.
        leaf: least weight of a leaf, in independent samples; shrinkage grows with it.
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
        "lambda": _SHRINKAGE * leaf,
        "subsample": 0.4,
        "colsample_bytree": 0.1,
        "seed": seed,
        "nthread": 1,
    }
    data = xgboost.DMatrix(values.astype(np.float32), labels, weight=weights, nthread=1)
    every = np.arange(labels.size)
    stretches = [np.isin(days, part) for part in np.array_split(np.unique(days), _STRETCHES) if part.size]
    tried = xgboost.cv(
        parameters,
        data,
        num_boost_round=rounds,
        folds=[(every[~out], every[out]) for out in stretches],
        as_pandas=False,
    )
    best = int(np.argmin(tried["test-logloss-mean"])) + 1
    return TreeEnsemble(xgboost.train(parameters, data, num_boost_round=max(best, _FEWEST_ROUNDS)))


def _tree(tree: object, number: int, side: int, positive: int, count: int, features: int) -> dict[str, object]:
    left = np.asarray(tree.children_left)  # type: ignore[attr-defined]  # scikit-learn's Tree has no stubs
    right = np.asarray(tree.children_right)  # type: ignore[attr-defined]  # the same
    feature = np.asarray(tree.feature)  # type: ignore[attr-defined]  # the same
    threshold = np.asarray(tree.threshold)  # type: ignore[attr-defined]  # the same
    cover = np.asarray(tree.weighted_n_node_samples)  # type: ignore[attr-defined]  # the same
    missing_left = np.asarray(tree.missing_go_to_left)  # type: ignore[attr-defined]  # the same
    shares = np.asarray(tree.value)[:, side, :]  # type: ignore[attr-defined]  # the same
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
