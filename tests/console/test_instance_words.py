"""How effects, milestones, stages and drawings are told; in memory, over all states the processes can reach."""

from __future__ import annotations

import re
from dataclasses import fields as fields_of
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from console.presenters import instance as presenter
from console.presenters.acting import Deeds
from console.presenters.bodies import fields, plain
from console.presenters.graph import BOX_HEIGHT, BOX_WIDTH, drawing
from console.presenters.instance import TABS, InstancePage, Wish
from console.presenters.milestones import milestones
from console.presenters.names import money
from console.presenters.outside import Chip, outside
from console.presenters.steps import cards
from console.presenters.technical import PAGE, pages
from console.presenters.telling import tell
from console.statuswords import words
from tests.console.test_sentences import NOW, RETURN, WALKS, row
from tests.console.walk import states
from workflows import interventions
from workflows.core import events as e
from workflows.core.state import State
from workflows.demo.flows import OrderFulfilment, ReviewedOrder
from workflows.dsl.definition import Definition
from workflows.interventions import CAPABILITIES, Principal
from workflows.queries.details import Detail
from workflows.queries.history import HistoryEvent
from workflows.queries.steps import Step, steps

ORDER = OrderFulfilment.definition
OPERATOR = Principal("user", "olga", frozenset(CAPABILITIES))
START = datetime(2010, 12, 1, 10, 42, tzinfo=UTC)


def a_step(name: str, output: Any = None) -> Step:
    """A step of which only name and output matter."""
    found = steps(ORDER, State(), [], {}, {})
    return replace(next(step for step in found if step.name == name), output=output)


def chips(*history: e.Event, output: Any = None) -> list[Chip]:
    return outside(ORDER, history, {node.name: a_step(node.name, output) for node in ORDER.nodes}, "GBP")


def failed(**more: Any) -> e.AttemptFailed:
    return e.AttemptFailed(step="charge", direction="forward", attempt=1, error="no answer", kind="Timeout", **more)


CHARGED = e.StepSucceeded(step="charge", attempt=1)
PLANNED = e.CorrectionBegan(cause="cancelled", code="Cancelled", reason="-", plan=["charge"])


@pytest.mark.parametrize(
    ("history", "tone", "text"),
    [
        ([CHARGED], "ok", "Payment charged £412.50"),
        ([failed(may_have_happened=True)], "unknown", "Payment unknown (check)"),
        ([failed(may_have_happened=True), CHARGED], "ok", "Payment charged £412.50"),
        ([CHARGED, failed(may_have_happened=True)], "ok", "Payment charged £412.50"),
        (
            [e.AttemptLost(step="charge", direction="forward", attempt=1, why="gone", counted=False, retry_at=START)],
            "unknown",
            "Payment unknown (check)",
        ),
        ([e.StepDropped(step="charge", reason="-", may_have_happened=True)], "unknown", "Payment unknown (check)"),
        ([e.StepRefused(step="charge", code="No", reason="no money")], "failed", "Payment declined"),
        ([CHARGED, PLANNED], "undo", "Payment charged £412.50, being corrected"),
        (
            [CHARGED, PLANNED, e.PersonAsked(step="charge", code="exhausted", reason="-", direction="compensate")],
            "person",
            "Payment charged £412.50, not corrected yet",
        ),
        ([failed(may_have_happened=True), PLANNED], "unknown", "Payment unknown, being corrected"),
        ([e.LateEffectFound(step="charge")], "undo", "Payment charged, being corrected"),
        ([CHARGED, PLANNED, e.CompensationSucceeded(step="charge")], "undo", "Payment charged £412.50, then corrected"),
    ],
)
def test_an_effect_is_told_from_what_was_recorded(history: list[e.Event], tone: str, text: str) -> None:
    (chip,) = chips(*history, output={"charge_id": "1", "amount": 412.5})

    assert (chip.tone, chip.words) == (tone, text)


