"""Building a program: trace, simplify, name, write, and run the source."""

from __future__ import annotations

import hashlib
import linecache
import re
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from autograd_lite.compiler.algebra import reordered
from autograd_lite.compiler.arrangement import Arguments, rebuilt
from autograd_lite.compiler.blocks import BLOCK, in_blocks
from autograd_lite.compiler.buffers import OWN, planned
from autograd_lite.compiler.donation import Donation, check_donated, kept_parts, matched
from autograd_lite.compiler.emit import (
    Line,
    Writer,
    dtype_text,
    laid_out,
    summary,
    writable,
)
from autograd_lite.compiler.ir import Const, Draw, Graph, Input, Pick, Value
from autograd_lite.compiler.layout import in_best_layout
from autograd_lite.compiler.library import Library, number_text
from autograd_lite.compiler.lines import statement, wrapped
from autograd_lite.compiler.naming import USED, Names, identifier
from autograd_lite.compiler.saving import Expected, expectations, guarded
from autograd_lite.compiler.scalars import Scalars, are_scalars
from autograd_lite.compiler.scaling import fold_scalings
from autograd_lite.compiler.simplify import simplified
from autograd_lite.compiler.trace import traced
from autograd_lite.compiler.unchanged import Unchanged
from autograd_lite.graph import Tensor, new_tensor

__all__ = ["Compiled", "build"]

#: What programs define for themselves, under other names where a parameter has these.
OWN_NAMES = (
    "work", "idle", "buffers", "old", "before", "writes", "deque", "partial", "call"
)  # fmt: skip


