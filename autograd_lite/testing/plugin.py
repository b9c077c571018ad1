"""The pytest fixture `gradcheck`: assert_grads, seeded by the name of the test."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

__all__ = ["gradcheck"]


@pytest.fixture
def gradcheck(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """autograd_lite.testing.assert_grads, whose failure shows the report.

    gradcheck(f, *args) checks the engine's gradient, gradcheck(f, *args, grad=g) yours. The probes
    are seeded by the test's name: the same from run to run, different from test to test.
    """
    # the engine is imported by the tests that ask for it, not by every pytest session
    from autograd_lite.testing import assert_grads

    return partial(assert_grads, seed=zlib.crc32(request.node.nodeid.encode()))
