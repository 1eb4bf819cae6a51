"""The base of all pages of the portal: rows are shown, and changed by services alone."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.utils import label_for_field, lookup_field, quote, unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Model
from django.forms import ModelForm, SplitDateTimeField
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from algoport.web.portal.acts import REFUSALS, Act, Asked, refusal_text
from algoport.web.portal.exports import csv_response
from algoport.web.portal.paging import CappedPaginator, PortalChangeList


class PortalAdmin(admin.ModelAdmin):
    """A model's pages: to look at, unless a class says what may be done and by which service.

    Whoever may enter the site may see all of it. `section` is the heading in the navigation;
    `acts` are done to one row, `actions` to several.
    """

    section: ClassVar[str] = "Platform"
    may_add = may_change = may_delete = False
    acts: tuple[Act, ...] = ()

    list_per_page = 50
    list_max_show_all = 0
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    paginator = CappedPaginator
    view_on_site = False

    def prepare_rows(self, rows: list[Any]) -> None:
        """Look up for many rows at once what their columns show."""

    # -- access ---------------------------------------------------------------------------
    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return bool(self.admin_site.has_permission(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.may_add and self.has_view_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may_change and self.has_view_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.may_delete and self.has_view_permission(request)

    # -- writes: services only ------------------------------------------------------------
    def save_model(self, request: HttpRequest, obj: Model, form: ModelForm, change: bool) -> None:
        raise NotImplementedError(f"{type(self).__name__} names no service that saves")

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        raise NotImplementedError(f"{type(self).__name__} names no service that deletes")

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for row in queryset:
            self.delete_model(request, row)

    # What administrators do is told by the audit alone.
    def log_addition(self, *arguments: Any) -> None: ...

    def log_change(self, *arguments: Any) -> None: ...

    def log_deletions(self, *arguments: Any) -> None: ...

    # -- refusals of services are errors of the form --------------------------------------
    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **options: Any) -> Any:
        """As Django's, with a name for each part of a moment."""
        field = super().formfield_for_dbfield(db_field, request, **options)
        if isinstance(field, SplitDateTimeField):
            for widget, part in zip(field.widget.widgets, ("date", "time"), strict=True):
                widget.attrs["aria-label"] = f"{field.label}: {part}"
        return field

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any
    ) -> type[ModelForm]:
        form = super().get_form(request, obj, change, **options)
        refusal = getattr(request, "portal_refusal", None)
        if refusal is None:
            return form

        class Refused(form):  # type: ignore[misc, valid-type]
            def clean(self) -> Any:
                self.add_error(None, refusal)
                return super().clean()

        return Refused

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *arguments: Any, **options: Any
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, *arguments, **options)
        except REFUSALS as exc:
            # What was begun is rolled back; the form is shown again with what was filled in.
            request.portal_refusal = refusal_text(exc)
            return super().changeform_view(request, object_id, *arguments, **options)

    def delete_view(self, request: HttpRequest, object_id: str, *arguments: Any) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, *arguments)
        except REFUSALS as exc:
            messages.error(request, refusal_text(exc))
            return HttpResponseRedirect(self._page_of(object_id))

    def response_action(self, request: HttpRequest, queryset: Any) -> HttpResponse | None:
        try:
            with transaction.atomic():
                return super().response_action(request, queryset)
        except REFUSALS as exc:
            messages.error(request, f"{refusal_text(exc)} Nothing was done.")
        except (ValidationError, ValueError):
            messages.error(request, "Choose rows of the list. Nothing was done.")
        return HttpResponseRedirect(request.get_full_path())

    # -- lists ------------------------------------------------------------------------------
    def get_changelist(self, request: HttpRequest, **options: Any) -> type[PortalChangeList]:
        return PortalChangeList

    def get_object(self, request: HttpRequest, object_id: str, from_field: Any = None) -> Any:
        if "\x00" in object_id:
            return None
        row = super().get_object(request, object_id, from_field)
        if row is not None:
            self.prepare_rows([row])
        return row

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if any("\x00" in value for values in request.GET.lists() for value in values[1]):
            return HttpResponseRedirect(request.path)
        export = reverse(f"admin:{self._name('export')}")
        query = request.GET.urlencode()
        context = {"export_url": f"{export}?{query}" if query else export}
        return super().changelist_view(request, context | (extra_context or {}))

    def export_view(self, request: HttpRequest) -> HttpResponse:
        """The whole list, with the filters and the order of the page, as CSV."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        shown = self.get_changelist_instance(request)
        columns = [name for name in shown.list_display if name != "action_checkbox"]
        header = [str(label_for_field(name, self.model, self)) for name in columns]

        def cells(rows: list[Any]) -> Iterator[list[Any]]:
            self.prepare_rows(rows)
            for row in rows:
                yield [self._plain(name, row) for name in columns]

        return csv_response(request, self.opts.model_name, header, shown.queryset, cells)

    def _plain(self, name: str, row: Any) -> Any:
        field, attribute, value = lookup_field(name, row, self)
        if field is not None and field.is_relation:
            return getattr(row, field.name)
        plain = getattr(attribute, "plain", None)
        return plain(row) if plain is not None else value

    # -- acts -------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("export/", wrap(self.export_view), name=self._name("export")),
            path("<path:object_id>/act/<slug:name>/", wrap(self.act_view), name=self._name("act")),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *arguments: Any, **options: Any
    ) -> HttpResponse:
        row = options.get("obj")
        if row is not None:
            asked = Asked(request, row)
            offered = [act for act in self.acts if act.offered(asked)]
            context["acts"] = [(act, self._act_url(row, act)) for act in offered]
        return super().render_change_form(request, context, *arguments, **options)

    def act_view(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Tell what an act does, ask for what it needs, and do it when that is sent."""
        row = self.get_object(request, unquote(object_id))
        act = next((each for each in self.acts if each.name == name), None)
        if row is None or act is None or not self.has_view_permission(request):
            raise Http404
        if not act.offered(Asked(request, row)):
            messages.error(request, f"{act.label}: this is not possible now.")
            return HttpResponseRedirect(self._page_of(object_id))
        posted = request.method == "POST"
        form = act.form(request.POST) if posted else act.form(initial=act.initial(row))
        if posted and form.is_valid():
            try:
                with transaction.atomic():
                    done = act.perform(Asked(request, row, form.cleaned_data))
            except REFUSALS as exc:
                form.add_error(None, refusal_text(exc))
            else:
                if isinstance(done, HttpResponse):
                    return done
                messages.success(request, done.text)
                return HttpResponseRedirect(done.goto or self._page_of(object_id))
        return self._render_act(request, act, row, form)

    def _render_act(self, request: HttpRequest, act: Act, row: Any, form: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": act.label,
            "subtitle": str(row),
            "opts": self.opts,
            "original": row,
            "act": act,
            "form": form,
            "back": self._page_of(quote(row.pk)),
            "media": self.media,
        }
        status = 409 if form.is_bound and form.non_field_errors() else 200
        return TemplateResponse(request, "admin/act.html", context, status=status)

    def _act_url(self, row: Any, act: Act) -> str:
        return reverse(f"admin:{self._name('act')}", args=[quote(row.pk), act.name])

    def _page_of(self, object_id: str) -> str:
        return reverse(f"admin:{self._name('change')}", args=[object_id])

    def _name(self, page: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{page}"
