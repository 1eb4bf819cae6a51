"""Why a start ends."""


class StartRefused(Exception):
    """What keeps the platform from starting, as one line for whoever started it."""


class StopRequested(Exception):
    """A signal asked the platform to stop while it was still starting."""


class StepFailed(Exception):
    """A step of the start has ended, and has said itself why."""
