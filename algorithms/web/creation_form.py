"""What somebody says of an algorithm that they make."""

from dataclasses import dataclass
from typing import Any

from django import forms

from algoport.accounts.models import User
from algoport.accounts.permissions import Principal
from algoport.errors import UserError
from algorithms.constants import NAME_LENGTH, License, NetworkAccess, Visibility
from algorithms.environments.languages import language_of
from algorithms.environments.selectors import enabled_environments
from algorithms.errors import AlgorithmNameHasBeenTaken
from algorithms.models import Algorithm
from algorithms.remotes.making import SourceChoice
from algorithms.selectors import get_owner_for, is_name_taken
from algorithms.services import (
    AlgorithmDetails,
    AlgorithmSettings,
    check_name,
    create_algorithm,
)
from scm.connections import authorizations_of
from scm.constants import INTERNAL, LOGIN_LENGTH, REPOSITORY_NAME_LENGTH
from scm.errors import HostUnreachable
from scm.models import ScmConfiguration
from scm.selectors import list_scms_for

LICENSES = (
    (License.APL, "Platform licence (apl)"),
    (License.APACHE2, "Apache License 2.0"),
    (License.GPL3, "GNU General Public License 3"),
    (License.MIT, "MIT License"),
)
_NAME_RULE = "Begin with a letter; letters, digits and underscores may follow."


def name_problem(owner: User, name: str) -> str:
    """Why the account cannot have an algorithm of this name; "" when it can."""
    try:
        check_name(name)
    except UserError:
        return f"{_NAME_RULE} At most {NAME_LENGTH} of them."
    return (
        f"{owner.username} has an algorithm {name} already." if is_name_taken(owner, name) else ""
    )


@dataclass(frozen=True)
class HostOffer:
    """A host that a repository can be on, and whose account there the viewer has connected."""

    scm: ScmConfiguration
    login: str = ""

    @property
    def is_ready(self) -> bool:
        return self.scm.is_internal or bool(self.login)

    @property
    def label(self) -> str:
        if self.scm.is_internal:
            return "This platform"
        whose = f"as {self.login}" if self.login else "not connected yet"
        return f"{self.scm} - {self.scm.web_url} ({whose})"


def offered_hosts(viewer: Principal) -> list[HostOffer]:
    """The hosts in use that repositories can be made on."""
    assert viewer.user_id is not None, "pages are for those who have signed in"
    connected = authorizations_of(viewer.user_id)
    return [
        HostOffer(row, connected[row.pk].login if row.pk in connected else "")
        for row in list_scms_for(viewer).filter(enabled=True)
        if row.is_internal or row.is_connectable
    ]


class AlgorithmForm(forms.Form):
    """The owners are those that the selectors offer; the service decides."""

    owner = forms.ChoiceField(label="Owner")
    name = forms.CharField(
        label="Name",
        max_length=NAME_LENGTH,
        help_text="Letters, digits and underscores. It cannot be changed later.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    label = forms.CharField(
        label="Label (optional)",
        max_length=200,
        required=False,
        help_text="What people read in the catalogue; the name, if there is none.",
    )
    tagline = forms.CharField(
        label="Tagline (optional)",
        max_length=300,
        required=False,
        help_text="One sentence about what it does.",
    )
    environment = forms.ChoiceField(
        label="Environment", help_text="The language cannot be changed later."
    )
    scm = forms.ChoiceField(label="Repository host", required=False, widget=forms.RadioSelect)
    repository_owner = forms.CharField(
        label="Repository owner (optional)",
        max_length=LOGIN_LENGTH,
        required=False,
        help_text="Your account at the host, unless you name an organization of it.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    repository_name = forms.CharField(
        label="Repository name (optional)",
        max_length=REPOSITORY_NAME_LENGTH,
        required=False,
        help_text="The algorithm's name, unless you give another one.",
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    source_visibility = forms.ChoiceField(
        label="Who may read the source?",
        initial=Visibility.CLOSED,
        widget=forms.RadioSelect,
        choices=(
            (Visibility.CLOSED, "The owner only"),
            (Visibility.OPEN, "Everybody who may call it"),
        ),
    )
    license = forms.ChoiceField(label="Licence", choices=LICENSES, initial=License.APL)
    network_access = forms.ChoiceField(
        label="May it use the internet?",
        initial=NetworkAccess.ISOLATED,
        widget=forms.RadioSelect,
        choices=(
            (NetworkAccess.ISOLATED, "No, only this platform"),
            (NetworkAccess.FULL, "Yes, everything that is public"),
        ),
    )
    pipeline_enabled = forms.BooleanField(
        label="It may call other algorithms", required=False, initial=True
    )

    def __init__(
        self, *args: Any, owners: list[User], hosts: list[HostOffer], **kwargs: Any
    ) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.hosts = hosts
        self.fields["scm"].choices = [(each.scm.pk, each.label) for each in hosts]
        chosen = (each.scm.pk for each in hosts if each.scm.is_default)
        self.fields["scm"].initial = next(chosen, INTERNAL)
        self._owners = {each.username: each for each in owners}
        self.fields["owner"].choices = [(name, name) for name in self._owners]
        grouped: dict[str, list[tuple[str, str]]] = {}
        for each in enabled_environments():
            language = language_of(each.language).display_name
            grouped.setdefault(language, []).append((str(each.pk), each.display_name))
        self.fields["environment"].choices = list(grouped.items())

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        owner, name = given.get("owner"), given.get("name")
        problem = name_problem(self._owners[owner], name) if owner and name else ""
        if problem:
            self.add_error("name", problem)
        closed = given.get("source_visibility") == Visibility.CLOSED
        if closed and given.get("license") != License.APL:
            self.add_error("license", "Choose the platform licence, or let everybody read it.")
        offer = next((each for each in self.hosts if each.scm.pk == given.get("scm")), None)
        if offer is not None and not offer.is_ready:
            self.add_error("scm", f"Connect your account at {offer.scm} first.")
        return given

    def create(self, viewer: Principal) -> Algorithm | None:
        """None when it was refused; the form tells why."""
        given = self.cleaned_data
        try:
            return create_algorithm(
                owner=get_owner_for(viewer, given["owner"]),
                name=given["name"],
                details=AlgorithmDetails(given["label"] or given["name"], tagline=given["tagline"]),
                chosen=AlgorithmSettings(
                    license=given["license"],
                    network_access=given["network_access"],
                    pipeline_enabled=given["pipeline_enabled"],
                    source_visibility=given["source_visibility"],
                    algorithm_environment=given["environment"],
                ),
                source=SourceChoice(
                    given["scm"],
                    given["repository_owner"],
                    given["repository_name"],
                    viewer.user_id,
                ),
            )
        except AlgorithmNameHasBeenTaken as exc:
            self.add_error("name", exc.text)
        except (UserError, HostUnreachable) as exc:
            self.add_error(None, exc.text)
        return None
