"""schemathesis on every OpenAPI description: whatever it asks, no answer is undocumented.

Descriptions are fetched as clients do, by `getOpenAPI` of a security server, and the systems are called through it.
The seed is fixed: the same requests in every run.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

HERE = Path(__file__).parent
SEED = "1"
EXAMPLES_MAX = "10"
SECONDS_MAX = 240
FETCH_SECONDS_MAX = 30

# Who may call every operation of the service.
CALLERS = {
    "bc": "peers.h60",
    "bhxh": "peers.h60",
    "ccvc": "peers.h60",
    "datdai": "peers.h60",
    "dkdn": "peers.h60",
    "dmdc": "peers.g06",
    "dvcqg": "peers.h60",
    "dvqhns": "peers.h60",
    "ecabinet": "peers.g22",
    "econsultation": "peers.h60",
    "emc": "peers.h60",
    "hotich": "peers.h60",
    "lltp": "peers.h60",
    "ndop": "peers.h60",
    "paygov": "peers.h60",
    "thue": "peers.h60",
    "vbqppl": "peers.h60",
    "vneid": "peers.h60",
    "vnpost": "peers.h60",
}

# Observations are written by platforms alone: another method is refused by the call plane, not by the system.
ONLY_READ = {"ndop"}
READING = ("--include-method", "GET", "--phases", "examples,fuzzing")
# Pages for browsers at the public door, not called by systems.
PAGES = {"congdan"}


def described(country, kind="openapi"):
    """The services of a kind: by code, the path of each."""
    services = country.json("services")["services"]
    found = [one["id"] for one in services if one["kind"] == kind]
    return {one.rsplit("/", 1)[1]: one.replace(":", "/") for one in found}


def try_out(description, *options):
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(HERE / "schemathesis.toml")),
        *("run", str(description), "--no-color", "--generation-database", "none"),
        *("--checks", "all", "--phases", "examples,coverage,fuzzing"),
        *("--suppress-health-check", "filter_too_much", "--seed", SEED, "--max-examples", EXAMPLES_MAX, *options),
    ]
    paths = {**os.environ, "PYTHONPATH": str(HERE)}
    done = subprocess.run(
        command, capture_output=True, timeout=SECONDS_MAX, check=False, env=paths, text=True
    )
    # A request may be longer than anybody reads.
    said = "\n".join(line[:500] for line in (done.stdout + done.stderr).splitlines())
    assert done.returncode == 0, said


def through(server, client, service, folder):
    owner, code = service.rsplit("/", 1)
    options = READING if code in ONLY_READ else ()
    header = f"X-Road-Client: {client}"
    answer = requests.get(
        f"{server}/r1/{owner}/getOpenAPI",
        params={"serviceCode": code},
        headers={"X-Road-Client": client},
        timeout=FETCH_SECONDS_MAX,
    )
    assert answer.status_code == 200, answer.text
    description = folder / "openapi.json"
    description.write_bytes(answer.content)
    try_out(description, "--url", f"{server}/r1/{service}", "--header", header, *options)


@pytest.mark.parametrize("code", CALLERS)
def test_no_answer_of_a_system_is_undocumented(sandbox, tmp_path, code):
    client, server = sandbox.system(CALLERS[code])
    through(server, client, described(sandbox)[code], tmp_path)


def test_no_answer_of_the_example_service_is_undocumented(dev, tmp_path):
    client, server = "DEV/COM/4321/TestClient", dev.plain("ss1")
    through(server, client, described(dev)["mock1"], tmp_path)


def test_every_described_service_is_tried(sandbox, dev):
    assert set(described(sandbox)) == set(CALLERS) | PAGES
    assert set(described(dev)) == {"mock1"}


def test_no_answer_of_the_operators_api_is_undocumented(sandbox, tmp_path):
    """Only what is read: the rest would change the country under the other tests. Events never end. Parameters that
    name agencies, states or moments say so in words and not by a pattern, so a wrong one is refused."""
    operator = sandbox.run["operator"]
    answer = requests.get(f"{operator}/api/v1/openapi.json", timeout=FETCH_SECONDS_MAX)
    assert answer.status_code == 200, answer.text
    description = tmp_path / "openapi.json"
    description.write_bytes(answer.content)
    only = ("--include-method", "GET", "--exclude-path", "/api/v1/events")
    unchecked = ("--exclude-checks", "positive_data_acceptance")
    try_out(description, "--url", operator, *only, *unchecked)
