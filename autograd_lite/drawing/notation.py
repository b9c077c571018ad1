"""Operations as formulas: forward expressions, and the cotangents that the table's rows spell out.

A row's `formulas` has one text per input, such as "{g} ⊙ [{x} > 0]": {g} is the cotangent of the
output, {y} the output, the rest are the rule's own argument names. A row with several results
names them {y0}, {y1}, … and their cotangents {g0}, {g1}, …; a term between ⟨ and ⟩ is left out
where a cotangent in it is none. {n} is how many elements go into one of the result. A formula
that depends on parameters or shapes is a function `(params, *shapes)` that returns the text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import prod
from typing import Any

from autograd_lite.drawing.naming import number
from autograd_lite.rules.indexing import SLOT
from autograd_lite.table import Primitive

__all__ = [
    "FUSED",
    "Expression",
    "backward_formula",
    "forward_expression",
    "label_with_constants",
    "op_label",
    "summed",
    "table_name",
    "tidied",
]

#: Rows drawn as two boxes: (first box, its result, that result's name in the lecture, second box).
FUSED = {"softmax_cross_entropy": ("softmax", 1, "Ŷ", "cross-entropy")}

_ATOM, _POWER, _UNARY, _PRODUCT, _SUM, _COMPARISON = 9, 5, 4, 3, 2, 1
_INFIX = {
    "add": ("+", _SUM),
    "subtract": ("−", _SUM),
    "divide": ("/", _PRODUCT),
    "greater": (">", _COMPARISON),
    "greater_equal": ("≥", _COMPARISON),
    "less": ("<", _COMPARISON),
    "less_equal": ("≤", _COMPARISON),
    "equal": ("=", _COMPARISON),
    "not_equal": ("≠", _COMPARISON),
}
_LABELS = {
    "add": "+",
    "subtract": "−",
    "multiply": "⊙",
    "divide": "÷",
    "negative": "−( )",
    "power": "power",
    "relu": "ReLU",
    "transpose": "transpose",
    "getitem": "index",
    "pack": "arguments",
    "softmax_cross_entropy": "softmax + cross-entropy",
}
_EVIDENT = frozenset({"shape", "order", "dtype", "where", "casting"})  # the result shows them
_LEFT = {"subtract": "−", "divide": "÷", "power": "^"}
_SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


class Expression:
    """A piece of a formula, with how tightly it binds."""

    __slots__ = ("binding", "text")

    def __init__(self, text: str, binding: int = _ATOM) -> None:
        self.text = text
        self.binding = binding

    def at(self, binding: int) -> str:
        """The text for a place that needs at least this binding."""
        return self.text if self.binding >= binding else f"({self.text})"


def table_name(row: Primitive) -> str:
    """The name of a row of the table; "" for a user's operation, which may be called like one."""
    return "" if row.strict else row.name


def op_label(row: Primitive) -> str:
    """The word or sign for an operation in a box of its own."""
    return _LABELS.get(table_name(row), row.name)


def label_with_constants(
    row: Primitive, constants: Sequence[Any], extra: Sequence[str], scalar: bool = False
) -> str:
    """An operation's label with the numbers among its operands; None stands for what is none.

    scalar: whether all that is multiplied is single numbers.
    """
    numbers = [number(c) for c in constants if c is not None]
    if numbers and constants[0] is not None and table_name(row) in _LEFT:
        return f"{numbers[0]} {_LEFT[row.name]} x"
    sign = "×" if table_name(row) == "multiply" and (numbers or scalar) else op_label(row)
    inside = ", ".join([*numbers, *extra])
    return f"{sign} {inside}" if inside else sign


