"""`make demo`: start a platform of its own and show what it does, step by step.

DATABASE_URL, REDIS_URL and ALGOPORT_RUNTIME say what it runs on; without them that is embedded.
"""

import os
import time

from tests.acceptance.crashes import CRASH_STEPS
from tests.acceptance.platform import end_when_terminated, running_platform
from tests.acceptance.steps import STEPS

VARIABLES = ("DATABASE_URL", "REDIS_URL", "CELERY_BROKER_URL", "ALGOPORT_RUNTIME", "DOCKER_HOST")


def main() -> None:
    end_when_terminated()
    print("starting a platform with a new data folder ...", flush=True)
    given = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    with running_platform(**given) as platform:
        print(f"it answers at {platform.url}", flush=True)
        for step in (*STEPS, *CRASH_STEPS):
            print(f"\n== {step.__doc__}", flush=True)
            began = time.monotonic()
            step(platform, lambda line: print(f"   {line}", flush=True))
            print(f"   done in {time.monotonic() - began:.1f} s", flush=True)
    print("\nall steps passed; the platform is stopped", flush=True)


if __name__ == "__main__":
    main()
