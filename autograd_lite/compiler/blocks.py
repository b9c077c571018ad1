"""Long chains of elementwise steps on large arrays, run piece by piece in the processor's cache.

A million numbers do not fit there, so step after step each would be fetched from memory; in pieces
of 8,192 they stay, and what only the chain itself needs is never kept whole. A sum over all of the
chain's elements is made piece by piece too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_lite.compiler.buffers import planned
from autograd_lite.compiler.ir import Const, Graph, Input, Pick, Step, Value, sources
from autograd_lite.compiler.library import Library
from autograd_lite.compiler.lines import statement
from autograd_lite.compiler.naming import Names
from autograd_lite.table import Primitive

__all__ = ["BLOCK", "block_function", "in_blocks"]

LEAST = 1 << 15  # elements; below, calls would cost more than memory
SHORTEST = 4  # steps
PIECE = 8192
CACHE = 1 << 20  # bytes


def _block(*inputs: Any) -> Any:
    """A chain of elementwise steps; a program has a function of its own for each."""
    raise NotImplementedError


#: A chain in the graph: the values that are used outside of it are its results.
BLOCK = Primitive(_block, (None,), kind="general", name="block", variadic=True, n_outputs=1)


def in_blocks(graph: Graph) -> Graph:
    """The graph with each long chain as one step."""
    if not any(isinstance(s, Step) and _size(s) >= LEAST for s in graph.steps):
        return graph
    needed: dict[Any, list[Any]] = {}
    for step in graph.steps:
        for x in sources(step):
            needed.setdefault(x, []).append(step)
    done: list[Value] = []
    new: dict[Any, Any] = {}
    chain: list[Step] = []
    passed: list[Value] = []  # the chain and what stands between its steps, in order

    def close() -> None:
        others = [s for s in passed if s not in chain]
        if len(chain) >= SHORTEST:
            done.extend(_as_one(chain, needed, graph, new))
        else:
            others = list(passed)
        for s in others:
            done.append(_renewed(s, new))
        chain.clear()
        passed.clear()

    for step in graph.steps:
        if _joins(step, chain):
            if any(x in passed and (x not in chain or not x.shape) for x in sources(step)):
                close()
            chain.append(step)  # type: ignore[arg-type]
        passed.append(step)
    close()
    outputs = [new.get(y, y) if isinstance(y, Value) else y for y in graph.outputs]
    return Graph(graph.inputs, done, outputs)


def _size(step: Any) -> int:
    return step.size if isinstance(step.shape, tuple) and step.op.n_outputs is None else 0


def is_total(step: Any) -> bool:
    """Whether a step is the sum of all elements of an array."""
    if not (isinstance(step, Step) and step.op.name == "sum" and len(step.operands) == 1):
        return False
    plain = step.params.keys() <= {"axis", "keepdims"} and not step.weak
    return plain and step.shape == () and step.dtype == step.operands[0].dtype


def _joins(step: Any, chain: list[Step]) -> bool:
    """Whether a step is elementwise on whole arrays of the chain's shape and on numbers.

    Or the sum of what the chain has made.
    """
    if is_total(step) and step.operands[0] in chain:
        return True
    if not (isinstance(step, Step) and isinstance(step.op.key, np.ufunc) and not step.params):
        return False
    if step.op.kind != "elementwise" or step.size < LEAST or step.op.n_outputs is not None:
        return False
    if chain and chain[0].shape != step.shape:
        return False
    return all(
        (x.shape == step.shape and isinstance(x, Value)) or x.shape == () for x in step.operands
    )


def _renewed(step: Value, new: dict[Any, Any]) -> Value:
    """A step that reads a chain's results where it read the chain's steps."""
    if isinstance(step, Step):
        step.operands = tuple([new.get(x, x) if isinstance(x, Value) else x for x in step.operands])
    elif isinstance(step, Pick):
        step.source = new.get(step.source, step.source)
    return step


def _as_one(
    chain: list[Step], needed: dict[Any, list[Any]], graph: Graph, new: dict[Any, Any]
) -> list[Value]:
    """The step that stands for a chain, and its results that are used elsewhere."""
    members = set(chain)
    for step in chain:
        _renewed(step, new)
    results = [
        s for s in chain if s in graph.outputs or any(u not in members for u in needed.get(s, ()))
    ]
    operands = dict.fromkeys(x for s in chain for x in sources(s) if x not in members)
    shapes, dtypes = tuple(s.shape for s in results), tuple(s.dtype for s in results)
    one = Step(shapes, dtypes, op=BLOCK, operands=tuple(operands), params={
        "chain": list(chain), "results": results})  # fmt: skip
    picks: list[Value] = []
    for i, s in enumerate(results):
        pick = Pick(s.shape, s.dtype, name=s.name, source=one, index=i)
        new[s] = pick
        picks.append(pick)
    return [one, *picks]


def _piece(width: int) -> int:
    """Elements of a piece: 8,192, fewer where work arrays of so many bytes an element fill L2."""
    piece = PIECE
    while piece > 1024 and piece * width > CACHE:
        piece //= 2
    return piece


def block_function(step: Step, library: Library) -> str:
    """The name of the function that runs a chain piece by piece; written at its first use."""
    from autograd_lite.compiler.emit import Line, Writer, dtype_text, laid_out, writable

    known = library.blocks.get(id(step))
    if known is not None:
        return known
    chain, results = step.params["chain"], step.params["results"]
    inputs = [Input(x.shape, x.dtype, x.weak, x.name) for x in step.operands]
    swap = dict(zip(step.operands, inputs, strict=True))
    steps: list[Value] = []
    for s in chain:
        params = {"axis": None} if is_total(s) else s.params
        made = Step(s.shape, s.dtype, s.weak, s.name, op=s.op, params=params, silent=s.silent,
                    operands=tuple(swap.get(x, x) if not isinstance(x, Const) else x
                                   for x in s.operands))  # fmt: skip
        swap[s] = made
        steps.append(made)
    kept = [swap[r] for r in results]
    inner = Graph(inputs, steps, kept)
    name = library.free_name("block")
    names = Names([name, "i", "k", "m", *library.defined])
    library.variables.append(names.taken)
    for i, x in enumerate(inputs):
        names.of[x] = names.free(x.name or f"x{i + 1}")
    plan = planned(inner, writable, set(kept))
    names.name_all(inner)
    piece = _piece(sum(dtype.itemsize for dtype, _ in plan.sizes))
    work = [names.free(f"work{i + 1}") for i in range(len(plan.sizes))]
    outs = {y: names.free(f"{names.of[y]}_all") for y in kept}
    writer = Writer(inner, library, names, plan)
    for slot in plan.slots:
        writer.slots[slot] = work[slot.storage]
    for value in steps:
        if is_total(value):
            text = f"{outs[value]}[i] = {writer.right_side(value)}"  # type: ignore[arg-type]
            writer.lines.append(Line(text, "", value.silent))  # type: ignore[attr-defined]
        elif value in outs:
            part = names.free(f"{names.of[value]}_part")
            writer.lines.append(Line(f"{part} = {outs[value]}[k:m]"))
            text = f"{names.of[value]} = {writer.right_side(value, part)}"  # type: ignore[arg-type]
            writer.lines.append(Line(text, "", value.silent))  # type: ignore[attr-defined]
        else:
            writer.write(value)
    casts = [
        line for line in writer.lines if line.text.endswith(")") and "_0d = np.array(" in line.text
    ]
    body = [line._replace(comment="") for line in writer.lines if line not in casts]
    large = [x for x in inputs if x.shape]
    n = chain[0].size
    lines = [f"def {name}({', '.join(names.of[x] for x in inputs)}):"]
    lines.append(f'    """{len(chain)} elementwise steps, in pieces that stay in the cache."""')
    lines += [f"    {line.text}" for line in casts]
    lines += [f"    {names.of[x]}_all = {names.of[x]}.reshape(-1)" for x in large]
    sizes = {y: -(-n // piece) if is_total(y) else n for y in kept}
    lines += [f"    {outs[y]} = np.empty({sizes[y]}, {dtype_text(y.dtype)})" for y in kept]
    shared: dict[Any, list[str]] = {}
    for w, (dtype, _) in zip(work, plan.sizes, strict=True):
        shared.setdefault(dtype, []).append(w)
    spaces = {dtype: names.free(f"work_{dtype.name}") for dtype in shared}
    lines += [f"    {spaces[dtype]} = np.empty(({len(ws)}, {piece}), {dtype_text(dtype)})"
              for dtype, ws in shared.items()]  # fmt: skip
    pieces = f"range(0, {n}, {piece})"
    head = f"i, k in enumerate({pieces})" if any(map(is_total, kept)) else f"k in {pieces}"
    lines += [f"    for {head}:", f"        m = min(k + {piece}, {n})"]
    for dtype, ws in shared.items():
        rows = ", ".join(ws) + "," * (len(ws) == 1)
        lines += [f"        {text}" for text in statement(rows, f"{spaces[dtype]}[:, : m - k]")]
    lines += [f"        {names.of[x]} = {names.of[x]}_all[k:m]" for x in large]
    lines += [f"        {text}" for text in laid_out(body)]
    shape = tuple(int(i) for i in chain[0].shape)
    total = library.called("np.add.reduce", names.taken)
    ends = [
        f"{total}({outs[y]})" if is_total(y)
        else f"{outs[y]}.reshape({shape})" if len(shape) > 1 else outs[y]
        for y in kept
    ]  # fmt: skip
    lines.append(f"    return ({', '.join(ends)},)")
    library.texts[name] = "\n".join(lines)
    library.blocks[id(step)] = name
    return name