def forward_expression(
    row: Primitive, operands: Sequence[Expression], params: dict[str, Any], scalar: bool = False
) -> Expression:
    """What an operation computes, as the lecture would write it; `scalar`: one factor is one."""
    name = table_name(row)
    if name in _INFIX and len(operands) == 2:
        sign, binding = _INFIX[name]
        left, right = operands
        tighter = binding + (name in ("subtract", "divide"))
        return Expression(f"{left.at(binding)} {sign} {right.at(tighter)}", binding)
    if name == "multiply":
        sign = "·" if scalar else " ⊙ "
        return Expression(sign.join(x.at(_PRODUCT) for x in operands), _PRODUCT)
    if name == "matmul":
        factors = [x.at(_PRODUCT) for x in operands]
        return Expression(("" if all(map(_is_symbol, factors)) else " ").join(factors), _PRODUCT)
    if name == "negative":
        return Expression(f"−{operands[0].at(_PRODUCT)}", _UNARY)
    if name == "power" and re.fullmatch(r"[−-]?\d+", operands[1].text):
        exponent = operands[1].text.replace("−", "-").translate(_SUPERSCRIPTS)
        return Expression(f"{operands[0].at(_ATOM)}{exponent}", _POWER)
    if name == "transpose" and params.get("axes") is None:
        return Expression(f"{operands[0].at(_ATOM)}ᵀ", _POWER)
    if name == "sum":
        return Expression(f"Σ {operands[0].at(_PRODUCT)}", _UNARY)
    if name == "abs":
        return Expression(f"|{operands[0].text}|")
    if name == "getitem":
        places = [x.text for x in operands[1:]]
        return Expression(f"{operands[0].at(_ATOM)}[{index_text(params['index'], places)}]")
    inside = ", ".join([x.text for x in operands] + parameter_texts(row, params))
    return Expression(f"{row.name}({inside})")


def parameter_texts(row: Primitive, params: dict[str, Any]) -> list[str]:
    """The parameters of an operation that differ from the row's defaults, as `axis=0`."""
    shown = []
    for name, value in params.items():
        if name in _EVIDENT or value is None:
            continue
        if repr(value) != repr(row.params.get(name)):
            text = number(value) if isinstance(value, (int, float)) else str(value)
            text = text if len(text) <= 16 else text[:15] + "…"
            shown.append(text if name == "subscripts" else f"{name}={text}")
    return shown


def index_text(index: tuple[Any, ...], arrays: Sequence[str] = ()) -> str:
    """An index as it is written between brackets, with the names of the arrays in it."""
    names = iter(arrays)
    return ", ".join(next(names, str(part)) if part is SLOT else _part_text(part) for part in index)


def _part_text(part: Any) -> str:
    if isinstance(part, slice):
        ends = ["" if end is None else str(end) for end in (part.start, part.stop)]
        return ":".join(ends) + ("" if part.step is None else f":{part.step}")
    return "…" if part is Ellipsis else str(part)


def _is_symbol(text: str) -> bool:
    """Whether a text is one letter with marks on it, so that AB is read as a product."""
    return sum(char.isalpha() and char not in "ᵀᵍ" for char in text) <= 1 and text[0] != "("


def backward_formula(
    row: Primitive,
    place: int,
    names: Sequence[str],
    cotangents: Sequence[str | None],
    results: Sequence[str],
    shapes: Sequence[tuple[int, ...]],
    out_shape: tuple[int, ...],
    params: dict[str, Any],
    *,
    seeded: bool = False,
) -> str:
    """The cotangent that an operation gives its operand `place`, as a formula.

    names: of the operands. cotangents: the name of each result's, None for one that has none; it
    is the number 1 if `seeded`. A row without a formula, a user's own, is given g·∂y/∂x.
    """
    template = formula_of(row, place, shapes, params)
    arguments = rule_names(row, place, len(names))
    if template is None and table_name(row) == "pack":
        template = "the part of {g}"
    elif template is None:
        sign = "⊙" if row.kind == "elementwise" else "·"
        template = f"{{g}} {sign} ∂{results[0]}/∂{_guarded(names[place])}"
    masked = dict(zip(arguments, names, strict=False)).get("where", "True") != "True"
    if masked and "{where}" not in template:
        template += " where {where}"
    template = _present(template, cotangents)
    if seeded:
        template = without_seed(template)
    known = {f"y{i}": name for i, name in enumerate(results)}
    known |= {f"g{i}": g for i, g in enumerate(cotangents) if g is not None}
    given = [g for g in cotangents if g is not None]
    known["g"] = given[0] if len(given) == 1 else f"({', '.join(given)})"
    known["y"] = results[0]
    known["n"] = "n" if masked else str(_per_result(shapes[place], out_shape))
    known |= dict(zip(arguments, map(_guarded, names), strict=False))
    if row.variadic:
        known["x"] = _guarded(names[place])
    formula = tidied(_Blank(known, params).fill(template))
    return formula.replace(" ⊙ ", "·") if not any(shapes) and not out_shape else formula


