"""The pytest fixture `gradcheck`: assert_grads, seeded by the name of the test."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial

import pytest

from autograd_lite.testing.check import assert_grads
from autograd_lite.testing.report import GradReport

__all__ = ["gradcheck"]


@pytest.fixture
def gradcheck(request: pytest.FixtureRequest) -> Callable[..., GradReport]:
    """autograd_lite.testing.assert_grads, whose failure shows the report.

    gradcheck(f, *args) checks the engine's gradient, gradcheck(f, *args, grad=g) yours. The probes
    are seeded by the test's name: the same from run to run, different from test to test.
    """
    return partial(assert_grads, seed=zlib.crc32(request.node.nodeid.encode()))
