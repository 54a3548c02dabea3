"""X-Road's development scenarios (`development/hurl/scenarios/test-proxy-*`), made with curl against `xroad-dev`."""

import json
import subprocess

from lxml import etree

SECONDS_MAX = "30"
CLIENT = "X-Road-Client: DEV/COM/4321/TestClient"
SERVICE = "/r1/DEV/COM/1234/TestService"

SOAP = """<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"
    xmlns:xro="http://x-road.eu/xsd/xroad.xsd" xmlns:iden="http://x-road.eu/xsd/identifiers">
  <soapenv:Header>
    <xro:client iden:objectType="SUBSYSTEM">
      <iden:xRoadInstance>DEV</iden:xRoadInstance>
      <iden:memberClass>COM</iden:memberClass>
      <iden:memberCode>4321</iden:memberCode>
      <iden:subsystemCode>TestClient</iden:subsystemCode>
    </xro:client>
    <xro:service iden:objectType="SERVICE">
      <iden:xRoadInstance>DEV</iden:xRoadInstance>
      <iden:memberClass>COM</iden:memberClass>
      <iden:memberCode>1234</iden:memberCode>
      <iden:subsystemCode>TestService</iden:subsystemCode>
      <iden:serviceCode>{code}</iden:serviceCode>
      <iden:serviceVersion>v1</iden:serviceVersion>
    </xro:service>
    <xro:id>ID11234</xro:id>
    <xro:userId>EE1234567890</xro:userId>
    <xro:protocolVersion>4.0</xro:protocolVersion>
  </soapenv:Header>
  <soapenv:Body>
    <prod:{code} xmlns:prod="http://test.x-road.fi/producer">{request}</prod:{code}>
  </soapenv:Body>
</soapenv:Envelope>"""


def curl(*arguments):
    """The status, the header fields and the body."""
    command = ["curl", "-sS", "-i", "--max-time", SECONDS_MAX, *arguments]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    head, body = done.stdout.split(b"\r\n\r\n", 1)
    status, *lines = head.decode().split("\r\n")
    pairs = (line.split(": ", 1) for line in lines)
    return int(status.split()[1]), {name.lower(): value for name, value in pairs}, body


def soap(server, code, request="<prod:request/>"):
    text = SOAP.format(code=code, request=request)
    return curl("-H", "Content-Type: text/xml", "--data-binary", text, server)


def data(body, name):
    return etree.fromstring(body).xpath(f"string(//*[local-name() = '{name}'])")


def test_the_rest_service_greets(dev):
    asked = json.dumps({"data": 1.0, "service": "random"})
    typed = ("-H", "Content-Type: application/json", "-d", asked)
    status, fields, body = curl("-H", CLIENT, *typed, f"{dev.plain('ss1')}{SERVICE}/mock1")
    assert (status, json.loads(body)) == (200, {"message": "Hello, world from POST service!"})
    assert fields["x-road-client"] == "DEV/COM/4321/TestClient"
    assert fields["x-road-service"] == "DEV/COM/1234/TestService/mock1"
    assert fields["x-road-id"] and fields["x-road-request-id"] and fields["x-road-request-hash"]


def test_the_soap_services_answer(dev):
    status, _, body = soap(dev.plain("ss1"), "getRandom")
    assert status == 200, body
    assert 1 <= float(data(body, "data")) <= 100
    asked = "<prod:request><prod:name>Test</prod:name></prod:request>"
    status, _, body = soap(dev.plain("ss1"), "helloService", asked)
    assert (status, data(body, "message")) == (200, "Hello Test! Greetings from adapter server!")


def test_a_soap_service_has_a_description(dev):
    query = "xRoadInstance=DEV&memberClass=COM&memberCode=1234&subsystemCode=TestService"
    for code in ("getRandom", "helloService"):
        address = f"{dev.plain('ss1')}/wsdl?{query}&serviceCode={code}&serviceVersion=v1"
        status, _, body = curl(address)
        assert status == 200
        assert etree.fromstring(body).tag == "{http://schemas.xmlsoap.org/wsdl/}definitions"


def test_services_and_members_are_listed(dev):
    server = dev.plain("ss1")
    status, _, body = curl("-H", CLIENT, f"{server}{SERVICE}/listMethods")
    assert status == 200
    assert "mock1" in [one["service_code"] for one in json.loads(body)["service"]]
    status, _, body = curl("-H", "Accept: application/json", f"{server}/listClients")
    assert status == 200
    assert {"1234", "4321"} <= {one["id"]["member_code"] for one in json.loads(body)["member"]}


def test_errors_are_those_of_x_road(dev):
    server = dev.plain("ss1")
    status, fields, body = curl("-H", CLIENT, f"{server}{SERVICE}/nothing")
    assert (status, fields["x-road-error"]) == (500, "server.serverproxy.unknown_service")
    assert json.loads(body)["type"] == fields["x-road-error"]
    status, fields, _ = curl(f"{server}{SERVICE}/mock1")
    assert (status, fields["x-road-error"]) == (
        500,
        "server.clientproxy.invalid_client_identifier",
    )
    status, fields, _ = curl("-H", CLIENT, f"{server}{SERVICE}/getRandom")
    assert (status, fields["x-road-error"]) == (500, "server.serverproxy.service_type")
    status, _, body = soap(server, "nothing")
    assert (status, data(body, "faultcode")) == (500, "server.serverproxy.unknown_service")
