"""The one address of live updates."""

from __future__ import annotations

from django.urls import path

from console.live.consumer import LiveConsumer

websocket_urlpatterns = [path("ws/live/", LiveConsumer.as_asgi())]
