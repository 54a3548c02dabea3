"""The evidence of calls, checked without the program: its chain by SHA-256, its anchors by `openssl`."""

import base64
import hashlib
import io
import json
import subprocess
import zipfile

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


def test_container_holds_by_the_configuration_handed_out(tmp_path):
    """Of the two archives alone: who signed, that he is believed and not revoked, and that nothing was changed."""
    country = Country(tmp_path, "xroad-dev")
    try:
        server = country.plain("ss1")
        answer = requests.post(
            f"{server}/r1/DEV/COM/1234/TestService/mock1",
            json={"data": 1.0},
            headers={"X-Road-Client": "DEV/COM/4321/TestClient", "X-Road-Id": "checked"},
            timeout=SECONDS_MAX,
        )
        assert answer.status_code == 200, answer.text
        whose = "xRoadInstance=DEV&memberClass=COM&memberCode=4321&subsystemCode=TestClient"
        which = f"{server}/asic?queryId=checked&requestOnly&unique&{whose}"
        for name, url in (("record", which), ("conf", f"{server}/verificationconf")):
            got = requests.get(url, timeout=SECONDS_MAX)
            assert got.status_code == 200, got.text
            with zipfile.ZipFile(io.BytesIO(got.content)) as archive:
                archive.extractall(tmp_path / name)
    finally:
        country.stop()
    conf = tmp_path / "conf" / "verificationconf" / "DEV"
    record = tmp_path / "record"
    trusted = tmp_path / "trusted.pem"
    parts = [(conf / name).read_bytes() for name in ("trust-anchors.pem", "revoked.crl.pem")]
    trusted.write_bytes(b"".join(parts))
    certificate = record / "META-INF" / "certificate.pem"
    between = ("-untrusted", str(conf / "intermediates.pem"))
    told = openssl("verify", "-crl_check", "-CAfile", str(trusted), *between, str(certificate))
    assert b": OK" in told
    key = tmp_path / "key.pem"
    key.write_bytes(openssl("x509", "-in", str(certificate), "-noout", "-pubkey"))
    manifest = record / "META-INF" / "ASiCManifest.xml"
    signature = str(record / "META-INF" / "signature.der")
    openssl("dgst", "-sha256", "-verify", str(key), "-signature", signature, str(manifest))
    for name in ("request.json", "README.txt"):
        digest = base64.b64encode(hashlib.sha256((record / name).read_bytes()).digest())
        assert digest in manifest.read_bytes(), name


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
