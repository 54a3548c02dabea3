#!/usr/bin/env python3
"""One service call through one platform, beside nginx and haproxy in the same run.

Every door takes the same calls by mutual TLS from the same generator (oha) and passes them by mutual TLS to the
same provider (an nginx of its own); all certificates are those of one sandbox. The doors take turns, round after
round, and what is compared is CPU per call within a round: rates and absolute CPU drift with the machine.

    load-tests/peers/calls.py [--rounds 5] [--seconds 3] [--size 1k --size 64k] [--latency] [--json FILE]

Needs nginx and haproxy (apt install nginx haproxy), oha (cargo install oha) and target/dist/lienthong (LIENTHONG_BIN
names another). Exit code 1: something does not run; a goal that is missed is printed, not judged.
"""

import argparse
import base64
import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
BINARY = Path(os.environ.get("LIENTHONG_BIN", HERE.parents[1] / "target/dist/lienthong"))
CLIENT = "VN/COM/BENCH/CLIENT"
SIZES = {"1k": 1 << 10, "64k": 64 << 10}
READY_SECONDS_MAX = 60
STOP_SECONDS_MAX = 20
WARM_SECONDS = 1
ATTEMPTS_MAX = 3
FOREIGN_MAX = 0.2
ROUNDS_MIN = 5
LATENCY_RATE = 1_000
TICKS = os.sysconf("SC_CLK_TCK")


class Door:
    """Where calls go in. `pids` are the processes whose CPU it costs; the provider itself has none."""

    def __init__(self, name, url, pids, field=f"X-Road-Client: {CLIENT}"):
        self.name, self.url, self.pids, self.field = name, url, pids, field


class Scene:
    """The provider, the doors and lienthong, in a folder of their own; all end with it."""

    def __init__(self, work):
        self.work = work
        self.started = []
        self.ports = dict(zip(("BACKEND", "NGINX", "NGINX_FRESH", "HAPROXY"), free_ports(4)))
        bodies = work / "bodies"
        bodies.mkdir()
        for name, size in SIZES.items():
            (bodies / name).write_bytes(os.urandom(size))
        self.words = {key: str(port) for key, port in self.ports.items()}
        self.words["WORK"] = str(work)
        self.words["USER"] = "user root root;" if os.geteuid() == 0 else ""

    def start(self):
        data = self.work / "data"
        ours = self.run([BINARY, "--data", data, "up", "--config", self.fill("calls.toml"), "--port-base", "0"])
        run = self.until_ready(ours, data / "run.json")
        self.words["CA"] = run["ca"]
        self.words["CERT"] = str(data / "pki/platforms/ss.pem")
        self.words["KEY"] = str(data / "pki/platforms/ss.key")
        bundle = self.work / "bundle.pem"
        bundle.touch(mode=0o600)
        bundle.write_text(Path(self.words["CERT"]).read_text() + Path(self.words["KEY"]).read_text())
        self.words["BUNDLE"] = str(bundle)
        self.client = next(member for member in run["members"] if member["id"] == CLIENT.replace("/", ":"))
        self.backend = self.run(["nginx", "-c", self.fill("backend.conf")])
        nginx = self.run(["nginx", "-c", self.fill("nginx.conf")])
        haproxy = self.run(["haproxy", "-db", "-f", self.fill("haproxy.cfg")])
        for port in self.ports.values():
            self.until_open(port)
        calls = next(platform["calls"] for platform in run["platforms"] if platform["name"] == "ss")
        at = "https://127.0.0.1:{}/r1/VN/COM/BENCH/PROVIDER/real".format
        return [
            Door("direct", at(self.ports["BACKEND"]), []),
            Door("nginx", at(self.ports["NGINX"]), family(nginx.pid)),
            Door("haproxy", at(self.ports["HAPROXY"]), family(haproxy.pid)),
            Door("nginx-fresh", at(self.ports["NGINX_FRESH"]), family(nginx.pid)),
            Door("lienthong", f"https://{calls}/r1/VN/COM/BENCH/PROVIDER/real", [ours.pid]),
            Door("lienthong-gateway", f"https://{calls}/real/1.0", [ours.pid], self.bearer(calls)),
            Door("lienthong-echo", f"https://{calls}/r1/VN/COM/BENCH/PROVIDER/echo", [ours.pid]),
        ]

    def bearer(self, calls):
        """The field of a token for the gateway's dialect, which hashes bodies once and not twice."""
        context = ssl.create_default_context(cafile=self.words["CA"])
        context.load_cert_chain(self.client["cert"], self.client["key"])
        connection = http.client.HTTPSConnection(calls, context=context, timeout=READY_SECONDS_MAX)
        secret = base64.b64encode(b"bench:bench-only").decode()
        fields = {"Authorization": f"Basic {secret}", "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", "/token", "grant_type=client_credentials", fields)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise SystemExit(f"no token: {answer.status} {text.decode(errors='replace')}")
        return f"Authorization: Bearer {json.loads(text)['access_token']}"

    def fill(self, name):
        text = (HERE / name).read_text(encoding="utf-8")
        for key, value in self.words.items():
            text = text.replace(f"@{key}@", value)
        filled = self.work / name
        filled.write_text(text, encoding="utf-8")
        return filled

    def run(self, command):
        log = self.work / f"{Path(command[0]).name}-{len(self.started)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=out)
        process.log = log
        self.started.append(process)
        return process

    def until_ready(self, process, run_file):
        until = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < until and process.poll() is None:
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
                return json.loads(run_file.read_text(encoding="utf-8"))
            time.sleep(0.05)
        raise SystemExit(f"{process.args[0]} did not become ready:\n{process.log.read_text(errors='replace')}")

    def until_open(self, port):
        until = time.monotonic() + READY_SECONDS_MAX
        while time.monotonic() < until:
            for process in self.started:
                if process.poll() is not None:
                    raise SystemExit(f"{process.args} ended:\n{process.log.read_text(errors='replace')}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.05)
        raise SystemExit(f"nobody listens on {port}")

    def stop(self):
        for process in reversed(self.started):
            process.send_signal(signal.SIGTERM)
        for process in self.started:
            try:
                process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_ports(count):
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def family(pid):
    """A process and its children: nginx works in those."""
    time.sleep(0.2)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *map(int, children)]


