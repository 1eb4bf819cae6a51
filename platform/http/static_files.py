"""Style sheets, scripts and images: under names that tell their content, which browsers keep."""

from functools import cached_property

from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.exceptions import SuspiciousFileOperation
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.views.static import serve

_FOREVER = "public, max-age=31536000, immutable"


class StaticFiles(ASGIStaticFilesHandler):
    """What `collect_static_files` has put in place; another version of a file has another name.

    Under its own name a file is asked for again each time, so that nothing is shown after an
    upgrade that was kept before it.
    """

    @cached_property
    def _hashed(self) -> frozenset[str]:
        return frozenset(staticfiles_storage.hashed_files.values())

    def serve(self, request: HttpRequest) -> HttpResponseBase:
        path = self.file_path(request.path)
        try:
            response = serve(request, path, document_root=settings.STATIC_ROOT)
        except SuspiciousFileOperation as exc:
            raise Http404 from exc
        response["Cache-Control"] = _FOREVER if path in self._hashed else "no-cache"
        response["X-Content-Type-Options"] = "nosniff"
        return response
