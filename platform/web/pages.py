"""Answering a browser: whole pages, and the parts of them that htmx asks for.

A template extends `layout`. Its block `content` is the page, or what the dialog `#modal-body` is
filled with; its block `part` is what changes while the page stays: a list, a log.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers

DIALOG_LAYOUT = "layouts/modal.html"
_MODAL = "modal-body"
V = TypeVar("V", bound=Callable[..., HttpResponse])


def render_page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    status: int = HTTPStatus.OK,
) -> HttpResponse:
    """The page; for htmx its part, or its content for the dialog."""
    answer = render(
        request, template, {**(context or {}), "layout": _layout(request)}, status=status
    )
    patch_vary_headers(answer, ("HX-Request", "HX-Target"))
    return answer


def refuse_form(request: HttpRequest, template: str, context: Mapping[str, Any]) -> HttpResponse:
    """The form again, with what is wrong with it."""
    return render_page(request, template, context, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def go_to(request: HttpRequest, to: Any, *args: Any, **kwargs: Any) -> HttpResponse:
    """Let the browser open another page after something was done, from a dialog too.

    `to` is what `redirect` takes.
    """
    answer = redirect(to, *args, **kwargs)
    if not is_htmx(request):
        return answer
    return HttpResponse(status=HTTPStatus.NO_CONTENT, headers={"HX-Redirect": answer["Location"]})


def waits_for_others(view: V) -> V:
    """Mark a view that may wait for builds, runners or storages: it gets one of fewer threads.

    Views that are classes say the same by an attribute of this name.
    """
    view.waits_for_others = True  # type: ignore[attr-defined]
    return view


def is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _layout(request: HttpRequest) -> str:
    if not is_htmx(request) or request.headers.get("HX-Boosted") == "true":
        return "base.html"
    is_modal = request.headers.get("HX-Target") == _MODAL
    return DIALOG_LAYOUT if is_modal else "layouts/part.html"
