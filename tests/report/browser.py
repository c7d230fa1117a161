"""A headless Chromium, spoken to over the two pipes of its DevTools protocol."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser")
PATIENCE = 60
OPTIONS = (
    "--headless=new --no-sandbox --remote-debugging-pipe --use-angle=swiftshader "
    "--enable-unsafe-swiftshader --disable-dev-shm-usage --hide-scrollbars --no-first-run "
    "--disable-background-networking --disable-component-update --disable-extensions"
)


class Browser:
    """One browser with one page; what the page complains of and asks for is kept."""

    def __init__(self, profile):
        self.events, self._count, self._unread, self._session = [], 0, b"", None
        # Chromium reads commands from descriptor 3 and writes answers to 4
        ends = [*os.pipe(), *os.pipe()]
        reading, self._out, self._in, writing = (fcntl.fcntl(e, fcntl.F_DUPFD, 20) for e in ends)
        for end in ends:
            os.close(end)
        shell = f'exec "$@" 3<&{reading} 4>&{writing}'
        command = ["bash", "-c", shell, "bash", PROGRAM, *OPTIONS.split()]
        self._process = subprocess.Popen(
            [*command, f"--user-data-dir={profile}"],
            pass_fds=(reading, writing),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(reading)
        os.close(writing)
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)[
            "sessionId"
        ]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def close(self):
        try:
            self.send("Browser.close")
            self._process.wait(10)
        finally:
            self._process.kill()
            self._process.wait()
            os.close(self._in)
            os.close(self._out)

    def send(self, method, **parameters):
        """Calls a method of the protocol and waits for its result."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session is not None and not method.startswith(("Target.", "Browser.")):
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self._read(deadline)
            if answer.get("id") == self._count:
                assert "error" not in answer, answer
                return answer["result"]
            self.events.append(answer)

    def _read(self, deadline):
        while b"\0" not in self._unread:
            ready, _, _ = select.select([self._in], [], [], max(0, deadline - time.monotonic()))
            assert ready, "the browser does not answer"
            data = os.read(self._in, 1 << 20)
            assert data, "the browser ended"
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\0")
        return json.loads(line)

    def open(self, path, *, width=1400, height=900, scheme="light"):
        """Shows a file at a width and in a colour scheme; returns once the page is drawn."""
        self.events.clear()
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.send("Emulation.setEmulatedMedia", features=[feature])
        self.send("Page.navigate", url=Path(path).resolve().as_uri())
        self.wait_for("document.documentElement?.dataset.ready === 'true'")

    def evaluate(self, expression):
        """The value of a JavaScript expression, of a promise's result where it is one."""
        found = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait_for(self, expression):
        """Waits until an expression is true."""
        deadline = time.monotonic() + PATIENCE
        while not self.evaluate(expression):
            assert time.monotonic() < deadline, f"{expression}: never true; {self.complaints()}"
            time.sleep(0.05)

    def press(self, key):
        """Presses and releases a key, such as Tab or ArrowLeft."""
        codes = {"Tab": 9, "Enter": 13, "ArrowLeft": 37, "ArrowRight": 39, "Home": 36}
        for kind in ("rawKeyDown", "keyUp"):
            self.send(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=codes[key],
            )
            if key == "Enter" and kind == "rawKeyDown":
                self.send("Input.dispatchKeyEvent", type="char", key=key, text="\r")

    def screenshot(self, path):
        """The whole page as a PNG."""
        found = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        Path(path).write_bytes(base64.b64decode(found["data"]))

    def complaints(self):
        """Errors on the console, exceptions, and what a policy blocked."""
        found = []
        for event in self.events:
            method, parameters = event.get("method"), event.get("params", {})
            if method == "Runtime.exceptionThrown":
                found.append(parameters["exceptionDetails"])
            if method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "assert"):
                found.append([a.get("value") for a in parameters["args"]])
            if method == "Log.entryAdded" and parameters["entry"]["level"] == "error":
                found.append(parameters["entry"]["text"])
        return found

    def requests(self):
        """The addresses that the page asked for, but for what lies inside of it."""
        sent = [e["params"] for e in self.events if e.get("method") == "Network.requestWillBeSent"]
        addresses = [parameters["request"]["url"] for parameters in sent]
        return [address for address in addresses if not address.startswith(("data:", "blob:"))]
