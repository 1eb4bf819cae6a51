"""What beat sends, and how often in seconds."""

from typing import Any

CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "tell-beat": {
        "task": "algorithms.tasks.tell_beat_task",
        "schedule": 5.0,
    },
    "wake-waiting-builds": {
        "task": "algorithms.tasks.wake_waiting_builds_task",
        "schedule": 5.0,
    },
    "wake-waiting-fetches": {
        "task": "algorithms.tasks.wake_waiting_fetches_task",
        "schedule": 10.0,
    },
    "take-back-ended-tokens": {
        "task": "scm.tasks.take_back_ended_tokens_task",
        "schedule": 60.0,
    },
    "write-audit-checkpoint": {
        "task": "algoport.audit.tasks.write_checkpoint_task",
        "schedule": 5.0,
    },
    "remove-old-errors": {
        "task": "algorithms.tasks.remove_old_errors_task",
        "schedule": 600.0,
    },
    "remove-old-requests": {
        "task": "algorithms.tasks.remove_old_requests_task",
        "schedule": 600.0,
    },
    "remove-outdated-data": {
        "task": "dataportal.tasks.remove_outdated_data_task",
        "schedule": 600.0,
    },
    "remove-unused-blobs": {
        "task": "dataportal.tasks.remove_unused_blobs_task",
        "schedule": 600.0,
    },
    "remove-expired-sessions": {
        "task": "algoport.accounts.tasks.remove_expired_sessions_task",
        "schedule": 3600.0,
    },
    "remove-old-notifications": {
        "task": "algoport.notifications.tasks.remove_old_notifications_task",
        "schedule": 3600.0,
    },
    "remove-old-accesses": {
        "task": "dataportal.tasks.remove_old_accesses_task",
        "schedule": 3600.0,
    },
}
