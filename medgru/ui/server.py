"""What belongs to the server and not to one user's session: threads, headers, the error log."""

import gc
import importlib
import logging
import os
import threading
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from medgru import jobs
from medgru.errors import MedGRUError

# Before torch is first imported anywhere in this process: its pool of threads is a trap in a server
# whose scripts run in threads of their own.
os.environ.setdefault("OMP_NUM_THREADS", "1")

HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
    (b"cross-origin-opener-policy", b"same-origin"),
)

logger = logging.getLogger("medgru")


class SecurityHeaders:
    """ASGI middleware that adds `HEADERS` to every HTTP answer."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and add the headers to the start of its answer."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", []), *HEADERS]}
            await send(message)

        await self.app(scope, receive, send_with_headers if scope["type"] == "http" else send)


MIDDLEWARE = [Middleware(SecurityHeaders)]


@asynccontextmanager
async def lifespan(_app: Any) -> AsyncIterator[dict[str, Any]]:
    """Look after runs that a former server left, and import what is slow while the first user reads."""
    threading.Thread(target=look_after_runs, name="medgru-runs", daemon=True).start()
    threading.Thread(target=warm_up, name="medgru-warm-up", daemon=True).start()
    yield {}


def look_after_runs() -> None:
    """Find out which runs are alive, and start the next one queued."""
    try:
        jobs.refresh()
        jobs.sweep()
    except MedGRUError:  # the pages that show runs say it to whom it concerns
        logger.error("The run table cannot be used")


def warm_up() -> None:
    """Import all that the first prediction needs.

    Streamlit collects garbage after each run of a page, and goes through all that lives: with torch and pandas in
    memory that is a fifth of a second each time. What was imported stays, so it is left out from here on.
    """
    single_threaded_torch()
    importlib.import_module("medgru.explain")
    gc.collect()
    gc.freeze()


def single_threaded_torch() -> None:
    """Import torch and keep it to one thread, for this whole process."""
    import torch

    torch.set_num_threads(1)


def log_script_error(error: Exception) -> bool:
    """Log an unforeseen error by its type and place only: its message could carry a patient's value.

    Returns:
        True, so that Streamlit shows nothing of its own.
    """
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "streamlit" not in f.filename]
    place = " < ".join(f"{os.path.basename(f.filename)}:{f.lineno}" for f in reversed(frames)) or "unknown place"
    logger.error("%s at %s", type(error).__name__, place)
    return True
