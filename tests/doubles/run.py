"""`make data-services`: storages to connect to while developing, until Ctrl-C.

All of them begin empty, and forget everything at the end.
"""

import contextlib
import json
import signal
import sys
import tempfile
from pathlib import Path

from dataportal.constants import CREDENTIAL_TYPES
from tests.doubles.storages import STORAGES, Storage, StorageMissing


def describe(storage: Storage) -> str:
    """The body of a request for a connector to it."""
    said = {
        "protocol": storage.protocol,
        "label": "local",
        "cred_type": CREDENTIAL_TYPES[storage.protocol],
        "cred_data": storage.credential,
        "options": storage.options,
        "writeable": True,
    }
    return json.dumps(said, indent=2)


def main() -> int:
    missing = False
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ap-storages-")))
        hosts = []
        for name, start in STORAGES.items():
            (folder / name).mkdir()
            try:
                storage = stack.enter_context(start(folder / name))
            except StorageMissing as exc:
                print(f"{name}: {exc}", file=sys.stderr)
                missing = True
                continue
            print(f"{name}: {storage.address}, paths below {name}+local://{storage.root}")
            if name == "dropbox":
                # The address of Dropbox is no option of a connector.
                print("for dataportal.stores.dropbox.DropboxStore(address=...) only")
            print(describe(storage))
            hosts.append("{}:{}".format(*storage.host))
        print(f"ALGOPORT_CONNECTOR_HOSTS={','.join(hosts)} lets connectors lead to them.")
        print("Ctrl-C stops them.", flush=True)
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return int(missing)


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    sys.exit(main())
