"""What runs now, in which process and for whom."""

import redis
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from algorithms.running.hosts import read_workers_at_once
from algorithms.running.overview import read_pools


def runners(request: HttpRequest) -> HttpResponse:
    """What the pools of all processes hold; to be wrapped by the site's `admin_view`."""
    context = {**admin.site.each_context(request), "title": "Runners"}
    try:
        context["pools"] = read_pools()
        context["workers"] = read_workers_at_once()
    except redis.RedisError:
        context["unavailable"] = True
        return render(request, "admin/runners.html", context, status=503)
    return render(request, "admin/runners.html", context)
