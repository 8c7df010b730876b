"""A bad definition is refused while it is imported, with the author's file and line and what to write instead."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from contextvars import Context
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import pytest

from workflows.dsl import (
    ANSWER,
    IRREVERSIBLE,
    Call,
    Contract,
    Deadline,
    DefinitionError,
    Dependency,
    Event,
    Pending,
    Personal,
    Retry,
    Status,
    Workflow,
    alert,
    callback,
    given,
    hours,
    minutes,
    publish,
    query,
    seconds,
    stage,
    step,
    timer,
)

if TYPE_CHECKING:
    from decimal import Decimal


class Job(Contract):
    job_id: str
    amount: float
    urgent: bool
    due: datetime
    note: str | None
    customer: Annotated[str, Personal()] = ""


class Letter(Contract):
    number: str
    text: Annotated[str, Personal()]


class Slip(Contract):
    number: str
    page: int | None = None


class Other(Contract):
    number: str


class JobDone(Event):
    job_id: str
    amount: float


class JobNoted(Event):
    note: str


far = Dependency("far", timeout=seconds(1), repeats="by_key")
unsafe = Dependency("unsafe", timeout=seconds(1), repeats="unsafe")


def look(job: Job) -> Slip: ...
def act(job: Job, call: Call) -> Slip: ...
def undo(job: Job, did: Slip | None) -> None: ...
def undo_blindly(job: Job, did: Slip) -> None: ...
def use(looked: Slip) -> Slip: ...
def use_maybe(looked: Slip | None) -> Slip: ...
def use_other(looked: Other) -> Slip: ...
def use_unknown(nobody: Slip) -> Slip: ...
def use_later(later: Slip) -> Slip: ...
def say_nothing(job: Job): ...  # type: ignore[no-untyped-def]
def say_text(job: Job) -> str: ...
def return_nothing(job: Job) -> None: ...
def find(job: Job) -> Slip | None: ...
def find_other(job: Job) -> Other | None: ...
def find_or_wait(job: Job) -> Slip | Pending: ...
def unreadable(job: Job, price: Decimal) -> Slip: ...
def tell(looked: Slip) -> None: ...
def tell_maybe(looked: Slip | None) -> None: ...


def refused(build: Callable[[], Any], *fragments: str) -> None:
    """Building fails inside `build`, with file, line and these words."""
    with pytest.raises(DefinitionError) as caught:
        build()

    message = str(caught.value)
    assert all(fragment in message for fragment in fragments), message
    where = re.match(r"(.+?):(\d+): ", message)
    assert where is not None and where[1] == __file__, message
    lines, first = inspect.getsourcelines(build)
    assert first <= int(where[2]) < first + len(lines), message


def body(lines: Callable[[dict[str, Any]], None], **words: Any) -> type:
    """A workflow whose stage holds what `lines` declares."""
    namespace = type(Workflow).__prepare__("Job", (Workflow,))
    namespace.update({"name": "job", "version": 1, "noun": "job", "owner": "foremen", **words})
    namespace["job"] = given(Job, key="job_id")
    with stage("One"):
        lines(namespace)
    return type(Workflow)("Job", (Workflow,), namespace)


def test_a_good_definition_is_accepted() -> None:
    class Good(Workflow):
        name, version, noun, owner = "job", 1, "job", "foremen"
        job = given(Job, key="job_id", attributes=["amount"])
        with stage("One"):
            looked = query(look, calls=far, status="Look")
            did = step(act, calls=unsafe, check=find, compensate=undo, when=job["amount"] > 0, status="Act")
            heard = callback(
                "far.said",
                Slip,
                match=looked["number"],
                within=minutes(5),
                otherwise=find_or_wait,
                refused_when=ANSWER["number"] == "",
                status="Hear",
            )
            rest = timer(minutes(1), after=heard)
            done = publish(JobDone, after=rest)

    assert [node.name for node in Good.definition.nodes] == ["looked", "did", "heard", "rest", "done"]
    assert Good.definition.by_name["heard"].after == {"looked"}


def test_what_a_check_or_a_correction_reads_must_have_ended_before() -> None:
    def undo_with(looked: Slip, did: Slip | None) -> None: ...

    undo_with.__annotations__ = {"looked": Slip, "did": Slip | None, "return": type(None)}

    class Good(Workflow):
        name, version, noun, owner = "job", 1, "job", "foremen"
        job = given(Job, key="job_id")
        with stage("One"):
            looked = query(look, status="Look")
            did = step(act, compensate=undo_with, status="Act")

    assert Good.definition.by_name["did"].after == {"looked"}


HEADERS: dict[str, tuple[dict[str, Any], str]] = {
    "a name that is no slug": ({"name": "My Job"}, "must be lower-case words joined by '-'"),
    "version zero": ({"version": 0}, "version must be a whole number from 1"),
    "a version in words": ({"version": "2"}, "version must be a whole number from 1"),
    "a sentence for a status nobody reaches": ({"sentences": {"Gone": ("a", "b")}}, "a sentence is given for 'Gone'"),
    "half a sentence": ({"sentences": {"LookPending": "looking"}}, "must be a pair"),
}


@pytest.mark.parametrize("case", HEADERS)
def test_headers(case: str) -> None:
    words, sentence = HEADERS[case]

    def build() -> None:
        namespace = type(Workflow).__prepare__("Job", (Workflow,))
        namespace.update({"name": "job", "version": 1, "noun": "job", "owner": "foremen", **words})
        namespace["job"] = given(Job, key="job_id")
        with stage("One"):
            namespace["looked"] = query(look, status="Look")
        type(Workflow)("Job", (Workflow,), namespace)

    refused(build, sentence)


@pytest.mark.parametrize("missing", ["name", "version", "noun", "owner"])
def test_a_word_of_the_header_is_missing(missing: str) -> None:
    def build() -> None:
        namespace = type(Workflow).__prepare__("Job", (Workflow,))
        namespace.update({"name": "job", "version": 1, "noun": "job", "owner": "foremen"})
        del namespace[missing]
        type(Workflow)("Job", (Workflow,), namespace)

    refused(build, f"Job must say its {missing}")


def test_nothing_is_given() -> None:
    def build() -> None:
        class Bad(Workflow):
            name, version, noun, owner = "job", 1, "job", "foremen"

    refused(build, "must say what it is given: order = given(Order, key=…)")


def test_given_twice() -> None:
    def build() -> None:
        class Bad(Workflow):
            name, version, noun, owner = "job", 1, "job", "foremen"
            job = given(Job, key="job_id")
            again = given(Job, key="job_id")

    refused(build, "a workflow has one given(…)")


def test_given_without_a_name() -> None:
    def build() -> None:
        class Bad(Workflow):
            name, version, noun, owner = "job", 1, "job", "foremen"
            given(Job, key="job_id")

    refused(build, "give this given a name: name = given(…)")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"key": "number"}, "the contract Job has no field 'number'"),
        ({"key": "note"}, "the key 'note' may not be empty"),
        ({"key": "customer"}, "the key 'customer' is personal, but it stands in addresses, logs and keys"),
        ({"key": "job_id", "attributes": ["colour"]}, "the contract Job has no field 'colour'"),
    ],
)
def test_keys_and_attributes_are_fields_of_the_contract(options: dict[str, Any], sentence: str) -> None:
    def build() -> None:
        class Bad(Workflow):
            name, version, noun, owner = "job", 1, "job", "foremen"
            job = given(Job, **options)
            with stage("One"):
                looked = query(look, status="Look")

    refused(build, sentence)


def test_no_lines() -> None:
    def build() -> None:
        class Bad(Workflow):
            name, version, noun, owner = "job", 1, "job", "foremen"
            job = given(Job, key="job_id")

    refused(build, "needs at least one line inside a stage")


def test_a_stage_inside_a_stage() -> None:
    def build() -> None:
        class Bad(Workflow):
            name, version, noun, owner = "job", 1, "job", "foremen"
            job = given(Job, key="job_id")
            with stage("One"), stage("Two"):
                looked = query(look, status="Look")

    refused(build, "stages cannot be nested")


def test_two_stages_of_one_name() -> None:
    def build() -> None:
        class Bad(Workflow):
            name, version, noun, owner = "job", 1, "job", "foremen"
            job = given(Job, key="job_id")
            with stage("One"):
                looked = query(look, status="Look")
            with stage("One"):
                again = query(look, status="Look")

    refused(build, "two stages have the same name")


def test_a_line_outside_of_a_stage() -> None:
    def build() -> None:
        class Bad(Workflow):
            name, version, noun, owner = "job", 1, "job", "foremen"
            job = given(Job, key="job_id")
            looked = query(look, status="Look")

    refused(build, "query(…) belongs inside a `with stage(…):` block")


def test_a_line_outside_of_a_workflow() -> None:
    def build() -> None:
        with stage("One"):
            query(look, status="Look")

    Context().run(refused, build, "stage(…) is only meaningful inside a Workflow class body")


def test_a_line_without_a_name() -> None:
    def build() -> None:
        class Bad(Workflow):
            name, version, noun, owner = "job", 1, "job", "foremen"
            job = given(Job, key="job_id")
            with stage("One"):
                query(look, status="Look")

    refused(build, "give this query a name: name = query(…)")


@pytest.mark.parametrize("word", ["deadline", "owner", "call", "sentences"])
def test_a_line_whose_name_means_something_else(word: str) -> None:
    def build() -> None:
        namespace = type(Workflow).__prepare__("Job", (Workflow,))
        namespace.update({"name": "job", "version": 1, "noun": "job", "owner": "foremen"})
        namespace["job"] = given(Job, key="job_id")
        with stage("One"):
            namespace[word] = query(look, status="Look")
        type(Workflow)("Job", (Workflow,), namespace)

    refused(build, f"{word!r} has a meaning of its own")


LINES: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {}


def line(sentence: str) -> Callable[[Callable[[dict[str, Any]], None]], None]:
    """Registers lines that must be refused with a sentence."""

    def register(lines: Callable[[dict[str, Any]], None]) -> None:
        LINES[lines.__name__] = (lines, sentence)

    return register


@line("did must say compensate=: a function that corrects it, or IRREVERSIBLE")
def a_step_without_compensation(n: dict[str, Any]) -> None:
    n["did"] = step(act, status="Act")


@line("did must declare status=, the business name people will read")
def a_step_without_status(n: dict[str, Any]) -> None:
    n["did"] = step(act, compensate=undo)


@line("looked is a query, but unsafe repeats unsafely")
def a_query_of_something_unsafe(n: dict[str, Any]) -> None:
    n["looked"] = query(look, calls=unsafe, status="Look")


@line("heard must say how long to wait: within=minutes(20)")
def a_wait_without_a_length(n: dict[str, Any]) -> None:
    n["heard"] = callback("far.said", Slip, match=n["job"]["job_id"], within=minutes(0), status="Hear")


@line("did has a check=, so it must return a Contract")
def a_check_that_can_never_say_yes(n: dict[str, Any]) -> None:
    n["did"] = step(return_nothing, compensate=undo_with_job, check=find, status="Act")


def undo_with_job(job: Job) -> None: ...


@line("used reads looked.colour, but Slip has no such field (known: number, page)")
def a_field_nobody_has(n: dict[str, Any]) -> None:
    n["looked"] = query(look, status="Look")
    n["used"] = query(look, when=n["looked"]["colour"] == "red", status="Use")


@line("later reads quiet.x, but quiet has no result")
def a_field_of_something_without_result(n: dict[str, Any]) -> None:
    n["quiet"] = query(return_nothing, status="Quiet")
    n["later"] = query(look, when=n["quiet"]["x"] == 1, status="Later")


@line("use_other wants looked: Other, but looked gives Slip")
def a_parameter_of_another_type(n: dict[str, Any]) -> None:
    n["looked"] = query(look, status="Look")
    n["used"] = query(use_other, status="Use")


@line("use_unknown asks for 'nobody', which nothing provides (known: job, used, call)")
def a_parameter_nothing_provides(n: dict[str, Any]) -> None:
    n["used"] = query(use_unknown, status="Use")


@line("used depends on later, which comes later; move it up")
def something_that_comes_later(n: dict[str, Any]) -> None:
    n["used"] = query(use_later, status="Use")
    n["later"] = query(look, status="Look")


@line("use must accept None for looked (looked may not have happened): looked: Slip | None")
def a_result_that_may_be_missing_by_condition(n: dict[str, Any]) -> None:
    n["looked"] = query(look, when=n["job"]["amount"] > 0, status="Look")
    n["used"] = query(use, status="Use")


@line("use must accept None for looked (looked may not have happened)")
def a_result_that_may_be_missing_because_it_is_an_extra(n: dict[str, Any]) -> None:
    n["looked"] = query(look, critical=False, status="Look")
    n["used"] = query(use, status="Use")


@line("undo_blindly must accept None for did (the outcome may be unknown)")
def a_compensation_that_relies_on_the_outcome(n: dict[str, Any]) -> None:
    n["did"] = step(act, compensate=undo_blindly, status="Act")


@line("say_nothing must say that it returns a Contract, or None")
def a_function_without_a_return_type(n: dict[str, Any]) -> None:
    n["looked"] = query(say_nothing, status="Look")


@line("say_text must say that it returns a Contract, or None")
def a_function_that_returns_a_text(n: dict[str, Any]) -> None:
    n["looked"] = query(say_text, status="Look")


@line("the annotations of unreadable cannot be read: name 'Decimal' is not defined")
def a_function_whose_types_are_not_imported(n: dict[str, Any]) -> None:
    n["looked"] = query(unreadable, status="Look")


@line("the annotations of unreadable cannot be read")
def a_compensation_whose_types_are_not_imported(n: dict[str, Any]) -> None:
    n["did"] = step(act, compensate=unreadable, status="Act")


@line("find_other (check) must return Slip | None")
def a_check_with_another_answer(n: dict[str, Any]) -> None:
    n["did"] = step(act, compensate=undo, check=find_other, status="Act")


@line("find_or_wait (check) must return Slip | None")
def a_check_that_may_wait(n: dict[str, Any]) -> None:
    n["did"] = step(act, compensate=undo, check=find_or_wait, status="Act")


@line("find (otherwise) must return Slip | Pending")
def an_otherwise_that_may_answer_nothing(n: dict[str, Any]) -> None:
    n["heard"] = callback(
        "far.said", Slip, match=n["job"]["job_id"], within=minutes(1), otherwise=find, status="Hear"
    )  # fmt: skip


@line("heard is identified by match=job.note, which may be empty")
def a_match_that_may_be_empty(n: dict[str, Any]) -> None:
    n["heard"] = callback("far.said", Slip, match=n["job"]["note"], within=minutes(1), status="Hear")


@line("heard is identified by match=looked.number, which may be empty")
def a_match_that_may_be_skipped(n: dict[str, Any]) -> None:
    n["looked"] = query(look, when=n["job"]["amount"] > 0, status="Look")
    n["heard"] = callback("far.said", Slip, match=n["looked"]["number"], within=minutes(1), status="Hear")


@line("the reason heard.text is personal, but everybody reads why something was refused")
def a_reason_about_a_person(n: dict[str, Any]) -> None:
    n["heard"] = callback(
        "far.said", Letter, match=n["job"]["job_id"], within=minutes(1), refused_when=ANSWER["number"] == "0",
        refusal_reason=ANSWER["text"], status="Hear",
    )  # fmt: skip


@line("did is identified by idempotent_by=job.note, which may be empty")
def a_key_that_may_be_empty(n: dict[str, Any]) -> None:
    n["did"] = step(act, compensate=undo, idempotent_by=n["job"]["note"], status="Act")


@line("JobDone has no field 'colour'")
def an_event_field_nobody_declared(n: dict[str, Any]) -> None:
    n["done"] = publish(JobDone, colour=n["job"]["job_id"])


@line("JobDone.amount wants float, but job.job_id is str")
def an_event_field_of_another_type(n: dict[str, Any]) -> None:
    n["done"] = publish(JobDone, amount=n["job"]["job_id"])


@line("JobNoted.note may not be empty, but job.note may be")
def an_event_field_that_may_be_empty(n: dict[str, Any]) -> None:
    n["done"] = publish(JobNoted)


@line("job.amount > high compares a number with a text")
def a_number_compared_with_a_text(n: dict[str, Any]) -> None:
    n["looked"] = query(look, when=n["job"]["amount"] > "high", status="Look")


@line("compares a text with a number")
def a_text_that_should_be_one_of_numbers(n: dict[str, Any]) -> None:
    n["looked"] = query(look, when=n["job"]["job_id"].one_of("a", 3), status="Look")


@line("compares a number with a text")
def two_fields_of_different_kinds(n: dict[str, Any]) -> None:
    n["looked"] = query(look, when=(n["job"]["amount"] == n["job"]["job_id"]) & (n["job"]["amount"] > 1), status="Look")


@line("rules compare numbers, texts and truth values only")
def a_date_in_a_rule(n: dict[str, Any]) -> None:
    n["looked"] = query(look, when=~(n["job"]["due"] > "2010"), status="Look")


@line("nothing is smaller or greater than none")
def more_than_nothing(n: dict[str, Any]) -> None:
    n["looked"] = query(look, when=n["job"]["note"] > None, status="Look")


@line("job.urgent alone is no rule; write a comparison such as job.urgent == True")
def a_field_instead_of_a_rule(n: dict[str, Any]) -> None:
    n["looked"] = query(look, when=n["job"]["urgent"], status="Look")


@line("join rules with & | ~")
def rules_joined_by_and(n: dict[str, Any]) -> None:
    n["looked"] = query(look, when=(n["job"]["amount"] > 1) and (n["job"]["amount"] < 5), status="Look")


@line("join rules with & | ~")
def a_field_joined_by_and(n: dict[str, Any]) -> None:
    n["looked"] = query(look, when=n["job"]["urgent"] and (n["job"]["amount"] < 5), status="Look")


@line("join rules with & | ~")
def a_rule_negated_by_not(n: dict[str, Any]) -> None:
    n["looked"] = query(look, when=not (n["job"]["amount"] > 1), status="Look")


@line("sealed is IRREVERSIBLE and can run before did, which may still be refused; move it behind")
def something_irreversible_beside_something_that_may_be_refused(n: dict[str, Any]) -> None:
    n["sealed"] = step(return_nothing, compensate=IRREVERSIBLE, status="Seal")
    n["did"] = step(act, compensate=undo, status="Act")


@line("two different dependencies have the same name")
def two_dependencies_of_one_name(n: dict[str, Any]) -> None:
    n["looked"] = query(look, calls=far, status="Look")
    n["again"] = query(look, calls=Dependency("far", timeout=seconds(9), repeats="natural"), status="Look")


@line("status 'look edPending' must be CamelCase")
def a_status_that_is_no_name(n: dict[str, Any]) -> None:
    n["looked"] = query(look, status=Status("look ed"))


@line("status 'Broken' must end in Unavailable")
def an_unavailable_status_of_another_name(n: dict[str, Any]) -> None:
    n["looked"] = query(look, status=Status("Look", unavailable="Broken"))


@pytest.mark.parametrize("case", sorted(LINES))
def test_lines(case: str) -> None:
    lines, sentence = LINES[case]

    with pytest.raises(DefinitionError) as caught:
        body(lines)

    message = str(caught.value)
    assert sentence in message
    assert message.startswith(f"{__file__}:")


class TestAlerts:
    def test_one_with_the_name_of_a_line(self) -> None:
        def build() -> None:
            class Bad(Workflow):
                name, version, noun, owner = "job", 1, "job", "foremen"
                when_compensating = [alert(tell_maybe, calls=far)]
                job = given(Job, key="job_id")
                with stage("One"):
                    looked = query(look, status="Look")
                    tell_maybe = query(look, status="Tell")

        refused(build, "the name 'tell_maybe' is used twice")

    def test_one_that_relies_on_what_may_not_have_happened(self) -> None:
        def build() -> None:
            class Bad(Workflow):
                name, version, noun, owner = "job", 1, "job", "foremen"
                when_compensating = [alert(tell, calls=far)]
                job = given(Job, key="job_id")
                with stage("One"):
                    looked = query(look, status="Look")

        refused(build, "tell must accept None for looked (looked may not have happened)")


class TestDiverts:
    def test_a_field_nobody_has(self) -> None:
        def build() -> None:
            class Bad(Workflow):
                name, version, noun, owner = "job", 1, "job", "foremen"
                job = given(Job, key="job_id")
                diverts = [(job["colour"] == "red", "other")]
                with stage("One"):
                    looked = query(look, status="Look")

        refused(build, "diverts reads job.colour, but Job has no such field")

    def test_something_that_is_not_given(self) -> None:
        def build() -> None:
            class Bad(Workflow):
                name, version, noun, owner = "job", 1, "job", "foremen"
                job = given(Job, key="job_id")
                with stage("One"):
                    looked = query(look, status="Look")
                diverts = [(looked["number"] == "1", "other")]

        refused(build, "diverts may only read job, not looked.number")


class TestDependencies:
    @pytest.mark.parametrize(
        ("build", "sentence"),
        [
            (lambda: Dependency("far away", timeout=seconds(1), repeats="natural"), "must be a plain word"),
            (lambda: Dependency("far", timeout=seconds(0), repeats="natural"), "timeout must be longer than zero"),
            (lambda: Dependency("far", timeout=seconds(1), repeats="maybe"), "repeats must be by_key"),  # type: ignore[arg-type]
            (lambda: Dependency("far", timeout=seconds(1), repeats="natural", concurrency=0), "must be at least 1"),
            (lambda: Retry(attempts=0), "Retry(attempts=…) must be at least 1"),
            (lambda: Retry(jitter=2), "Retry(jitter=…) must be between 0 and 1"),
        ],
    )  # fmt: skip
    def test_odd_values_are_refused_where_they_are_written(self, build: Callable[[], Any], sentence: str) -> None:
        refused(build, sentence)

    def test_how_it_may_be_repeated_must_be_said(self) -> None:
        with pytest.raises(TypeError, match="repeats"):
            Dependency("far", timeout=seconds(1))  # type: ignore[call-arg]


def test_a_definition_cannot_be_changed() -> None:
    class Good(Workflow):
        name, version, noun, owner = "job", 1, "job", "foremen"
        deadline = Deadline(after=hours(1))
        job = given(Job, key="job_id")
        with stage("One"):
            looked = query(look, status="Look")

    with pytest.raises(AttributeError):
        Good.definition.version = 2  # type: ignore[misc]
