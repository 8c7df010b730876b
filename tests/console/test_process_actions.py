"""Each act on a process's page: it works, refuses GET and people without the right, is harmless twice, leaves a row."""

from __future__ import annotations

from datetime import UTC, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.console.people import Seen, seen, signed_in
from tests.worlds import principal
from workflows.engine import clock
from workflows.interventions import governing
from workflows.models import AuditEntry, PausedIntake, Rollout, ScopedRole

pytestmark = pytest.mark.django_db

PAGE = "/processes/order/"
REASON = "asked for by phone"
FIELDS = {
    "rollout": {"stable": "1", "candidate": "2", "percent": "10"},
    "pause": {"lasts": "15", "until": ""},
    "resume": {},
}  # fmt: skip
#: the action in the audit
RECORDED = {"rollout": "rollout", "pause": "intake", "resume": "intake"}
every_action = pytest.mark.parametrize("action", list(FIELDS))


def begin(action: str) -> None:
    """Bring the process to where the act makes sense."""
    if action == "resume":
        governing.pause_intake(principal("otto"), "order", reason="before")


def form(browser: Client, action: str, **changed: str) -> dict[str, str]:
    """The form as the page offers it, filled in."""
    return {**seen(browser.get(PAGE)).form(action), "reason": REASON, **FIELDS[action], **changed}


def sent(browser: Client, action: str, **changed: str) -> Seen:
    return seen(browser.post(PAGE, {"action": action, "reason": REASON, **FIELDS[action], **changed}))


def done(action: str) -> bool:
    match action:
        case "rollout":
            return Rollout.objects.filter(reason=REASON, stable=1, candidate=2, percent=10).exists()
        case "pause":
            return PausedIntake.objects.filter(reason=REASON).exists()
        case _:
            return not PausedIntake.objects.exists()


def entries(action: str) -> list[AuditEntry]:
    """What is on record about the page's people."""
    return list(AuditEntry.objects.filter(action=RECORDED[action], through="page", reason=REASON).order_by("id"))


@every_action
def test_it_works_and_the_page_shows_what_came_of_it(action: str) -> None:
    begin(action)
    browser = signed_in("admin")

    answer = browser.post(PAGE, form(browser, action))

    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert done(action)
    page = seen(browser.get(PAGE))
    said = {
        "rollout": "Versions were last chosen by admin : “asked for by phone” just now",
        "pause": "Intake of orders is paused by admin until",
        "resume": "New orders take version 2 , the newest.",
    }
    assert said[action] in page.text


@every_action
def test_a_link_does_nothing(action: str) -> None:
    begin(action)
    browser = signed_in("admin")
    wanted = form(browser, action)

    assert browser.get(PAGE, wanted).status_code == 200
    assert browser.head(PAGE, wanted).status_code == 200

    assert not done(action)
    assert entries(action) == []


@every_action
@pytest.mark.parametrize("nonsense", [{}, {"stable": "x", "percent": "many", "until": "soon"}])
def test_without_the_right_it_is_refused_and_says_why(action: str, nonsense: dict[str, str]) -> None:
    begin(action)
    browser = signed_in("support")

    offered = seen(browser.get(PAGE))
    page = sent(browser, action, **nonsense)

    assert f'value="{action}"' not in offered.html
    assert "needs the right to" in offered.text
    assert page.status == 403
    assert page.text.count("needs the right to") == 3
    assert not done(action)
    [refused] = entries(action)
    assert (refused.allowed, refused.actor, refused.workflow) == (False, "support", "order")


@pytest.mark.parametrize(
    ("role", "offered"),
    [("support", set()), ("approver", set()), ("operator", {"pause"}), ("admin", {"rollout", "pause"})],
)
def test_each_role_is_offered_what_it_may_do(role: str, offered: set[str]) -> None:
    page = seen(signed_in(role).get(PAGE))

    assert {action for action in FIELDS if f'name="action" value="{action}"' in page.html} == offered


def test_a_role_for_one_process_opens_the_forms_of_that_one_only() -> None:
    browser = signed_in("")
    ScopedRole.objects.create(user=User.objects.get(username="nobody"), role="admin", workflow="return")

    assert 'value="rollout"' in seen(browser.get("/processes/return/")).html
    assert sent(browser, "rollout").status == 404
    assert sent(browser, "pause").status == 404
    assert not Rollout.objects.exists() and not PausedIntake.objects.exists()
    assert [entry.allowed for entry in AuditEntry.objects.filter(actor="nobody").order_by("id")] == [False, False]


def test_to_see_a_process_is_not_to_govern_it() -> None:
    browser = signed_in("support")
    ScopedRole.objects.create(user=User.objects.get(username="support"), role="admin", workflow="return")

    assert "you have it for return only" in seen(browser.get(PAGE)).text
    assert sent(browser, "pause").status == 403


@every_action
def test_twice_is_harmless(action: str) -> None:
    begin(action)
    browser = signed_in("admin")
    wanted = form(browser, action)
    browser.post(PAGE, wanted)
    before = list(Rollout.objects.values()), list(PausedIntake.objects.values())

    again = browser.post(PAGE, wanted)

    assert again.status_code == (302 if action == "rollout" else 409)
    assert (list(Rollout.objects.values()), list(PausedIntake.objects.values())) == before


@every_action
def test_it_leaves_an_audit_row_with_what_changed(action: str) -> None:
    begin(action)
    browser = signed_in("admin")

    browser.post(PAGE, form(browser, action))

    [entry] = entries(action)
    assert (entry.allowed, entry.actor, entry.workflow) == (True, "admin", "order")
    assert entry.before != entry.after


