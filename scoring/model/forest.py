"""Trees of depth at most three, held as integers and read by one compiled function.

LightGBM learns them; after that nothing here needs it. Every tree is laid out as a full binary tree of seven
splits and eight leaves, a leaf is an integer number of millionths of log-odds, so a subject's total is an exact
integer sum, the same in any order and on any machine.

Reading one value at a split: known values go left when `value <= threshold`; a missing value goes where learning
sent missing values; a missing value in a column that had none while learning *says nothing*: both branches are
taken in the proportion of the training rows, so such a column contributes exactly zero.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from scoring.model.errors import ModelError

MICRO = 1_000_000  # millionths of log-odds in one unit of log-odds
DEPTH = 3
SPLITS: int = 2**DEPTH - 1
LEAVES: int = 2**DEPTH
NO_SPLIT = -1


@dataclass(frozen=True)
class Forest:
    """feature (trees, 7) int32, -1 for no split; threshold (trees, 7) float64; missing_left (trees, 7) bool;
    leaf (trees, 8) int64 in millionths of log-odds; cover (trees, 8) int64 training rows in each leaf;
    missing_seen (columns,) bool: was a missing value ever seen in this column while learning.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    missing_left: NDArray[np.bool_]
    leaf: NDArray[np.int64]
    cover: NDArray[np.int64]
    missing_seen: NDArray[np.bool_]

    @property
    def trees(self) -> int:
        return int(self.leaf.shape[0])

    def expected(self) -> int:
        """The mean total over the training rows, rounded: where an unknown subject starts, in millionths."""
        rows = np.maximum(self.cover.sum(axis=1), 1)
        return int(np.rint(((self.leaf * self.cover).sum(axis=1) / rows).sum()))

    def totals(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """(rows,) total of each row of encoded values (rows, columns), in millionths of log-odds."""
        values = np.ascontiguousarray(values)
        out = np.zeros(len(values), dtype=np.int64)
        split = self.feature != NO_SPLIT
        _compiled_known(
            values,
            np.where(split, self.feature, 0),
            np.where(split, self.threshold, np.inf),
            np.where(split, self.missing_left, True),
            self.leaf,
            out,
        )
        # Where a column that was never missing is missing, both branches count in proportion.
        silent = np.flatnonzero((np.isnan(values) & ~self.missing_seen).any(axis=1))
        if len(silent):
            _compiled_silent(
                values[silent], self.feature, self.threshold, self.missing_left, self.leaf,
                left_shares(self.cover), self.missing_seen, silent, out,
            )  # fmt: skip
        return out

    def contributions(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """(rows, columns + 1) exact TreeSHAP in whole millionths; the last column is the start, `expected()`.

        Shapley values are fractions; the largest remainder method makes them integers whose sum is the total.
        """
        shares = np.zeros((len(values), values.shape[1]), dtype=np.float64)
        _compiled_contributions(
            np.ascontiguousarray(values), self.feature, self.threshold, self.missing_left, self.leaf,
            left_shares(self.cover), self.missing_seen, shares,
        )  # fmt: skip
        start = self.expected()
        whole = share_out(shares, self.totals(values) - start)
        return np.column_stack([whole, np.full(len(values), start, dtype=np.int64)])


def share_out(shares: NDArray[np.float64], totals: NDArray[np.int64]) -> NDArray[np.int64]:
    """Round each row of `shares` to integers that sum to its total: largest remainder, ties to the earlier column.

    The float sum of a row is within rounding of its total; what is left over or missing after rounding down
    goes, one unit each, to the columns with the largest remainders. A share of exactly zero stays zero, unless
    the whole row is zero and the total is not.
    """
    floor = np.floor(shares).astype(np.int64)
    takes_part = shares != 0
    takes_part[~takes_part.any(axis=1)] = True
    order = np.argsort(np.where(takes_part, floor - shares, 1.0), axis=1, kind="stable")
    left_over = totals - floor.sum(axis=1)
    everyone, extra = np.divmod(left_over, takes_part.sum(axis=1))
    place = np.empty_like(order)
    np.put_along_axis(place, order, np.broadcast_to(np.arange(shares.shape[1]), order.shape), axis=1)
    whole: NDArray[np.int64] = floor + takes_part * everyone[:, None] + (place < extra[:, None])
    return whole


def left_shares(cover: NDArray[np.int64]) -> NDArray[np.float64]:
    """(trees, 7) share of a node's training rows that went left; 1.0 where nobody came."""
    shares = np.ones((len(cover), SPLITS), dtype=np.float64)
    below = cover.astype(np.float64)
    for level in range(DEPTH - 1, -1, -1):
        pairs = below.reshape(len(cover), -1, 2)
        below = pairs.sum(axis=2)
        first = 2**level - 1
        with np.errstate(invalid="ignore", divide="ignore"):
            shares[:, first : first + 2**level] = np.where(below > 0, pairs[:, :, 0] / below, 1.0)
    return shares


def count_cover(forest: Forest, values: NDArray[np.float64]) -> NDArray[np.int64]:
    """(trees, 8) how many of the given rows end in each leaf."""
    cover = np.zeros(forest.leaf.shape, dtype=np.int64)
    _compiled_cover(np.ascontiguousarray(values), forest.feature, forest.threshold, forest.missing_left, cover)
    return cover


def forest_from_boosters(
    dumps: Sequence[Mapping[str, Any]], *, slope: float, missing_seen: NDArray[np.bool_]
) -> Forest:
    """Lay out the trees of several LightGBM models as one forest, each model with equal weight.

    dumps: `Booster.dump_model()` of each. slope: calibration factor, folded into the leaves.
    The cover is left at zero; fill it with `count_cover`. Raises ModelError for a tree deeper than three.
    """
    trees = [tree["tree_structure"] for dump in dumps for tree in dump["tree_info"]]
    feature = np.full((len(trees), SPLITS), NO_SPLIT, dtype=np.int32)
    threshold = np.zeros((len(trees), SPLITS), dtype=np.float64)
    missing_left = np.zeros((len(trees), SPLITS), dtype=np.bool_)
    leaf = np.zeros((len(trees), LEAVES), dtype=np.int64)
    weight = slope * MICRO / len(dumps)

    def lay_out(tree: int, node: int, structure: Mapping[str, Any]) -> None:
        if "leaf_value" in structure and "split_feature" not in structure:
            value = int(np.rint(structure["leaf_value"] * weight))
            first, width = node, 1
            while first < SPLITS:  # a shallow leaf owns every place below it
                first, width = 2 * first + 1, 2 * width
            leaf[tree, first - SPLITS : first - SPLITS + width] = value
            return
        if node >= SPLITS:
            raise ModelError("树的深度超过 3 层，无法给出逐项精确解释。")
        if structure["decision_type"] != "<=":
            raise ModelError("只支持数值切分的树；类别列应先按结果编码。")
        feature[tree, node] = structure["split_feature"]
        threshold[tree, node] = structure["threshold"]
        missing_left[tree, node] = structure["default_left"]
        lay_out(tree, 2 * node + 1, structure["left_child"])
        lay_out(tree, 2 * node + 2, structure["right_child"])

    for tree, structure in enumerate(trees):
        lay_out(tree, 0, structure)
    return Forest(feature, threshold, missing_left, leaf, np.zeros(leaf.shape, np.int64), missing_seen)


def joined(forests: Sequence[Forest]) -> Forest:
    """One forest whose total is the sum of the totals; all read the same columns."""
    return Forest(
        np.concatenate([forest.feature for forest in forests]),
        np.concatenate([forest.threshold for forest in forests]),
        np.concatenate([forest.missing_left for forest in forests]),
        np.concatenate([forest.leaf for forest in forests]),
        np.concatenate([forest.cover for forest in forests]),
        forests[0].missing_seen,
    )


def columns_against(forest: Forest, directions: NDArray[np.int8]) -> set[int]:
    """The columns in which some tree moves against its declared direction: a proof, not a sample.

    A tree is piecewise constant. It respects a direction if for every two of its leaves that some subject could
    swap between by changing that one column alone (their boxes overlap in all other columns) the values are in
    order; a sum of such trees respects it too. Missing values have no place in an order and are left aside.
    """
    return set().union(*_against(forest, directions).values())


def without_trees_against(forest: Forest, directions: NDArray[np.int8]) -> Forest:
    """The forest without the trees that move against a direction; what is left of the sum respects them all.

    LightGBM builds such a tree now and then where another column is missing, whatever method it is asked to
    bound leaves with: one in thousands, so that nothing is missed.
    """
    broken = _against(forest, directions)
    kept = np.array([tree not in broken for tree in range(forest.trees)], dtype=np.bool_)
    return Forest(
        forest.feature[kept],
        forest.threshold[kept],
        forest.missing_left[kept],
        forest.leaf[kept],
        forest.cover[kept],
        forest.missing_seen,
    )


def _against(forest: Forest, directions: NDArray[np.int8]) -> dict[int, set[int]]:
    """By tree that moves against a direction, the columns in which it does."""
    against: dict[int, set[int]] = {}
    for tree in range(forest.trees):
        used = sorted({int(f) for f in forest.feature[tree] if f != NO_SPLIT})
        if not any(directions[f] for f in used):
            continue
        boxes = _leaf_boxes(forest, tree, used)
        for column in used:
            if directions[column] and _moves_against(boxes, used, column, int(directions[column])):
                against.setdefault(tree, set()).add(column)
    return against


_Box = tuple[dict[int, tuple[float, float, bool]], int]


def _leaf_boxes(forest: Forest, tree: int, used: Sequence[int]) -> list[_Box]:
    """Each reachable leaf as ({column: (low, high, takes missing)}, value); a box holds low < x <= high."""
    boxes: list[_Box] = []

    def walk(node: int, box: dict[int, tuple[float, float, bool]]) -> None:
        if node >= SPLITS:
            boxes.append((box, int(forest.leaf[tree, node - SPLITS])))
            return
        column = int(forest.feature[tree, node])
        if column == NO_SPLIT:
            walk(2 * node + 1, box)
            return
        cut, left = float(forest.threshold[tree, node]), bool(forest.missing_left[tree, node])
        low, high, missing = box[column]
        if low < min(high, cut) or (missing and left):
            walk(2 * node + 1, {**box, column: (low, min(high, cut), missing and left)})
        if max(low, cut) < high or (missing and not left):
            walk(2 * node + 2, {**box, column: (max(low, cut), high, missing and not left)})

    walk(0, {f: (-np.inf, np.inf, bool(forest.missing_seen[f])) for f in used})
    return boxes


def _moves_against(boxes: Sequence[_Box], used: Sequence[int], column: int, direction: int) -> bool:
    for one, one_value in boxes:
        for two, two_value in boxes:
            # Two leaves that meet in every other column are apart in this one, since a row ends in one leaf only.
            lower_end, higher_start = one[column][1], two[column][0]
            if lower_end > higher_start or direction * (two_value - one_value) >= 0:
                continue
            if all(_meet(one[other], two[other]) for other in used if other != column):
                return True
    return False


def _meet(a: tuple[float, float, bool], b: tuple[float, float, bool]) -> bool:
    return max(a[0], b[0]) < min(a[1], b[1]) or (a[2] and b[2])


def _walk(
    row: NDArray[np.float64],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float64],
    missing_left: NDArray[np.bool_],
) -> int:
    """The leaf (0..7) where one row ends in one tree; every missing value follows the learned branch."""
    node = 0
    while node < SPLITS:
        column = feature[node]
        if column == NO_SPLIT:
            node = 2 * node + 1
            continue
        value = row[column]
        left = missing_left[node] if np.isnan(value) else value <= threshold[node]
        node = 2 * node + 1 if left else 2 * node + 2
    return node - SPLITS


_compiled_walk = njit(cache=True)(_walk)


def _cover(
    values: NDArray[np.float64],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float64],
    missing_left: NDArray[np.bool_],
    cover: NDArray[np.int64],
) -> None:
    for tree in range(feature.shape[0]):
        for row in range(values.shape[0]):
            cover[tree, _compiled_walk(values[row], feature[tree], threshold[tree], missing_left[tree])] += 1


