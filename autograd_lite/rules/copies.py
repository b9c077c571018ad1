"""Copies: of values, in another dtype, and of the shape alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.graph import Tensor, new_tensor
from autograd_lite.recording import bind
from autograd_lite.rules.examples import given, reals
from autograd_lite.table import composed, linear

linear(
    np.copy,
    lambda g, y, x: g,
    fn=lambda x: x.copy(),
    methods=("copy",),
    formulas=("{g}",),
    examples=[reals((2, 3))],
)


def _astype(x: Any, dtype: Any) -> Any:
    """x in another dtype."""
    return x.astype(dtype)


ASTYPE = linear(
    _astype,
    lambda g, y, x, dtype: g.astype(x.dtype),
    params={"dtype": None},
    formulas=("{g}",),
    examples=[reals((2, 3), dtype=np.dtype(np.longdouble))],
)


def astype(self: Tensor, dtype: Any, *, copy: bool = True) -> Tensor:
    """This tensor in another dtype; recorded for floats; itself, if it may be, without `copy`.

    Raises TypeError for a dtype without gradients on a tensor that requires grad.
    """
    dtype = np.dtype(dtype)
    if dtype.kind in "iub" and self.requires_grad:
        raise TypeError(
            f"astype({dtype}) of {self.name or 'a tensor'}, which requires grad: no gradient "
            "passes through ints or bools; use .detach() first"
        )
    if not copy and dtype == self.dtype:
        return self
    return bind(ASTYPE, (self,), {"dtype": dtype})  # type: ignore[no-any-return]


if hasattr(np, "astype"):  # since NumPy 2.1
    composed(
        np.astype,
        lambda x, dtype, copy=True: x.astype(dtype, copy=copy),
        examples=[
            given(lambda rng: (rng.standard_normal((2, 3)), np.longdouble)),
            given(lambda rng: (rng.standard_normal((2, 3)), np.float64), copy=False),
        ],
    )

Tensor.astype = astype  # type: ignore[attr-defined]


def _filled_like(make: Any) -> Any:
    """The function that makes a constant of a tensor's shape and dtype, or those given."""

    def function(
        a: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None
    ) -> Tensor:
        return new_tensor(make(a.shape if shape is None else shape, dtype or a.dtype), None)

    return function


def _full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
) -> Tensor:
    shape = a.shape if shape is None else shape
    if isinstance(fill_value, Tensor):
        return np.broadcast_to(fill_value.astype(dtype or a.dtype), shape)  # type: ignore[return-value]
    return new_tensor(np.full(shape, fill_value, dtype or a.dtype), None)


_EXAMPLES = [reals((2, 3)), reals((2,), shape=(3, 1))]
composed(np.zeros_like, _filled_like(np.zeros), examples=_EXAMPLES)
composed(np.ones_like, _filled_like(np.ones), examples=_EXAMPLES)
composed(np.empty_like, _filled_like(np.empty), examples=[reals((0, 3))])
composed(np.full_like, _full_like, examples=[reals((2, 3), fill_value=2.5)])
