"""Building a program: trace, simplify, name, write, and run the source."""

from __future__ import annotations

import hashlib
import linecache
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from autograd_lite.compiler.arrangement import Arguments, rebuilt
from autograd_lite.compiler.emit import Line, Writer, laid_out, summary
from autograd_lite.compiler.ir import Const, Draw, Graph, Input, Value
from autograd_lite.compiler.library import Library, number_text
from autograd_lite.compiler.naming import Names, identifier
from autograd_lite.compiler.simplify import simplified
from autograd_lite.compiler.trace import traced
from autograd_lite.graph import Tensor, new_tensor

__all__ = ["Compiled", "build"]


class Compiled:
    """One program: its source, what it refers to, and the function that it makes."""

    def __init__(
        self, name: str, source: str, check: str, namespace: dict[str, Any], library: Library
    ) -> None:
        self.name = name
        self.source = source
        self.check = check
        self.namespace = namespace
        self.library = library
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
        if self.check:
            exec(compile(self.check, "<signature>", "exec", dont_inherit=True), names)
            self.fits = names["fits"]

    def save(self, path: Path) -> list[Path]:
        """Write the source, and large constants beside it."""
        source, arrays = self.source, self.library.arrays
        imports = [_importable(name, value) for name, value in self.library.given.items()]
        head = "import numpy as np\n"
        extra = "".join(f"{line}\n" for line in imports)
        written = [path]
        if arrays:
            data = path.with_suffix(".npz")
            np.savez(data, **arrays)
            written.append(data)
            extra += "from pathlib import Path\n\n"
            extra += f'_constants = np.load(Path(__file__).with_name("{data.name}"))\n'
            extra += "".join(f'{name} = _constants["{name}"]\n' for name in arrays)
        path.write_text(source.replace(head, head + extra, 1), encoding="utf-8")
        return written

    def __reduce__(self) -> Any:
        return Compiled, (self.name, self.source, self.check, self.namespace, self.library)


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
    paths = [name for _, name in arguments.places]
    dynamic = [_is_dynamic(x) for x in arguments.leaves]

    def rebuild(tensors: Any) -> Any:
        rest = iter(tensors)
        return arguments.rebuild(
            [next(rest) if d else x for d, x in zip(dynamic, arguments.leaves, strict=True)]
        )

    leaves = [x for x, d in zip(arguments.leaves, dynamic, strict=True) if d]
    traced_paths = [p for p, d in zip(paths, dynamic, strict=True) if d]
    graph, structure = traced(f, leaves, traced_paths, rebuild)
    graph = simplified(graph)
    library = Library()
    taken = [identifier(n) for n in arguments.names]
    variables = Names(taken)
    places = [p for p, d in zip(arguments.places, dynamic, strict=True) if d]
    name = variables.free(getattr(f, "__name__", "program").replace("<lambda>", "program"))
    lines = _unpacked(graph.inputs, places, leaves, variables, set(arguments.names))
    variables.taken |= _reserved(graph)
    variables.name_all(graph)
    writer = Writer(graph, library, variables)
    for value in graph.steps:
        writer.write(value)
    tensors = any(isinstance(x, Tensor) and not x.is_parameter for x in leaves)
    result = rebuilt(structure, _results(graph, writer, tensors), library)
    lines += laid_out([*writer.lines, Line(f"return {result}")])
    source = _source(name, arguments, lines, graph, library)
    check = ""
    return Compiled(name, source, check, {**library.given, **library.arrays}, library)


def _is_dynamic(x: Any) -> bool:
    return isinstance(x, (np.ndarray, np.generic, Tensor, np.random.Generator)) or type(x) is float


def _reserved(graph: Graph) -> set[str]:
    """Names that functions of this package may be defined under."""
    return {"Tensor"}


def _unpacked(
    inputs: list[Input], places: list[tuple[str, str]], leaves: list[Any], variables: Names,
    parameters: set[str],
) -> list[str]:  # fmt: skip
    """Lines that take the leaves out of the arguments; the inputs get their variables."""
    lines = []
    for value, (path, name), leaf in zip(inputs, places, leaves, strict=True):
        data = ".data" if isinstance(leaf, Tensor) else ""
        if path in parameters and not data:
            variables.of[value] = path
            continue
        variable = variables.of[value] = variables.free(value.name or name)
        lines.append(f"{variable} = {path}{data}")
    return lines


def _results(graph: Graph, writer: Writer, tensors: bool) -> list[str]:
    """An expression for every leaf of the result: fresh arrays, none of them twice."""
    texts, seen = [], set()
    for y in graph.outputs:
        if isinstance(y, Value):
            text = writer.names.of[y]
            if not y.weak and (y in seen or not _is_fresh(y)):
                text = f"np.array({text})"
            seen.add(y)
            if tensors and not y.weak:
                text = f"{writer.library.given_function(_tensor, 'tensor')}({text})"
        else:
            text = _constant(y, writer.library)
        texts.append(text)
    return texts


def _tensor(array: Any) -> Tensor:
    """An array as a Tensor: tensors in, tensors out."""
    return new_tensor(array, None)


def _is_fresh(y: Value) -> bool:
    """Whether a result shares no memory with an argument, a constant or another value."""
    if isinstance(y, Draw):
        return True
    op = getattr(y, "op", None)
    if op is None:
        return False
    return op.kind == "elementwise" or op.name in _FRESH


_FRESH = frozenset({"sum", "dot", "matmul", "max", "min", "prod", "astype", "copy", "stack",
                    "concatenate", "float"})  # fmt: skip


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
    name: str, arguments: Arguments, lines: list[str], graph: Graph, library: Library
) -> str:
    parameters = list(arguments.parameters)
    parameters += [f"{k}" for k in arguments.kwargs]
    signature = f"{name}({', '.join(parameters)})"
    doc = [f'"""{signature}', "", f"{summary(graph)}.", '"""']
    imports = "\n".join(library.imports)
    parts = ["\n".join(doc), imports]
    for text in library.texts.values():
        if "\n" in text or "\n" in parts[-1] or len(parts) == 2:
            parts.append(text)
        else:
            parts[-1] += f"\n{text}"
    body = "\n".join(f"    {line}" for line in lines)
    parts.append(f"def {signature}:\n{body}")
    return "\n\n".join(parts) + "\n"
