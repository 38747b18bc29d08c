"""The graph: names, edges, cycles and the order in which steps may run."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from lao.model.workflow_file import Step
from lao.workflow.graph import Graph, Progress


def step(number: int, run: str = "Echo", **more: object) -> Step:
    return Step(number=number, run=run, **more)  # type: ignore[arg-type]


def said(*steps: Step) -> list[str]:
    return [str(problem) for problem in Graph.build(steps, file="w")[1]]


def build(*steps: Step) -> Graph:
    graph, problems = Graph.build(steps, file="w")
    assert problems == []
    return graph


def test_edges_come_from_input_from_depends_on_and_placeholders() -> None:
    graph = build(
        step(1, id="a"),
        step(2),
        step(3, input_from="a"),
        step(4, depends_on=("step2", "a")),
        step(5, input="see ${step3} and ${a.output}"),
        step(6, params={"x": "${step2}", "deep": [{"y": "${step5}"}]}),
    )
    assert graph.parents == {
        "a": (),
        "step2": (),
        "step3": ("a",),
        "step4": ("a", "step2"),
        "step5": ("a", "step3"),
        "step6": ("step2", "step5"),
    }
    assert graph.aliases["step1"] == "a"
    assert graph.order() == ("a", "step2", "step3", "step4", "step5", "step6")


def test_a_step_may_come_before_what_it_needs() -> None:
    assert build(step(1, input_from="late"), step(2), step(3, id="late")).order() == (
        "step2",
        "late",
        "step1",
    )


def test_input_from_replaces_input_and_its_placeholders() -> None:
    graph = build(step(1), step(2), step(3, input_from="step1", input="${step2}"))
    assert graph.parents["step3"] == ("step1",)


def test_the_inputs_of_the_run_are_collected_in_order() -> None:
    graph = build(
        step(1, input="${input.b} ${input.a}"), step(2, input="x", params={"p": "${input.b}${input.c}"})
    )
    assert graph.inputs == ("b", "a", "c")


def test_unknown_names_get_a_suggestion() -> None:
    assert said(step(1, id="resize"), step(2, input_from="resise", depends_on=("step7", "Echo"))) == [
        "w: steps[1].input_from: there is no step `resise` (did you mean `resize`?)",
        "w: steps[1].depends_on[0]: there is no step `step7` (did you mean `step2`?)",
        "w: steps[1].depends_on[1]: there is no step `Echo` "
        "(`Echo` is the plugin of `resize`; write `resize`)",
    ]


def test_placeholders_that_name_nothing() -> None:
    assert said(step(1, input="${step4} ${a.output} ${step1.text} ${input} ${HOME} $${step9}")) == [
        "w: steps[0].input: `${step4}`: there is no step `step4` (did you mean `${step1}`?)",
        "w: steps[0].input: `${a.output}`: there is no step `a` (write `$${...}` for the text itself)",
        "w: steps[0].input: `${step1.text}`: a step has no `text` (write `${step1}` or `${step1.output}`)",
        "w: steps[0].input: `${input}` names no input of the run (write `${input.NAME}`)",
    ]


def test_an_id_belongs_to_one_step() -> None:
    assert said(step(1, id="a"), step(2, id="a")) == [
        "w: steps[1].id: the id `a` is taken by an earlier step (`a` and this one need two ids)"
    ]


def test_a_step_that_waits_for_itself_is_a_cycle() -> None:
    assert said(step(1, input_from="step1")) == [
        "w: steps[0]: Circular dependency detected involving step1 (the cycle is `step1` -> `step1`)"
    ]


def test_each_cycle_is_named_from_its_first_step_along_the_data() -> None:
    assert said(
        step(1),
        step(2, id="b", input_from="step4"),
        step(3, input_from="b"),
        step(4, input_from="step3"),
        step(5, depends_on=("step6",)),
        step(6, input="${step5}"),
        step(7, input_from="b"),
    ) == [
        "w: steps[1]: Circular dependency detected involving b "
        "(the cycle is `b` -> `step3` -> `step4` -> `b`)",
        "w: steps[4]: Circular dependency detected involving step5 "
        "(the cycle is `step5` -> `step6` -> `step5`)",
    ]


# --- properties ---


@st.composite
def _any_graphs(draw: st.DrawFn) -> list[Step]:
    count = draw(st.integers(1, 12))
    numbers = st.integers(1, count)
    edges = [draw(st.sets(numbers, max_size=3)) for _ in range(count)]
    return [
        step(number, depends_on=tuple(f"step{parent}" for parent in sorted(parents)))
        for number, parents in enumerate(edges, 1)
    ]


@st.composite
def _acyclic(draw: st.DrawFn) -> Graph:
    """Random edges from earlier to later places of a random order, in a file of another random order."""
    count = draw(st.integers(1, 12))
    places = draw(st.permutations(range(1, count + 1)))
    parents: dict[int, list[int]] = {number: [] for number in places}
    for earlier, later in itertools.combinations(places, 2):
        if draw(st.booleans()):
            parents[later].append(earlier)
    return build(*(step(n, depends_on=tuple(f"step{p}" for p in parents[n])) for n in range(1, count + 1)))


@given(_acyclic())
def test_every_order_respects_the_edges_and_has_every_step_once(graph: Graph) -> None:
    order = graph.order()
    assert sorted(order) == sorted(graph.steps)
    for name, parents in graph.parents.items():
        assert all(order.index(parent) < order.index(name) for parent in parents)


@given(_acyclic(), st.randoms(use_true_random=False))
def test_a_step_is_ready_exactly_when_its_parents_are_done(graph: Graph, random: object) -> None:
    progress, started, done = Progress(graph), set[str](), set[str]()
    while len(done) < len(graph.steps):
        ready = progress.take_ready()
        assert not started & set(ready)
        started.update(ready)
        assert started == {name for name, parents in graph.parents.items() if done >= set(parents)}
        finished = random.choice(sorted(started - done))  # type: ignore[attr-defined]
        progress.finish(finished)
        done.add(finished)


@given(_any_graphs())
def test_a_graph_is_refused_exactly_if_it_has_a_cycle(steps: list[Step]) -> None:
    graph, problems = Graph.build(steps, file="w")
    reach = {name: set(parents) for name, parents in graph.parents.items()}
    for middle, start in itertools.product(reach, reach):  # Warshall's transitive closure
        if middle in reach[start]:
            reach[start] |= reach[middle]
    on_a_cycle = {name for name in reach if name in reach[name]}
    assert bool(problems) == bool(on_a_cycle)
    for problem in problems:
        assert problem.message.removeprefix("Circular dependency detected involving ") in on_a_cycle