@every_action
@pytest.mark.parametrize("reason", ["", "  ", "x" * 2001])
def test_it_needs_a_reason_and_keeps_what_was_typed(action: str, reason: str) -> None:
    begin(action)
    browser = signed_in("admin")

    page = seen(browser.post(PAGE, form(browser, action, reason=reason)))

    assert page.status == 422
    assert f'id="wrong-{action}-reason">Please give a reason' in page.html
    assert f'aria-invalid="true" aria-describedby="wrong-{action}-reason"' in page.html
    assert f'id="act-{action}" name="act" open' in page.html
    assert action != "rollout" or ('value="10"' in page.html and '<option value="1" selected>' in page.html)
    assert action != "pause" or '<option value="15" selected>' in page.html
    assert not done(action)


@every_action
def test_a_post_without_the_token_of_the_page_is_refused(action: str) -> None:
    begin(action)
    browser = signed_in("admin", csrf=True)

    assert sent(browser, action).status == 403
    assert not done(action)


@pytest.mark.parametrize(
    ("changed", "part", "said"),
    [
        ({"percent": "200"}, "percent", "Percent must be between 0 and 100"),
        ({"percent": "-1"}, "percent", "Percent must be between 0 and 100"),
        ({"percent": "ten"}, "percent", "Please enter a whole number from 0 to 100."),
        ({"percent": "9" * 40}, "percent", "Please enter a whole number from 0 to 100."),
        ({"percent": "٣"}, "percent", "Please enter a whole number from 0 to 100."),
        ({"stable": ""}, "stable", "Please choose the stable version."),
        ({"stable": "7"}, "stable", "Stable names version 7, which is not known (there are 1, 2)"),
        ({"candidate": "7"}, "candidate", "Candidate names version 7, which is not known (there are 1, 2)"),
        ({"candidate": "x"}, "candidate", "Please choose a version, or none."),
        ({"candidate": "1"}, "candidate", "Candidate must be another version than the stable one"),
        ({"candidate": ""}, "percent", "Percent needs a candidate version that takes the share"),
    ],
)
def test_a_share_that_makes_no_sense_is_told_at_its_field(changed: dict[str, str], part: str, said: str) -> None:
    page = sent(signed_in("admin"), "rollout", **changed)

    assert page.status == 422
    assert f'<p class="wrong" id="wrong-{part}">{said}</p>' in page.html
    assert f'aria-describedby="wrong-{part}"' in page.html
    assert REASON in page.html
    assert not Rollout.objects.exists()


def test_a_share_may_be_written_with_its_sign_and_left_empty_for_none() -> None:
    browser = signed_in("admin")

    sent(browser, "rollout", percent=" 25 % ")
    assert Rollout.objects.get().percent == 25
    sent(browser, "rollout", candidate="", percent="")
    assert (Rollout.objects.get().candidate, Rollout.objects.get().percent) == (None, 0)


@pytest.mark.parametrize(("lasts", "length"), [("15", 15), ("1440", 1440), ("7", 60), ("x", 60), ("", 60)])
def test_a_pause_lasts_as_long_as_one_of_the_offered_lengths(lasts: str, length: int) -> None:
    sent(signed_in("operator"), "pause", lasts=lasts)

    left = PausedIntake.objects.values_list("until", flat=True).get()
    assert left is not None
    assert timedelta(0) <= clock.now() + timedelta(minutes=length) - left < timedelta(minutes=1)


def test_a_time_somebody_names_counts_instead_of_the_length() -> None:
    until = (clock.now() + timedelta(hours=7)).astimezone(UTC).replace(second=0, microsecond=0)

    sent(signed_in("operator"), "pause", lasts="15", until=f"{until:%Y-%m-%dT%H:%M}")

    assert PausedIntake.objects.get().until == until


@pytest.mark.parametrize(
    ("until", "said"),
    [
        ("2001-01-01T00:00", "Until must lie ahead, at most 7 days from now"),
        ("9999-12-31T23:59", "Until must lie ahead, at most 7 days from now"),
        ("0001-01-01T00:00", "Until must lie ahead, at most 7 days from now"),
        ("soon", "Please enter a date and a time."),
        ('"><img src=x>', "Please enter a date and a time."),
    ],
)
def test_an_end_that_makes_no_sense_is_told_at_its_field(until: str, said: str) -> None:
    page = sent(signed_in("operator"), "pause", until=until)

    assert page.status == 422
    assert f'<p class="wrong" id="wrong-until">{said}</p>' in page.html
    assert "<img" not in page.html
    assert not PausedIntake.objects.exists()


def test_a_hostile_reason_comes_back_as_text() -> None:
    page = sent(signed_in("admin"), "rollout", percent="x", reason="</textarea><script>alert(1)</script>")

    assert "<script>alert" not in page.html
    assert "&lt;/textarea&gt;&lt;script&gt;" in page.html


@pytest.mark.parametrize("action", ["", "rewind", "x" * 5000])
def test_what_is_no_act_is_refused(action: str) -> None:
    page = seen(signed_in("admin").post(PAGE, {"action": action, "reason": REASON}))

    assert page.status == 422
    assert "There is no such action." in page.text


def test_the_forms_say_what_keeps_running() -> None:
    from tests.stories import an_instance

    browser = signed_in("admin")
    for number in range(2):
        an_instance(str(number))

    page = seen(browser.get(PAGE))

    assert "The 2 orders under way keep their version." in page.text
    assert "The 2 orders under way go on." in page.text


def test_a_pause_in_force_can_be_changed() -> None:
    begin("resume")
    browser = signed_in("operator")

    assert "Change the pause" in seen(browser.get(PAGE)).text
    browser.post(PAGE, form(browser, "pause"))

    assert PausedIntake.objects.get().reason == REASON
