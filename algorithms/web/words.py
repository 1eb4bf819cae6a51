"""How readers know the protocol's values."""

from algorithms.constants import Callability, License, NetworkAccess, Visibility

LICENSES = (
    (License.APL, "Algorithmia Platform License"),
    (License.APACHE2, "Apache License 2.0"),
    (License.GPL3, "GNU General Public License v3"),
    (License.MIT, "MIT License"),
)
SOURCES = (
    (Visibility.OPEN, "Open: everybody who sees the algorithm may read it"),
    (Visibility.CLOSED, "Closed: for the owner only"),
)
NETWORKS = (
    (NetworkAccess.FULL, "Full access: may connect to other services"),
    (NetworkAccess.ISOLATED, "No access outside of the platform"),
)
CALLERS = (
    (Callability.PRIVATE, "Private: the owner and the members of an owning organization"),
    (Callability.PUBLIC, "Public: everybody with an account"),
)
PIPELINING = (("yes", "May call other algorithms"), ("no", "Calls no others"))
