"""zeep, the SOAP client of Python, on every WSDL that is served."""

import email

import pytest
import requests
import zeep
from lxml import etree

import soap

DANCU = ("XacThucThongTinCongDan", "TraCuuThongTinCongDan", "XacMinhThongTinNhanThan")
EXAMPLE = "DEV/COM/1234/TestService"
XROAD = "http://x-road.eu/xsd/xroad.xsd"
SECONDS_MAX = 30
DEV_CLIENT = "DEV/COM/4321/TestClient"


@pytest.mark.parametrize("operation", DANCU)
def test_a_citizen_is_found_by_each_operation(department, citizen, operation):
    client, server = department
    service_id = f"{soap.DANCU}/{operation}"
    _, service = soap.client_of(server, service_id, settings=zeep.Settings(strict=True))
    assert operation in service._operations
    asked = soap.header(client, service_id, userId="cb.lan", issue="H60-1")
    answer = service[operation](**soap.asking(citizen), _soapheaders=asked)
    assert answer.header.id == asked["id"]
    assert answer.header.service.serviceCode == operation
    if operation == "XacThucThongTinCongDan":
        assert answer.body.KetQuaXacThuc.TonTai is True
        return
    [found] = answer.body.CongdanCollection.CongDan
    assert found.SoDinhDanh == citizen["number"]


def test_the_feed_is_read_page_by_page(department):
    client, server = department
    feed = soap.feed(client, server, first="20260101", last="20260131", rows=7)
    assert feed.SoCongDan >= len(feed.CongDan) == 7


def test_nobody_is_told_of_without_name_and_date(department, citizen):
    client, server = department
    service_id = f"{soap.DANCU}/XacThucThongTinCongDan"
    _, service = soap.client_of(server, service_id)
    other = {**citizen, "birth": "19000101"}
    answer = service.XacThucThongTinCongDan(
        **soap.asking(other), _soapheaders=soap.header(client, service_id)
    )
    assert answer.body.KetQuaXacThuc.TonTai is False


def test_a_refusal_of_the_system_is_a_fault(department, citizen):
    client, server = department
    service_id = f"{soap.DANCU}/XacThucThongTinCongDan"
    _, service = soap.client_of(server, service_id)
    unnamed = {**soap.asking(citizen), "HoVaTen": ""}
    with pytest.raises(zeep.exceptions.Fault) as fault:
        service.XacThucThongTinCongDan(**unnamed, _soapheaders=soap.header(client, service_id))
    assert "HoVaTen" in fault.value.message


def test_a_refusal_of_the_call_plane_is_a_fault(department, citizen):
    client, server = department
    service_id = f"{soap.DANCU}/XacThucThongTinCongDan"
    _, service = soap.client_of(server, service_id)
    asked = soap.header("VN/GOV/000.00.00.H99/KHONGCO", service_id)
    with pytest.raises(zeep.exceptions.Fault) as fault:
        service.XacThucThongTinCongDan(**soap.asking(citizen), _soapheaders=asked)
    assert fault.value.code == "server.clientproxy.unknown_member"
    assert fault.value.detail.findtext("{*}faultDetail")


@pytest.mark.parametrize("version", ["", "/v1"])
def test_the_example_services_answer(dev, version):
    server = dev.plain("ss1")
    service_id = f"{EXAMPLE}/getRandom{version}"
    _, service = soap.client_of(server, service_id)
    answer = service.getRandom(_soapheaders=soap.header(DEV_CLIENT, service_id, userId="EE1"))
    assert 1 <= answer.body.response.data <= 100
    service_id = f"{EXAMPLE}/helloService{version}"
    _, service = soap.client_of(server, service_id)
    answer = service.helloService(
        request={"name": "Á"}, _soapheaders=soap.header(DEV_CLIENT, service_id)
    )
    assert answer.body.response.message.startswith("Hello Á!")


def test_every_wsdl_that_is_served_is_read(sandbox, dev):
    for country, server in ((sandbox, "ss-h60"), (dev, "ss1")):
        services = country.json("services")["services"]
        found = [one["id"].replace(":", "/") for one in services if one["kind"] == "soap"]
        assert found
        for service_id in found:
            settings = zeep.Settings(strict=True)
            _, service = soap.client_of(country.plain(server), service_id, settings=settings)
            assert service_id.rsplit("/", 1)[1] in service._operations


def test_the_wsdl_of_the_metaservice_is_the_served_one(department):
    """`getWsdl` is in no WSDL: the header is zeep's, the body is put in its place. The answer is multipart."""
    client, server = department
    operation = DANCU[0]
    service_id = f"{soap.DANCU}/{operation}"
    described, _ = soap.client_of(server, service_id)
    nobody = soap.asking({"number": "001099000001", "name": "A", "birth": "19990101"})
    asked = soap.header(client, f"{soap.DANCU}/getWsdl")
    message = described.create_message(
        described.service, operation, **nobody, _soapheaders=asked
    )
    body = message.find("{*}Body")
    body.clear()
    metaservice = etree.SubElement(body, f"{{{XROAD}}}getWsdl")
    etree.SubElement(metaservice, f"{{{XROAD}}}serviceCode").text = operation
    typed = {"Content-Type": "text/xml"}
    answer = requests.post(
        f"{server}/", data=etree.tostring(message), headers=typed, timeout=SECONDS_MAX
    )
    assert answer.status_code == 200, answer.text
    head = f"Content-Type: {answer.headers['Content-Type']}\r\n\r\n".encode()
    envelope, wsdl = email.message_from_bytes(head + answer.content).get_payload()
    assert b"getWsdlResponse" in envelope.get_payload(decode=True)
    served = requests.get(soap.wsdl_address(server, service_id), timeout=SECONDS_MAX)
    assert wsdl.get_payload(decode=True).strip() == served.content.strip()
