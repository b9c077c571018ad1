"""np.einsum: the transpose of an einsum in one of its operands is an einsum again.

The cotangent takes the operand's place, and the operand's letters become the result. Three things
need a constant operand more: a letter that nothing else has is summed over, so its transpose is a
product with ones; of a letter that an operand repeats, the diagonal, whose transpose is a product
with the identity; and where an operand has length 1 along a letter that is longer elsewhere, the
letter is summed away.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from autograd_lite.graph import Tensor
from autograd_lite.recording import bind
from autograd_lite.rules.examples import Example, given, reals
from autograd_lite.table import QUERIES, Primitive, bilinear, composed, general, linear

Shapes = tuple[tuple[int, ...], ...]


class Transposed(NamedTuple):
    """An einsum of the cotangent, the other operands, then vectors of ones, then identities."""

    subscripts: str
    ones: tuple[int, ...]
    eyes: tuple[int, ...]


def explicit(subscripts: str, ndims: Sequence[int]) -> tuple[list[str], str]:
    """(letters of each operand, letters of the result), ellipses and the arrow spelled out."""
    subscripts = subscripts.replace(" ", "")
    inputs, arrow, output = subscripts.partition("->")
    terms = inputs.split(",")
    free = [letter for letter in string.ascii_letters if letter not in subscripts]
    hidden = [n - len(t.replace("...", "")) for t, n in zip(terms, ndims, strict=True)]
    dots = "".join(
        free[: max((n for t, n in zip(terms, hidden, strict=True) if "." in t), default=0)]
    )
    if not arrow:
        letters = inputs.replace("...", "").replace(",", "")
        output = dots + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    spelled = [t.replace("...", dots[len(dots) - n :]) for t, n in zip(terms, hidden, strict=True)]
    return spelled, output.replace("...", dots)


@lru_cache(maxsize=1024)
def transposed_in(subscripts: str, shapes: Shapes, i: int) -> Transposed:
    """What gives the cotangent of operand i."""
    terms, output = explicit(subscripts, [len(shape) for shape in shapes])
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for letter, n in zip(term, shape, strict=True):
            if sizes.get(letter, 1) == 1:
                sizes[letter] = n
    others = [(t, s) for k, (t, s) in enumerate(zip(terms, shapes, strict=True)) if k != i]
    known = set(output)
    known |= {c for t, s in others for c, n in zip(t, s, strict=True) if n == sizes[c]}
    unused = iter([c for c in string.ascii_letters if c not in sizes])
    result, ones, eyes = "", "", []
    for letter, n in zip(terms[i], shapes[i], strict=True):
        if n != sizes[letter]:
            continue  # of length 1: summed away
        if letter in result:
            eyes.append(letter + next(unused))
            result += eyes[-1][1]
            continue
        result += letter
        if letter not in known:
            ones += letter
    operands = [output, *(t for t, _ in others), *ones, *eyes]
    return Transposed(
        ",".join(operands) + "->" + result,
        tuple(sizes[c] for c in ones),
        tuple(sizes[c[0]] for c in eyes),
    )


def einsum_vjp(
    g: Any, i: int, shapes: Shapes, others: Sequence[Any], subscripts: str, optimize: Any
) -> Any:
    """The cotangent of operand i, given the others."""
    expression, ones, eyes = transposed_in(subscripts, shapes, i)
    constants = [np.ones(n, g.dtype) for n in ones] + [np.eye(n, dtype=g.dtype) for n in eyes]
    # A path that was given is one for the forward product; the transpose finds its own.
    product = np.einsum(expression, g, *others, *constants, optimize=bool(optimize))
    return product.reshape(shapes[i])


def _einsum_of_one(x: Any, subscripts: str, optimize: Any) -> Any:
    return np.einsum(subscripts, x, optimize=optimize)


def _einsum_of_two(a: Any, b: Any, subscripts: str, optimize: Any) -> Any:
    return np.einsum(subscripts, a, b, optimize=optimize)


def _einsum_of_many(*xs: Any, subscripts: str, optimize: Any) -> Any:
    return np.einsum(subscripts, *xs, optimize=optimize)


def many_vjp(i: int, g: Any, y: Any, *xs: Any, subscripts: str, optimize: Any) -> Any:
    """The cotangent of operand i of three or more."""
    shapes = tuple([x.shape for x in xs])
    return einsum_vjp(g, i, shapes, (*xs[:i], *xs[i + 1 :]), subscripts, optimize)


def formula(i: int) -> Any:
    """What gives the formula of operand i's cotangent: the einsum that it is."""
    other = ("", ", {b}", ", {a}")[i]

    def text(params: dict[str, Any], *shapes: tuple[int, ...]) -> str:
        expression, ones, eyes = transposed_in(params["subscripts"], shapes, max(i - 1, 0))
        return f"einsum({expression}, {{g}}{other}{', 1' * len(ones)}{', I' * len(eyes)})"

    return text


