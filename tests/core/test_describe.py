"""A definition described for people, for programs and as a drawing; its fingerprint changes with what runs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Annotated, Any

import pytest
from pydantic import Field

from tests.core.processes import counter, workshop
from workflows.demo.flows import OrderFulfilment
from workflows.dsl import Contract, Dependency, Personal, seconds
from workflows.dsl.contracts import personal_paths
from workflows.dsl.definition import Definition, Node
from workflows.dsl.describe import as_json, as_mermaid, as_text, fingerprint

order = OrderFulfilment.definition


def test_the_text_names_every_line_with_what_matters_about_it() -> None:
    text = as_text(workshop)

    for line in (
        "workshop v1: A job with two branches",
        "given job: Job, key job_id",
        "deadline 8 h, warns 1 h before",
        "stage Paying (owner cashiers)",
        "  step paid; pay(job); calls bank; when job.amount > 0; check find_payment; compensate pay_back",
        "  callback agreed; bank.agreed matching job.job_id within 10 min; refused when agreed.accepted == false",
        "  timer rest; 30 min; after agreed; when job.urgent == false",
        "  publish done; JobDone v1; after agreed",
        "  step sent; send(job); calls store; irreversible",
        "not critical",
        "when compensating",
        "ends Sent, Undone, CalledOff or TurnedAway",
        "dependency bank: http, 3 s time-out, repeats unsafe, 3 attempts from 1 s to 3 s, pool slow",
        f"fingerprint {fingerprint(workshop)}",
    ):
        assert line in text, text


def test_an_answer_that_is_asked_for_is_described() -> None:
    assert "otherwise ask_again" in as_text(counter)


def test_the_json_is_json_and_leaves_nothing_out() -> None:
    data = json.loads(json.dumps(as_json(order)))

    assert [stage["name"] for stage in data["stages"]] == ["Checking", "Payment", "ERP registration", "Delivery"]
    assert {"from": "reserve", "to": "charge"} in data["edges"]
    assert [step["name"] for step in data["steps"]] == [node.name for node in order.nodes]
    assert data["given"]["contract"]["personal"] == ["customer_id"]
    assert [part["name"] for part in data["given"]["contract"]["parts"]] == ["Line"]
    assert {dependency["name"] for dependency in data["dependencies"]} == {
        "warehouse", "fraud", "payments", "erp", "carrier", "crm",
    }  # fmt: skip
    assert data["diverts"] == [{"when": "order.cancellation == true", "to": "return"}]
    assert set(data["statuses"]) == set(order.statuses)


def test_the_drawing_has_a_box_per_line_and_an_arrow_per_edge() -> None:
    drawing = as_mermaid(order)

    assert drawing.startswith("flowchart LR\n")
    assert drawing.count("subgraph") == len(order.stages)
    assert drawing.count(" --> ") == sum(len(node.after) for node in order.nodes)
    assert '    charge["charge<br/>step"]' in drawing


class TestFingerprint:
    def test_it_is_the_same_for_the_same_definition(self) -> None:
        assert fingerprint(order) == fingerprint(order)
        assert len(fingerprint(order)) == 64

    @pytest.mark.parametrize(
        "words", [{"title": "Else"}, {"owner": "somebody-else"}, {"runbook": "else.md"}, {"sentences": {}}]
    )
    def test_wording_and_owners_do_not_count(self, words: dict[str, Any]) -> None:
        assert fingerprint(replace(order, **words)) == fingerprint(order)

    @pytest.mark.parametrize(
        ("step", "changes"),
        [
            ("charge", {"critical": False}),
            ("charge", {"when": None}),
            ("registered", {"within": timedelta(minutes=21)}),
            ("registered", {"refusal_reason": None}),
            ("registered", {"refused_when": None}),
            ("submitted", {"after": frozenset({"charge"})}),
            ("stock", {"calls": Dependency("warehouse", timeout=seconds(9), repeats="by_key")}),
        ],
    )
    def test_what_runs_counts(self, step: str, changes: dict[str, Any]) -> None:
        assert fingerprint(_with(order, step, **changes)) != fingerprint(order)

    def test_diverts_count(self) -> None:
        assert fingerprint(replace(order, diverts=())) != fingerprint(order)

    def test_the_parts_of_a_contract_count(self) -> None:
        assert as_json(order)["given"]["contract"]["parts"][0]["fields"]["quantity"] == "<class 'int'>"


def test_personal_fields_are_found_inside_of_lists_and_parts() -> None:
    class Inner(Contract):
        plain: str

    class Outer(Contract):
        inner: Inner
        inners: list[Inner]

    assert personal_paths(order.contract) == {"customer_id"}
    assert personal_paths(Outer) == frozenset()


class _Person(Contract):
    name: Annotated[str, Personal()]
    town: str


class _Family(Contract):
    surname: str
    mother: _Person
    father: _Person | None
    children: list[_Person]
    either: _Person | int
    by_name: dict[str, _Person]
    nicknames: list[Annotated[str, Personal()]]
    phone: Annotated[str, Personal()] | None
    letter: Annotated[str, Personal(), Field(alias="theLetter")]
    cousins: list[_Family]


def test_a_mark_is_found_wherever_it_stands_and_what_has_no_path_is_personal_as_a_whole() -> None:
    people = {f"{field}.name" for field in ("mother", "father", "children", "either")}

    assert personal_paths(_Family) == people | {"by_name", "nicknames", "phone", "letter", "theLetter", "cousins"}


def _with(definition: Definition, step: str, **changes: Any) -> Definition:
    nodes: tuple[Node, ...] = tuple(replace(n, **changes) if n.name == step else n for n in definition.nodes)
    return replace(definition, nodes=nodes)
