"""npm's strong-soap on the same services, run by `strong_soap.js`."""

import json
import shutil
import subprocess
from pathlib import Path

import soap

SCRIPT = Path(__file__).with_name("strong_soap.js")
SECONDS_MAX = 60
EXAMPLE = "DEV/COM/1234/TestService"


def _element(path, object_type):
    fields = soap.identifier(path, object_type)
    return {"$attributes": {"objectType": fields.pop("objectType")}, **fields}


def _call(server, client, service, arguments):
    header = {
        "client": _element(client, "SUBSYSTEM"),
        "service": _element(service, "SERVICE"),
        "id": {"$value": "strong-soap-1"},
        "protocolVersion": {"$value": "4.0"},
    }
    asked = {
        "wsdl": soap.wsdl_address(server, service),
        "endpoint": f"{server}/",
        "operation": service.split("/")[4],
        "header": header,
        "arguments": arguments,
    }
    node = shutil.which("node")
    assert node, "node is not installed"
    command = [node, str(SCRIPT), json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, timeout=SECONDS_MAX, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout)


def test_a_citizen_is_found_by_each_operation(department, citizen):
    client, server = department
    asked = soap.asking(citizen)
    told = _call(server, client, f"{soap.DANCU}/XacThucThongTinCongDan", asked)
    assert told["answer"]["KetQuaXacThuc"]["TonTai"] is True
    assert told["header"]["id"] == "strong-soap-1"
    for operation in ("TraCuuThongTinCongDan", "XacMinhThongTinNhanThan"):
        told = _call(server, client, f"{soap.DANCU}/{operation}", asked)
        [found] = told["answer"]["CongdanCollection"]["CongDan"]
        assert found["SoDinhDanh"] == citizen["number"]


def test_the_example_services_answer(dev):
    server, client = dev.plain("ss1"), "DEV/COM/4321/TestClient"
    told = _call(server, client, f"{EXAMPLE}/getRandom/v1", {})
    assert 1 <= told["answer"]["response"]["data"] <= 100
    told = _call(server, client, f"{EXAMPLE}/helloService/v1", {"request": {"name": "Á & B"}})
    assert told["answer"]["response"]["message"].startswith("Hello Á & B!")


def test_refusals_are_faults(department, citizen):
    client, server = department
    service = f"{soap.DANCU}/XacThucThongTinCongDan"
    told = _call(server, client, service, {**soap.asking(citizen), "HoVaTen": ""})
    assert "HoVaTen" in told["fault"]["faultstring"]
    told = _call(server, "VN/GOV/H99/KHONGCO", service, soap.asking(citizen))
    assert told["fault"]["faultcode"] == "server.clientproxy.unknown_member"
