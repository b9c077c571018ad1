"""Every row of the table is drawn and stepped through, in every form, on its first example."""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
import pytest
from test_counts import assert_counts

import autograd_lite as ag
from autograd_lite.recording import bind
from autograd_lite.table import Primitive, rows

ROWS = [row for row in rows() if any(row.rules) and list(row.examples)]


def recorded(row: Primitive) -> Any:
    """A scalar that depends on every result of a row, and its smooth inputs as leaves."""
    rng = np.random.default_rng(zlib.crc32(row.path.encode()))
    args, kwargs = next(iter(row.examples))(rng)
    inputs, params = row.parse(args, kwargs)
    leaves = [
        ag.tensor(x, requires_grad=True, dtype=float)
        if np.result_type(x).kind == "f" and row.rule(i) is not None
        else x
        for i, x in enumerate(inputs)
    ]
    with ag.keep():
        y = bind(row, leaves, params)
        parts = y if isinstance(y, (tuple, list)) else [y]
        total = sum((np.sum(p * p) for p in parts if p.dtype.kind == "f"), ag.tensor(0.0))
    return total, leaves


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.path)
def test_every_operation_is_drawn(row):
    """Counted in every view; as SVG, DOT, page and text; its steps give its gradients."""
    output, leaves = recorded(row)
    if not output.requires_grad:
        pytest.skip("no float result: nothing is recorded")
    for view in ("graph", "lanes", "backward"):
        assert_counts(output, view=view)
        diagram = ag.draw(output, view=view)
        for form in (diagram.svg, diagram.html, diagram.mermaid, diagram.text):
            assert form()
        assert diagram.source.startswith("digraph")
        assert "{" not in "".join(line for v in diagram.picture.vertices for line in v.lines)
    steps = ag.steps(output)
    totals = {p.name: p.total for step in steps for p in step.outgoing}
    with np.errstate(all="ignore"):
        output.backward()
    tensors = [x for x in leaves if isinstance(x, ag.Tensor) and x.grad is not None]
    named = [v for v in steps.graph.sources if v.kind == "parameter" and v.name in totals]
    for value in named:
        tensor = value.node.tensor()
        assert any(tensor is t for t in tensors)
        assert np.array_equal(totals[value.name], tensor.grad, equal_nan=True)
