"""What the server refuses by itself, whichever operation is asked for."""

from typing import Any

from algoport.api.plane_description import refused
from algoport.http.server_errors import AddressTooLong


def long_addresses(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Postprocessing hook: what has parameters in its address can be given too long ones."""
    for item in result["paths"].values():
        for method, operation in item.items():
            if any(each["in"] in ("path", "query") for each in operation.get("parameters", [])):
                told = refused([AddressTooLong], head=method == "head")
                operation["responses"] = dict(sorted((operation["responses"] | told).items()))
    return result
