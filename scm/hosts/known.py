"""Which software a configured host runs."""

from scm.constants import Provider
from scm.errors import ScmOAuthUnsupported
from scm.hosts.base import Host
from scm.hosts.github import GitHub
from scm.hosts.gitlab import GitLab
from scm.models import ScmConfiguration

_HOSTS: dict[str, type[Host]] = {
    str(Provider.GITHUB): GitHub,
    str(Provider.GITLAB): GitLab,
}


def host_of(scm: ScmConfiguration) -> Host:
    """Raises ScmOAuthUnsupported for a host that nobody connects to."""
    kind = _HOSTS.get(scm.provider)
    if kind is None:
        raise ScmOAuthUnsupported(reason="Accounts of this SCM cannot be connected.")
    return kind(scm)
