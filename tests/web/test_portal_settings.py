"""What administrators set for the site from the portal."""

import base64

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from algoport.accounts.models import User
from algoport.configuration.models import FrontendEntry, SiteImage
from algorithms.constants import FeatureName
from algorithms.features.switching import is_enabled
from algorithms.models import (
    AccountFeature,
    Algorithm,
    Environment,
)
from scm.models import ScmConfiguration
from tests.factories.algorithms import make_algorithm, make_build, make_version
from tests.portal import act_url, do, offered, recorded

pytestmark = [pytest.mark.django_db, pytest.mark.xdist_group("pools")]

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_repository_hosts_are_added_changed_and_deleted(portal: Client) -> None:
    add = "/admin/scm/scmconfiguration/add/"
    given = {"scm_id": "lab", "name": "Lab", "provider": "gitlab", "enabled": "on"}
    given |= {"client_id": "client", "client_secret": "a-secret-of-the-lab", "project_key": ""}
    given |= {"web_url": "https://git.example.com", "api_url": "https://git.example.com/api"}
    refused = portal.post(add, given | {"ssh_url": "nowhere"}).content.decode()
    assert "ssh://" in refused and "a-secret-of-the-lab" not in refused
    assert not ScmConfiguration.objects.filter(pk="lab").exists()
    assert portal.post(add, given | {"ssh_url": "ssh://git.example.com"}).status_code == 302
    row = ScmConfiguration.objects.get(pk="lab")
    one = f"/admin/scm/scmconfiguration/{row.pk}/change/"
    for page in (one, "/admin/scm/scmconfiguration/", "/admin/scm/scmconfiguration/export/"):
        text = portal.get(page).getvalue().decode()
        assert "a-secret-of" not in text and row.client_secret not in text
    addresses = {"web_url": "https://other.example.com", "api_url": row.api_url}
    do(portal, row, "change-addresses", **addresses, ssh_url=row.ssh_url)
    assert row.web_url == "https://other.example.com"
    do(portal, row, "make-default")
    answer = portal.post(act_url(row, "disable"))
    assert answer.status_code == 409 and row.enabled
    do(portal, ScmConfiguration.objects.get(pk="internal"), "make-default")
    do(portal, row, "disable")
    assert "delete" in offered(portal, row)
    assert portal.post(act_url(row, "delete")).status_code == 302
    assert not ScmConfiguration.objects.filter(pk="lab").exists()
    recorded(
        *("scm.create", "scm.update", "scm.make_default", "scm.make_default"),
        *("scm.update", "scm.delete"),
    )


def test_an_algorithm_is_deleted_by_its_name_with_public_versions(
    portal: Client, demo: User, python_environment: Environment
) -> None:
    algorithm = make_algorithm(demo)
    make_version(algorithm)
    refused = portal.post(act_url(algorithm, "delete"), {"name": "demo/Other"})
    assert refused.status_code == 409 and Algorithm.objects.exists()
    assert portal.post(act_url(algorithm, "delete"), {"name": "demo/Hello"}).status_code == 302
    assert not Algorithm.objects.exists()
    recorded("algorithm.force_delete")


def test_environments_are_disabled_and_enabled(
    portal: Client, python_environment: Environment
) -> None:
    do(portal, python_environment, "disable")
    assert not python_environment.enabled
    do(portal, python_environment, "enable")
    assert python_environment.enabled
    recorded("environment.disable", "environment.enable")


