"""Logging in and out, registering, one's own account, and who is admitted."""

from __future__ import annotations

import secrets
from functools import partial

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout, update_session_auth_hash
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from reports.people import totp
from reports.people.forms import NewPassword, Registration
from reports.people.gate import before_all, for_administrators, open_to_all
from reports.people.login import may_register, prove, prove_new
from reports.people.models import Person, Role
from reports.trail.record import record

BACKEND = "django.contrib.auth.backends.ModelBackend"
_SECRET = "totp-secret"  # noqa: S105 - the session's key for it


def _next(request: HttpRequest) -> str:
    told = request.POST.get("next", request.GET.get("next", ""))
    ours = url_has_allowed_host_and_scheme(told, {request.get_host()}, request.is_secure())
    return told if ours else "/"


@open_to_all
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def log_in(request: HttpRequest) -> HttpResponse:
    """One answer for whatever is wrong."""
    about = {"next": _next(request)}
    if request.method == "GET":
        return render(request, "people/login.html", about)
    name = request.POST.get("name", "").strip().lower()[:150]
    person = prove(
        request, name, request.POST.get("password", "")[:128], request.POST.get("code", "")[:10]
    )
    if person is None:
        error = _(
            "That did not work. If the name, the password and the code are right, you may not be"
            " admitted yet, or have to wait after failures."
        )
        return render(
            request, "people/login.html", {**about, "error": error, "name": name}, status=403
        )
    login(request, person, backend=BACKEND)  # a new session: a planted one is worth nothing
    record(request, "login")
    return redirect(about["next"])


@before_all
@require_POST
def log_out(request: HttpRequest) -> HttpResponse:
    """The session ends here and on the server."""
    record(request, "logout")
    logout(request)
    return redirect("login")


@open_to_all
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    """A doctor asks; an administrator admits."""
    form = Registration(partial(prove_new, request), request.POST or None)
    if request.method == "POST" and form.is_valid():
        name = form.cleaned_data["username"]
        if may_register(request):
            person = form.save()
            record(request, "register", person=name, name=person.name)
            return render(request, "people/registered.html", {"person": person})
        record(request, "register", person=name, failed=True, reason="locked")
        many = _("Many have registered from your address lately. Try again in an hour.")
        form.add_error(None, many)
        return render(request, "people/register.html", {"form": form}, status=429)
    return render(request, "people/register.html", {"form": form})


@before_all
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def account(request: HttpRequest) -> HttpResponse:
    """One's own password and second factor."""
    person = get_object_or_404(Person, pk=request.user.pk)
    what = request.POST.get("what", "")
    if what == "password" and not person.has_usable_password():
        raise PermissionDenied  # his password is the directory's
    form = NewPassword(person, request.POST if what == "password" else None)
    if what == "password" and form.is_valid():
        if prove(request, person.username, form.cleaned_data["old"], request.POST.get("code", "")):
            person.refresh_from_db()
            person.set_password(form.cleaned_data["password"])
            person.handed = False
            person.save()
            update_session_auth_hash(request, person)  # all other sessions end
            record(request, "password")
            messages.success(request, _("The password is changed; other sessions have ended."))
            return redirect("account")
        form.add_error("old", _("That is not your password, or the code is wrong."))
    if what == "code" and (answer := _enrol(request, person)):
        return answer
    secret = request.session.setdefault(_SECRET, totp.secret())
    address = totp.address(settings.CONFIG.site, person.username, secret)
    about = {"form": form, "person": person, "secret": secret, "address": address}
    return render(request, "people/account.html", about)


def _enrol(request: HttpRequest, person: Person) -> HttpResponse | None:
    """A second factor is proved before it is asked for; by who knows the password.

    Whoever finds a session open could else give himself a way in, and lock the other one out.
    """
    secret = request.session.get(_SECRET, "")
    step = totp.matches(secret, request.POST.get("code", ""), 0) if secret else 0
    if not step or person.totp_secret:
        messages.error(
            request, _("That code does not fit: look whether the device's clock is right.")
        )
        return None
    if not prove(request, person.username, request.POST.get("password", "")[:128], ""):
        messages.error(request, _("That is not your password, or the code is wrong."))
        return None
    person.totp_secret, person.totp_last = secret, step
    person.save(update_fields=["totp_secret", "totp_last"])
    del request.session[_SECRET]
    record(request, "second-factor")
    messages.success(request, _("From now on, a code is asked for with the password."))
    return redirect("account")


@require_GET
@for_administrators
def people(request: HttpRequest) -> HttpResponse:
    """Who waits, and who is here."""
    waiting = Person.objects.filter(is_active=False, admitted_at=None).order_by("date_joined")
    here = Person.objects.exclude(admitted_at=None).order_by("username")
    about = {"waiting": waiting, "here": here, "roles": Role.choices}
    return render(request, "people/people.html", about)


@require_POST
@for_administrators
def decide(request: HttpRequest, pk: int) -> HttpResponse:
    """Admit, refuse, shut out, let in again, and what helps who has forgotten or lost something."""
    person = get_object_or_404(Person, pk=pk)
    what, role = request.POST.get("what", ""), request.POST.get("role", "")
    if person.pk == request.user.pk:
        messages.error(request, _("Another administrator does that for you."))
    elif what == "refuse" and person.admitted_at is None:
        record(request, "refuse", name=person.username)
        person.delete()
    elif what in ("admit", "role") and role in Role.values:
        if what == "role" and not person.is_active:
            what = "let-in"
        person.role, person.is_active = role, True
        if person.admitted_at is None:
            person.admitted_at = timezone.now()
            person.admitted_by = get_object_or_404(Person, pk=request.user.pk)
        person.save()
        record(request, what, name=person.username, role=role)
    elif what == "shut":
        person.is_active = False
        person.save(update_fields=["is_active"])
        record(request, "shut", name=person.username)
    elif what == "new-password" and person.is_active and person.has_usable_password():
        return _hand_over(request, person)
    elif what == "no-code":
        person.totp_secret = ""
        person.save(update_fields=["totp_secret"])
        record(request, "no-second-factor", name=person.username)
    else:
        messages.error(request, _("That is not something to be decided about a person."))
    return redirect("people")


def _hand_over(request: HttpRequest, person: Person) -> HttpResponse:
    """A password that holds until he has logged in by it; shown here once and kept nowhere."""
    password = secrets.token_urlsafe(12)
    person.set_password(password)
    person.handed, person.failures, person.locked_until = True, 0, None
    person.save()
    record(request, "new-password", name=person.username)
    return render(request, "people/handed.html", {"person": person, "password": password})