def cpu_seconds(pids):
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICKS


def machine_seconds():
    """What all processors did, and could have done; what the host took away counts as done by others."""
    fields = [int(field) for field in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / TICKS, sum(fields) / TICKS


def generate(scene, door, size, seconds, connections, rate=None):
    """One run of the generator against one door."""
    command = ["oha", "--no-tui", "--output-format", "json", "-z", f"{seconds}s", "-c", str(connections)]
    if rate:
        command += ["-q", str(rate), "--latency-correction"]
    command += ["-w", "-m", "POST", "-D", str(scene.work / "bodies" / size), "-T", "application/octet-stream"]
    command += ["-H", door.field, "--cacert", scene.words["CA"]]
    command += ["--cert", scene.client["cert"], "--key", scene.client["key"], f"{door.url}/{size}"]
    backend = family(scene.backend.pid)
    doors, provider, busy = cpu_seconds(door.pids), cpu_seconds(backend), machine_seconds()
    children = os.times()
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds * 10 + 60)
    after = os.times()
    mine = after.children_user + after.children_system - children.children_user - children.children_system
    doors, provider = cpu_seconds(door.pids) - doors, cpu_seconds(backend) - provider
    busy = [now - then for now, then in zip(machine_seconds(), busy)]
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
    found = json.loads(done.stdout)
    statuses = found["statusCodeDistribution"]
    calls = statuses.get("200", 0)
    if not calls or set(statuses) != {"200"} or found["errorDistribution"]:
        raise SystemExit(f"{door.name}: {statuses} {found['errorDistribution']}")
    return {
        "door": door.name,
        "calls": calls,
        "rate": found["summary"]["requestsPerSec"],
        "cpu_us": doors * 1e6 / calls,
        "provider_us": provider * 1e6 / calls,
        "generator_us": mine * 1e6 / calls,
        "p50_us": found["latencyPercentiles"]["p50"] * 1e6,
        "p99_us": found["latencyPercentiles"]["p99"] * 1e6,
        "foreign": max(0.0, busy[0] - doors - provider - mine) / busy[1],
    }


def quiet(run):
    """The first of a few attempts in which others left the machine alone, or the last one, marked."""
    for _ in range(ATTEMPTS_MAX):
        found = run()
        found["disturbed"] = found["foreign"] > FOREIGN_MAX
        if not found["disturbed"]:
            break
    return found


def rounds(scene, doors, size, given, rate=None):
    for door in doors:
        generate(scene, door, size, WARM_SECONDS, given.connections, rate)
    found = []
    names = [door.name for door in doors]
    for number in range(2 * given.rounds):
        if all(len(undisturbed(found, name)) >= given.rounds for name in names):
            break
        # Another one begins each time, so that no door always follows the same other.
        turn = number % len(doors)
        order = doors[turn:] + doors[:turn]
        one = {d.name: quiet(lambda d=d: generate(scene, d, size, given.seconds, given.connections, rate)) for d in order}
        found.append(one)
        print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found


def spread(values):
    """Median, least and most; nothing of too few."""
    if len(values) < ROUNDS_MIN:
        return None
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "rounds": len(values)}


