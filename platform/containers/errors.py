"""What can go wrong with sandboxes and containers."""


class RuntimeUnavailable(Exception):
    """This host cannot isolate algorithms; the text says what is missing and how to get it."""


class RunnerStartFailed(Exception):
    """A sandbox did not come up; the platform's fault, not the algorithm's."""


class HostLacks(RunnerStartFailed):
    """What the environment needs is not here; the text is for whoever has it built."""


class SandboxNotEnded(Exception):
    """Processes of a sandbox were still there long after they were killed."""


class WatchIncomplete(Exception):
    """Some sandboxes could not be looked at or ended; the text says which, and why."""


class EnvironmentBuildFailed(Exception):
    """The root file system of an environment could not be made."""


class ImageNotMade(Exception):
    """The engine or the registry did not take an image; the text says why."""


class BaseImageMissing(ImageNotMade):
    """The image that an environment's is to be made of cannot be had."""


class IndexNotUsable(Exception):
    """The package index that the host is configured with cannot serve builds."""


class EgressRefused(Exception):
    """A sandbox wanted to connect to what it may not; the text is for the code in it."""
