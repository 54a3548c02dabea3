"""The evidence of calls, checked without the program: its chain by SHA-256, its anchors by `openssl`."""

import base64
import hashlib
import json
import subprocess

import requests

from conftest import Country

SECONDS_MAX = 30
CALLS = 3


def openssl(*arguments, given=None):
    done = subprocess.run(
        ["openssl", *arguments], capture_output=True, timeout=SECONDS_MAX, check=False, input=given
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout!r} {done.stderr!r}"
    return done.stdout


def test_chain_and_anchor_of_a_log_hold(tmp_path):
    """A process of its own: the anchor is signed when the log is closed."""
    country = Country(tmp_path, "xroad-dev")
    try:
        for _ in range(CALLS):
            answer = requests.post(
                f"{country.plain('ss1')}/r1/DEV/COM/1234/TestService/mock1",
                json={"data": 1.0},
                headers={"X-Road-Client": "DEV/COM/4321/TestClient"},
                timeout=SECONDS_MAX,
            )
            assert answer.status_code == 200, answer.text
    finally:
        country.stop()
    log = country.data / "evidence" / "ss0"
    [anchor] = (log / "anchors.jsonl").read_bytes().splitlines()
    signed, _ = anchor.split(b',"signature":', 1)
    told = json.loads(anchor)
    assert (told["n"], told["chain"]) == (CALLS, _last_of_chain(log / "0000000001.jsonl"))
    certificate = log / "certificates" / f"{told['key']}.der"
    assert hashlib.sha256(certificate.read_bytes()).hexdigest() == told["key"]
    _signed_by(certificate, signed, base64.b64decode(told["signature"]), tmp_path)
    _trusted(certificate, country.data / "pki", tmp_path)


def _last_of_chain(file):
    """Each line names the hash of the one before, and its own is of that and of itself."""
    last = None
    for line in file.read_bytes().splitlines():
        told = json.loads(line)
        if "anchor" in told:
            continue
        assert last in (None, told["prev"]), line
        body, _ = line.rsplit(b',"chain":', 1)
        last = hashlib.sha256(bytes.fromhex(told["prev"]) + body).hexdigest()
        assert last == told["chain"], line
    return last


def _signed_by(certificate, data, signature, folder):
    key, made = folder / "key.pem", folder / "signature"
    key.write_bytes(openssl("x509", "-inform", "der", "-in", str(certificate), "-noout", "-pubkey"))
    made.write_bytes(signature)
    openssl("dgst", "-sha256", "-verify", str(key), "-signature", str(made), given=data)


def _trusted(certificate, pki, folder):
    leaf = folder / "leaf.pem"
    leaf.write_bytes(openssl("x509", "-inform", "der", "-in", str(certificate)))
    between = ("-untrusted", str(pki / "issuing.pem"))
    told = openssl("verify", "-CAfile", str(pki / "ca.pem"), *between, str(leaf))
    assert b": OK" in told