class Compiled:
    """One program: its source, what it refers to, and the function that it makes."""

    def __init__(
        self, name: str, source: str, check: str, namespace: dict[str, Any], library: Library,
        expected: list[Expected], draws: bool,
    ) -> None:  # fmt: skip
        self.name = name
        self.source = source
        self.check = check
        self.namespace = namespace
        self.library = library
        self.expected = expected
        self.draws = draws  # whether it takes random numbers from a Generator
        self._load()

    def _load(self) -> None:
        """Run the source, so that tracebacks and debuggers find its lines."""
        names: dict[str, Any] = {"__name__": f"compiled_{self.name}", **self.namespace}
        digest = hashlib.sha256(self.source.encode()).hexdigest()[:12]
        filename = f"<compiled {self.name} {digest}>"
        linecache.cache[filename] = (
            len(self.source), None, self.source.splitlines(True), filename
        )  # fmt: skip
        exec(compile(self.source, filename, "exec", dont_inherit=True), names)
        self.run: Callable[..., Any] = names[self.name]
        self.fits: Callable[..., bool] | None = None
        self._seen: dict[str, Unchanged] = {}  # models among the arguments, by their place
        if self.check:
            tests: dict[str, Any] = {"np": np, "unchanged": self._unchanged}
            exec(compile(self.check, "<signature>", "exec", dont_inherit=True), tests)
            self.fits = tests["fits"]
            self._models = tests["models"]

    def _unchanged(self, place: str, x: Any) -> bool:
        """Whether the model at a place of the arguments is the one that was last seen there."""
        seen = self._seen.get(place)
        return seen is not None and seen(x)

    def remember(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Take note of the models among arguments that this program is known to be for."""
        if self.fits is not None:
            found = self._models(*args, **kwargs)
            self._seen = {place: Unchanged(x) for place, x in found.items()}

    def save(self, path: Path) -> list[Path]:
        """Write the source with a check of the arguments, and large constants beside it."""
        if path.suffix != ".py":
            raise ValueError(f"save: expected a path that ends in .py, got {str(path)!r}")
        source = guarded(self.source, self.name, self.expected)
        arrays = self.library.arrays
        imports = [_importable(name, value) for name, value in self.library.given.items()]
        head = "\n".join(self.library.import_lines) + "\n"
        extra = "".join(f"{line}\n" for line in imports)
        written = [path]
        if arrays:
            data = path.with_suffix(".npz")
            np.savez(data, **arrays)
            written.append(data)
            extra += f'\nwith np.load(Path(__file__).with_name("{data.name}")) as constants:\n'
            extra += "".join(f'    {name} = constants["{name}"]\n' for name in arrays)
            extra = f"from pathlib import Path\n{extra}"
        path.write_text(source.replace(head, head + extra, 1), encoding="utf-8")
        return written

    def __reduce__(self) -> Any:
        return Compiled, (
            self.name, self.source, self.check, self.namespace, self.library, self.expected,
            self.draws,
        )  # fmt: skip


def _importable(name: str, value: Any) -> str:
    """The import of what a program was given. Raises TypeError where there is none."""
    module, qualified = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
    if module in (None, "__main__") or "<" in qualified or "." in qualified or not qualified:
        what = qualified or f"a {type(value).__name__}"
        raise TypeError(
            f"save: the program uses {what}, which a file cannot import; define it at the top of a "
            "module of its own, or pass it as an argument"
        )
    return f"from {module} import {qualified}" + (f" as {name}" if name != qualified else "")


def build(
    f: Callable[..., Any], arguments: Arguments, donated: set[int], names: Any, tune: bool
) -> Compiled:
    """The program of f for arguments like these."""
    places = [p for p, x in zip(arguments.places, arguments.leaves, strict=True) if _is_dynamic(x)]
    places = [(path, (names or {}).get(path, name)) for path, name in places]
    leaves = [x for x in arguments.leaves if _is_dynamic(x)]
    graph, structure, arrays = traced(f, leaves, [n for _, n in places], _rebuild(arguments))
    graph = in_best_layout(improved(simplified(graph)), tune)
    for word in USED:
        if word in arguments.names:
            raise TypeError(
                f"compile: a program uses {word} itself, so no argument may have that name; "
                "call it something else"
            )
    library = Library()
    variables = Names(identifier(n) for n in arguments.names)
    name = variables.free(getattr(f, "__name__", "program").replace("<lambda>", "program"))
    own = {word: variables.free(word) for word in OWN_NAMES}
    library.variables.append(variables.taken)
    library.taken |= {name, f"{name}_in_numpy", *own.values()}
    lines = _unpacked(graph.inputs, places, leaves, arguments, variables)
    donation, whole = _donation(arguments, donated, graph, structure)
    graph = donation.arranged(in_blocks_but(graph, donation))
    plan = planned(graph, writable, donation.returned(graph))
    variables.name_all(graph)
    floats = are_scalars(graph) and not donation.inputs
    library.brief = not floats
    writer = Writer(graph, library, variables, plan)
    for value in graph.steps:
        if value not in donation.direct:
            writer.write(value)
    texts = donation.writes(writer, variables, library, own)
    quiet = next(
        (l.silent for l in reversed(writer.lines) if l.silent), ("divide", "over", "invalid")
    )
    writer.lines += [Line(text, "", quiet) for text in texts]
    tensors = any(_is_tensor(x) for x in leaves)
    result = _result(structure, _results(graph, writer, donation, tensors, arrays), library, whole)
    body = [*_checked(donation, graph, variables, library, lines), *_taken(writer, own)]
    end = [*_given_back(writer, own), Line(f"return {result}", "", ())]
    free = variables.taken.isdisjoint({"ERRORS", "IGNORED"})
    body += laid_out([*writer.lines, *end], own["before"] if free else "")
    if any("ERRORS.set(" in line for line in body):
        library.quiet()
    scalars: list[str] = []
    if floats:
        numbers = Scalars(graph, variables, library)
        scalars = [*lines, *numbers.lines()]
        results = _results(graph, writer, donation, tensors, arrays, numbers.result)
        scalars.append(f"return {_result(structure, results, library, whole)}")
    source = _source(name, arguments, body, scalars, graph, library, writer, own)
    check = _check(arguments, places, leaves)
    given = {**library.given, **library.arrays}
    draws = any(isinstance(step, Draw) for step in graph.steps)
    return Compiled(name, source, check, given, library, expectations(arguments), draws)


def _result(structure: Any, leaves: list[str], library: Library, whole: dict[int, str]) -> str:
    """The expression of the whole result."""
    text = rebuilt(structure, leaves, library, whole)
    return text[1:-1] if structure.cls is tuple and len(structure.children) > 1 else text


def improved(graph: Graph) -> Graph:
    """The graph with what is done in another order than the function's: products, mostly."""
    return reordered(fold_scalings(reordered(graph)))


def in_blocks_but(graph: Graph, donation: Donation) -> Graph:
    """The graph with long chains as one step each; what donated arrays take stays by itself."""
    return graph if donation.inputs else in_blocks(graph)


def _rebuild(arguments: Arguments) -> Callable[..., Any]:
    """The function that gives (args, kwargs), with tensors for what is traced."""
    dynamic = [_is_dynamic(x) for x in arguments.leaves]

    def rebuild(tensors: Any) -> Any:
        rest = iter(tensors)
        pairs = zip(dynamic, arguments.leaves, strict=True)
        return arguments.rebuild([next(rest) if d else x for d, x in pairs])

    return rebuild


def _donation(
    arguments: Arguments, donated: set[int], graph: Graph, structure: Any
) -> tuple[Donation, dict[int, str]]:
    """The donated inputs with their results, and the parts of the result that are the arguments.

    Raises TypeError for an argument that no result can take the place of.
    """
    pairs: list[tuple[Any, Any]] = []
    whole: dict[int, str] = {}
    taken: set[int] = set()
    spans = arguments.spans
    inputs = iter(graph.inputs)
    by_leaf = [next(inputs) if _is_dynamic(x) else None for x in arguments.leaves]
    for i in sorted(donated):
        start, tree = spans[i]
        mine = by_leaf[start : start + tree.n_leaves]
        found = matched(tree, mine, structure, graph.outputs, taken)
        if found is None:
            raise TypeError(
                f"donate: no result has the structure, shapes and dtypes of argument {i} "
                f"({arguments.names[i]}), so nothing can take its place; return the new values of "
                "it, or do not donate it"
            )
        at, part = found
        taken |= set(range(at, at + len(mine)))
        arrays = [(x, k) for k, x in enumerate(mine) if isinstance(x, Input) and not x.weak]
        pairs += [(x, graph.outputs[at + k]) for x, k in arrays]
        donated_leaves = [isinstance(x, Input) and not x.weak for x in mine]
        whole |= kept_parts(tree, part, donated_leaves, arguments.names[i])
    return Donation(pairs), whole


def _checked(
    donation: Donation, graph: Graph, variables: Names, library: Library, lines: list[str]
) -> list[str]:
    """The lines, and one that refuses donated arrays that cannot be overwritten."""
    if not donation.inputs:
        return lines
    name = library.function(check_donated)
    mine = [variables.of[x] for x in donation.inputs]
    others = [
        variables.of[x]
        for x in graph.inputs
        if x not in donation.inputs and x.shape and isinstance(x.shape, tuple)
    ]
    call = wrapped(f"{name}({_by_name(mine)}, {_by_name(others)})")
    everything = [*mine, *others]
    if len(everything) > 8 or {"id", "len"} & variables.taken:
        return [*lines, *call]
    # the usual case, in 1 µs: arrays of their own, all different
    usual = " and ".join(
        [
            *(f"{x}.flags.writeable" for x in mine),
            f"{' is '.join(f'{x}.base' for x in everything)} is None",
            f"len({{{', '.join(f'id({x})' for x in everything)}}}) == {len(everything)}",
        ]
    )
    tests = [f"    {text}" for text in textwrap.wrap(usual, 88)]
    return [*lines, "if not (", *tests, "):", *(f"    {text}" for text in call)]


def _by_name(names: list[str]) -> str:
    return f"{{{', '.join(f'{name!r}: {name}' for name in names)}}}"


def _taken(writer: Writer, own: dict[str, str]) -> list[str]:
    """Lines that take a set of buffers."""
    if not writer.slots:
        return []
    names = ", ".join(writer.slots.values()) + "," * (len(writer.slots) == 1)
    work = own["work"]
    lines = ["try:", f"    {work} = {own['idle']}.pop()"]
    lines += ["except IndexError:", f"    {work} = {own['buffers']}()"]
    return [*lines, *statement(names, work)]


def _given_back(writer: Writer, own: dict[str, str]) -> list[Line]:
    text = f"{own['idle']}.append({own['work']})"
    return [Line(text, "", ())] if writer.slots else []


def _buffers(writer: Writer, name: str) -> list[str]:
    """The definition of the function that makes what steps write into."""
    lines = [
        f"def {name}():",
        '    """Arrays that steps write into; each call has a set of its own."""',
    ]
    shared = Counter(slot.storage for slot in writer.slots)
    spaces, arrays = [], []
    for slot in writer.slots:
        dtype, size = writer.plan.sizes[slot.storage]
        n = int(np.prod(slot.shape))
        shape = str(slot.shape[0] if len(slot.shape) == 1 else slot.shape)
        if shared[slot.storage] == 1 and n == size:
            arrays.append(f"np.empty({shape}, {dtype_text(dtype)})")
            continue
        space = f"space{slot.storage}"
        spaces.append(f"    {space} = np.empty({size}, {dtype_text(dtype)})")
        part = f"{space}[:{n}]" if n < size else space
        arrays.append(part if len(slot.shape) == 1 else f"{part}.reshape({shape})")
    lines += [*dict.fromkeys(spaces), "    return ("]
    return [*lines, *(f"        {array}," for array in arrays), "    )"]


def _function(signature: str, lines: list[str]) -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f"def {signature}:\n{body}"


def _check(arguments: Arguments, places: list[tuple[str, str]], leaves: list[Any]) -> str:
    """The function that says whether arguments are like those that were traced; "" for none."""
    tests = arguments.tests()
    if tests is None:
        return ""
    inner = "\n        and ".join(tests) or "True"
    dtypes = sorted({x.dtype.str for x in leaves if isinstance(x, np.ndarray)})
    lines = [f"_{dtype[1:]} = np.dtype({dtype!r})" for dtype in dtypes]
    signature = ", ".join(arguments.names)
    if "_count(" in inner:
        lines += ["from itertools import chain", "from operator import countOf as _count"]
        lines += ["from operator import itemgetter as _item", "_chain = chain.from_iterable"]
    lines += ["_array = np.ndarray", f"def fits({signature}):"]
    lines += ["    return (", f"        {inner}", "    )"]
    models = re.findall(r"unchanged\((.*), (.*)\)$", inner, re.MULTILINE)
    found = ", ".join(f"{place}: {at}" for place, at in models)
    return "\n".join([*lines, f"def models({signature}):", f"    return {{{found}}}", ""])


def _is_tensor(x: Any) -> bool:
    return isinstance(x, Tensor) and not x.is_parameter


def _is_dynamic(x: Any) -> bool:
    return isinstance(x, (np.ndarray, np.generic, Tensor, np.random.Generator)) or type(x) is float


def _unpacked(
    inputs: list[Input], places: list[tuple[str, str]], leaves: list[Any], arguments: Arguments,
    variables: Names,
) -> list[str]:  # fmt: skip
    """Lines that take the leaves out of the arguments; the inputs get their variables."""
    lines: list[str] = []
    at = 0
    while at < len(inputs):
        value, path, leaf = inputs[at], places[at][0], leaves[at]
        data = ".data" if isinstance(leaf, Tensor) else ""
        if path in arguments.names and not data:
            variables.of[value] = path
            at += 1
            continue
        name, n = arguments.listed(path)
        for i in range(at, at + max(n, 1)):
            variables.of[inputs[i]] = variables.free(inputs[i].name or places[i][1])
        if n:
            taken = iter([variables.of[x] for x in inputs[at : at + n]])
            lines += statement(arguments.pattern(name, taken), name)
        else:
            lines.append(f"{variables.of[value]} = {path}{data}")
        at += max(n, 1)
    return lines


def _results(
    graph: Graph,
    writer: Writer,
    donation: Donation,
    tensors: bool,
    arrays: set[int],
    number: Any = None,
) -> list[str]:
    """An expression for every leaf of the result: fresh arrays, none of them twice.

    Those at the places `arrays` are arrays even without axes. `number(y)` is that of a Python
    float, in the form that has these alone.
    """
    texts, seen = [], set()
    kept = {y: x for x, y in donation.all}
    for i, y in enumerate(graph.outputs):
        if y in kept:
            text = writer.names.of[kept.pop(y)]
        elif isinstance(y, Value):
            text = number(y) if number else writer.names.of[y]
            if not y.weak and not y.shape and not tensors:
                own = number or _is_fresh(y)
                text = f"np.array({text})" if i in arrays else text if own else f"{text}[()]"
            elif not number and not y.weak and (y in seen or not _is_fresh(y)):
                text = f"np.array({text})"
            seen.add(y)
            if tensors and not y.weak:
                text = f"{writer.library.given_function(_tensor, 'tensor')}({text})"
        else:
            text = _constant(y, writer.library)
            if i in arrays and isinstance(y.array, np.generic):
                text = f"np.asarray({text})"
        texts.append(text)
    return texts


def _tensor(array: Any) -> Tensor:
    """An array as a Tensor: tensors in, tensors out."""
    return new_tensor(array, None)


def _is_fresh(y: Value) -> bool:
    """Whether a result shares no memory with an argument, a constant or another value."""
    if isinstance(y, Draw):
        return True
    op = getattr(y.source if isinstance(y, Pick) else y, "op", None)
    if op is None:
        return False
    if op is BLOCK:
        return True
    return op.kind == "elementwise" or op.name in OWN


def _constant(y: Const, library: Library) -> str:
    x = y.array
    if isinstance(x, np.ndarray):
        return f"{library.constant(x)}.copy()"
    if isinstance(x, np.generic):
        return f"{library.constant(x)}[()]"
    if isinstance(x, (int, float)) and not isinstance(x, bool):
        return number_text(x)
    if x is None or isinstance(x, (bool, str)):
        return repr(x)
    return library.given_function(x, "fixed")


def _source(
    name: str,
    arguments: Arguments,
    lines: list[str],
    scalars: list[str],
    graph: Graph,
    library: Library,
    writer: Writer,
    own: dict[str, str],
) -> str:
    """The whole source: summary, imports, constants, functions, and the program's own function."""
    parameters = list(arguments.parameters)
    parameters += [f"{k}" for k in arguments.kwargs]
    signature = f"{name}({', '.join(parameters)})"
    held = f"; buffers of {writer.plan.nbytes:,} bytes" if writer.slots else ""
    doc = [f'"""{signature}', "", f"{summary(graph)}{held}.", '"""']
    imports = "\n".join(library.import_lines)
    parts = ["\n".join(doc), imports]
    for text in library.texts.values():
        if "\n" in text or "\n" in parts[-1] or len(parts) == 2:
            parts.append(text)
        else:
            parts[-1] += f"\n{text}"
    if writer.slots:
        parts.append(f"{own['idle']} = []  # sets of buffers that no call is using")
        parts.append("\n".join(_buffers(writer, own["buffers"])))
    if scalars:
        whole = f"{name}_in_numpy{signature[len(name) :]}"
        parts.append(_function(whole, lines))
        # an argument that is a Python float by now would raise again
        floats = [p for p in parameters if f"{p} = float({p})" in scalars]
        again = ["except (ArithmeticError, ValueError):  # where NumPy has inf or nan",
                 *(f"    {p} = np.float64({p})" for p in floats),
                 f"    return {whole}"]  # fmt: skip
        lines = ["try:", *(f"    {line}" for line in scalars), *again]
    parts.append(_function(signature, lines))
    return "\n\n".join(parts) + "\n"
