"""What SOAP calls through X-Road need: identifiers of the header, and somebody to ask about."""

import uuid
from urllib.parse import urlencode

import zeep

DANCU = "VN/GOV/G01/CSDLDC"
PARTS = ("xRoadInstance", "memberClass", "memberCode", "subsystemCode", "serviceCode", "serviceVersion")


def identifier(path, object_type):
    """`VN/GOV/G01/CSDLDC/XacThuc` as the elements of an identifier."""
    return {"objectType": object_type, **dict(zip(PARTS, path.split("/"), strict=False))}


def header(client, service, **more):
    return {
        "client": identifier(client, "SUBSYSTEM"),
        "service": identifier(service, "SERVICE"),
        "id": uuid.uuid4().hex,
        "protocolVersion": "4.0",
        **more,
    }


def wsdl_address(server, service):
    asked = identifier(service, "SERVICE")
    asked.pop("objectType")
    return f"{server}/wsdl?{urlencode(asked)}"


def client_of(server, service, **options):
    """A zeep client of the WSDL that the security server gives out, and the service bound to that server."""
    client = zeep.Client(wsdl_address(server, service), **options)
    [binding] = client.wsdl.bindings
    return client, client.create_service(binding, f"{server}/")


def asking(person):
    """The fields with which the population database is asked about one person."""
    return {
        "MaYeuCau": "R1",
        "MaDVC": "VPCP",
        "MaTichHop": "037",
        "MaCanBo": "cb.lan",
        "SoDinhDanh": person["number"],
        "HoVaTen": person["name"],
        "NgayThangNamSinh": {"NgayThangNam": person["birth"]},
    }


def feed(client, server, *, first, last, rows=100):
    """The change feed, as its known client asks it."""
    operation = f"{DANCU}/TraCuuThongTinCongDan"
    _, service = client_of(server, operation)
    window = {"TuNgay": first, "DenNgay": last, "Loai": "1", "Trang": 1, "SoBanGhi": rows}
    answer = service.TraCuuThongTinCongDan(
        MaYeuCau="R1", **window, _soapheaders=header(client, operation)
    )
    return answer.body.CongdanCollection


def people(client, server, *, first, last):
    """Adults of the feed: number, whole name, date of birth."""
    found = []
    for one in feed(client, server, first=first, last=last).CongDan:
        name = one.HoVaTen
        words = [word for word in (name.Ho, name.ChuDem, name.Ten) if word]
        birth = one.NgayThangNamSinh.NgayThangNam
        if one.SoDinhDanh and birth and birth[:4] < "2000":
            found.append({"number": one.SoDinhDanh, "name": " ".join(words), "birth": birth})
    return found
