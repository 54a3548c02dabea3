"""pyxroad, an X-Road (Trembita) client: it reads `GET /wsdl`, then posts through the security server as a proxy."""

import pytest
import zeep
from XRoad import XClient
from zeep.plugins import HistoryPlugin

import soap


def test_a_citizen_is_found(department, citizen):
    client, server = department
    service = XClient(server, client, f"{soap.DANCU}/XacThucThongTinCongDan")
    answer = service.request(**soap.asking(citizen), xroad_id="pyxroad-1")
    assert answer["body"]["KetQuaXacThuc"]["TonTai"] is True
    assert answer["header"]["id"] == "pyxroad-1"


def test_a_list_is_read(department):
    client, server = department
    service = XClient(server, client, f"{soap.DANCU}/TraCuuThongTinCongDan")
    answer = service.request(
        MaYeuCau="R1", TuNgay="20260101", DenNgay="20260131", Loai="2", Trang=2, SoBanGhi=5
    )
    feed = answer["body"]["CongdanCollection"]
    assert len(feed["CongDan"]) == 5
    assert feed["SoCongDan"] > 5


def test_a_service_with_a_version_is_called(dev):
    service = XClient(
        dev.plain("ss1"),
        "DEV/COM/4321/TestClient",
        "DEV/COM/1234/TestService/getRandom/v1",
        plugins=[HistoryPlugin()],
    )
    assert 1 <= service.request()["body"]["response"]["data"] <= 100


def test_a_fault_is_told(department, citizen):
    client, server = department
    service = XClient(server, client, f"{soap.DANCU}/XacThucThongTinCongDan")
    with pytest.raises(zeep.exceptions.Fault, match="HoVaTen"):
        service.request(**{**soap.asking(citizen), "HoVaTen": ""})