# One operand or two, each with a row of its own: these keep no more than their rules read.
_PARAMS = {"subscripts": "", "optimize": False}
ONE: Primitive = linear(
    _einsum_of_one,
    lambda g, y, x, subscripts, optimize: einsum_vjp(g, 0, (x.shape,), (), subscripts, optimize),
    name="einsum",
    params=_PARAMS,
    formulas=(formula(0),),
    examples=[reals((3, 3), subscripts="ii"), reals((2, 3), subscripts="ij->j")],
)
TWO: Primitive = bilinear(
    _einsum_of_two,
    lambda g, y, a, b, subscripts, optimize: einsum_vjp(
        g, 0, (a.shape, b.shape), (b,), subscripts, optimize
    ),
    lambda g, y, a, b, subscripts, optimize: einsum_vjp(
        g, 1, (a.shape, b.shape), (a,), subscripts, optimize
    ),
    name="einsum",
    params=_PARAMS,
    formulas=(formula(1), formula(2)),
    examples=[reals((2, 3), (3, 4), subscripts="ij,jk->ik")],
)


def _parse_many(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return args, {**_PARAMS, **kwargs}


MANY: Primitive = general(
    _einsum_of_many,
    many_vjp,
    name="einsum",
    params=_PARAMS,
    parse=_parse_many,
    variadic=True,
    formulas=("einsum({g}, the others)",),
    examples=[reals((2, 3), (3, 4), (4,), subscripts="ij,jk,k->i")],
)
for _row in (ONE, TWO, MANY):
    _row.path = "np.einsum"


def _letters(sublist: Sequence[Any]) -> str:
    """A list of axis numbers as NumPy spells it: 0 … 25 are A … Z, 26 … 51 a … z."""
    letters = string.ascii_uppercase + string.ascii_lowercase
    return "".join("..." if k is Ellipsis else letters[k] for k in sublist)


def _spelled(operands: Sequence[Any]) -> tuple[str, Sequence[Any]]:
    """(subscripts, arrays) of a call in either form: a string first, or lists after the arrays."""
    if isinstance(operands[0], str):
        return operands[0], operands[1:]
    arrays, lists = operands[: len(operands) // 2 * 2 : 2], operands[1::2]
    subscripts = ",".join(map(_letters, lists))
    if len(operands) % 2:
        subscripts += "->" + _letters(operands[-1])
    return subscripts, arrays


def _einsum(*operands: Any, optimize: Any = False) -> Any:
    subscripts, given_arrays = _spelled(operands)
    arrays = [x if isinstance(x, Tensor) else np.asarray(x) for x in given_arrays]
    row = {1: ONE, 2: TWO}.get(len(arrays), MANY)
    return bind(row, arrays, {"subscripts": subscripts, "optimize": optimize})


def _of(subscripts: str, *shapes: tuple[int, ...], **kwargs: Any) -> Example:
    """An example of subscripts and arrays of these shapes."""
    return given(lambda rng: (subscripts, *map(rng.standard_normal, shapes)), **kwargs)


composed(
    np.einsum,
    _einsum,
    examples=[
        _of("ij,jk->ik", (2, 3), (3, 4)),
        _of("ij,jk", (2, 3), (3, 4)),
        _of("ba", (2, 3)),
        _of("ij->", (2, 3)),
        _of(" i j -> j i ", (2, 3)),
        _of("ii", (3, 3)),
        _of("ii->i", (3, 3)),
        _of("iij->j", (3, 3, 2)),
        _of("iii->i", (2, 2, 2)),
        _of("ii,ij->j", (3, 3), (3, 2)),
        _of("i,i->i", (3,), (3,)),
        _of("i,j->", (3,), (2,)),
        _of("ij,ij->j", (1, 3), (2, 3)),
        _of("i,i->", (3,), (1,)),
        _of("...ij,...jk->...ik", (2, 2, 3), (4, 1, 3, 2)),
        _of("...i,i", (2, 2, 3), (3,)),
        _of("i...->...", (2, 3, 2)),
        _of("...ii->...i", (2, 3, 3)),
        _of("...,...", (2, 3), (3,)),
        _of(",ij->ij", (), (2, 3)),
        _of("ij,jk,kl->il", (2, 3), (3, 4), (4, 2), optimize=True),
        _of("ij,jk,kl->li", (2, 3), (3, 4), (4, 2)),
        _of("a,ab,b,c->", (2,), (2, 3), (3,), (2,)),
        _of("ij,jk,kl->il", (2, 3), (3, 4), (4, 2), optimize=["einsum_path", (0, 1), (0, 1)]),
        _of("ij,jk->ik", (0, 3), (3, 2)),
        given(lambda rng: (rng.standard_normal((2, 3)), [0, 1], rng.random((3, 4)), [1, 2])),
        given(lambda rng: (rng.standard_normal((2, 3)), [..., 0], rng.random(3), [0], [..., 0])),
        given(lambda rng: (rng.standard_normal((2, 3)), [27, 1], [1, 27])),
        given(lambda rng: (rng.standard_normal((2, 2)), [0, 0])),
        given(lambda rng: (",ij", 2.5, rng.standard_normal((2, 2)))),
    ],
)
QUERIES.add(np.einsum_path)
