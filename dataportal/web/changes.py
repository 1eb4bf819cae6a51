"""Pages by which what is browsed is changed: folders made, access set, things deleted."""

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.views import View

from algoport.accounts.permissions import Action, Principal
from algoport.accounts.web.requests import viewer_of
from algoport.errors import UserError
from algoport.web.pages import go_to, refuse_form, render_page
from dataportal.auditing.pages import accessed
from dataportal.browsing.connected import ConnectedPlace
from dataportal.browsing.hosted import canonical, count_files
from dataportal.browsing.places import parent_of, parse_place, place_of, uri_of
from dataportal.constants import ReadAcl
from dataportal.errors import InvalidPath, PathNotFound
from dataportal.paths import DATA, DataPath
from dataportal.selectors import get_collection_for, get_file_for
from dataportal.services import delete_collection, delete_file, update_collection_acl
from dataportal.web.forms import FolderForm

_DELETE, _FOLDER = "dataportal/delete.html", "dataportal/folder_new.html"
_MOST_COUNTED = 10_000


class DeleteView(LoginRequiredMixin, View):
    """Asks whether a file or folder shall go, with all that is in it, and deletes it."""

    waits_for_others = True

    def get(self, request: HttpRequest, place: str) -> HttpResponse:
        viewer = viewer_of(request)
        path = canonical(viewer, parse_place(place))
        told = {"place": place_of(path), "uri": uri_of(path), "back": parent_of(path)}
        return render_page(request, _DELETE, told | _what_goes(viewer, path))

    def post(self, request: HttpRequest, place: str) -> HttpResponse:
        viewer = viewer_of(request)
        path = canonical(viewer, parse_place(place))
        with accessed(viewer, path, "DELETE") as seen:
            if path.connector == DATA:
                files = _delete_hosted(viewer, path)
            else:
                browsed = ConnectedPlace(viewer, path)
                connector = browsed.connector
                seen.connector, seen.owner = connector.name, connector.owner.username
                files = browsed.delete()
        counted = "1 file" if files == 1 else f"{files} files"
        messages.success(request, f"{uri_of(path)} is deleted: {counted}.")
        return go_to(request, "data-browse", parent_of(path))


class NewFolderView(LoginRequiredMixin, View):
    """A directory in a connector."""

    waits_for_others = True

    def get(self, request: HttpRequest, place: str) -> HttpResponse:
        browsed = ConnectedPlace(viewer_of(request), parse_place(place))
        if not browsed.access.may_make_directory_in(browsed.key):
            raise PathNotFound
        return render_page(request, _FOLDER, self._told(browsed.path, FolderForm()))

    def post(self, request: HttpRequest, place: str) -> HttpResponse:
        viewer, path = viewer_of(request), parse_place(place)
        form = FolderForm(request.POST)
        if not form.is_valid():
            return refuse_form(request, _FOLDER, self._told(path, form))
        name = form.cleaned_data["name"]
        try:
            with accessed(viewer, path, "POST") as seen:
                browsed = ConnectedPlace(viewer, path)
                connector = browsed.connector
                seen.connector, seen.owner = connector.name, connector.owner.username
                made = browsed.make_directory(name)
        except UserError as exc:
            form.add_error("name", exc.text)
            return refuse_form(request, _FOLDER, self._told(path, form))
        return go_to(request, "data-browse", place_of(made))

    def _told(self, path: DataPath, form: FolderForm) -> dict[str, object]:
        return {"form": form, "place": place_of(path), "uri": uri_of(path)}


class AccessView(LoginRequiredMixin, View):
    """Sets who reads a collection."""

    def post(self, request: HttpRequest, owner: str, name: str) -> HttpResponse:
        viewer, read_acl = viewer_of(request), request.POST.get("read_acl", "")
        if read_acl not in ReadAcl.values:
            raise InvalidPath(reason="this is no access that a collection can have")
        path = DataPath(DATA, (owner, name))
        with accessed(viewer, path, "PATCH"):
            update_collection_acl(principal=viewer, owner=owner, name=name, read_acl=read_acl)
        messages.success(request, f"Read access is now: {ReadAcl(read_acl).label}.")
        return go_to(request, "data-browse", place_of(path))


def _delete_hosted(viewer: Principal, path: DataPath) -> int:
    """How many files went."""
    if len(path.segments) == 2:
        owner, name = path.segments
        # The collection itself is one of those that are counted.
        return delete_collection(principal=viewer, owner=owner, name=name, force=True) - 1
    if len(path.segments) == 3:
        owner, name, file = path.segments
        return delete_file(principal=viewer, owner=owner, collection=name, name=file)
    raise PathNotFound


def _what_goes(viewer: Principal, path: DataPath) -> dict[str, object]:
    """What will be deleted. Raises PathNotFound, NotAuthorized."""
    if path.connector != DATA:
        browsed = ConnectedPlace(viewer, path)
        if browsed.may_be_file:
            browsed.access.check_write(browsed.key)
            return {"is_file": True}
        browsed.access.check_clear(browsed.key)
        return {"count": browsed.count()}
    if len(path.segments) == 3:
        owner, name, file = path.segments
        get_file_for(viewer, owner, name, file, Action.WRITE_COLLECTION)
        return {"is_file": True}
    if len(path.segments) != 2:
        raise PathNotFound
    owner, name = path.segments
    collection = get_collection_for(viewer, owner, name, Action.MANAGE_COLLECTION)
    return {"is_collection": True, "count": count_files(collection, _MOST_COUNTED)}
