"""Processes that exist to be walked by tests; between them they use every word of the language."""

from __future__ import annotations

from workflows.dsl import (
    ANSWER,
    COMPENSATE,
    IRREVERSIBLE,
    Call,
    Contract,
    Deadline,
    Dependency,
    Endings,
    Event,
    Pending,
    Retry,
    Status,
    Workflow,
    alert,
    approval,
    callback,
    choose,
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

_RETRY = Retry(attempts=3, first=seconds(1), factor=2, cap=seconds(3), jitter=0.5)
desk = Dependency("desk", timeout=seconds(2), repeats="natural", retry=_RETRY)
bank = Dependency("bank", timeout=seconds(3), repeats="unsafe", retry=_RETRY, pool="slow")
store = Dependency("store", timeout=seconds(2), repeats="by_key", retry=_RETRY)


class Job(Contract):
    job_id: str
    amount: float
    urgent: bool
    note: str | None = None


class Slip(Contract):
    number: str
    score: float = 0.0


class Answer(Contract):
    accepted: bool
    reason: str | None = None


class JobDone(Event):
    job_id: str
    amount: float


def look_up(job: Job) -> Slip:
    """A query without a dependency of its own."""
    return Slip(number=job.job_id)


def reserve(job: Job, call: Call) -> Slip:
    """Something that can be taken back."""
    return Slip(number=call.key)


def release(job: Job, reserved: Slip | None) -> None:
    """Takes the reservation back."""


def pay(job: Job, call: Call) -> Slip:
    """Something that must not be repeated blindly."""
    return Slip(number=call.key)


def find_payment(job: Job, call: Call) -> Slip | None:
    """Did the payment happen?"""
    return None


def pay_back(job: Job, paid: Slip | None) -> None:
    """Takes the payment back."""


def pack(job: Job) -> Slip:
    """A reversible step of another branch."""
    return Slip(number=job.job_id)


def unpack(packed: Slip | None) -> None:
    """Undoes the packing."""


def ask_again(paid: Slip, call: Call) -> Answer | Pending:
    """Looks whether the answer is there."""
    return Pending()


def stamp(job: Job) -> Slip:
    """An extra that may be given up, and can be taken back."""
    return Slip(number=job.job_id)


def unstamp(stamped: Slip | None) -> None:
    """Takes the stamp off."""


def insure(job: Job, call: Call) -> Slip:
    """Cannot be taken back, must not be repeated, and nobody can look whether it happened."""
    return Slip(number=call.key)


def send(job: Job) -> None:
    """Cannot be taken back."""


def tell_desk(job: Job, call: Call) -> None:
    """Tells people that something is being corrected."""


class Workshop(Workflow):
    """A job with two branches, an answer that may not come, a pause, and things that cannot be undone."""

    name, version = "workshop", 1
    noun, owner, runbook = "job", "foremen", "runbooks/job.md"
    when_compensating = [alert(tell_desk, calls=bank)]
    deadline = Deadline(after=hours(8), warn_before=hours(1), escalate_to="boss")
    endings = Endings(completed="Sent", compensated="Undone", cancelled="CalledOff", failed="TurnedAway")

    job = given(Job, key="job_id", attributes=["amount"])

    with stage("Preparing"):
        looked = query(look_up, calls=desk, status="LookUp")
        reserved = step(reserve, calls=store, compensate=release, after=looked, status="Reservation")
        packed = step(pack, compensate=unpack, after=looked, status="Packing", exhausted=COMPENSATE)
        stamped = step(stamp, compensate=unstamp, after=packed, critical=False, status="Stamping")

    with stage("Paying", owner="cashiers"):
        paid = step(pay, calls=bank, compensate=pay_back, check=find_payment, when=job["amount"] > 0, status="Payment")

    with stage("Answer"):
        agreed = callback(
            "bank.agreed",
            Answer,
            match=job["job_id"],
            within=minutes(10),
            refused_when=ANSWER["accepted"] == False,  # noqa: E712 - a rule
            refusal_reason=ANSWER["reason"],
            status=Status("Agreement", refused="AgreementDenied"),
        )
        rest = timer(minutes(30), when=job["urgent"] == False, after=agreed)  # noqa: E712 - a rule
        done = publish(JobDone, after=agreed)

    with stage("Leaving"):
        sent = step(send, calls=store, compensate=IRREVERSIBLE, status="Sending")
        insured = step(insure, calls=bank, compensate=IRREVERSIBLE, critical=False, after=sent, status="Insurance")


class Counter(Workflow):
    """An answer that is asked for when it does not come."""

    name, version = "counter", 1
    noun, owner = "request", "clerks"

    job = given(Job, key="job_id")

    with stage("Paying"):
        paid = step(pay, calls=store, compensate=pay_back, status="Payment")
        agreed = callback(
            "bank.agreed",
            Answer,
            match=paid["number"],
            within=minutes(10),
            otherwise=ask_again,
            calls=desk,
            refused_when=ANSWER["accepted"] == False,  # noqa: E712 - a rule
            status="Agreement",
        )


class Till(Workflow):
    """One step that must not be repeated and that nobody can look up."""

    name, version = "till", 1
    noun, owner = "sale", "cashiers"

    job = given(Job, key="job_id")

    with stage("Paying"):
        paid = step(pay, calls=bank, compensate=pay_back, status="Payment")


class Twins(Workflow):
    """Two reversible steps side by side, then one that may be refused."""

    name, version = "twins", 1
    noun, owner = "pair", "foremen"

    job = given(Job, key="job_id")

    with stage("Together"):
        reserved = step(reserve, calls=store, compensate=release, status="Reservation")
        packed = step(pack, calls=store, compensate=unpack, status="Packing")
        sealed = step(send, calls=store, compensate=IRREVERSIBLE, after=[reserved, packed], status="Sealing")


def estimate(job: Job) -> Slip:
    """A guess, when nobody can be asked."""
    return Slip(number="guess", score=0.5)


class Review(Workflow):
    """A query that can do without, a question for people, two ways, and something that can be taken back."""

    name, version = "review", 1
    noun, owner = "case", "clerks"

    job = given(Job, key="job_id")

    with stage("Looking"):
        looked = query(look_up, calls=store, fallback=estimate, status="LookUp")
        agreed = approval(
            "Shall we?",
            by="elders",
            within=hours(1),
            when=(looked["score"] >= 0.5) | (job["amount"] > 100),
            evidence=[job, looked],
            quorum=2,
        )
        way = choose({"fast": job["urgent"] == True, "dear": job["amount"] > 100}, otherwise="slow", after=agreed)  # noqa: E712 - a rule
    with stage("Doing"):
        packed = step(pack, calls=store, compensate=unpack, when=way["choice"] == "fast", status="Packing")
        reserved = step(reserve, calls=store, compensate=release, when=way["choice"] != "fast", status="Reservation")
    with stage("Signing"):
        signed = approval("Signed?", by="elders", within=hours(2), default="approve", status="Signature")


workshop, counter, till, twins, review = (flow.definition for flow in (Workshop, Counter, Till, Twins, Review))
JOB = {"job_id": "536365", "amount": 12.5, "urgent": False}
