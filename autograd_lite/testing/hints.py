"""What a wrong gradient looks like: a lost factor, a sign, a transpose, a sum left out.

Each pattern is a function of a `Case`: the gradient as claimed, and the right values where they
are known. It returns a sentence, or None. Patterns are tried from the most to the least specific,
and the first that explains every known value is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Case", "diagnosis"]

Vector = NDArray[np.float64]
CLOSE = 1e-5  # relative: patterns are told from each other by far more


@dataclass(frozen=True)
class Case:
    """A claimed gradient beside the right values that are known.

    claimed: the gradient as given
    shape: of the parameter
    at, right: flat places in the parameter, and the right values there
    others: gradients claimed for the other parameters, by name
    sizes: lengths of axes among the arguments, candidates for a lost 1/N
    """

    claimed: NDArray[Any]
    shape: tuple[int, ...]
    at: NDArray[np.intp]
    right: Vector
    others: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    sizes: tuple[int, ...] = ()

    @property
    def given(self) -> Vector:
        """The claimed values where the right ones are known."""
        return np.asarray(self.claimed, dtype=np.float64).ravel()[self.at]

    @property
    def whole(self) -> bool:
        """Whether every right value is known."""
        return len(self.at) == int(np.prod(self.shape))

    def right_array(self) -> Vector:
        """The right values in the parameter's shape; nan where they are not known."""
        array = np.full(int(np.prod(self.shape)), np.nan)
        array[self.at] = self.right
        return array.reshape(self.shape)


def diagnosis(case: Case) -> str | None:
    """A sentence on the pattern in the error, if it has one."""
    if len(case.right) == 0:
        return None
    patterns = WRONG_SHAPE
    if case.claimed.shape == case.shape:
        patterns = SLIGHTLY_WRONG if _alike(case.given, case.right) else WRONG_VALUES
    for pattern in patterns:
        if sentence := pattern(case):
            return sentence
    return None


def _alike(a: Any, b: Any, close: float = CLOSE) -> bool:
    """Whether two arrays agree as far as patterns are told apart, and are not all zero."""
    a, b = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if a.shape != b.shape or not np.any(b):
        return False
    with np.errstate(invalid="ignore"):
        return bool(np.all(np.abs(a - b) <= close * (np.abs(b) + 1e-4 * np.max(np.abs(b)))))


# Claims of another shape.


def _unsummed(case: Case) -> str | None:
    """The claim sums to the right value over axes that the parameter was broadcast along."""
    for n in range(1, case.claimed.ndim + 1):
        for axes in combinations(range(case.claimed.ndim), n):
            total = np.sum(case.claimed, axis=axes).reshape(-1)
            if total.size == int(np.prod(case.shape)) and _alike(total[case.at], case.right):
                return (
                    f"not summed over the broadcast axis: the parameter of shape {case.shape} was "
                    f"broadcast to {case.claimed.shape}; sum the gradient over axis "
                    f"{axes[0] if n == 1 else axes}"
                )
    return None


def _unsummed_unproven(case: Case) -> str | None:
    """The claim has leading axes that the parameter lacks, though its values are wrong too."""
    extra = case.claimed.ndim - len(case.shape)
    if extra > 0 and case.claimed.shape[extra:] == case.shape:
        axes = 0 if extra == 1 else tuple(range(extra))
        return f"not summed over the broadcast axis {axes}, it seems, and the sum is wrong as well"
    return None


def _transposed_shape(case: Case) -> str | None:
    if case.claimed.shape != case.shape[::-1] or len(case.shape) < 2:
        return None
    right = _alike(case.claimed.T.ravel()[case.at], case.right)
    return f"transposed: its transpose {'is the right gradient' if right else 'has the shape'}"


def _reshaped(case: Case) -> str | None:
    same_size = case.claimed.size == int(np.prod(case.shape))
    if same_size and _alike(case.claimed.ravel()[case.at], case.right):
        return f"only the shape is wrong: reshape it to {case.shape}"
    return None


def _oversummed_shape(case: Case) -> str | None:
    if case.claimed.size == 1 and case.whole and _alike(case.claimed.ravel()[0], case.right.sum()):
        return "summed over all axes: it is the sum of the right gradient's entries"
    return None


# Claims of the right shape.


def _zero(case: Case) -> str | None:
    if not np.any(case.given) and np.any(case.right):
        return "zero: no gradient reaches it (detached, or never filled in)"
    return None


def _factor(case: Case) -> str | None:
    """The claim is the right gradient times one number."""
    if len(case.right) < 2 and not case.whole:
        return None
    with np.errstate(all="ignore"):
        ratio = _ratio(case)
    if ratio is None or abs(ratio - 1.0) < CLOSE or not _alike(case.given, ratio * case.right):
        return None
    return _named_factor(ratio, len(case.right), case)


def _ratio(case: Case) -> float | None:
    usable = np.abs(case.right) > 1e-3 * np.max(np.abs(case.right))
    ratios = case.given[usable] / case.right[usable]
    return float(np.median(ratios)) if len(ratios) and np.all(np.isfinite(ratios)) else None


