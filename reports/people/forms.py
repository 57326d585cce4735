"""What somebody fills in about himself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from reports.people import directory
from reports.people.models import Person

USERNAME = RegexValidator(
    r"^[a-z][a-z0-9._-]{1,29}$", _("2 to 30 small letters, digits, dots, dashes; a letter first.")
)
Prove = Callable[[str, str], bool]
"""Whether the hospital's directory knows a name and a password."""
PRINTABLE = RegexValidator(r"^[^\x00-\x1f\x7f<>]*$", _("No control characters, < or >."))


def agree(form: forms.BaseForm, told: dict[str, Any], person: Person) -> None:
    """Both passwords are one, and a good one for that person; what is wrong goes into the form."""
    if told.get("password") != told.get("again"):
        form.add_error("again", _("The two passwords differ."))
    elif told.get("password"):
        try:
            validate_password(told["password"], person)
        except forms.ValidationError as error:
            form.add_error("password", error)


class Tied(forms.BaseForm):
    """A form whose fields say what helps with them and what is wrong (WCAG 1.3.1, 3.3.1)."""

    def tied(self) -> Iterator[forms.BoundField]:
        """Each field, for templates/people/fields.html, which names those texts so."""
        for field in self:
            said = [f"{field.auto_id}-help"] if field.help_text else []
            if field.errors:
                said.append(f"{field.auto_id}-error")
                field.field.widget.attrs["aria-invalid"] = "true"
            if said:
                field.field.widget.attrs["aria-describedby"] = " ".join(said)
            yield field


class Registration(Tied, forms.ModelForm):  # type: ignore[type-arg]
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

    def __init__(self, prove: Prove, *args: Any) -> None:
        super().__init__(*args)
        self._directory_proves = prove
        if directory.there_is():
            del self.fields["again"]
            self.fields["password"].help_text = _("That of the hospital; it is not kept here.")
        for field in ("name", "name_han", "licence", "department"):
            self.fields[field].validators.append(PRINTABLE)
        for field in {"password", "again"} & self.fields.keys():
            self.fields[field].widget.attrs["autocomplete"] = "new-password"

    def clean(self) -> dict[str, Any]:
        """Both passwords are one, and a good one."""
        told: dict[str, Any] = super().clean() or {}
        if directory.there_is():
            self._prove(told.get("username", ""), told.get("password", ""))
        else:
            agree(self, told, Person(username=told.get("username", "")))
        return told

    def _prove(self, name: str, password: str) -> None:
        # Else whoever takes a colleague's name here would be that colleague once he logs in.
        # Not for a name that is taken: it is refused anyway, and its password is not guessed here.
        if not name or Person.objects.filter(username=name).exists():
            return
        if not self._directory_proves(name, password):
            self.add_error("password", _("The hospital's directory does not know you by these."))

    def save(self, commit: bool = True) -> Person:
        """Not active until somebody admits him."""
        person: Person = super().save(commit=False)
        person.is_active = False
        if directory.there_is():
            person.set_unusable_password()
        else:
            person.set_password(self.cleaned_data["password"])
        if commit:
            person.save()
        return person


class NewPassword(Tied, forms.Form):
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
        agree(self, told, self._person)
        return told
