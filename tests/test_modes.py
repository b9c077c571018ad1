"""Modes: contexts and decorators that change how operations are recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import autograd_lite as ag


def recorded() -> bool:
    """Whether an operation is recorded now."""
    return bool((ag.tensor(1.0, requires_grad=True) * 2.0).requires_grad)


def test_a_context_may_be_entered_again_and_inside_itself() -> None:
    """One object serves many `with` statements."""
    quiet = ag.no_grad()
    with quiet:
        with quiet:
            assert not recorded()
        assert not recorded()
    with quiet:
        assert not recorded()
    assert recorded()


@pytest.mark.parametrize("decorate", [ag.no_grad, ag.no_grad()])
def test_functions_are_decorated_with_or_without_brackets(decorate: Any) -> None:
    """And keep their names; many threads may run one at once."""

    @decorate
    def f(_: int) -> bool:
        return recorded()

    assert f.__name__ == "f"
    with ThreadPoolExecutor(4) as pool:
        assert not any(pool.map(f, range(40)))
    assert recorded()


def test_a_decorated_coroutine_runs_in_the_mode() -> None:
    """Not only while it is made; other tasks go on recording."""

    @ag.no_grad()
    async def silent() -> list[bool]:
        before = recorded()
        await asyncio.sleep(0)
        return [before, recorded()]

    async def loud() -> bool:
        await asyncio.sleep(0)
        return recorded()

    async def both() -> Any:
        return await asyncio.gather(silent(), loud())

    assert asyncio.run(both()) == [[False, False], True]


def test_a_decorated_generator_has_the_mode_to_itself() -> None:
    """Its steps run in the mode, what runs between them does not; send, throw and return work."""
    closed = []

    @ag.no_grad()
    def steps() -> Iterator[Any]:
        try:
            got = yield recorded()
            try:
                yield got, recorded()
            except KeyError:
                yield "caught", recorded()
            return "end"
        finally:
            closed.append(recorded())

    def whole() -> Iterator[Any]:
        return (yield from steps())  # type: ignore[misc]

    generator: Any = whole()
    assert next(generator) is False
    assert recorded()
    assert generator.send(3) == (3, False)
    assert generator.throw(KeyError()) == ("caught", False)
    assert recorded()
    with pytest.raises(StopIteration) as stop:
        next(generator)
    assert stop.value.value == "end"
    abandoned: Any = steps()
    next(abandoned)
    abandoned.close()
    assert closed == [False, False]
    assert recorded()


def test_asynchronous_generators_are_not_decorated() -> None:
    """Their steps could not be told apart, and the error says what to write."""

    async def steps() -> AsyncIterator[int]:
        yield 1

    with pytest.raises(TypeError, match=r"steps is an asynchronous generator.*`with`"):
        ag.no_grad()(steps)


def test_scopes_nest_and_may_be_used_again() -> None:
    """A scope is that of the place where it is entered."""
    inner = ag.scope("inner")
    with ag.scope("outer"), inner:
        y = ag.tensor(1.0, requires_grad=True) * 2.0
    with inner:
        z = ag.tensor(1.0, requires_grad=True) * 2.0
    assert y.node.info["scope"] == ("outer", "inner")
    assert z.node.info["scope"] == ("inner",)
