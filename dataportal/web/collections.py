"""Pages by which hosted collections are made and changed."""

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.views import View

from algoport.accounts.web.requests import viewer_of
from algoport.errors import UserError
from algoport.web.pages import go_to, refuse_form, render_page
from dataportal.paths import DATA
from dataportal.services import create_collection
from dataportal.sources import list_collecting_owners_for
from dataportal.web.forms import CollectionForm

_NEW = "dataportal/collection_new.html"


class NewCollectionView(LoginRequiredMixin, View):
    def get(self, request: HttpRequest) -> HttpResponse:
        owners = list_collecting_owners_for(viewer_of(request))
        form = CollectionForm(owners, initial={"owner": request.GET.get("owner", "")})
        return render_page(request, _NEW, {"form": form})

    def post(self, request: HttpRequest) -> HttpResponse:
        viewer = viewer_of(request)
        form = CollectionForm(list_collecting_owners_for(viewer), request.POST)
        if not form.is_valid():
            return refuse_form(request, _NEW, {"form": form})
        try:
            made = create_collection(principal=viewer, **form.cleaned_data)
        except UserError as exc:
            form.add_error("name", exc.text)
            return refuse_form(request, _NEW, {"form": form})
        messages.success(request, f"The collection data://{made} is made.")
        return go_to(request, "data-browse", f"{DATA}/{made}")
