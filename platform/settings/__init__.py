from algoport.settings.base import *  # noqa: F403
