"""What a storage answered, as the Data API tells it; the one place where that is decided."""

from algoport.errors import ApiError
from dataportal.errors import (
    DirectoryNotEmpty,
    NotPossibleHere,
    PartNotThere,
    PathNotFound,
    PreconditionNotMet,
    StorageNotReached,
    StorageRefused,
)
from dataportal.stores.base import (
    NotEmpty,
    NotFound,
    NotModified,
    NotPossible,
    PreconditionFailed,
    RangeNotSatisfiable,
    Refused,
    StoreError,
)


def as_api_error(exc: StoreError, connector_name: str) -> ApiError:
    """The error to answer with; `connector_name` as it stands in a URI.

    Not for NotModified, which is an answer and no error.
    """
    assert not isinstance(exc, NotModified)
    match exc:
        case NotFound():
            # Clients compare this text; what the storage calls the thing does not help them.
            return PathNotFound()
        case NotEmpty():
            return DirectoryNotEmpty()
        case RangeNotSatisfiable():
            return PartNotThere(exc.size)
        case PreconditionFailed():
            return PreconditionNotMet(reason=str(exc))
        case Refused():
            return StorageRefused(connector=connector_name, reason=str(exc))
        case NotPossible():
            return NotPossibleHere(connector=connector_name, reason=str(exc))
    # Unreachable, and whatever a store does not tell more exactly.
    return StorageNotReached(connector=connector_name, reason=str(exc))
