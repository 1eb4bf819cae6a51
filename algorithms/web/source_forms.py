"""What somebody says of a commit that they make on a page."""

from collections.abc import Sequence
from typing import Any

from django import forms

from algoport.accounts.permissions import Principal
from algoport.errors import UserError
from algorithms.models import Algorithm, Build
from algorithms.source.services import save_source
from scm.commits import LONGEST_PATH, CommitRequest, Delete, FileChange, Rename, Write
from scm.errors import PathNotAllowed, PathTaken

EDITED_BYTES = 512 * 1024
_TEXT = {"autocomplete": "off", "spellcheck": "false"}
_CODE = {"class": "code", "autocapitalize": "off", "wrap": "off", "rows": "24", **_TEXT}


class CommitForm(forms.Form):
    """A commit on top of `parent`, the head that the page was made from."""

    parent = forms.CharField(max_length=40, widget=forms.HiddenInput)
    message = forms.CharField(label="Commit message", max_length=500, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, label_suffix="", **kwargs)
        self.fields["message"].widget.attrs["autocomplete"] = "off"

    def suggest(self, message: str) -> None:
        """What the commit says where its author says nothing."""
        self.fields["message"].widget.attrs["placeholder"] = message

    def commit(
        self, algorithm: Algorithm, author: Principal, changes: Sequence[FileChange], message: str
    ) -> Build | None:
        """The build that it has started; None when it was refused, and the form tells why."""
        request = CommitRequest(
            parent=self.cleaned_data["parent"],
            message=self.cleaned_data["message"].strip() or message,
            author=author.username,
            changes=changes,
        )
        try:
            return save_source(algorithm=algorithm, request=request)
        except (PathNotAllowed, PathTaken) as exc:
            self.add_error("to" if "to" in self.fields else None, exc.text)
        except UserError as exc:
            self.add_error(None, exc.text)
        return None


class ContentForm(CommitForm):
    """A file's text. Browsers send all line ends as CRLF; those of the file are kept."""

    content = forms.CharField(
        label="Content", required=False, strip=False, widget=forms.Textarea(attrs=_CODE)
    )
    line_ends = forms.ChoiceField(
        choices=(("lf", "lf"), ("crlf", "crlf")), initial="lf", widget=forms.HiddenInput
    )

    def clean_content(self) -> str:
        content: str = self.cleaned_data["content"].replace("\r\n", "\n")
        if len(content.encode("utf-8", "replace")) > EDITED_BYTES:
            raise forms.ValidationError("This is too large for the editor: push it by git.")
        return content

    @property
    def content_bytes(self) -> bytes:
        content: str = self.cleaned_data["content"]
        if self.cleaned_data["line_ends"] == "crlf":
            content = content.replace("\n", "\r\n")
        return content.encode("utf-8", "replace")

    def save(self, algorithm: Algorithm, author: Principal, path: str) -> Build | None:
        change = Write(path, self.content_bytes)
        return self.commit(algorithm, author, [change], f"Edit {path}")


class _PathForm(CommitForm):
    to = forms.CharField(
        label="Path",
        max_length=LONGEST_PATH,
        widget=forms.TextInput(attrs={"class": "code", **_TEXT}),
    )


class NewFileForm(ContentForm, _PathForm):
    """A file that is not there yet."""

    field_order = ("to", "content", "message")

    def add(self, algorithm: Algorithm, author: Principal) -> Build | None:
        path = self.cleaned_data["to"]
        change = Write(path, self.content_bytes, is_new=True)
        return self.commit(algorithm, author, [change], f"Add {path}")


class RenameForm(_PathForm):
    field_order = ("to", "message")

    def save(self, algorithm: Algorithm, author: Principal, path: str) -> Build | None:
        to = self.cleaned_data["to"]
        return self.commit(algorithm, author, [Rename(path, to)], f"Rename {path} to {to}")


class DeleteForm(CommitForm):
    def save(self, algorithm: Algorithm, author: Principal, path: str) -> Build | None:
        return self.commit(algorithm, author, [Delete(path)], f"Delete {path}")
