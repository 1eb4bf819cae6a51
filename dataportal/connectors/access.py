"""A connector as one principal may use it: every path is decided before a storage is asked."""

from dataclasses import dataclass

from algoport.accounts.path_patterns import literal_head, matches, may_hold
from algoport.accounts.permissions import (
    Action,
    ConnectorResource,
    Decision,
    Principal,
    can,
    refusal,
)
from dataportal.errors import PathNotFound
from dataportal.models import Connector
from dataportal.stores.base import Page


@dataclass(frozen=True, slots=True)
class ConnectorAccess:
    """Paths are normalised, without a slash at their ends; the root's is ""."""

    principal: Principal
    connector: Connector

    def may_read(self, path: str) -> bool:
        return bool(path) and bool(self._decide(Action.READ_CONNECTOR, path))

    def may_list(self, directory: str) -> bool:
        return bool(self._decide(Action.LIST_CONNECTOR, _as_directory(directory)))

    def may_write(self, path: str) -> bool:
        return bool(path) and bool(self._decide(Action.WRITE_CONNECTOR, path))

    def may_clear(self, directory: str) -> bool:
        return bool(self._decide(Action.CLEAR_CONNECTOR, _as_directory(directory)))

    def may_put_into(self, directory: str) -> bool:
        """Whether there is a name under which a file may be put there."""
        return any(self.may_write(path) for path in self._imagined(directory))

    def may_make_directory_in(self, directory: str) -> bool:
        names = map(_as_directory, self._imagined(directory))
        return any(self._decide(Action.WRITE_CONNECTOR, name) for name in names)

    def may_see_rules(self, path: str) -> bool:
        """Whether who else may use a bucket (`BUCKET/`) or an object may be seen."""
        return bool(self._decide(Action.READ_STORAGE_RULES, path))

    def check_write(self, path: str) -> None:
        """Raises PathNotFound for what is not to be seen, NotAuthorized for what is."""
        self._check(Action.WRITE_CONNECTOR, path, visible=self.may_read(path))

    def check_make_directory(self, path: str) -> None:
        """Raises as `check_write` does."""
        name = _as_directory(path)
        visible = bool(self._decide(Action.READ_CONNECTOR, name)) or self.may_list(path)
        self._check(Action.WRITE_CONNECTOR, name, visible=visible)

    def check_clear(self, directory: str) -> None:
        """Whether the directory may go with all that is in it. Raises as `check_write` does."""
        name = _as_directory(directory)
        self._check(Action.CLEAR_CONNECTOR, name, visible=self.may_list(directory))

    def beginning(self, directory: str) -> tuple[str, str]:
        """What names in a directory have to begin with, and a folder that is the only one.

        One of the two is "". Where the restriction leads through a single folder, nobody has to
        be asked for it.
        """
        head, inside = literal_head(self.connector.path), _as_directory(directory)
        if not head.startswith(inside):
            return "", ""
        begins, slash, _ = head[len(inside) :].partition("/")
        return ("", begins) if slash else (begins, "")

    def shown(self, directory: str, page: Page) -> Page:
        """What of a page may be seen."""
        pattern, inside = self.connector.path, _as_directory(directory)
        folders = [name for name in page.folders if may_hold(pattern, f"{inside}{name}/")]
        files = [file for file in page.files if matches(pattern, f"{inside}{file.name}")]
        return Page(folders, files, page.marker)

    def _imagined(self, directory: str) -> list[str]:
        """Paths in the directory, of which the restriction covers one if it covers any."""
        inside, pattern = _as_directory(directory), self.connector.path
        tail = pattern.rpartition("*")[2].rpartition("/")[2]
        names = [f"{inside}new", f"{inside}new{tail}", pattern.replace("*", "")]
        return [
            name for name in names if name.startswith(inside) and "/" not in name[len(inside) :]
        ]

    def _check(self, action: Action, path: str, *, visible: bool) -> None:
        decision = self._decide(action, path)
        if not decision:
            raise refusal(self.principal, decision) if visible else PathNotFound

    def _decide(self, action: Action, path: str) -> Decision:
        connector = self.connector
        resource = ConnectorResource(connector.owner_id, connector.path, connector.writeable, path)
        return can(self.principal, action, resource)


def _as_directory(path: str) -> str:
    return f"{path}/" if path else ""