def tidied(formula: str) -> str:
    """A formula with its numbers worked out: b^(3−1) as b², + −x as − x."""

    def power(match: re.Match[str]) -> str:
        exponent = int(match[1]) - 1
        return "" if exponent == 1 else str(exponent).translate(_SUPERSCRIPTS)

    formula = re.sub(r"\^\((\d+)(?:\.0)?−1\)", power, formula)
    formula = re.sub(r"None [<>≤≥] | [<>≤≥] None", "", formula)  # a bound that was left out
    return re.sub(r" / 1$", "", formula).replace("+ −", "− ")


def _present(template: str, cotangents: Sequence[str | None]) -> str:
    """A formula without the terms whose cotangents are none; 0 where no term is left."""

    def term(match: re.Match[str]) -> str:
        wanted = map(int, re.findall(r"\{g(\d+)\}", match[1]))
        return match[1] if all(cotangents[i] is not None for i in wanted) else ""

    text = re.sub(r"⟨(.*?)⟩", term, template)
    given = [i for i, g in enumerate(cotangents) if g is not None]
    if len(given) == 1:
        text = text.replace(f"{{g{given[0]}}}", "{g}")
    text = re.sub(r"(^|\() \+ ", r"\1", text)
    return re.sub(r"(^|\() − ", r"\1−", text) or "0"


def formula_of(
    row: Primitive, place: int, shapes: Sequence[tuple[int, ...]], params: dict[str, Any]
) -> str | None:
    """The row's own text for an input's cotangent, None where it has none."""
    place = min(place, max(len(row.formulas) - 1, 0)) if row.variadic else place
    formula: Any = row.formulas[place] if place < len(row.formulas) else None
    return str(formula(params, *shapes)) if callable(formula) else formula


def passes_unchanged(row: Primitive, place: int) -> bool:
    """Whether an operand's cotangent is the output's own."""
    return formula_of(row, place, (), {}) == "{g}" if _is_text(row, place) else False


def _is_text(row: Primitive, place: int) -> bool:
    return not row.variadic and place < len(row.formulas) and isinstance(row.formulas[place], str)


def rule_names(row: Primitive, place: int, n: int) -> list[str]:
    """The argument names of a rule after g and y, such as a and b."""
    rule: Any = row.rules[0 if row.variadic else place]
    code = getattr(rule, "__code__", None)
    if code is None or row.variadic:
        return ["a", "b", "c"][:n] if n > 1 else ["x"]
    return list(code.co_varnames[2 : code.co_argcount])[:n]


def without_seed(template: str) -> str:
    """A formula for the cotangent 1: the factor left out."""
    template = template.replace("½{g}", "½")
    rest = re.sub(r"^(−?)\{g\} ?[⊙·] ?", r"\1", template)
    if rest.startswith("(") and rest.endswith(")") and _encloses(rest):
        rest = rest[1:-1]
    return rest.replace("{g}", "1")


def _encloses(text: str) -> bool:
    """Whether the first parenthesis is closed by the last one."""
    depth = 0
    for i, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return i == len(text) - 1
    return False


def summed(formula: str) -> str:
    """A formula summed over the axes that were broadcast."""
    simple = not re.search(r" [+−] ", re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", formula))
    if simple and formula.startswith("−"):
        return f"−Σ {formula[1:]}"
    return f"Σ {formula}" if simple else f"Σ ({formula})"


def _per_result(shape: tuple[int, ...], out_shape: tuple[int, ...]) -> int:
    return prod(shape) // max(prod(out_shape), 1)


def _guarded(name: str) -> str:
    """A name as a factor: an expression gets parentheses."""
    return f"({name})" if re.search(r"\s", name) else name


class _Blank:
    """Fills a template; what it does not know, it leaves as a plain word."""

    def __init__(self, known: dict[str, str], params: dict[str, Any]) -> None:
        self.known = {name: str(value) for name, value in params.items()} | known

    def fill(self, template: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda m: self.known.get(m[1], m[1]), template)