def undisturbed(found, *names):
    """The rounds in which all of these were left alone."""
    return [one for one in found if all(name in one and not one[name]["disturbed"] for name in names)]


def each(found, name, key):
    return [one[name][key] for one in undisturbed(found, name)]


def ratio(found, ours, theirs, key):
    """Of two doors in the same rounds."""
    return spread([one[ours][key] / one[theirs][key] for one in undisturbed(found, ours, theirs)])


def added(found, name, key):
    """Beyond a direct call of the same round, in microseconds."""
    return [one[name][key] - one["direct"][key] for one in undisturbed(found, name, "direct")]


def words(of, digits=1):
    if not of:
        return "inconclusive"
    return f"{of['median']:.{digits}f} [{of['min']:.{digits}f}–{of['max']:.{digits}f}]"


def show_cpu(size, found, doors):
    print(f"\nCPU per call, {size} both ways, closed loop: µs of the door, of provider and generator, calls/s")
    print(f"{'':16}{'door µs':>24}{'÷ nginx':>22}{'÷ haproxy':>22}{'provider':>10}{'generator':>10}{'calls/s':>9}{'foreign':>8}")
    result = {}
    for door in doors:
        name = door.name
        median = lambda key: statistics.median(one[name][key] for one in found)
        cpu = spread(each(found, name, "cpu_us"))
        of_peers = {peer: ratio(found, name, peer, "cpu_us") for peer in ("nginx", "haproxy")}
        result[name] = {"cpu_us": cpu, "ratio": of_peers}
        print(
            f"{name:16}{words(cpu):>24}{words(of_peers['nginx'], 2):>22}{words(of_peers['haproxy'], 2):>22}"
            f"{median('provider_us'):>10.1f}{median('generator_us'):>10.1f}{median('rate'):>9.0f}{median('foreign'):>8.0%}"
        )
    return result


def show_latency(size, found, doors):
    print(f"\nLatency beyond a direct call, {size}, open loop at {LATENCY_RATE} calls/s, µs")
    print(f"{'':16}{'p50':>26}{'÷ nginx':>10}{'p99':>28}{'÷ nginx':>10}{'door µs':>10}")
    result = {}
    for door in doors:
        row = {}
        for key in ("p50_us", "p99_us"):
            of = spread(added(found, door.name, key) if door.pids else each(found, door.name, key))
            nginx = spread(added(found, "nginx", key))
            share = of["median"] / nginx["median"] if of and nginx and door.pids else None
            row[key] = {"added" if door.pids else "whole": of, "ratio": share}
        cpu = spread(each(found, door.name, "cpu_us"))
        result[door.name] = row | {"cpu_us": cpu}
        cells = [(words(next(iter(row[key].values())), 0), row[key]["ratio"]) for key in row]
        print(f"{door.name:16}" + "".join(
            f"{text:>{width}}{'' if share is None else f'{share:.2f}':>10}" for (text, share), width in zip(cells, (26, 28))
        ) + f"{cpu['median'] if cpu else float('nan'):>10.1f}")
    return result


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS_MIN)
    parser.add_argument("--seconds", type=float, default=3, help="of each door in each round")
    parser.add_argument("--size", action="append", choices=SIZES, help="of both bodies; default: both sizes")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--door", action="append", help="only these, and direct")
    parser.add_argument("--latency", action="store_true", help="also latency at 1,000 calls/s")
    parser.add_argument("--only-latency", action="store_true")
    parser.add_argument("--nice", type=int, default=0, help="of all that is measured; below zero needs root")
    parser.add_argument("--json", type=Path, help="writes every run there")
    return parser.parse_args()


def main():
    given = arguments()
    missing = [name for name in ("nginx", "haproxy", "oha") if not shutil.which(name)]
    missing += [] if BINARY.exists() else [str(BINARY)]
    if missing:
        raise SystemExit(f"not there: {', '.join(missing)}\n{__doc__}")
    os.nice(given.nice)
    results = {"cpu": {}, "latency": {}, "rounds": {}}
    with tempfile.TemporaryDirectory(prefix="bench-calls-") as folder:
        scene = Scene(Path(folder))
        try:
            doors = [d for d in scene.start() if not given.door or d.name in given.door or d.name == "direct"]
            for size in given.size or SIZES:
                if not given.only_latency:
                    found = rounds(scene, doors, size, given)
                    results["rounds"][f"cpu-{size}"] = found
                    results["cpu"][size] = show_cpu(size, found, doors)
                if given.latency or given.only_latency:
                    found = rounds(scene, doors, size, given, LATENCY_RATE)
                    results["rounds"][f"latency-{size}"] = found
                    results["latency"][size] = show_latency(size, found, doors)
        finally:
            scene.stop()
    if given.json:
        given.json.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
