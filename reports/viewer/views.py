"""The frames of a study for a browser: which there are, what each is, and their counts."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from contextlib import suppress
from functools import wraps

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import quote_etag
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from reports import archive
from reports.studies.access import open_study
from reports.studies.models import Image, Series, Study
from reports.trail.record import record
from reports.viewer import load, stacks
from reports.viewer.stacks import Stack
from reports.viewer.store import FORM, Kept
from reports.viewer.unfit import UnfitError

LOOKED = "looked-at"
"""The session's list of studies whose opening is in the trail already."""
OTHERS = 50
PACKED = 64 << 10
"""Bytes from which a body is packed (measured: tests/bench/reports_viewer.py)."""
CLEARED = 3
"""How often an image may be cleared away just then, before somebody is told to try again."""
# Kept by the browser, but asked about each time: whoever logged out, or may no longer see that
# patient, gets nothing out of the browser's copy; whoever may gets 304 and no second transfer.
KEEP = "private, no-cache"
View = Callable[[HttpRequest, str], HttpResponseBase]


def said_plainly(view: View) -> View:
    """What goes wrong as a sentence of JSON, for the viewer to show in the place of the image."""

    @wraps(view)
    def guarded(request: HttpRequest, uid: str) -> HttpResponseBase:
        try:
            return view(request, uid)
        except UnfitError as error:
            return JsonResponse({"error": str(error)}, status=422)
        except archive.MissingError:
            gone = _("The archive has this image no more. Load the page again.")
            return JsonResponse({"error": gone}, status=404)
        except archive.DownError:
            down = _("The archive does not answer. Try again in a minute; nothing is lost.")
            return JsonResponse({"error": down}, status=503)

    return require_safe(guarded)


@require_safe
def page(request: HttpRequest, uid: str) -> HttpResponse:
    """The viewer alone, on a page of its own: for a second screen."""
    study = _opened(request, uid)
    name = study.patient_name.replace("^", " ").strip()
    return render(request, "viewer/page.html", {"study": study, "name": name})


@require_safe
def images(request: HttpRequest, uid: str) -> HttpResponse:
    """The images of a study, and the patient's other studies to compare with."""
    study = _opened(request, uid)
    listed = Image.objects.filter(series__study=study).select_related("series")
    listed = listed.order_by("series__number", "number", "pk")
    others = Study.objects.filter(patient_id=study.patient_id, gone=False).exclude(pk=study.pk)
    others = others.order_by("-when")[:OTHERS] if study.patient_id else others.none()
    return JsonResponse(
        {
            "study": _named(study),
            "images": [_listed(each) for each in stacks.grouped(listed)],
            "others": [_named(each) for each in others],
        }
    )


@said_plainly
def meta(request: HttpRequest, uid: str) -> HttpResponseBase:
    """What an image is: kind, geometry, and for each frame what it is called and when it was."""
    image = _image(request, uid)
    etag = quote_etag(f"{FORM}-{image.uid}-meta")
    if unchanged := get_conditional_response(request, etag=etag):
        return _keep(unchanged, etag)
    kept = load.image(archive.reader(), image)
    response = JsonResponse({"uid": image.uid, **kept.told})
    packs = _takes_gzip(request) and len(response.content) >= PACKED
    if packs:
        response.content = gzip.compress(response.content, compresslevel=1, mtime=0)
    return _keep(_encoded(response, packs), etag)


@said_plainly
def pixels(request: HttpRequest, uid: str) -> HttpResponseBase:
    """The frames as numbers, one after the other: all, or ``count`` of them from ``first``."""
    image = _image(request, uid)
    first, count = _asked(request, "first", 0), _asked(request, "count", -1)
    etag = quote_etag(f"{FORM}-{image.uid}-{first}-{count}")
    if unchanged := get_conditional_response(request, etag=etag):
        return _keep(unchanged, etag)
    for _again in range(CLEARED):
        with suppress(FileNotFoundError):
            body, packed = _bytes(image, first, count, _takes_gzip(request))
            break
    else:
        raise archive.DownError(f"{image.uid} is cleared away as soon as it is kept")
    response = HttpResponse(body, content_type="application/octet-stream")
    return _keep(_encoded(response, packed), etag)


