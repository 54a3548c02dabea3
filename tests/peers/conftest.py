"""A running country for clients that no one here wrote.

`lienthong up` is started from the built binary (LIENTHONG_BIN says another) on free ports and a data folder of its
own, and stopped at the end; what it said is shown when a test failed.
"""

import datetime
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

import soap

ROOT = Path(__file__).resolve().parents[2]
BUILT = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug/lienthong"
BINARY = Path(os.environ.get("LIENTHONG_BIN", BUILT))
READY_SECONDS_MAX = 60
STOP_SECONDS_MAX = 20
CALL_SECONDS_MAX = 60
ARRIVAL_SECONDS_MAX = 20
LOG_LINES_SHOWN = 60


class Country:
    """One process of platforms and what its `run.json` says."""

    def __init__(self, folder, config, members=()):
        self.data = folder / "data"
        self.log = folder / "log"
        arguments = ["up", "--config", config, "--port-base", "0"]
        for member in members:
            arguments += ["--member", member]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(self._command(arguments), stdout=log, stderr=log)
        self.run = self._ready()

    def _command(self, arguments):
        return [str(BINARY), "--data", str(self.data), "--lang", "en", *arguments]

    def _ready(self):
        """`run.json` is written when every port is open."""
        until = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < until:
            if self.process.poll() is not None:
                break
            try:
                return json.loads((self.data / "run.json").read_text(encoding="utf-8"))
            except (FileNotFoundError, json.JSONDecodeError):
                time.sleep(0.05)
        self.stop()
        raise RuntimeError(f"lienthong up did not become ready:\n{self.said()}")

    def said(self):
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-LOG_LINES_SHOWN:])

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def cli(self, *arguments):
        """Another command of the program on the same data folder; its standard output."""
        done = subprocess.run(
            self._command(arguments), capture_output=True, timeout=CALL_SECONDS_MAX, check=False
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout!r} {done.stderr!r}"
        return done.stdout

    def json(self, *arguments):
        return json.loads(self.cli(*arguments, "-o", "json"))

    def arrived(self, agency, doc_id):
        """Waits until a document is in the inbox of its recipient."""
        until = time.monotonic() + ARRIVAL_SECONDS_MAX
        while time.monotonic() < until:
            inbox = self.json("inbox", agency)["documents"]
            if any(one["doc_id"] == doc_id for one in inbox):
                return
            time.sleep(0.05)
        raise AssertionError(f"{doc_id} did not arrive at {agency}")

    def plain(self, platform):
        """The plain port of a security server."""
        found = [one for one in self.run["platforms"] if one["name"] == platform]
        return f"http://{found[0]['local']}"

    def system(self, systemid):
        """A sandbox system: its X-Road identifier and the plain port of its security server."""
        found = next(one for one in self.run["members"] if one.get("systemid") == systemid)
        return found["id"].replace(":", "/"), self.plain(found["platform"])


def _country(tmp_path_factory, request, config, members=()):
    country = Country(tmp_path_factory.mktemp(config), config, members)
    failed = request.session.testsfailed
    yield country
    country.stop()
    if request.session.testsfailed > failed:
        print(f"\nthe end of what lienthong said ({config}):\n{country.said()}")


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory, request):
    """The sandbox with three systems: of a department, of the Government Office, of a ministry."""
    members = ("peers.h60:p:H60.06", "peers.g22:p:G22", "peers.g06:p:G06")
    yield from _country(tmp_path_factory, request, "sandbox", members)


@pytest.fixture(scope="session")
def dev(tmp_path_factory, request):
    """X-Road's development environment in small."""
    yield from _country(tmp_path_factory, request, "xroad-dev")


@pytest.fixture(scope="session")
def department(sandbox):
    return sandbox.system("peers.h60")


@pytest.fixture(scope="session")
def citizen(department):
    """Somebody grown up of the simulated population, found in the population database's own feed."""
    client, server = department
    today = datetime.date.today()
    days = [today - datetime.timedelta(days=days) for days in (30, 1)]
    first, last = (day.strftime("%Y%m%d") for day in days)
    return soap.people(client, server, first=first, last=last)[0]