@pytest.mark.parametrize(
    "history",
    [
        [],
        [failed()],
        [failed(may_have_happened=True), e.NothingHadHappened(step="charge")],
        [e.StepSucceeded(step="risk", attempt=1)],
        [e.EventPublished(step="confirmed", event_type="OrderConfirmed", event_version=1)],
    ],
)
def test_what_changed_nothing_outside_is_not_shown(history: list[e.Event]) -> None:
    assert chips(*history) == []


def test_what_cannot_be_undone_says_so_once_the_rest_is_corrected() -> None:
    sent = e.StepSucceeded(step="thanks", attempt=1)
    began = e.CorrectionBegan(cause="requested", code="Requested", reason="-", irreversible=["thanks"])

    (chip,) = chips(sent, began)

    assert chip == Chip("thanks", "ok", "Thank you note done", "This cannot be undone.", "Thank you note done")


def entries(*history: e.Event) -> list[tuple[HistoryEvent, e.Event]]:
    """The events as they are stored, one second apart."""
    found = []
    for number, event in enumerate(history, 1):
        source = HistoryEvent(
            seq=number, generation=1, at=START + timedelta(seconds=number), type=type(event).__name__, schema=1,
            actor_kind="system", actor="engine", step=getattr(event, "step", ""), data=e.to_data(event),
            correlation_id="c",
        )  # fmt: skip
        found.append((source, event))
    return found


def test_failures_of_a_step_are_one_milestone_until_something_else_happens_to_it() -> None:
    story = entries(
        failed(), failed(), failed(), e.RetryRequested(step="charge", direction="forward"), failed(), CHARGED
    )

    told = [line.words for line in milestones(story, ORDER)]

    assert told == [
        "Payment charged",
        "Payment: an attempt failed",
        "Payment is tried again",
        "Payment: 3 attempts failed",
    ]


def test_milestones_leave_out_what_only_engineers_ask_for() -> None:
    story = entries(e.StageEntered(stage=0, name="Checking"), e.StepScheduled(step="stock"))

    assert milestones(story, ORDER) == []


def test_a_skipped_step_says_its_rule_in_words() -> None:
    skipped = e.StepSkipped(step="review", rule="risk.score >= 0.6 or order.total > 1000 is false (0.02, 286.92)")

    (line,) = milestones(entries(skipped), ReviewedOrder.definition)

    assert (
        line.note == "Only when fraud check: score is at least 0.60 or total is more than 1,000; it was 0.02, 286.92."
    )


def sample(cls: type[Any]) -> Any:
    """An event of this type, filled with values of the right kind."""
    kinds = {"str": "x", "int": 1, "bool": True, "datetime": START, "list": [], "dict": {}}
    values = {one.name: kinds[str(one.type).split("[")[0].split(" ")[0]] for one in fields_of(cls)}
    return cls(**{**values, **({"step": "charge"} if "step" in values else {})})


@pytest.mark.parametrize("name", list(e.TYPES))
def test_every_type_of_event_is_told_in_words_of_its_own(name: str) -> None:
    ((source, event),) = entries(sample(e.TYPES[name]))

    told = tell(event, ORDER, source)

    assert told.tone
    assert told.words not in ("", words(name))
    assert not re.search(r"[a-z][A-Z]|_|%", told.words)


def detail(definition: Definition, state: State) -> Detail:
    """The state as pages read it, without a history."""
    shown = row(definition, state)
    return Detail(
        row=shown, state=state, definition=definition, input={"currency": "GBP"},
        steps=steps(definition, state, [], {}, {}), events=(),
    )  # fmt: skip


def page(found: Detail, tab: str) -> InstancePage:
    verdicts = interventions.allowed_actions(OPERATOR, found.state, NOW)
    return presenter.page(
        found, runs=[], verdicts=verdicts, operations=[], same_cause=0, arrivals=None,
        wish=Wish(tab=tab), now=NOW,
    )  # fmt: skip


@pytest.mark.parametrize("name", list(WALKS))
def test_every_state_a_process_can_reach_has_a_page(name: str) -> None:
    definition, given, answers = WALKS[name]
    recommended: set[str] = set()

    for state in states(definition, given, answers, NOW):
        found = page(detail(definition, state), "graph")
        assert found.title == f"{definition.noun.capitalize()} 536365"
        assert len(found.legs) == len(definition.stages)
        assert found.graph is not None
        assert len(found.graph.boxes) == len(definition.nodes)
        assert all(card.word for card in found.cards)
        recommended |= check_acts(found.deeds, state)
        if found.row.ended_at is None and not found.row.needs_person and not state.paused:
            assert found.deeds.recommended is None

    assert recommended == {"retry", "resume"}


