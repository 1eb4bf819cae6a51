"""Pages about buckets of S3 connectors: which there are, and who else may use them."""

from collections.abc import Callable
from typing import Any, TypeVar

from django.contrib import messages
from django.contrib.auth.mixins import LoginRequiredMixin
from django.http import HttpRequest, HttpResponse
from django.views import View

from algoport.accounts.permissions import Principal
from algoport.accounts.web.requests import viewer_of
from algoport.errors import UserError
from algoport.web.pages import go_to, refuse_form, render_page
from dataportal.connectors import buckets
from dataportal.connectors.selectors import use_connector_for
from dataportal.models import Connector
from dataportal.stores.bucket_rules import BUCKET_ACLS, OBJECT_ACLS
from dataportal.web.bucket_forms import AclForm, BucketForm, CorsRuleForm

T = TypeVar("T")

_LIST, _BUCKET, _OBJECT = (f"dataportal/{name}.html" for name in ("buckets", "bucket", "object"))


class _BucketsView(LoginRequiredMixin, View):
    """A page of a connector that the viewer may use; the storage is asked for all of it."""

    waits_for_others = True
    viewer: Principal
    connector: Connector
    owner: str

    def setup(self, request: HttpRequest, *args: Any, **named: Any) -> None:
        super().setup(request, *args, **named)
        if request.user.is_authenticated:
            self.owner, self.viewer = named["owner"], viewer_of(request)
            self.connector = use_connector_for(self.viewer, self.owner, named["connector_id"])

    @property
    def where(self) -> tuple[Principal, str, str]:
        """What the services ask for first."""
        return self.viewer, self.owner, self.connector.name

    @property
    def about(self) -> dict[str, Any]:
        """The same by name, for those that change something."""
        return {
            "principal": self.viewer,
            "owner": self.owner,
            "connector_id": self.connector.name,
        }

    def told(self, **more: Any) -> dict[str, Any]:
        return {"connector": self.connector, "owner": self.owner, **more}


class BucketsView(_BucketsView):
    def get(self, request: HttpRequest, **named: str) -> HttpResponse:
        return render_page(request, _LIST, self._shown(BucketForm()))

    def post(self, request: HttpRequest, **named: str) -> HttpResponse:
        form = BucketForm(request.POST)
        if not form.is_valid():
            return refuse_form(request, _LIST, self._shown(form))
        try:
            buckets.create_bucket(**self.about, **form.cleaned_data)
        except UserError as exc:
            form.add_error("name", exc.text)
            return refuse_form(request, _LIST, self._shown(form))
        name = form.cleaned_data["name"]
        messages.success(request, f"The bucket {name} is there.")
        return go_to(request, "connector-bucket", self.owner, self.connector.name, name)

    def _shown(self, form: BucketForm) -> dict[str, Any]:
        found, problem = _tried(lambda: buckets.list_buckets(*self.where))
        makes = buckets.may_make_buckets(*self.where)
        return self.told(form=form, buckets=found, problem=problem, makes=makes)


class BucketView(_BucketsView):
    """Who else may use a bucket: its access list, and its rules for pages of other sites."""

    def get(self, request: HttpRequest, bucket: str, **named: str) -> HttpResponse:
        return render_page(request, _BUCKET, self._shown(bucket, CorsRuleForm()))

    def post(self, request: HttpRequest, bucket: str, **named: str) -> HttpResponse:
        act, form = request.POST.get("act", ""), CorsRuleForm()
        if act == "add":
            form = CorsRuleForm(request.POST)
            if not form.is_valid():
                return refuse_form(request, _BUCKET, self._shown(bucket, form))
        self._change(request, bucket, act, form)
        messages.success(request, f"The settings of {bucket} are changed.")
        return go_to(request, "connector-bucket", self.owner, self.connector.name, bucket)

    def _change(self, request: HttpRequest, bucket: str, act: str, form: CorsRuleForm) -> None:
        """Raises what the services raise."""
        if act == "acl":
            acl = _chosen(request, BUCKET_ACLS)
            buckets.set_bucket_acl(**self.about, bucket=bucket, acl=acl)
            return
        rules = buckets.get_cors(*self.where, bucket)
        if act == "add":
            rules = [*rules, form.rule()]
        else:
            gone = request.POST.get("rule", "")
            rules = [rule for number, rule in enumerate(rules) if str(number) != gone]
        buckets.set_cors(**self.about, bucket=bucket, rules=rules)

    def _shown(self, bucket: str, form: CorsRuleForm) -> dict[str, Any]:
        changes = buckets.may_set_rules(*self.where, f"{bucket}/")
        acl, acl_problem = _tried(lambda: buckets.get_bucket_acl(*self.where, bucket))
        rules, cors_problem = _tried(lambda: buckets.get_cors(*self.where, bucket))
        return self.told(
            bucket=bucket,
            changes=changes,
            acl=acl,
            acl_problem=acl_problem,
            acl_form=AclForm(BUCKET_ACLS, initial={"acl": acl.canned if acl else ""}),
            rules=rules,
            cors_problem=cors_problem,
            form=form,
        )


class ObjectView(_BucketsView):
    """Who else may use an object; `?key=` names it."""

    def get(self, request: HttpRequest, bucket: str, **named: str) -> HttpResponse:
        key = request.GET.get("key", "")
        acl = buckets.get_object_acl(*self.where, bucket, key)
        changes = buckets.may_set_rules(*self.where, f"{bucket}/{key}")
        form = AclForm(OBJECT_ACLS, initial={"acl": acl.canned})
        told = self.told(bucket=bucket, key=key, acl=acl, changes=changes, acl_form=form)
        return render_page(request, _OBJECT, told)

    def post(self, request: HttpRequest, bucket: str, **named: str) -> HttpResponse:
        key, acl = request.GET.get("key", ""), _chosen(request, OBJECT_ACLS)
        buckets.set_object_acl(**self.about, bucket=bucket, key=key, acl=acl)
        messages.success(request, f"{key} is now: {acl}.")
        return go_to(request, request.get_full_path())


def _chosen(request: HttpRequest, acls: tuple[str, ...]) -> str:
    """Raises UserError for what the page has not offered."""
    form = AclForm(acls, request.POST)
    if not form.is_valid():
        raise UserError("Choose one of the policies.")
    chosen: str = form.cleaned_data["acl"]
    return chosen


def _tried(question: Callable[[], T]) -> tuple[T | None, str]:
    """The answer, or why there is none: of one part of a page the others are shown all the same."""
    try:
        return question(), ""
    except UserError as exc:
        if exc.status == 404:
            raise
        return None, exc.text
