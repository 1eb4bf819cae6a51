"""Pages on which data is looked at: folders, and the beginnings of files."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views import View

from algoport.accounts.web.requests import viewer_of
from algoport.api.pagination import decode_marker, encode_marker
from algoport.web.pages import render_page
from dataportal.auditing.pages import accessed
from dataportal.browsing.connected import ConnectedPlace
from dataportal.browsing.entries import FileView, Folder
from dataportal.browsing.hosted import browse_hosted, canonical
from dataportal.browsing.places import address_of, crumbs_of, parse_place, place_of, uri_of
from dataportal.browsing.previews import preview_of
from dataportal.constants import ReadAcl
from dataportal.content_types import content_type_of
from dataportal.paths import DATA, DataPath

_LONGEST_PREFIX = 200
_LONGEST_MARKER = 4096


class BrowseHostedView(LoginRequiredMixin, View):
    """What is in hosted collections, and in those of algorithms."""

    def get(self, request: HttpRequest, rest: str) -> HttpResponse:
        viewer = viewer_of(request)
        path = canonical(viewer, parse_place(f"{DATA}/{rest}"))
        if not path.segments:
            return redirect("data")
        with accessed(viewer, path, "GET") as seen:
            found = browse_hosted(viewer, path, _begins(request), _marker(request))
            seen.is_listing = isinstance(found, Folder)
            seen.bytes_out = _size_shown(found)
        return _show(request, found)


class BrowseConnectorView(LoginRequiredMixin, View):
    """What is where a connector leads to; the storage is asked for each page."""

    waits_for_others = True

    def get(self, request: HttpRequest, place: str) -> HttpResponse:
        viewer, path = viewer_of(request), parse_place(place)
        with accessed(viewer, path, "GET") as seen:
            browsed = ConnectedPlace(viewer, path)
            seen.connector, seen.owner = browsed.connector.name, browsed.connector.owner.username
            found = browsed.browse(_begins(request), _marker(request))
            seen.is_listing = isinstance(found, Folder)
            seen.bytes_out = _size_shown(found)
        return _show(request, found)


def _show(request: HttpRequest, found: Folder | FileView) -> HttpResponse:
    path, place = found.path, place_of(found.path)
    told: dict[str, Any] = {
        "place": place,
        "name": path.segments[-1] if path.segments else uri_of(path),
        "uri": uri_of(path),
        "address": address_of(place),
        "crumbs": crumbs_of(path),
    }
    if isinstance(found, FileView):
        preview = preview_of(_kind_of(found), found.head, found.size)
        # What an S3 connector calls it, in its bucket.
        told["key"] = "/".join(path.segments[1:])
        return render_page(
            request, "dataportal/file.html", told | {"file": found, "preview": preview}
        )
    begins = _begins(request)
    told |= {
        "folder": found,
        "begins": begins,
        "has_marker": bool(request.GET.get("marker")),
        "next_url": _next_url(request, begins, found.marker),
        "acls": ReadAcl.choices,
        "acl_name": ReadAcl(found.read_acl).label if found.read_acl else "",
        "is_account": _is_account(path),
    }
    return render_page(request, "dataportal/folder.html", told)


def _kind_of(file: FileView) -> str:
    """Its media type; of mere text, by its name, as some storages know no other."""
    is_text = file.content_type.startswith("text/plain")
    return content_type_of(file.path.segments[-1]) if is_text else file.content_type


def _is_account(path: DataPath) -> bool:
    """Whether its folders are collections."""
    return path.connector == DATA and len(path.segments) == 1 and path.segments[0][0] != "."


def _next_url(request: HttpRequest, begins: str, marker: str) -> str:
    if not marker:
        return ""
    query = {"begins": begins} if begins else {}
    return f"{request.path}?{urlencode(query | {'marker': encode_marker({'place': marker})})}"


def _begins(request: HttpRequest) -> str:
    return request.GET.get("begins", "").replace("\x00", "")[:_LONGEST_PREFIX]


def _marker(request: HttpRequest) -> str:
    """The storage's own marker in ours, "" for the first page. Raises InvalidMarker."""
    marker = request.GET.get("marker", "")[:_LONGEST_MARKER]
    if not marker:
        return ""
    (place,) = decode_marker(marker, "place")
    return place.replace("\x00", "")


def _size_shown(found: Folder | FileView) -> int:
    return len(found.head) if isinstance(found, FileView) else 0
