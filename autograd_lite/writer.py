"""The source of a function that sweeps graphs of one outline."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import prod
from os.path import dirname, join
from types import FunctionType
from typing import Any, NamedTuple

import numpy as np

from autograd_lite.broadcasting import SMALL, array_of, fitted, unbroadcast, view_of
from autograd_lite.changes import LATEST, advance
from autograd_lite.floats import ERRORS, IGNORED
from autograd_lite.outline import Known, Outline, Place, is_large
from autograd_lite.partial import Expression, expression
from autograd_lite.sweep import FREED, IRREGULAR, merged, refuse_freed
from autograd_lite.table import Primitive

__all__ = ["Unrolled", "Writer"]

#: Where tracebacks say that its lines are: in this package, so none is taken for the user's.
_FILE = join(dirname(__file__), "<unrolled sweep>")

Rules = dict[int, tuple[Primitive, int, int]]


def explain(error: Exception, rules: Rules, nodes: Sequence[Any]) -> None:
    """Note which rule an exception of a written sweep comes from.

    `nodes` are those at the places 0, 1, … −2, −1, None where one is swept already. Raises
    RuntimeError where the graph was freed while it was swept: by another thread, or by a rule.
    """
    for node in nodes if isinstance(error, TypeError) else ():
        if node is not None and node.saved is FREED:
            refuse_freed(node)
    trace = error.__traceback__  # begins in the sweep; to ask for its locals would make a cycle
    if trace is not None and trace.tb_lineno in rules:
        op, i, to = rules[trace.tb_lineno]
        error.add_note(f"in the vjp of {op.path}, input {i} of shape {nodes[to].shape}")


class Unrolled:
    """A sweep that is written out, for graphs of one outline.

    `run(outputs, targets, floor, free, as_tensors)` is what `sweep` finds, or None where the graph
    has another outline or must be looked at as it is swept.
    """

    __slots__ = ("fresh", "run", "source")

    def __init__(self, outline: Outline) -> None:
        writer = Writer(outline)
        #: whether what it finds shares no memory, with itself or with what it is given
        self.fresh = all(to >= 0 for to in writer.shared)
        self.source = "\n".join(writer.lines) + "\n"
        exec(compile(self.source, _FILE, "exec"), writer.names)
        self.run = writer.names.pop("unrolled")  # which holds the names


class Writer:
    """Writes the sweep of graphs of one outline: `lines`, and the `names` that they use.

    n3 is the node at place 3 of the sweep and g3 its cotangent, n_0 and g_0 are the first leaf's.
    """

    def __init__(self, outline: Outline) -> None:
        self.aimed, self.recorded, self.nodes, self.leaves, self.ends = outline
        self.lines: list[str] = []
        self.indent = " " * 4
        #: the row, the input and its place, by the lines that call its rule and add up
        self.rules: Rules = {}
        self.about: tuple[Primitive, int, int] | None = None  # what the next lines are for
        self.names: dict[str, Any] = {
            "add": np.add, "advance": advance, "array_of": array_of, "explain": explain,
            "fitted": fitted, "float64": np.float64, "freed": FREED, "ignored": IGNORED,
            "irregular": IRREGULAR, "errors": ERRORS.get, "latest": LATEST, "merged": merged,
            "ndarray": np.ndarray, "quiet": ERRORS.set, "rules": self.rules, "view_of": view_of,
        }  # fmt: skip
        self.known: dict[int, str] = {}
        #: how many cotangents went to the node at a place so far
        self.sums = dict.fromkeys(self.ends, 1)
        self.parted: set[int] = set()  # places whose sum is an array, were it of one number
        self.shared: set[int] = set()  # places whose cotangent may be somebody else's array
        self.owned: set[int] = set()  # places whose cotangent is surely an array that nobody reads
        self.packed: set[int] = set()  # places whose cotangent is surely an array in C order
        self.negated: set[int] = set()  # places whose cotangent is less its variable
        self.temporaries: dict[str, None] = {}  # the variables of a node's expressions
        #: by places whose cotangent a smaller one stands for, what `sweep` has there
        self.stretched: dict[int, str] = {}
        #: how many cotangents go to each place
        self.joins = Counter([*self.ends, *[to for place in self.nodes for to in place.inputs]])
        if self.recorded:
            from autograd_lite.graph import new_tensor  # which lies above

            self.names["new_tensor"] = new_tensor
        self.write()

    def write(self) -> None:
        """Write it."""
        self.lines.append("def unrolled(outputs, targets, floor, free, as_tensors=None):")
        other = f"targets is {'' if self.aimed else 'not '}None"
        other += f" or as_tensors is {'' if self.recorded else 'not '}None"
        self.line(f"if {other} or len(outputs) != {len(self.ends)}: return None")
        self.line(f"{' '.join(f'(n{end}, g{end}),' for end in self.ends)} = outputs")
        self.write_checks()
        self.line("outputs.clear()")
        self.line("if free: advance(irregular, n0.order)")
        self.line("before = errors()")
        self.line("try:")
        self.indent *= 2
        self.line("quiet(ignored)")
        numbers = all(
            _is_number(place.known) and place.plan.op.kind == "elementwise" for place in self.nodes
        )
        steps = self.constant_steps() if self.recorded and not numbers else []
        if steps:
            self.write_constants(steps)
            self.line("else:")
        for i, place in enumerate(self.nodes):
            self.indent += " " * 4 * (i < len(steps))
            saved = self.write_node(i, place)
            if not numbers:
                self.write_release(i, place, saved)
            self.indent = " " * 8
        if numbers:
            everyone = ", ".join(f"n{i}" for i in range(len(self.nodes)))
            self.line(f"for node in ({everyone},) if free else (): node.free()")
        found = [_suffix(-1 - i) for i, leaf in enumerate(self.leaves) if leaf.plan]
        self.line(f"return {{{', '.join(f'n{v}: g{v}' for v in found)}}}")
        self.indent = " " * 4
        places = (*range(len(self.nodes)), *range(-len(self.leaves), 0))
        everyone = ", ".join(f"n{_suffix(place)}" for place in places)
        self.line(f"except Exception as error: explain(error, rules, ({everyone},)); raise")
        self.line("finally: quiet(before)")

    def write_release(self, i: int, place: Place, saved: Sequence[str]) -> None:
        """Write what lets go of a node, and of what may hold an array."""
        kept = [k for k in place.plan.keep if not place.plan.tracked[k]]
        numbers = all(place.saved and place.saved[k + 1].dtype is float for k in kept)
        self.line(f"if free: n{i}.{'saved = freed' if numbers else 'free()'}")
        done = [f"n{i}", f"g{i}", *saved, *["each"] * place.plan.op.jointly]
        done += ["ct"] * any(self.sums.get(to, 0) > 1 for to in place.inputs)
        done += self.temporaries
        self.temporaries = {}
        self.line(f"{' = '.join(done)} = None")

    def constant_steps(self) -> list[tuple[str, Known]]:
        """What gives the cotangents from the only end on, as long as they are one constant number.

        A recorded sweep that begins with a constant records nothing until it meets a tensor.
        """
        steps: list[tuple[str, Known]] = []
        known = self.nodes[0].known
        while (len(self.ends) == 1 and known.shape == ()) or known.stretched:
            i, place = len(steps), self.nodes[len(steps)]
            if len(place.plan.edges) != 1 or place.inputs != (i + 1,) or self.joins[i + 1] != 1:
                break
            ((k, rule),) = place.plan.edges
            found = self.written(place, rule, known)
            others = [j for j in range(1, len(place.saved) + 1) if j not in (1, k + 2)]
            if found is None or any(f"{{{j}}}" in found.text for j in (1, k + 2)):
                break
            known = found.value
            if known._replace(stretched="") != self.nodes[i + 1].known:
                break
            if known.stretched and prod(known.shape or ()) <= SMALL:
                known = known._replace(stretched="array")  # which is what np.broadcast_to records
            saved = {j: f"n{i}.saved[{j - 1}]" for j in others}
            arguments = [f"g{i}", *[saved.get(j, "") for j in range(1, len(place.saved) + 1)]]
            steps.append((self.filled(found, *arguments), known))
        return steps

    def write_constants(self, steps: Sequence[tuple[str, Known]]) -> None:
        """Write those steps, for a seed that is a constant number."""
        kind = self.name(self.nodes[0].known.dtype.type)
        self.line(f"if g0._node is None and type(g0._value) is {kind}:")
        self.indent += " " * 4
        self.line("g0 = g0._value")
        for i, (text, _) in enumerate(steps):
            self.line(f"g{i + 1} = {text}")
            self.write_release(i, self.nodes[i], ())
        last, known = f"g{len(steps)}", steps[-1][1]
        self.line(f"{last} = new_tensor({self.whole(last, known)}, None)")
        self.indent = " " * 8

    def line(self, text: str) -> None:
        """Add a line."""
        self.lines.append(f"{self.indent}{text}")
        if self.about is not None:
            self.rules[len(self.lines)] = self.about

    def name(self, thing: Any) -> str:
        """The name of a rule, a plan, a row, a dtype or a constant."""
        if id(thing) not in self.known:
            named = thing.__name__ if isinstance(thing, np.ufunc) else type(thing).__name__
            kind = "Dtype" if isinstance(thing, np.dtype) else named.capitalize()
            name = self.known[id(thing)] = f"{kind}{len(self.known)}"
            self.names[name] = thing
        return self.known[id(thing)]

    def place(self, place: int) -> Place:
        """The node or leaf at a place."""
        return self.nodes[place] if place >= 0 else self.leaves[-1 - place]

    def write_checks(self) -> None:
        """Write what sees whether a graph has the outline, and finds its nodes."""
        met = set(self.ends)
        again: set[str] = set()  # variables of nodes that were met before
        tests = [
            test for end in self.ends for test in self.unlike(f"n{end}", self.nodes[end].known)
        ]
        if len(self.ends) > 1:  # a single one has the row at which its function is kept
            others = [f"n{end}.plan is not {self.name(self.nodes[end].plan)}" for end in self.ends]
            self.line(f"if {' or '.join(others)}: return None")
        for i, place in enumerate(self.nodes):
            if place.everyday:
                tests.append(f"n{i}.params is not {self.name(place.plan.op.everyday)}")
            if place.pick is not None:
                tests.append(f"n{i}.params['index'] != {place.pick[0]}")
            found = []
            for (k, _), to in zip(place.plan.edges, place.inputs, strict=True):
                node = f"n{_suffix(to)}"
                if to in met:
                    tests.append(f"i{k} is not {node}")
                    node = f"i{k}"
                    again.add(node)
                elif to >= 0:
                    tests.append(f"{node}.plan is not {self.name(self.nodes[to].plan)}")
                else:
                    tests.append(f"{node}.plan is not None")
                    if self.aimed:
                        tests.append(f"{node} {'not in' if self.place(to).plan else 'in'} targets")
                if to not in met and not (to >= 0 and self.nodes[to].plan.op.alike):
                    tests += self.unlike(node, self.place(to).known)
                met.add(to)
                found.append((k, node))
            if len(found) == len(place.plan.tracked):
                self.line(f"{', '.join(node for _, node in found)}, = n{i}.inputs")
            else:
                for k, node in found:
                    self.line(f"{node} = n{i}.inputs[{k}]")
            if tests:
                self.line(f"if {' or '.join(tests)}: return None")
            tests = []
        last = len(self.nodes) - 1  # what is made of another is newer than that
        apart = [i for i in range(last) if i + 1 not in self.nodes[i].inputs]
        for k in range(0, len(apart), 8):
            orders = [f"n{i}.order > n{i + 1}.order" for i in apart[k : k + 8]]
            self.line(f"if not ({' and '.join(orders)}): return None")
        self.line(f"first = n{last}.order")
        self.line("if first < floor or first < latest[0] or first <= irregular[0]: return None")
        if len(self.leaves) > 1:
            leaves = ", ".join(f"n{_suffix(-1 - i)}" for i in range(len(self.leaves)))
            self.line(f"if len({{{leaves}}}) < {len(self.leaves)}: return None")
        self.write_checks_of_constants()
        if again:
            self.line(f"{' = '.join(sorted(again))} = None")

    def unlike(self, name: str, known: Known) -> list[str]:
        """Tests whether a node or an array has not the shape and the dtype that are known."""
        if known.shape is None:
            return []
        native = known.dtype is np.dtype(known.dtype.type)  # one that came out of a pickle is not
        sign = "is not" if native else "!="
        return [f"{name}.shape != {known.shape}", f"{name}.dtype {sign} {self.name(known.dtype)}"]

    def write_checks_of_constants(self) -> None:
        """Write what sees whether the numbers and arrays among the inputs are alike."""
        tests: list[str] = []
        for i, place in enumerate(self.nodes):
            edges = {k for k, _ in place.plan.edges}
            for k in sorted(place.packed):
                tests.append(f"if not n{i}.saved[{k}].flags.c_contiguous: return None")
            for k, known in enumerate(place.saved[1:]):
                if k in edges or known.dtype is None:
                    continue
                if known.dtype is float:
                    tests.append(f"if type(n{i}.saved[{k + 1}]) is not float: return None")
                else:
                    unlike = ["type(v) is not ndarray", *self.unlike("v", known)]
                    tests.append(f"v = n{i}.saved[{k + 1}]")
                    tests += [f"if {' or '.join(unlike)}: return None", "v = None"]
        if tests:
            self.line("try:")
            for test in tests:
                self.line(f"    {test}")
            self.line("except TypeError: return None")  # another thread has just freed it

    def write_node(self, i: int, place: Place) -> Sequence[str]:
        """Write the rules of one node; the variables that hold what it saved."""
        plan = place.plan
        edges = zip(plan.edges, place.inputs, strict=True)
        wanted = [(edge, to) for edge, to in edges if to >= 0 or self.place(to).plan]
        calls = self.calls(i, place, wanted)
        if i in self.stretched and not all(call.written for _, call in calls):
            known = place.known._replace(stretched=self.stretched.pop(i))
            self.line(f"g{i} = {self.whole(f'g{i}', known)}")
            calls = self.calls(i, place, wanted)
        if i in self.negated and not all(call.written for _, call in calls):
            self.negated.discard(i)
            self.line(f"g{i} = -g{i}")
            calls = self.calls(i, place, wanted)
        reads: Sequence[int] = sorted({k for _, call in calls for k in call.reads})
        names = [_SAVED[k] for k in reads]
        if len(reads) == 1:
            self.line(f"{names[0]} = n{i}.saved[{reads[0]}]")
        elif reads:
            names = list(_SAVED[: len(plan.tracked) + 1])
            tensors = self.recorded and self.as_tensors(i, place)
            self.line(f"{', '.join(names)} = {tensors or self.saved(i)}")
        elif self.recorded and wanted and not plan.arity and place.pick is None:
            names = ["saved"]
            self.line(f"saved = {self.saved(i)}")
        if plan.op.jointly and wanted:
            self.about = plan.op, wanted[0][0][0], wanted[0][1]
            self.line(f"each = {self.name(plan.op.rules[0])}({self.everything(i)})")
        for n, ((edge, _), (to, call)) in enumerate(zip(wanted, calls, strict=True), 1):
            self.about = plan.op, edge[0], to
            self.write_edge(i, place, to, call)
            if n < len(wanted) and plan.op.into is None and self.sums.get(to, 0) > 1:
                # or it would be there while the next rule runs
                self.line(f"{' = '.join(['ct', *self.temporaries])} = None")
        self.about = None
        passed = [(to, call) for to, call in calls if not call.fresh and not self.sums_up(to, call)]
        if i in self.owned and len(passed) == 1 and passed[0][1].text == f"g{i}":
            self.owned.add(passed[0][0])  # it is that place's from now on
        return names

    def calls(self, i: int, place: Place, wanted: Sequence[Any]) -> list[tuple[int, _Call]]:
        """What gives the cotangents of some inputs of a node.

        The last may write over the node's own, where none of the others passed that on.
        """
        found: list[tuple[int, _Call]] = []
        for n, ((k, rule), to) in enumerate(wanted, 1):
            last = n == len(wanted) and all(call.fresh for _, call in found)
            found.append((to, self.call(i, place, k, rule, to, last and i in self.owned)))
        return found

    def sums_up(self, to: int, call: _Call) -> bool:
        """Whether what an expression gives is added up for a smaller input: to a new array."""
        wanted = self.place(to).known.shape
        return call.written and wanted is not None and call.known.shape != wanted

    def saved(self, i: int) -> str:
        """What a node saved, as a sweep that is recorded takes it or another."""
        return f"as_tensors(n{i})" if self.recorded else f"n{i}.saved"

    def as_tensors(self, i: int, place: Place) -> str:
        """What a node saved as Tensors, one by one; "" where one of them may be a number."""
        plan = place.plan
        places = {k: to for (k, _), to in zip(plan.edges, place.inputs, strict=True)}
        texts = [f"new_tensor(n{i}.saved[0], n{i})" if plan.keep_y else "None"]
        for k, tracked in enumerate(plan.tracked):
            value, to = f"n{i}.saved[{k + 1}]", places.get(k)
            if k in plan.keep and tracked:
                if to is None or not self.place(to).known.shape:
                    return ""
                value = f"new_tensor({value}, n{_suffix(to)})"
            texts.append(value)
        return ", ".join(texts)

    def everything(self, i: int) -> str:
        """The arguments of a rule that takes whatever there is."""
        return f"g{i}, *{'saved' if self.recorded else self.saved(i)}, **n{i}.params"

    def call(self, i: int, place: Place, k: int, rule: Any, to: int, owned: bool) -> _Call:
        """What gives the cotangent of input k of a node, whose own may be written over if owned."""
        plan, g = place.plan, f"g{i}"
        saved = _SAVED[: len(place.saved)]
        stretched = self.stretched.get(i, "")
        packed = frozenset([j + 1 for j in place.packed] + [0] * (i in self.packed))
        known, negated = place.known._replace(stretched=stretched), i in self.negated
        found = None
        if to >= 0 and self.joins[to] == 1 and not self.recorded:  # it may be less its variable
            found = self.written(place, rule, known, packed, owned, negated, False)
        if found is None or found.value != self.place(to).known:
            found = self.written(place, rule, known, packed, owned, negated)
        if found is not None and not self.recorded:
            reads = [j for j in range(len(saved)) if f"{{{j + 1}}}" in found.text]
            self.temporaries |= dict.fromkeys(found.temporaries)
            text = self.filled(found, g, *saved)
            facts = found.fresh, reads, True, found.packed, found.negated
            return _Call(text, found.value, *facts)
        # the rule itself is recorded, but what comes of it is known all the same
        known = Known() if found is None else found.value._replace(stretched="")
        if plan.arity:
            if not plan.keeps:
                return _Call(f"{self.name(rule)}({', '.join((g, *['None'] * len(saved)))})", known)
            text = f"{self.name(rule)}({', '.join((g, *saved))})"
            return _Call(text, known, reads=range(len(saved)))
        if place.pick is not None:
            index, n = place.pick
            return _Call(f"({''.join(f'{g if j == index else None}, ' for j in range(n))})")
        call = f"each[{k}]" if plan.op.jointly else f"{self.name(rule)}({self.everything(i)})"
        return _Call(call, known)

    def written(
        self,
        place: Place,
        rule: Any,
        known: Known,
        packed: frozenset[int] = frozenset(),
        owned: bool = False,
        negated: bool = False,
        signed: bool = True,
    ) -> Expression | None:
        """The expression of a rule, given what is known of the cotangent."""
        if not place.saved or type(rule) is not FunctionType or rule.__closure__:
            return None  # nor are a user's rules, and what they close over, to be remembered
        params = tuple((place.plan.op.everyday or {}).items()) if place.everyday else ()
        return expression(rule, (known, *place.saved), params, packed, owned, negated, signed)

    def filled(self, found: Expression, *arguments: str) -> str:
        """The text of an expression of these arguments."""
        return found.text.format(*arguments, *map(self.name, found.constants))

    def whole(self, text: str, known: Known) -> str:
        """The text of what is known, which a number or a smaller array may stand for."""
        return f"{known.stretched}_of({text}, {known.shape})" if known.stretched else text

    def write_edge(self, i: int, place: Place, to: int, call: _Call) -> None:
        """Write what adds the result of a rule to the cotangent of the input."""
        op, wanted, total = place.plan.op, self.place(to).known, f"g{_suffix(to)}"
        if call.known.stretched:
            kind, known = call.known.stretched, call.known._replace(stretched="")
            if to >= 0 and self.joins[to] == 1 and known == wanted:
                self.line(f"{total} = {call.text}")
                self.stretched[to] = kind
                return
            if kind == "view" and known == wanted and self.sums.get(to):
                call = call._replace(known=known)  # what it is added to has the whole shape
            else:
                call = _Call(self.whole(call.text, call.known), known, kind == "array")
        self.sums[to] = nth = self.sums.get(to, 0) + 1
        if op.into is not None and nth > 1:
            self.line(f"{total} = {self.name(op.into)}({total}, {nth > 2}, {self.everything(i)})")
            self.parted.add(to)
            self.owned.discard(to)
            self.packed.discard(to)
        elif wanted.shape is None:
            self.line(f"{total if nth == 1 else 'ct'} = {call.text}")
            if nth > 1:
                self.line(f"{total} = merged({total}, ct)")
        elif nth == 1:
            if call.negated:
                self.negated.add(to)
            if self.write_fitted(total, call, to, op):
                self.owned.add(to)
            else:
                self.shared.add(to)
            if call.packed and call.known == wanted:
                self.packed.add(to)
            return
        else:
            self.write_fitted("ct", call, to, op)
            packed = call.packed and call.known == wanted and to in self.packed
            if packed and call.fresh and nth == 2 and is_large(wanted):
                self.line(f"{total} = add({total}, ct, ct)")
            elif nth == 2 or (_is_number(wanted) and to not in self.parted):
                self.line(f"{total} = {total} + ct")
            else:
                in_place = f"add({total}, ct, {total}) if type({total}) is type(ct) is ndarray"
                self.line(f"{total} = {in_place} else {total} + ct")
            if not packed:
                self.packed.discard(to)
            self.owned.add(to)
        self.shared.discard(to)

    def write_fitted(self, ct: str, call: _Call, to: int, op: Primitive) -> bool:
        """Write a call, and what brings its result to the shape and dtype of the input.

        Whether that is surely an array of its own.
        """
        known, wanted = call.known, self.place(to).known
        if (
            known.shape is not None
            and known.dtype == wanted.dtype
            and known != wanted
            and not self.recorded
        ):
            summed = expression(unbroadcast, (known, wanted.shape, op))
            if summed is not None and summed.value == wanted:
                if not call.text.isidentifier():
                    self.line(f"{ct} = {call.text}")
                    call = _Call(ct)
                self.line(f"{ct} = {self.filled(summed, call.text, '', '')}")
                return summed.fresh
        self.line(f"{ct} = {call.text}")
        fit = f"fitted({ct}, n{_suffix(to)}, {self.name(op)})"
        if known.dtype is None and _is_number(wanted) and not self.recorded:
            self.line(f"if type({ct}) is not float64: {ct} = {fit}")
        elif known.dtype is None:
            same = f"{ct}.shape == {wanted.shape} and {ct}.dtype is {self.name(wanted.dtype)}"
            self.line(f"if not ({same}): {ct} = {fit}")
        elif known != wanted:
            self.line(f"{ct} = {fit}")
        return call.fresh and known == wanted


class _Call(NamedTuple):
    """What gives a cotangent: its text, what is known of it, and what saved it reads."""

    text: str
    known: Known = Known()
    fresh: bool = False  # whether it is surely an array of its own
    reads: Sequence[int] = ()
    written: bool = False  # whether it is no call of the rule, but what that comes down to
    packed: bool = False  # whether it is surely an array in C order
    negated: bool = False  # whether the cotangent is less what it gives


_SAVED = ("y", "a", "b")
_FLOAT64 = np.dtype(np.float64)


def _is_number(known: Known) -> bool:
    """Whether a sweep computes with NumPy's float64 there, and not with arrays."""
    return known.shape == () and bool(known.dtype == _FLOAT64)


def _suffix(place: int) -> str:
    """What follows n and g in the names of a node and its cotangent."""
    return f"{place}" if place >= 0 else f"_{-1 - place}"
