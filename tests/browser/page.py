"""What a person does with a report in a browser."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

__all__ = ["Page"]


class Page:
    """A report in a window.

    Args:
        driver: of selenium.
    """

    def __init__(self, driver: Any) -> None:
        self.driver = driver

    def resize(self, width: int, height: int, *, dark: bool = False) -> None:
        """The size of the window, and whether the person likes it dark."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})

    def open(self, report: Path, **state: str) -> None:
        """Open a report from disk, at an address that was kept."""
        self.driver.get("about:blank")
        self.driver.get_log("performance")
        self.driver.get(f"{(report / 'index.html').as_uri()}#{urlencode(state)}")
        self.wait(lambda: self.script("return document.body.dataset.ready"))

    def go(self, **state: str) -> None:
        """Follow a link to another place in the report."""
        self.script(
            "document.querySelector('#item').replaceChildren(); location.hash = arguments[0]",
            urlencode(state),
        )
        self.wait(lambda: self.script("return document.querySelector('#item h1') !== null"))

    def wait(self, holds: Callable[[], Any], seconds: float = 20) -> Any:
        """Until something holds."""
        deadline = time.monotonic() + seconds
        while not (found := holds()):
            assert time.monotonic() < deadline, self.driver.get_log("browser")
            time.sleep(0.02)
        return found

    def script(self, code: str, *arguments: Any) -> Any:
        """What a piece of JavaScript returns."""
        return self.driver.execute_script(code, *arguments)

    def all(self, selector: str) -> list[Any]:
        """Elements that a person can see."""
        return [one for one in self.driver.find_elements("css selector", selector) if one.is_displayed()]

    def one(self, selector: str) -> Any:
        """The only element of a kind that can be seen, as soon as it is there."""
        found = self.wait(lambda: self.all(selector))
        assert len(found) == 1, selector
        return found[0]

    def texts(self, selector: str) -> list[str]:
        """What is written in them."""
        return [one.text for one in self.all(selector)]

    def press(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        for key in keys:
            self.driver.switch_to.active_element.send_keys(key)

    def choose(self, name: str, value: str) -> None:
        """Set one of the selects above the list."""
        self.one(f"#controls [name={name}] option[value='{value}']").click()

    def state(self) -> str:
        """What follows ``#`` in the address."""
        return str(self.script("return location.hash.slice(1)"))

    def requested(self) -> set[str]:
        """Schemes of everything that was asked for since the report was opened."""
        found = set()
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                found.add(message["params"]["request"]["url"].partition(":")[0])
        return found

    def errors(self) -> list[str]:
        """What the browser complains about."""
        return [entry["message"] for entry in self.driver.get_log("browser")]
