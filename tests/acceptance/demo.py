"""`make demo`: start a platform of its own and show what it does, step by step."""

import time

from tests.acceptance.crashes import CRASH_STEPS
from tests.acceptance.platform import running_platform
from tests.acceptance.steps import STEPS


def main() -> None:
    print("starting a platform with a new data folder ...", flush=True)
    with running_platform() as platform:
        print(f"it answers at {platform.url}", flush=True)
        for step in (*STEPS, *CRASH_STEPS):
            print(f"\n== {step.__doc__}", flush=True)
            began = time.monotonic()
            step(platform, lambda line: print(f"   {line}", flush=True))
            print(f"   done in {time.monotonic() - began:.1f} s", flush=True)
    print("\nall steps passed; the platform is stopped", flush=True)


if __name__ == "__main__":
    main()
