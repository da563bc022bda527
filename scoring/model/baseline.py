"""The scorecard every bank knows, as the yardstick: binned columns, weight of evidence, logistic regression.

optbinning bins and values; scikit-learn fits. It is measured on the same folds and never used to score.
"""

import logging
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scoring.model.errors import PartMissing
from scoring.model.table import MISSING_LEVEL, Column


def scorecard_probabilities(
    columns: Sequence[Column],
    inside: NDArray[np.float64],
    outcome: NDArray[np.int8],
    held_back: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Learn a WOE scorecard on the inside rows and return the probabilities of the held-back rows.

    inside, held_back: raw values (rows, columns) of a LabelledTable. Missing values get the weight of evidence
    that was observed for them. Raises PartMissing.
    """
    binning_process, regression = _packages()
    with warnings.catch_warnings():
        # scikit-learn's deprecations inside optbinning say nothing about the table.
        warnings.simplefilter("ignore")
        binning = binning_process(
            [column.name for column in columns],
            categorical_variables=[column.name for column in columns if column.is_category],
        )
        binning.fit(_as_frame(columns, inside), outcome)
        told = {"metric": "woe", "metric_missing": "empirical"}
        model = regression(max_iter=1000).fit(binning.transform(_as_frame(columns, inside), **told), outcome)
        read = binning.transform(_as_frame(columns, held_back), **told)
        return np.asarray(model.predict_proba(read)[:, 1], dtype=np.float64)


def _as_frame(columns: Sequence[Column], values: NDArray[np.float64]) -> Any:
    # optbinning takes nothing else; it brings pandas along, which ships no stubs.
    import pandas  # type: ignore[import-untyped]

    data: dict[str, Any] = {}
    for at, column in enumerate(columns):
        cells = values[:, at]
        if column.is_category:
            levels = np.array(column.levels, dtype=object)
            levels[levels == MISSING_LEVEL] = None
            data[column.name] = levels[cells.astype(np.int64)]
        else:
            data[column.name] = cells
    return pandas.DataFrame(data)


def _packages() -> tuple[Any, Any]:
    # While optbinning's solver library looks for optional solvers, which are not used here, it warns about each.
    solvers = logging.getLogger("__cvxpy__")
    solvers.disabled = True
    try:
        from optbinning import BinningProcess
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise PartMissing("optbinning") from error
    finally:
        solvers.disabled = False
    return BinningProcess, LogisticRegression
