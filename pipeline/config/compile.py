"""The control flow of a pipeline, as generated Python: the filter section, then the routes to the outputs.

Plain filters and branches become statements of one function. A filter that spreads, holds or asks cuts it: what
follows becomes a function of its own, so that each child, or each answer, runs the rest of the section.

    def filters(event):                     filter { if [a] == "x" { json {...} }
        if c0(event):                                split {...}
            try: m = f0(event) ...                   mutate {...} }
        for child in f1(event):
            guard(after1, child)
    def after1(event):
        f2(event)
        outputs(event)

An event that waits for an answer waits with its continuation in `waiting`. Where filters ask, an event that has passed
them all goes there, too, so that events are routed in their order when the last answer is there.
"""

from __future__ import annotations

import linecache
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from pipeline.config.built import AskingFilter, BuiltFilter, Spread, children_of, counted, failure_of
from pipeline.config.inline import inlined
from pipeline.errors import ConfigurationError, FilterFailure
from pipeline.event import Event
from pipeline.flow import Continue, Flow, Guard, Waiting
from pipeline.grammar import ast
from pipeline.grammar.faults import Fault
from pipeline.plugin import Asking, Holding, Spreading


class Trace(Protocol):
    """Told what happens to each event, for `explain`."""

    def step(self, node: ast.Plugin | ast.Arm, event: Event, flag: bool) -> None:
        """After a filter or a condition; the flag says whether it matched or held."""
        ...

    def spread(self, node: ast.Plugin, event: Event, children: Sequence[Event]) -> Iterable[Event]:
        """The children that a filter made of an event; each is run before the next is asked for."""
        ...


_FILE = "<compiled pipeline>"
_FEW = 4


@dataclass(frozen=True, slots=True)
class Parts:
    """What a flow is compiled from: two sections, and what stands for their nodes, by the identity of the node."""

    filters: Sequence[ast.Statement]
    outputs: Sequence[ast.Statement]
    built: Mapping[int, BuiltFilter]
    conditions: Mapping[int, Callable[[Event], bool]]
    """By that of the arm."""
    sinks: Mapping[int, Continue]
    """Who takes the events of an output."""


def compile_flow(parts: Parts, guard: Guard, trace: Trace | None = None, unrouted: Continue | None = None) -> Flow:
    """Generates and compiles the flow.

    `unrouted` is told of events that reach no output; nothing is asked where an output takes every event.
    """
    writer = _Writer(parts.built, parts.conditions, parts.sinks, trace)
    writer.names.update(guard=guard, waiting=writer.waiting, Waiting=Waiting, FilterFailure=FilterFailure)
    writer.routes(parts.outputs, unrouted)
    if writer.asks(parts.filters):
        writer.names["passed"] = lambda event: writer.waiting.append(Waiting(event))
        writer.function("filters", parts.filters, "passed")
    else:
        writer.function("filters", parts.filters, "outputs")
    source = "\n".join(writer.lines) + "\n"
    linecache.cache[_FILE] = (len(source), None, source.splitlines(keepends=True), _FILE)
    try:
        code = compile(source, _FILE, "exec")
    except (MemoryError, RecursionError, SyntaxError) as error:  # Python's own bounds on nesting
        raise ConfigurationError([Fault(f"the filters and branches are too many to be compiled: {error!r}")]) from None
    exec(code, writer.names)  # noqa: S102  generated from the checked tree alone
    flushes = [(holding, writer.names[name]) for holding, name in writer.holding]
    names = writer.names
    return Flow(names["filters"], writer.waiting, names["outputs"], flushes, _place_of(writer.places), source)


def _place_of(places: Mapping[int, str]) -> Callable[[BaseException], str]:
    """Finds the plugin at the line of the generated source that an exception passed last."""

    def place_of(error: BaseException) -> str:
        trace, place = error.__traceback__, "the pipeline"
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == _FILE:
                place = places.get(trace.tb_lineno, place)
            trace = trace.tb_next
        return place

    return place_of


Line = tuple[str, str | None]
"""A line of source, and the label of the plugin that it calls."""


