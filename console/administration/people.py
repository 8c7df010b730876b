"""People, groups and roles for one workflow: every change has a reason and leaves a row in the record.

Nobody is deleted and nobody is renamed: the record, and who may decide about what, go by the name. Somebody who left is
made inactive, which ends their sessions and tokens at once.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin import ModelAdmin, TabularInline
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from console.administration.forms import GroupForm, NewUserForm, PasswordForm, ScopedRoleForm, UserForm
from console.people import person
from workflows.interventions import accounts
from workflows.interventions.authority import ROLES
from workflows.models import ScopedRole

REASON: Any = (_("Reason"), {"fields": ("reason",)})


class Governed(ModelAdmin):  # type: ignore[type-arg]
    """Changed by whoever came through the door; what was before and after is recorded in the same transaction."""

    actions = None
    #: what the record says about one of them, and what it calls them
    noun = ""

    def words(self, obj: Any) -> accounts.Words:
        """What the record says about it."""
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Remember what was there before it is saved."""
        before = self.words(self.model._default_manager.filter(pk=obj.pk).first()) if change else {}
        request.before = before  # type: ignore[attr-defined]
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Save what belongs to it, and record the whole."""
        super().save_related(request, form, formsets, change)
        accounts.changed(
            person(request),
            f"{'change' if change else 'add'}-{self.noun}",
            str(form.instance),
            before=request.before,  # type: ignore[attr-defined]
            after=self.words(form.instance),
            reason=form.cleaned_data["reason"],
        )

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        """For whoever came through the door."""
        return self.admin_site.has_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For whoever came through the door."""
        return self.admin_site.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For whoever came through the door."""
        return self.admin_site.has_permission(request)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """For whoever came through the door."""
        return self.admin_site.has_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never: see above."""
        return False


class ScopedRoles(TabularInline):  # type: ignore[type-arg]
    """Somebody's roles for one workflow each."""

    model = ScopedRole
    form = ScopedRoleForm
    extra = 1

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For whoever may change the person, but not for themselves."""
        return self.admin_site.has_permission(request) and obj != request.user

    has_change_permission = has_delete_permission = has_add_permission

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """For whoever came through the door."""
        return self.admin_site.has_permission(request)


class People(Governed, UserAdmin):  # type: ignore[type-arg]
    """Who can sign in, and with which roles."""

    noun = "person"
    form, add_form, change_password_form = UserForm, NewUserForm, PasswordForm
    inlines = [ScopedRoles]
    list_display = ("username", "first_name", "last_name", "email", "is_active", "is_superuser", "last_login")
    list_filter = ("is_active", "is_superuser", "groups")
    filter_horizontal = ("groups",)
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Who it is"), {"fields": ("first_name", "last_name", "email")}),
        (_("What they may do"), {"fields": ("is_active", "is_superuser", "groups")}),
        (_("When"), {"fields": ("last_login", "date_joined")}),
        REASON,
    )
    add_fieldsets = (
        (None, {"fields": ("username", "usable_password", "password1", "password2")}),
        REASON,
    )

    def words(self, obj: Any) -> accounts.Words:
        return accounts.person(obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A name is for ever, and nobody changes their own rights: not up, and not by mistake away."""
        own = ("is_active", "is_superuser", "groups") if obj == request.user else ()
        return ("last_login", "date_joined", *(("username",) if obj else ()), *own)

    def get_inlines(self, request: HttpRequest, obj: Any) -> list[Any]:
        """Roles are given to somebody who exists."""
        return list(self.inlines) if obj else []

    def user_change_password(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The new password and its row in the record, or neither."""
        with transaction.atomic():
            return super().user_change_password(request, *args, **kwargs)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """A password is changed without saving the person's form: it is recorded from here."""
        match = request.resolver_match
        if match is not None and match.url_name == "auth_user_password_change":
            reason = request.POST.get("reason", "")
            told = {"password": "changed" if obj.has_usable_password() else "none any more"}
            accounts.changed(person(request), "change-password", str(obj), before={}, after=told, reason=reason)
        return super().log_change(request, obj, message)


class Groups(Governed):
    """Roles for all workflows, and people who are asked together. Who is in one is said on the person's page."""

    noun = "group"
    form = GroupForm
    list_display = ("name", "members")
    search_fields = ("name",)
    ordering = ("name",)
    fieldsets = ((None, {"fields": ("name", "members")}), REASON)

    def words(self, obj: Any) -> accounts.Words:
        return accounts.group(obj)

    @admin.display(description=_("members"))
    def members(self, obj: Group) -> str:
        """Who is in it."""
        return ", ".join(accounts.group(obj).get("members", ())) or "–"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A role keeps its name."""
        return ("name", "members") if obj is not None and obj.name in ROLES else ("members",)


def register() -> None:
    """Take the place of Django's own pages for people and groups."""
    for model in (User, Group):
        admin.site.unregister(model)
    admin.site.register(User, People)
    admin.site.register(Group, Groups)
