"""What differs between two versions is told step by step and part by part."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from workflows.demo.order_v1 import OrderFulfilment
from workflows.demo.order_v2 import ReviewedOrder
from workflows.dsl.compare import Changed, Part, differences

V1, V2 = OrderFulfilment.definition, ReviewedOrder.definition


def test_a_new_step_is_added_in_one_direction_and_removed_in_the_other() -> None:
    there, back = differences(V1, V2), differences(V2, V1)

    assert (there.added, there.removed, there.changed, there.beside) == (("review",), (), (), ())
    assert (back.added, back.removed) == ((), ("review",))


def test_the_same_version_differs_in_nothing() -> None:
    same = differences(V1, V1)

    assert (same.added, same.removed, same.changed, same.beside) == ((), (), (), ())


def test_a_step_that_changed_says_which_parts_before_and_after() -> None:
    nodes = tuple(
        replace(one, critical=False, after=frozenset()) if one.name == "charge" else one for one in V1.nodes
    )  # fmt: skip

    found = differences(V1, replace(V1, nodes=nodes))

    assert found.changed == (Changed("charge", (Part("critical", "yes", "no"), Part("after", "reserve", ""))),)


def test_what_is_no_step_is_named() -> None:
    deadline = replace(V1.deadline, after=timedelta(hours=9)) if V1.deadline else None
    assert differences(V1, replace(V1, deadline=deadline, owner="somebody")).beside == ("owner", "deadline")


def test_alerts_of_a_correction_count_as_steps() -> None:
    assert differences(V1, replace(V1, alerts=())).removed == (V1.alerts[0].name,)
