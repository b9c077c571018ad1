"""Names of a program's values: the user's and the lecture's; t1, mask2, t3, … without one."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable

from autograd_lite.compiler.ir import Graph, Pick, Step, Value

__all__ = ["USED", "Names", "identifier"]

#: What a program calls by these names itself, so no variable may hide it.
USED = ("np", "math", "map", "float", "abs", "divmod")


class Names:
    """The variable of every value of a graph."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.taken = {*taken, *USED}
        self.of: dict[Value, str] = {}
        self._n = 0
        self._counts: dict[str, int] = {}

    def free(self, name: str) -> str:
        """The name, or one like it that is not taken; taken from now on."""
        name = identifier(name)
        free, n = name, self._counts.get(name, 1)
        while free in self.taken or keyword.iskeyword(free):
            n += 1
            free = f"{name}_{n}"
        self._counts[name] = n  # where to go on, or many like names would take quadratic time
        self.taken.add(free)
        return free

    def name_all(self, graph: Graph) -> None:
        """Give every value a variable."""
        single = _single_users(graph)
        for value in reversed(graph.steps):  # names go upstream: X @ W1 becomes Z1, then Z1 + b1
            user = single.get(value)
            alike = user is not None and user.shape == value.shape and user.dtype == value.dtype
            if (
                value.name is None
                and isinstance(value, Step)
                and alike
                and value not in graph.outputs
            ):
                assert user is not None
                if user.name is not None and _may_share(value, user):
                    value.name = user.name
        last: dict[str, Value] = {}
        for value in graph.steps:
            if value.name is None:
                self._n += 1
                kind = "mask" if value.dtype == bool and value.shape else "t"
                self.of[value] = self.free(f"{kind}{self._n}")
                continue
            before = last.get(value.name)
            if before is not None and single.get(before) is value:
                self.of[value] = self.of[before]
            else:
                self.of[value] = self.free(value.name)
            last[value.name] = value


def _may_share(value: Step, user: Value) -> bool:
    """Whether a value may go by its only user's name: both are elementwise, or the user is."""
    return isinstance(user, Step) and user.op.kind == "elementwise"


def _single_users(graph: Graph) -> dict[Value, Value]:
    """The only user of every value that has one."""
    users: dict[Value, list[Value]] = {}
    for step in graph.steps:
        operands = step.operands if isinstance(step, Step) else ()
        if isinstance(step, Pick):
            operands = (step.source,)
        for x in dict.fromkeys(o for o in operands if isinstance(o, Value)):
            users.setdefault(x, []).append(step)
    return {x: found[0] for x, found in users.items() if len(found) == 1 and x not in graph.outputs}


def identifier(name: str) -> str:
    """The name as Python takes it."""
    name = re.sub(r"\W+_?", "_", name.replace("ŷ", "y_hat")).strip("_") or "x"
    return f"x{name}" if name[0].isdigit() else name
