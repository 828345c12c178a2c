"""Waiting for something that becomes true by itself."""

import asyncio
from collections.abc import Callable

LOOK_SECONDS = 0.005


async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
    """Return once the condition holds; AssertionError when it does not in time."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise AssertionError(f"it did not become true within {seconds:g} s") from None
