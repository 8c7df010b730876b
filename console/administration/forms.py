"""The administration's forms: each change has a reason, and roles and workflows are chosen from those that exist."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AdminPasswordChangeForm, AdminUserCreationForm, UserChangeForm
from django.contrib.auth.models import Group, User
from django.utils.translation import gettext_lazy as _

from workflows import registry
from workflows.interventions import CAPABILITIES, INSTALLATION
from workflows.interventions.authority import ROLES
from workflows.models import ScopedRole

#: what `reason` looks like in every form
_REASON: dict[str, Any] = {
    "max_length": 2000,
    "help_text": _("It is kept on record with what was before and after."),
    "widget": forms.Textarea(attrs={"rows": 2}),
}


def workflows() -> list[tuple[str, str]]:
    """Every declared workflow, for a choice."""
    return [(name, name) for name in sorted({name for name, _ in registry.definitions()})]


class NewUserForm(AdminUserCreationForm):  # type: ignore[type-arg]
    """Somebody new."""

    reason = forms.CharField(**_REASON)


class UserForm(UserChangeForm):  # type: ignore[type-arg]
    """Somebody who is known."""

    reason = forms.CharField(**_REASON)


class PasswordForm(AdminPasswordChangeForm):  # type: ignore[type-arg]
    """A new password for somebody."""

    reason = forms.CharField(**_REASON)


class GroupForm(forms.ModelForm):  # type: ignore[type-arg]
    """A group: a role where it bears the name of one, else people who are asked together."""

    reason = forms.CharField(**_REASON)

    class Meta:
        model = Group
        fields = ("name",)


class ScopedRoleForm(forms.ModelForm):  # type: ignore[type-arg]
    """A role for one workflow."""

    role = forms.ChoiceField(choices=[(name, name) for name in ROLES])
    workflow = forms.ChoiceField(choices=workflows)

    class Meta:
        model = ScopedRole
        fields = ("role", "workflow")


class TokenForm(forms.Form):
    """A new token, and what it shall be good for at most."""

    user = forms.ModelChoiceField(User.objects.filter(is_active=True).order_by("username"))
    label = forms.CharField(max_length=200, help_text=_("What it is for."))
    days = forms.IntegerField(
        min_value=1, max_value=3650, initial=90, required=False, help_text=_("Empty: until it is revoked.")
    )
    capabilities = forms.MultipleChoiceField(
        choices=[(name, f"{name}: {meaning}") for name, meaning in CAPABILITIES.items()],
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("None: everything its user may do."),
    )
    workflows = forms.MultipleChoiceField(
        choices=workflows,
        widget=forms.CheckboxSelectMultiple,
        required=False,
        help_text=_("None: every workflow. A token for some of them loses %(lost)s.")
        % {"lost": ", ".join(sorted(INSTALLATION))},
    )
    reason = forms.CharField(**_REASON)


class RevokeForm(forms.Form):
    """The end of a token."""

    reason = forms.CharField(**_REASON)