_compiled_cover = njit(cache=True)(_cover)


_BLOCK = 256


def _known(
    values: NDArray[np.float64],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float64],
    missing_left: NDArray[np.bool_],
    leaf: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Totals of rows in blocks, tree by tree: no branches, so that a processor takes several rows at once."""
    rows, columns = values.shape
    block = np.empty((columns, _BLOCK), dtype=np.float64)
    for start in range(0, rows, _BLOCK):
        n = min(_BLOCK, rows - start)
        for row in range(n):
            for column in range(columns):
                block[column, row] = values[start + row, column]
        for tree in range(feature.shape[0]):
            x0, t0, m0 = block[feature[tree, 0]], threshold[tree, 0], not missing_left[tree, 0]
            x1, t1, m1 = block[feature[tree, 1]], threshold[tree, 1], not missing_left[tree, 1]
            x2, t2, m2 = block[feature[tree, 2]], threshold[tree, 2], not missing_left[tree, 2]
            x3, t3, m3 = block[feature[tree, 3]], threshold[tree, 3], not missing_left[tree, 3]
            x4, t4, m4 = block[feature[tree, 4]], threshold[tree, 4], not missing_left[tree, 4]
            x5, t5, m5 = block[feature[tree, 5]], threshold[tree, 5], not missing_left[tree, 5]
            x6, t6, m6 = block[feature[tree, 6]], threshold[tree, 6], not missing_left[tree, 6]
            leaves = leaf[tree]
            for row in range(n):
                right0 = (x0[row] > t0) | ((x0[row] != x0[row]) & m0)
                right1 = (x1[row] > t1) | ((x1[row] != x1[row]) & m1)
                right2 = (x2[row] > t2) | ((x2[row] != x2[row]) & m2)
                right3 = (x3[row] > t3) | ((x3[row] != x3[row]) & m3)
                right4 = (x4[row] > t4) | ((x4[row] != x4[row]) & m4)
                right5 = (x5[row] > t5) | ((x5[row] != x5[row]) & m5)
                right6 = (x6[row] > t6) | ((x6[row] != x6[row]) & m6)
                if_left = 2 + right4 if right1 else 0 + right3
                if_right = 6 + right6 if right2 else 4 + right5
                out[start + row] += leaves[if_right if right0 else if_left]


_compiled_known = njit(cache=True, nogil=True)(_known)


def _silent(
    values: NDArray[np.float64],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float64],
    missing_left: NDArray[np.bool_],
    leaf: NDArray[np.int64],
    share: NDArray[np.float64],
    missing_seen: NDArray[np.bool_],
    place: NDArray[np.int64],
    out: NDArray[np.int64],
) -> None:
    """Totals of rows in which a column says nothing, written to their `place` in `out`."""
    weight = np.empty(2 * SPLITS + 1, dtype=np.float64)
    for row in range(values.shape[0]):
        mean = 0.0
        for tree in range(feature.shape[0]):
            # Push the weight of one subject down both branches wherever the column says nothing.
            weight[0] = 1.0
            for node in range(SPLITS):
                column = feature[tree, node]
                if column == NO_SPLIT:
                    to_left = 1.0
                elif np.isnan(values[row, column]):
                    if not missing_seen[column]:
                        to_left = share[tree, node]
                    else:
                        to_left = 1.0 if missing_left[tree, node] else 0.0
                else:
                    to_left = 1.0 if values[row, column] <= threshold[tree, node] else 0.0
                weight[2 * node + 1] = weight[node] * to_left
                weight[2 * node + 2] = weight[node] * (1.0 - to_left)
            for at in range(LEAVES):
                mean += weight[SPLITS + at] * leaf[tree, at]
        out[place[row]] = np.int64(np.rint(mean))


_compiled_silent = njit(cache=True, nogil=True)(_silent)


def _contributions(
    values: NDArray[np.float64],
    feature: NDArray[np.int32],
    threshold: NDArray[np.float64],
    missing_left: NDArray[np.bool_],
    leaf: NDArray[np.int64],
    share: NDArray[np.float64],
    missing_seen: NDArray[np.bool_],
    out: NDArray[np.float64],
) -> None:
    """Exact path-dependent Shapley values, leaf by leaf.

    To one leaf a tree of depth three is a product over the at most three distinct columns on its path: for each,
    `with_it` (1 when the row follows the path, else 0) if the column is known, `without` (the share of training
    rows that follow) if not. The Shapley value of a product of one, two or three factors has a closed form.
    """
    who = np.empty(DEPTH, dtype=np.int64)
    with_it = np.empty(DEPTH, dtype=np.float64)
    without = np.empty(DEPTH, dtype=np.float64)
    for row in range(values.shape[0]):
        for tree in range(feature.shape[0]):
            for at in range(LEAVES):
                value = float(leaf[tree, at])
                if value == 0.0:
                    continue
                players = 0
                node = 0
                reachable = True
                for level in range(DEPTH):
                    goes_left = ((at >> (DEPTH - 1 - level)) & 1) == 0
                    column = feature[tree, node]
                    if column == NO_SPLIT:
                        reachable = reachable and goes_left
                    else:
                        follow = share[tree, node] if goes_left else 1.0 - share[tree, node]
                        cell = values[row, column]
                        if np.isnan(cell):
                            if missing_seen[column]:
                                known = 1.0 if missing_left[tree, node] == goes_left else 0.0
                            else:
                                known = follow
                        else:
                            known = 1.0 if (cell <= threshold[tree, node]) == goes_left else 0.0
                        found = -1
                        for player in range(players):
                            if who[player] == column:
                                found = player
                        if found < 0:
                            who[players] = column
                            with_it[players] = known
                            without[players] = follow
                            players += 1
                        else:
                            with_it[found] *= known
                            without[found] *= follow
                    node = 2 * node + 1 if goes_left else 2 * node + 2
                if not reachable:
                    continue
                for player in range(players):
                    change = (with_it[player] - without[player]) * value
                    if change == 0.0:
                        continue
                    if players == 1:
                        out[row, who[player]] += change
                    elif players == 2:
                        other = 1 - player
                        out[row, who[player]] += change * (with_it[other] + without[other]) / 2.0
                    else:
                        a = (player + 1) % 3
                        b = (player + 2) % 3
                        out[row, who[player]] += change * (
                            with_it[a] * with_it[b] / 3.0
                            + (with_it[a] * without[b] + without[a] * with_it[b]) / 6.0
                            + without[a] * without[b] / 3.0
                        )


_compiled_contributions = njit(cache=True)(_contributions)