def check_acts(found: Deeds, state: State) -> set[str]:
    """Every act says what it does; nothing is both possible and refused. Returns the recommended ones."""
    offered = [deed for deed in (found.recommended, *found.others) if deed]
    assert len({deed.name for deed in offered}) == len(offered)
    for deed in offered:
        assert deed.does, deed.action
        assert bool(deed.word) == (deed.action in ("cancel", "compensate", "skip"))
        assert bool(deed.verdicts) == (deed.action == "retry")
        assert all(line.endswith((".", ":")) for line in (*deed.does, *deed.keeps, *deed.cannot)), deed
    for refusal in found.refusals:
        assert refusal.why.endswith("."), refusal.why
        engine_words = re.sub("“[^”]*”", "", refusal.why).replace("ERP", "")
        assert not any(character.isupper() for character in engine_words[1:]), refusal.why
    assert not (state.ended and any(deed.action != "compensate" for deed in offered))
    return {found.recommended.action} if found.recommended else set()


def test_the_drawing_fits_and_its_boxes_do_not_touch() -> None:
    for definition in (ORDER, RETURN):
        drawn = drawing(definition, cards(detail(definition, State(workflow=definition.name, version=1, key="1"))))

        corners = [(box.x, box.y) for box in drawn.boxes]
        assert all(0 <= x <= drawn.width - BOX_WIDTH and 0 <= y <= drawn.height - BOX_HEIGHT for x, y in corners)
        for index, (x, y) in enumerate(corners):
            for other_x, other_y in corners[index + 1 :]:
                assert abs(x - other_x) >= BOX_WIDTH or abs(y - other_y) >= BOX_HEIGHT


def test_the_history_is_cut_into_pages_without_losing_or_doubling_anything() -> None:
    begun = e.InstanceStarted(workflow="order", version=1, key="1", given="order", input_hash="-")
    pauses = [e.InstancePaused(reason="x") if n % 2 else e.InstanceResumed(reason="y") for n in range(3 * PAGE)]
    story = entries(begun, *pauses)

    told, before = [], 0
    while True:
        part = pages(story, ORDER, before)
        told += [turn.first for turn in part.turns]
        if not part.older:
            break
        before = part.older

    assert told == list(range(len(story), 0, -1))
    assert pages(story, ORDER, before).newer > 0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (True, "yes"), (False, "no"), (139.12, "139.12"), (2.5, "2.50"), (1234.0, "1,234.00"),
        (0.123456, "0.123456"), (12, "12"), ("text", "text"), ({"a": 1}, '{"a": 1}'),
    ],
)  # fmt: skip
def test_values_read_like_people_write_them(value: Any, text: str) -> None:
    assert plain(value) == text


@pytest.mark.parametrize(
    ("value", "currency", "text"),
    [(412.5, "GBP", "£412.50"), (-9.99, "EUR", "−€9.99"), (1234, "SEK", "1,234.00\u00a0SEK"), (5, "", "5.00")],
)
def test_money_is_written_with_its_currency(value: float, currency: str, text: str) -> None:
    assert money(value, currency) == text


def test_data_becomes_fields_tables_and_json() -> None:
    lines = [{"sku": "A", "quantity": n} for n in range(20)]

    country, table, odd = fields({"country": "Spain", "lines": lines, "odd": [1, {"a": 2}]})

    assert country.text == "Spain"
    assert table.table is not None
    assert (table.table.columns, table.table.more, table.table.figures) == (["SKU", "Quantity"], 8, frozenset({1}))
    assert '"a": 2' in odd.json


def test_ids_are_not_part_of_what_people_read() -> None:
    assert str(UUID(int=1)) not in page(detail(ORDER, State(workflow="order", version=1, key="1")), TABS[0]).title
