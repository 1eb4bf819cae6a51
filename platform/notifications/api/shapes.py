"""Shapes of what the endpoint of notifications answers."""

from rest_framework import serializers

from algoport.api.description import Shape
from algoport.notifications.constants import EVENT_TYPES


class NotificationContextShape(Shape):
    """The algorithm that it is about; a release has its number as well."""

    algorithm_id = serializers.UUIDField()
    username = serializers.CharField()
    algoname = serializers.CharField()
    semantic_version = serializers.CharField(required=False)


class NotificationShape(Shape):
    notification_id = serializers.UUIDField()
    notification_type = serializers.ChoiceField([str(each) for each in EVENT_TYPES])
    created_at = serializers.DateTimeField()
    read_at = serializers.DateTimeField(required=False)
    notification_context = NotificationContextShape()
