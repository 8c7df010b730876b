"""The web process: pages and API over HTTP, live updates over a websocket."""

from __future__ import annotations

import os
from typing import cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
os.environ.setdefault("WATCHKEEPER_PROCESS", "web")

from django.core.asgi import get_asgi_application

django_application = get_asgi_application()

from asgiref.typing import ASGI3Application
from channels.auth import AuthMiddlewareStack
from channels.routing import ProtocolTypeRouter, URLRouter

from console.bodylimit import BodyLimit
from console.live.routing import websocket_urlpatterns

#: The consumer checks origin, session and permission itself: a socket refused here would be retried for ever.
application = ProtocolTypeRouter(
    {
        "http": BodyLimit(cast(ASGI3Application, django_application)),
        "websocket": AuthMiddlewareStack(URLRouter(websocket_urlpatterns)),
    }
)
