"""The first page of the portal: how the platform is now."""

from typing import cast

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from algorithms.admin.figures import read_figures


def dashboard(request: HttpRequest) -> HttpResponse:
    """The page; to be wrapped by the site's `admin_view`."""
    return cast("HttpResponse", admin.site.index(request, {"figures": read_figures()}))


def dashboard_figures(request: HttpRequest) -> HttpResponse:
    """The part of the page that is fetched again; to be wrapped by the site's `admin_view`."""
    return render(request, "admin/_figures.html", {"figures": read_figures()})