@dataclass(slots=True)
class _Writer:
    """Writes the functions; `names` are the globals of the generated source."""

    built: Mapping[int, BuiltFilter]
    conditions: Mapping[int, Callable[[Event], bool]]
    sinks: Mapping[int, Continue]
    trace: Trace | None
    names: dict[str, Any] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    places: dict[int, str] = field(default_factory=dict)
    waiting: list[Waiting] = field(default_factory=list)
    holding: list[tuple[Holding, str]] = field(default_factory=list)
    _count: int = 0
    _spreads: int = 0
    _watch: bool = False
    _outputs: Sequence[ast.Statement] = ()
    """Written in place at the end of the filters, where they are few."""

    def function(self, name: str, statements: Sequence[ast.Statement], after: str | None) -> None:
        """One function; the functions that it goes on to are written before it."""
        body: list[Line] = []
        self._block(statements, after, 1, body)
        self._write(f"{name}(event)", body)

    def _write(self, head: str, body: Sequence[Line]) -> None:
        self.lines.append(f"def {head}:")
        if any("fields.get(" in line for line, _ in body):
            self.lines.append("    fields = event.fields")
        for line, label in body or [("    pass", None)]:
            self.lines.append(line)
            if label is not None:
                self.places[len(self.lines)] = label

    def routes(self, outputs: Sequence[ast.Statement], unrouted: Continue | None) -> None:
        """The function `outputs`; it watches whether an event was routed only where it might not be."""
        self._watch = unrouted is not None and not any(isinstance(item, ast.Plugin) for item in outputs)
        self._outputs = () if self._watch else outputs
        body: list[Line] = []
        self._block(outputs, None, 1, body)
        if self._watch:
            self.names["unrouted"] = unrouted
            body = [("    routed = False", None), *body, ("    if not routed: unrouted(event)", None)]
        self._write("outputs(event)", body)

    def _name(self, prefix: str, value: Any = None) -> str:
        self._count += 1
        name = f"{prefix}{self._count}"
        if value is not None:
            self.names[name] = value
        return name

    def _block(self, statements: Sequence[ast.Statement], after: str | None, depth: int, body: list[Line]) -> None:
        """The statements at a depth, then the continuation."""
        pad = "    " * depth
        for index, statement in enumerate(statements):
            if not self._cuts([statement]):
                self._straight(statement, depth, body)
                continue
            rest = statements[index + 1 :]
            proceed = after
            if rest or after is None:
                proceed = self._name("after")
                self.function(proceed, rest, after)
            assert proceed is not None
            if isinstance(statement, ast.Branch):
                self._branch(statement, proceed, depth, body)
            else:
                self._cut(statement, proceed, pad, body)
            return
        if after == "outputs" and 0 < len(self._outputs) <= _FEW:
            self._block(self._outputs, None, depth, body)
        elif after is not None:
            body.append((f"{pad}{after}(event)", None))

    def _straight(self, statement: ast.Statement, depth: int, body: list[Line]) -> None:
        if isinstance(statement, ast.Branch):
            self._branch(statement, None, depth, body)
            return
        pad = "    " * depth
        if id(statement) in self.sinks:
            sink = self._name("sink", self.sinks[id(statement)])
            body.append((f"{pad}{sink}(event)", None))
            if self._watch:
                body.append((f"{pad}routed = True", None))
            return
        built = self.built[id(statement)]
        run = self._name("f", built.filter)
        if built.decorate is None and built.tag_on_failure is None and self.trace is None:
            body.append((f"{pad}{run}(event)", built.label))
            return
        fail = self._name("fail", failure_of(built))
        heard = self.trace is not None
        body.append((f"{pad}try:", None))
        if built.decorate is None:
            body.append((f"{pad}    {'matched = ' if heard else ''}{run}(event)", built.label))
        else:
            body.append((f"{pad}    if {'matched := ' if heard else ''}{run}(event):", built.label))
            body.append((f"{pad}        {self._name('d', built.decorate)}(event)", built.label))
        body.append((f"{pad}except FilterFailure as failure:", None))
        body.append((f"{pad}    {'matched = False; ' if heard else ''}{fail}(event, failure)", built.label))
        self._traced(statement, "matched", pad, body)

    def _traced(self, node: ast.Plugin | ast.Arm, flag: str, pad: str, body: list[Line]) -> None:
        if self.trace is not None:
            self.names["trace"] = self.trace.step
            body.append((f"{pad}trace({self._name('n', node)}, event, {flag})", None))

    def _branch(
        self,
        branch: ast.Branch,
        proceed: str | None,
        depth: int,
        body: list[Line],
    ) -> None:
        """if, else if, else; each way goes on to `proceed`."""
        pad = "    " * depth
        for number, arm in enumerate(branch.arms):
            test = self._test(arm)
            label = f"the condition at {arm.condition.span.place}"
            body.append((f"{pad}{'elif' if number else 'if'} {test}:", label))
            self._arm(arm.body, proceed, depth + 1, body)
        if branch.otherwise or proceed is not None:
            body.append((f"{pad}else:", None))
            self._arm(branch.otherwise, proceed, depth + 1, body)

    def _test(self, arm: ast.Arm) -> str:
        """The condition of an arm as an expression: in place, or as a call."""
        if self.trace is not None:
            self.names["traced"] = _traced_condition(self.trace)
            return f"traced({self._name('c', self.conditions[id(arm)])}, {self._name('n', arm)}, event)"
        return inlined(arm.condition) or f"{self._name('c', self.conditions[id(arm)])}(event)"

    def _arm(self, statements: Sequence[ast.Statement], proceed: str | None, depth: int, body: list[Line]) -> None:
        if not statements and proceed is None:
            body.append((f"{'    ' * depth}pass", None))
        self._block(statements, proceed, depth, body)

    def _cut(self, node: ast.Plugin, proceed: str, pad: str, body: list[Line]) -> None:
        built = self.built[id(node)]
        match built.filter:
            case Asking() as asking:
                told = partial(self.trace.step, node) if self.trace is not None else None
                ask = self._name("ask", AskingFilter(asking, built, told))
                key, resume = self._name("key", asking.key), self._name("resume")
                steps = [(f"    {ask}.answered(event, answer)", built.label), (f"    {proceed}(event)", None)]
                self._write(f"{resume}(event, answer)", steps)
                body.append(
                    (f"{pad}waiting.append(Waiting(event, {ask}, {key}(event), {proceed}, {resume}))", built.label)
                )
            case Holding() as holding:
                self.holding.append((counted(holding, built.counters), proceed))
                hold = self._name("f", self._children(holding.hold, built))
                body.append((f"{pad}for child in {hold}(event): guard({proceed}, child)", built.label))
            case Spreading(spread):
                run = self._name("f", self._children(spread, built))
                children = f"{run}(event)"
                if self.trace is not None:
                    each = self._name("each", partial(self.trace.spread, node))
                    children = f"{each}(event, list({children}))"
                body.append((f"{pad}for child in {children}: guard({proceed}, child)", built.label))

    def _children(self, spread: Spread, built: BuiltFilter) -> Spread:
        self._spreads += 1
        return children_of(spread, built, self._spreads)

    def _cuts(self, statements: Sequence[ast.Statement]) -> bool:
        return self._any(statements, (Spreading, Holding, Asking))

    def asks(self, statements: Sequence[ast.Statement]) -> bool:
        """Whether a filter in them asks the outside world."""
        return self._any(statements, (Asking,))

    def _any(self, statements: Sequence[ast.Statement], kinds: tuple[type, ...]) -> bool:
        for statement in statements:
            if isinstance(statement, ast.Branch):
                if any(self._any(arm.body, kinds) for arm in statement.arms) or self._any(statement.otherwise, kinds):
                    return True
            elif id(statement) in self.built and isinstance(self.built[id(statement)].filter, kinds):
                return True
        return False


def _traced_condition(trace: Trace) -> Callable[[Callable[[Event], bool], ast.Arm, Event], bool]:
    def traced(condition: Callable[[Event], bool], arm: ast.Arm, event: Event) -> bool:
        held = condition(event)
        trace.step(arm, event, held)
        return held

    return traced