def _named_factor(ratio: float, n: int, case: Case) -> str | None:
    """The ratio in words: the sign, 1/N for a length N among the arguments, a simple fraction."""
    if abs(ratio + 1.0) < CLOSE:
        return "sign: it is the right gradient times −1"
    size = abs(ratio)
    says = f"{'the sign is wrong, and ' if ratio < 0 else ''}constant ratio: it is "
    whole, part = round(size), round(1.0 / size)
    if 1 < part < 1e6 and abs(size * part - 1.0) < CLOSE:
        return f"{says}1/{part} of the right gradient: {_cause('mean', 'sum', part, case)}"
    if 1 < whole < 1e6 and abs(size / whole - 1.0) < CLOSE:
        return f"{says}{whole} times the right gradient: {_cause('sum', 'mean', whole, case)}"
    simple = Fraction(size).limit_denominator(16)
    if simple and simple != 1 and size < 100.0 and abs(float(simple) / size - 1.0) < CLOSE:
        return f"{says}{simple} times the right gradient: a lost factor"
    # one value always has some ratio; only several alike say something
    return f"{says}{size:.6g} times the right gradient" if n > 1 else None


def _cause(taken: str, meant: str, n: int, case: Case) -> str:
    if n in case.sizes and n > 4:
        return f"a {taken} was taken where f has the {meant} over {n}"
    known = n in case.sizes or n > 4
    return f"a lost factor, or a {taken} for a {meant} over {n}" if known else "a lost factor"


def _transposed(case: Case) -> str | None:
    if len(case.shape) != 2 or min(case.shape) < 2:
        return None
    turned = case.claimed.reshape(case.shape[::-1]).T.ravel()[case.at]
    if _alike(turned, case.right):
        return "transposed: entry (i, j) holds the right value of (j, i)"
    return None


def _other_parameter(case: Case) -> str | None:
    for name, other in case.others.items():
        if other.size == case.claimed.size and _alike(other.ravel()[case.at], case.right):
            return f"the gradient of another parameter: its right gradient stands at {name}"
    return None


def _permuted(case: Case) -> str | None:
    """Every right value stands somewhere in the claim."""
    if len(case.right) < 3 or len(np.unique(case.right)) < 3:
        return None
    pool = np.sort(np.asarray(case.claimed, dtype=np.float64).ravel())
    after = np.clip(np.searchsorted(pool, case.right), 1, len(pool) - 1)
    nearest = np.where(
        np.abs(pool[after] - case.right) < np.abs(pool[after - 1] - case.right),
        pool[after],
        pool[after - 1],
    )
    # in a large array some value is always near: only much nearer ones are the same
    if not _alike(nearest, case.right, min(CLOSE, 1e-3 / len(pool))) or len(
        np.unique(nearest)
    ) < 0.9 * len(case.right):
        return None
    for axis in range(len(case.shape)):
        if _alike(np.flip(case.claimed, axis).ravel()[case.at], case.right):
            return f"permuted: reversed along axis {axis}"
    return "permuted: the right values are there, in other places"


def _oversummed(case: Case) -> str | None:
    flat = case.whole and len(case.right) > 1 and np.ptp(case.given) == 0.0
    if flat and _alike(case.given[0], case.right.sum()):
        return "summed over all axes: every entry is the sum of the right gradient's entries"
    return None


def _softmax_cross_term(case: Case) -> str | None:
    """Along the last axis the right entries sum to 0, as behind a softmax; the claim's do not."""
    if not case.shape or case.shape[-1] < 2:
        return None
    right = case.right_array().reshape(-1, case.shape[-1])
    rows = np.flatnonzero(np.all(np.isfinite(right), axis=1))
    if len(rows) == 0:
        return None
    right = right[rows]
    claimed = np.asarray(case.claimed, dtype=np.float64).reshape(-1, case.shape[-1])[rows]
    size = np.sum(np.abs(right), axis=1)
    balanced = np.abs(np.sum(right, axis=1)) <= 1e-7 * size
    tilted = np.abs(np.sum(claimed, axis=1)) > 1e-3 * np.sum(np.abs(claimed), axis=1)
    if not (np.all(balanced) and np.any(size) and np.any(tilted)):
        return None
    return (
        "softmax without its cross term: along the last axis the right entries sum to 0, these do "
        "not; the Jacobian is diag(y) − y yᵀ"
    )


def _few(case: Case) -> str | None:
    """Most known values are right."""
    with np.errstate(invalid="ignore"):
        limit = CLOSE * np.abs(case.right) + 1e-9 * np.max(np.abs(case.right))
        wrong = ~(np.abs(case.given - case.right) <= limit)
    n, total = int(np.sum(wrong)), len(wrong)
    if 0 < n <= max(1, total // 8) and total > 2:
        return f"the other {total - n} entries looked at are right"
    return None


Pattern = Callable[[Case], str | None]
WRONG_SHAPE: tuple[Pattern, ...] = (
    _transposed_shape,
    _unsummed,
    _reshaped,
    _oversummed_shape,
    _unsummed_unproven,
)
SLIGHTLY_WRONG: tuple[Pattern, ...] = (_factor,)
WRONG_VALUES: tuple[Pattern, ...] = (
    _zero,
    _factor,
    _transposed,
    _other_parameter,
    _softmax_cross_term,
    _oversummed,
    _permuted,
    _few,
)
