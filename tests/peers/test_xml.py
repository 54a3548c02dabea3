"""`xmlsec1` and `xmllint` on what is signed and described; `openssl` on the certificates."""

import subprocess
from pathlib import Path

import pytest
import requests
from lxml import etree

import soap

SECONDS_MAX = 30
SERVICES = {
    "sandbox": "VN/GOV/G01/CSDLDC/XacThucThongTinCongDan",
    "dev": "DEV/COM/1234/TestService/getRandom",
}
SCHEMA = "{http://www.w3.org/2001/XMLSchema}schema"
# SOAP 1.1's own, as strong-soap brings it.
ENVELOPE = Path(__file__).parent / "node_modules/strong-soap/xsds/soap-envelope.xsd"
SIGNED = "V/v kết nối, liên thông"


def tool(*command, status=0):
    done = subprocess.run(command, capture_output=True, timeout=SECONDS_MAX, check=False)
    assert done.returncode == status, f"{command}: {done.stdout!r} {done.stderr!r}"
    return done.stdout + done.stderr


@pytest.fixture(scope="session")
def signed(sandbox, tmp_path_factory):
    """A document signed by `lienthong send`, as its recipient gets it."""
    folder = tmp_path_factory.mktemp("signed")
    letter, fetched = folder / "letter.pdf", folder / "letter.edxml"
    letter.write_bytes(b"%PDF-1.4\n1 0 obj << >> endobj\ntrailer << >>\n%%EOF\n")
    sent = sandbox.json(
        "send", str(letter), "--from", "H60.06", "--to", "H26", "--subject", SIGNED, "--sign"
    )
    [receiver] = sent["receivers"]
    sandbox.arrived("H26", receiver["doc_id"])
    sandbox.cli("get", receiver["doc_id"], "--output", str(fetched))
    return fetched


def verify(sandbox, document, status=0):
    """Nothing is trusted but the root of the chain; the certificates come with the signature."""
    root = ("--trusted-pem", sandbox.run["ca"])
    return tool("xmlsec1", "--verify", *root, "--enabled-key-data", "x509", document, status=status)


def test_a_signed_document_is_verified_by_xmlsec1(sandbox, signed):
    tool("xmllint", "--noout", "--nonet", str(signed))
    assert b"OK" in verify(sandbox, str(signed))


def test_xmlsec1_finds_one_changed_letter(sandbox, signed, tmp_path):
    text = signed.read_text(encoding="utf-8")
    changed = tmp_path / "changed.edxml"
    changed.write_text(text.replace(SIGNED, SIGNED.replace("nối", "nôi"), 1), encoding="utf-8")
    assert b"FAIL" in verify(sandbox, str(changed), status=1)


def test_the_certificates_of_a_signature_lead_to_the_root(sandbox, signed, tmp_path):
    tree = etree.parse(str(signed))
    found = tree.findall(".//{http://www.w3.org/2000/09/xmldsig#}X509Certificate")
    files = []
    for number, one in enumerate(found):
        files.append(tmp_path / f"{number}.pem")
        text = f"-----BEGIN CERTIFICATE-----\n{one.text}\n-----END CERTIFICATE-----\n"
        files[-1].write_text(text, encoding="ascii")
    leaf, *between = (str(file) for file in files)
    chain = [part for file in between for part in ("-untrusted", file)]
    told = tool("openssl", "verify", "-CAfile", sandbox.run["ca"], *chain, leaf)
    assert b": OK" in told


@pytest.mark.parametrize("country", SERVICES)
def test_a_wsdl_is_well_formed_and_its_schemas_are_valid(country, request, tmp_path):
    running = request.getfixturevalue(country)
    server = running.plain("ss-h60" if country == "sandbox" else "ss1")
    answer = requests.get(soap.wsdl_address(server, SERVICES[country]), timeout=SECONDS_MAX)
    assert answer.headers["Content-Type"].startswith("text/xml")
    wsdl = tmp_path / "service.wsdl"
    wsdl.write_bytes(answer.content)
    tool("xmllint", "--noout", "--nonet", str(wsdl))
    for schema in _alone(etree.fromstring(answer.content), tmp_path):
        # An instance that fits no declaration: what is asked is whether the schema compiles.
        other = tmp_path / "other.xml"
        other.write_text("<other/>", encoding="ascii")
        told = tool("xmllint", "--noout", "--nonet", "--schema", str(schema), str(other), status=3)
        assert b"No matching global declaration" in told


def test_an_answer_fits_the_schema_of_its_wsdl(department, citizen, tmp_path):
    client, server = department
    service = f"{soap.DANCU}/TraCuuThongTinCongDan"
    answer = requests.get(soap.wsdl_address(server, service), timeout=SECONDS_MAX)
    schemas = _alone(etree.fromstring(answer.content), tmp_path)
    answer = _post(server, service, soap.header(client, service), soap.asking(citizen))
    [body] = etree.fromstring(answer.content).find("{*}Body")
    file = tmp_path / "body.xml"
    file.write_bytes(etree.tostring(body))
    tool("xmllint", "--noout", "--nonet", "--schema", str(schemas[0]), str(file))


def test_answers_and_faults_fit_the_schema_of_soap(department, citizen, tmp_path):
    client, server = department
    service = f"{soap.DANCU}/XacThucThongTinCongDan"
    asked = soap.asking(citizen)
    file = tmp_path / "answer.xml"
    for status, header, fields in [
        (200, soap.header(client, service), asked),
        (500, soap.header(client, service), {**asked, "HoVaTen": ""}),
        (500, soap.header("VN/GOV/H99/NOBODY", service), asked),
    ]:
        answer = _post(server, service, header, fields)
        assert answer.status_code == status, answer.text
        file.write_bytes(answer.content)
        tool("xmllint", "--noout", "--nonet", "--schema", str(ENVELOPE), str(file))


def _post(server, service, header, fields):
    described, _ = soap.client_of(server, service)
    operation = service.rsplit("/", 1)[1]
    message = described.create_message(described.service, operation, **fields, _soapheaders=header)
    typed = {"Content-Type": "text/xml"}
    body = etree.tostring(message)
    return requests.post(f"{server}/", data=body, headers=typed, timeout=SECONDS_MAX)


def _alone(wsdl, folder):
    """The schemas of a WSDL as files that find each other."""
    schemas = wsdl.iter(SCHEMA)
    named = {one.get("targetNamespace"): (one, folder / f"{at}.xsd") for at, one in enumerate(schemas)}
    for one, file in named.values():
        for imported in one.findall("{http://www.w3.org/2001/XMLSchema}import"):
            imported.set("schemaLocation", named[imported.get("namespace")][1].name)
        etree.ElementTree(one).write(str(file), encoding="utf-8")
    return [file for _, file in named.values()]
