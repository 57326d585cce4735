"""What somebody fills in about himself."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from reports.people.models import Person

USERNAME = RegexValidator(
    r"^[a-z][a-z0-9._-]{1,29}$", _("2 to 30 small letters, digits, dots, dashes; a letter first.")
)
PRINTABLE = RegexValidator(r"^[^\x00-\x1f\x7f<>]*$", _("No control characters, < or >."))


class Registration(forms.ModelForm):  # type: ignore[type-arg]
    """A doctor asks to be admitted."""

    username = forms.CharField(label=_("User name"), validators=[USERNAME], max_length=30)
    password = forms.CharField(
        label=_("Password"),
        widget=forms.PasswordInput,
        max_length=128,
        help_text=_("At least 12 characters; a sentence is easier to remember than signs."),
    )
    again = forms.CharField(label=_("Password again"), widget=forms.PasswordInput, max_length=128)

    class Meta:
        model = Person
        fields = ["username", "name", "name_han", "licence", "department"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in ("name", "name_han", "licence", "department"):
            self.fields[field].validators.append(PRINTABLE)
        self.fields["password"].widget.attrs["autocomplete"] = "new-password"
        self.fields["again"].widget.attrs["autocomplete"] = "new-password"

    def clean(self) -> dict[str, Any]:
        """Both passwords are one, and a good one."""
        told: dict[str, Any] = super().clean() or {}
        if told.get("password") != told.get("again"):
            self.add_error("again", _("The two passwords differ."))
        elif told.get("password"):
            try:
                validate_password(told["password"], Person(username=told.get("username", "")))
            except forms.ValidationError as error:
                self.add_error("password", error)
        return told

    def save(self, commit: bool = True) -> Person:
        """Not active until somebody admits him."""
        person: Person = super().save(commit=False)
        person.is_active = False
        person.set_password(self.cleaned_data["password"])
        if commit:
            person.save()
        return person


class NewPassword(forms.Form):
    """Another password."""

    old = forms.CharField(label=_("Password now"), widget=forms.PasswordInput, max_length=128)
    password = forms.CharField(label=_("New password"), widget=forms.PasswordInput, max_length=128)
    again = forms.CharField(label=_("Password again"), widget=forms.PasswordInput, max_length=128)

    def __init__(self, person: Person, *args: Any) -> None:
        super().__init__(*args)
        self._person = person

    def clean(self) -> dict[str, Any]:
        """As above."""
        told: dict[str, Any] = super().clean() or {}
        if told.get("password") != told.get("again"):
            self.add_error("again", _("The two passwords differ."))
        elif told.get("password"):
            try:
                validate_password(told["password"], self._person)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return told
