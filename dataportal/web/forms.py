"""Forms of the Data Portal; what they do not check themselves, the services do."""

from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django import forms

from dataportal.connectors.options import ADDRESSING, parse_options, parse_restriction
from dataportal.connectors.services import NewConnector
from dataportal.constants import (
    COLLECTION_NAME_LENGTH,
    CREDENTIAL_TYPES,
    EVERY_PATH,
    LABEL_LENGTH,
    RESTRICTION_LENGTH,
    Protocol,
    ReadAcl,
)
from dataportal.errors import InvalidConnector
from dataportal.models import Connector

_LONGEST_SECRET = 8192


class PageForm(forms.Form):
    """Labels stand above their fields, and need no colon."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, label_suffix="", **named)


class CollectionForm(PageForm):
    owner = forms.ChoiceField()
    name = forms.CharField(
        label="Collection name",
        max_length=COLLECTION_NAME_LENGTH,
        widget=forms.TextInput({"autofocus": True, "autocomplete": "off", "spellcheck": "false"}),
    )
    read_acl = forms.ChoiceField(
        label="Read access",
        choices=ReadAcl.choices,
        initial=ReadAcl.MY_ALGORITHMS,
        widget=forms.RadioSelect,
    )

    def __init__(self, owners: Sequence[str], *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.fields["owner"].choices = [(each, each) for each in owners]


class FolderForm(PageForm):
    name = forms.CharField(
        label="Name of the folder",
        max_length=255,
        strip=False,
        widget=forms.TextInput({"autofocus": True, "autocomplete": "off", "spellcheck": "false"}),
    )


class SecretInput(forms.PasswordInput):
    """Never filled in: what was typed or is stored does not come back."""

    def __init__(self) -> None:
        super().__init__({"autocomplete": "off", "spellcheck": "false", "class": "code"})


class SecretText(forms.Textarea):
    """The same in lines."""

    def __init__(self) -> None:
        super().__init__({"autocomplete": "off", "spellcheck": "false", "class": "code", "rows": 4})

    def format_value(self, value: object) -> None:
        return None


class CodeInput(forms.TextInput):
    def __init__(self, **attributes: str) -> None:
        fixed = {"autocomplete": "off", "spellcheck": "false", "class": "code"}
        super().__init__(fixed | attributes)


def _secret(label: str, **named: Any) -> forms.CharField:
    return forms.CharField(label=label, max_length=_LONGEST_SECRET, widget=SecretInput(), **named)


class ConnectorForm(PageForm):
    """A connector to be made, or with `connector` one to be changed.

    `secrets` are the fields of its credentials, `options` those of its options. Credentials of one
    that there is stay the same when their fields are left blank.
    """

    protocol: ClassVar[Protocol]
    secrets: ClassVar[tuple[str, ...]]
    options: ClassVar[tuple[str, ...]] = ()

    owner = forms.ChoiceField(help_text="Whose connector it is: yours, or an organization's.")
    label = forms.CharField(
        max_length=LABEL_LENGTH,
        help_text="Used as an identifier for these credentials: letters, digits, “_” and “-”.",
        widget=CodeInput(),
    )
    path = forms.CharField(
        label="Path Restriction",
        initial=EVERY_PATH,
        max_length=RESTRICTION_LENGTH,
        help_text="“Algorithmia/team.jpg” is one file, “Algorithmia/*” everything in a folder.",
        widget=CodeInput(),
    )
    writeable = forms.BooleanField(
        label="Allow writing (and deleting) files and directories", required=False
    )
    is_default = forms.BooleanField(required=False)

    def __init__(
        self,
        *args: Any,
        owners: Sequence[str] = (),
        connector: Connector | None = None,
        **named: Any,
    ) -> None:
        super().__init__(*args, **named)
        self.connector = connector
        self.fields["is_default"].label = f"Make this my default {self.protocol.label} connector"
        self.fields["is_default"].help_text = (
            "It can be accessed without a label prefix:"
            f" “{self.protocol}://” is enough. There is one of each kind."
        )
        if connector is None:
            self.fields["owner"].choices = [(each, each) for each in owners]
        else:
            del self.fields["owner"]
            for name in self.secrets:
                self.fields[name].required = False

    @property
    def secret_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.secrets]

    @property
    def option_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.options]

    @property
    def has_odd_options(self) -> bool:
        """Whether options are to be seen at once, because they are used or refused."""
        return any(self[name].value() or self[name].errors for name in self.options)

    def clean_path(self) -> str:
        return self._checked(parse_restriction, self.cleaned_data["path"])

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        for name in self.options:
            try:
                given[name] = parse_options(self.protocol, {name: given.get(name, "")}).get(
                    name, ""
                )
            except InvalidConnector as exc:
                self.add_error(name, _sentence(exc))
        if self.connector is not None:
            self._check_kept(self.connector, given)
        return given

    def _check_kept(self, connector: Connector, given: dict[str, Any]) -> None:
        """Credentials are replaced as a whole, and stay with the server they were given for."""
        if self._has_secrets(given):
            for name in self.secrets:
                if self.base_fields[name].required and not given.get(name):
                    self.add_error(name, "Give all of the credentials, or none to keep them.")
        elif given.get("endpoint_url", "") != connector.options.get("endpoint_url", ""):
            self.add_error("endpoint_url", "Another server needs the credentials again.")

    def new(self) -> NewConnector:
        given = self.cleaned_data
        return NewConnector(
            protocol=self.protocol,
            cred_type=CREDENTIAL_TYPES[self.protocol],
            cred_data=self.credentials(),
            label=given["label"],
            path=given["path"],
            writeable=given["writeable"],
            is_default=given["is_default"],
            options=self._options(),
        )

    def changes(self) -> dict[str, Any]:
        """What is different from the connector that there is."""
        assert self.connector is not None
        names = ("label", "path", "writeable", "is_default")
        said = {name: self.cleaned_data[name] for name in names} | {"options": self._options()}
        changed = {
            name: value for name, value in said.items() if getattr(self.connector, name) != value
        }
        if self._has_secrets(self.cleaned_data):
            changed |= {
                "cred_type": CREDENTIAL_TYPES[self.protocol],
                "cred_data": self.credentials(),
            }
        return changed

    @classmethod
    def about(cls, connector: Connector, data: Any = None) -> "ConnectorForm":
        """The form of a connector that there is."""
        names = ("label", "path", "writeable", "is_default")
        initial = {name: getattr(connector, name) for name in names} | connector.options
        return cls(data, connector=connector, initial=initial)

    def credentials(self) -> dict[str, str]:
        """`cred_data` in the words of the API."""
        return {name: self.cleaned_data[name] for name in self.secrets}

    def refuse(self, exc: InvalidConnector) -> None:
        """Show what only the service could find."""
        self.add_error(None, _sentence(exc))

    def _options(self) -> dict[str, str]:
        return {name: self.cleaned_data[name] for name in self.options if self.cleaned_data[name]}

    def _has_secrets(self, given: dict[str, Any]) -> bool:
        return any(given.get(name) for name in self.secrets)

    def _checked(self, check: Any, value: str) -> str:
        try:
            checked: str = check(value)
        except InvalidConnector as exc:
            raise forms.ValidationError(_sentence(exc)) from exc
        return checked


class S3Form(ConnectorForm):
    protocol = Protocol("s3")
    secrets = ("access_key_id", "secret_access_key")
    options = ("endpoint_url", "region", "addressing", "kms_key_id")

    access_key_id = forms.CharField(
        label="AWS Access Key ID", max_length=_LONGEST_SECRET, widget=CodeInput()
    )
    secret_access_key = _secret("AWS Secret Access Key")
    endpoint_url = forms.CharField(
        label="Server",
        required=False,
        help_text="The address of a storage that speaks as S3 does, such as MinIO.",
        widget=CodeInput(placeholder="https://minio.example.com:9000"),
    )
    region = forms.CharField(
        required=False, max_length=40, widget=CodeInput(placeholder="us-east-1")
    )
    addressing = forms.ChoiceField(
        label="Bucket names in requests",
        required=False,
        choices=[("", "as usual"), *((each, each) for each in ADDRESSING)],
        help_text="Most servers of one's own want “path”.",
    )
    kms_key_id = forms.CharField(
        label="AWS KMS key",
        required=False,
        help_text="The key that files are encrypted with, if not the bucket's own.",
        widget=CodeInput(),
    )


class AzureForm(ConnectorForm):
    protocol = Protocol("azureblob")
    secrets = ("sas_uri",)

    sas_uri = _secret(
        "SAS URI (container)",
        help_text="A shared access signature of the container, that allows to read and list at"
        " least: https://ACCOUNT.blob.core.windows.net/CONTAINER?sv=…",
    )

    def credentials(self) -> dict[str, str]:
        try:
            parts = urlsplit(self.cleaned_data["sas_uri"].strip())
        except ValueError as exc:
            raise InvalidConnector(reason="the SAS URI is not an address") from exc
        account, _, container = parts.path.rstrip("/").rpartition("/")
        return {
            "storage_uri": f"{parts.scheme}://{parts.netloc}{account}",
            "container_name": container,
            "sas_token": parts.query,
        }


class GoogleForm(ConnectorForm):
    protocol = Protocol("gs")
    secrets = ("email", "private_key_id", "private_key")
    options = ("project", "endpoint_url")

    email = forms.CharField(
        label="Google Service Account Email",
        max_length=_LONGEST_SECRET,
        widget=CodeInput(placeholder="name@project.iam.gserviceaccount.com"),
    )
    private_key_id = _secret("Private Key ID")
    private_key = forms.CharField(
        label="Private Key",
        max_length=_LONGEST_SECRET,
        widget=SecretText(),
        help_text="With its first and last line, as in the account's JSON file.",
    )
    project = forms.CharField(
        required=False,
        help_text="Whose buckets are listed; without one, name them in the path restriction.",
        widget=CodeInput(),
    )
    endpoint_url = forms.CharField(
        label="Server",
        required=False,
        help_text="The address of another server than Google's.",
        widget=CodeInput(),
    )


class DropboxForm(ConnectorForm):
    protocol = Protocol("dropbox")
    secrets = ("access_token", "refresh_token")

    access_token = _secret("Access token")
    refresh_token = _secret(
        "Refresh token",
        required=False,
        help_text="An access token lasts four hours; with this one it is renewed.",
    )


_FORMS: tuple[type[ConnectorForm], ...] = (S3Form, DropboxForm, GoogleForm, AzureForm)
FORMS = {str(form.protocol): form for form in _FORMS}


def _sentence(exc: InvalidConnector) -> str:
    return f"{exc.reason[0].upper()}{exc.reason[1:]}."