def _bytes(image: Image | Stack, first: int, count: int, gzips: bool) -> tuple[bytes, bool]:
    """Some frames, and whether they are packed. Raises FileNotFoundError as the store does."""
    kept = load.image(archive.reader(), image)
    start, length = _span(kept, first, count)
    if gzips and length >= PACKED:
        return load.store().packed(image.uid, kept, start, length), True
    return kept.part(start, length), False


def _opened(request: HttpRequest, uid: str) -> Study:
    """The study, if that person may see it. The trail is told once in a session, not per frame."""
    study = open_study(request, uid)
    looked = request.session.get(LOOKED, [])
    if study.uid not in looked:
        record(request, "view", study, what="images")
        request.session[LOOKED] = [*looked[-200:], study.uid]
    return study


def _image(request: HttpRequest, uid: str) -> Image | Stack:
    few = Image.objects.select_related("series__study")
    few = few.only("uid", "archive_id", "series__study__uid")  # asked for with each frame
    found = few.filter(uid=uid).first()
    if found is None:
        return _stack(request, uid)
    _opened(request, found.series.study.uid)
    return found


def _stack(request: HttpRequest, uid: str) -> Stack:
    series = Series.objects.select_related("study").filter(uid=stacks.series_of(uid)).first()
    if series is None:
        raise Http404(uid)
    _opened(request, series.study.uid)
    members = Image.objects.filter(series=series).select_related("series")
    found = stacks.named(uid, members.order_by("number", "pk"))
    if found is None:
        raise archive.MissingError(uid)  # the series grew: it is another stack now
    return found


def _asked(request: HttpRequest, name: str, otherwise: int) -> int:
    told = request.GET.get(name)
    if told is None:
        return otherwise
    if not (told.isascii() and told.isdigit() and len(told) <= 5):
        raise UnfitError(_("“%(name)s” is a number of frames.") % {"name": name})
    return int(told)


def _span(kept: Kept, first: int, count: int) -> tuple[int, int]:
    """Where those frames begin, and how long they are, in bytes."""
    frames = len(kept.told["frames"])
    many = frames - first if count < 0 else count
    if first >= frames or many < 1 or first + many > frames:
        raise UnfitError(_("This image has %(frames)d frames.") % {"frames": frames})
    return first * kept.frame, many * kept.frame


def _takes_gzip(request: HttpRequest) -> bool:
    return "gzip" in request.headers.get("Accept-Encoding", "")


def _encoded(response: HttpResponse, packed: bool) -> HttpResponse:
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    patch_vary_headers(response, ["Accept-Encoding"])
    return response


def _keep(response: HttpResponseBase, etag: str) -> HttpResponseBase:
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = KEEP
    return response


def _named(study: Study) -> dict[str, str | None]:
    return {
        "uid": study.uid,
        # In the box's time zone, whatever the browser's is.
        "when": f"{localtime(study.when):%Y-%m-%d %H:%M}" if study.when else None,
        "description": study.description,
        "device": study.device,
        "images": reverse("study-images", args=[study.uid]),
    }


def _listed(image: Image | Stack) -> dict[str, str | int]:
    first, many = (image, 0) if isinstance(image, Image) else (image.members[0], len(image.members))
    return {
        "uid": image.uid,
        "number": first.number,
        # A slice's Image Type, value 3, says AXIAL or nothing.
        "kind": first.series.modality if many else first.kind,
        "frames": many or first.frames,
        "series": first.series.description,
        "meta": reverse("image-meta", args=[image.uid]),
        "pixels": reverse("pixels", args=[image.uid]),
    }