def test_environments_are_added_changed_and_deleted(
    portal: Client, demo: User, python_environment: Environment
) -> None:
    add = "/admin/algorithms/environment/add/"
    given = {"name": "cuda", "display_name": "CUDA", "language": "python3-1", "recipe": "python3"}
    given |= {"machine_type": "gpu", "base_image": "nobody.example/cuda:12", "enabled": "on"}
    refused = [
        ({"base_image": "https://nobody.example/cuda"}, "REGISTRY/NAME:TAG"),
        ({"name": "Cuda 12"}, "small letters"),
        ({"name": python_environment.name}, "already exists"),
        ({"language": "cobol"}, "not one of the available choices"),
        ({"recipe": "../python3"}, "not one of the available choices"),
        ({"machine_type": "tpu"}, "not one of the available choices"),
    ]
    for wrong, said in refused:
        answer = portal.post(add, given | wrong)
        assert answer.status_code == 200 and said in answer.content.decode(), wrong
    assert portal.post(add, given).status_code == 302
    row = Environment.objects.get(name="cuda")
    assert (row.machine_type, row.base_image, row.enabled) == ("gpu", given["base_image"], True)

    one = f"/admin/algorithms/environment/{row.pk}/change/"
    assert given["base_image"] in portal.get(one).content.decode()
    changed = {"display_name": "CUDA 12", "base_image": "nobody.example/cuda:12.1"}
    assert portal.post(one, changed | {"base_image": "cuda"}).status_code == 200
    # What algorithms rely on stays, whatever is sent.
    assert portal.post(one, changed | {"machine_type": "cpu", "name": "x"}).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.machine_type, row.base_image) == ("cuda", "gpu", changed["base_image"])
    assert portal.post(one, changed).status_code == 302

    algorithm = make_algorithm(demo, algorithm_environment=str(row.pk), language=None)
    answer = portal.post(act_url(row, "delete"))
    assert answer.status_code == 409 and "Disable it instead" in answer.content.decode()
    make_build(algorithm)
    Algorithm.objects.update(environment=python_environment)
    assert portal.post(act_url(row, "delete")).status_code == 409
    algorithm.delete()
    assert portal.post(act_url(row, "delete")).status_code == 302
    assert list(Environment.objects.all()) == [python_environment]
    recorded("environment.create", "environment.update", "environment.delete")


def test_features_are_switched_for_one_account(portal: Client, demo: User) -> None:
    add = "/admin/algorithms/accountfeature/add/"
    given = {"name": FeatureName.ALGORITHM_ERRORS, "enabled": "on"}
    assert portal.post(add, given | {"username": "nobody"}).status_code == 200
    assert portal.post(add, given | {"username": "DEMO"}).status_code == 302
    assert is_enabled(FeatureName.ALGORITHM_ERRORS, demo.pk)
    assert not is_enabled(FeatureName.ALGORITHM_ERRORS)
    do(portal, AccountFeature.objects.get(), "switch-off")
    assert not is_enabled(FeatureName.ALGORITHM_ERRORS, demo.pk)
    recorded("feature.switch", "feature.switch")


def test_the_site_gets_a_title_and_a_logo(portal: Client) -> None:
    entries, images = "/admin/configuration/frontendentry/", "/admin/configuration/siteimage/"
    given = {"keyname": "site_title", "value": "Our lab"}
    assert portal.post(f"{entries}add/", given | {"keyname": ".no"}).status_code == 200
    assert portal.post(f"{entries}add/", given).status_code == 302
    assert portal.post(f"{entries}site_5Ftitle/change/", {"value": "A lab"}).status_code == 302
    assert FrontendEntry.objects.get().value == "A lab"
    assert portal.post(f"{entries}site_5Ftitle/delete/", {"post": "yes"}).status_code == 302
    for content in (b"no image", PNG, PNG):
        sent = {"kind": "logo", "file": SimpleUploadedFile("logo.png", content)}
        answer = portal.post(f"{images}add/", sent)
        assert answer.status_code == (302 if content == PNG else 200), answer.content
    assert portal.get(f"{images}logo/change/").status_code == 200
    assert portal.post(f"{images}logo/delete/", {"post": "yes"}).status_code == 302
    assert not SiteImage.objects.exists() and not FrontendEntry.objects.exists()
    recorded(
        *("frontend_entry.set", "frontend_entry.set", "frontend_entry.delete"),
        *("logo.set", "logo.set", "logo.reset"),
    )
