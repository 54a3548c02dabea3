"""A client of the VXP protocol with the habits of the real SDK, written from its description alone.

Standard library only. It plays two agencies through one whole exchange and stops at the first thing that is not as
it should be. What it does like the SDK: parameters as signed headers, headers that leak from one call to the next,
a timestamp set once and days old, no zero padding in hash-file, the low byte of each letter, Expect: 100-continue,
one connection per call, a byte-identical repeat after a dropped answer.

usage: client.py '{"ca": PATH, "a": PARTY, "b": PARTY}'
PARTY: {"host", "port", "prefix", "systemid", "secret", "agency", "cert", "key"}; without cert it talks plain HTTP.
"""

import base64
import datetime
import hashlib
import hmac
import http.client
import json
import re
import select
import ssl
import sys
import time

POLLS_MAX = 400
POLL_S = 0.05
CONTINUE_S = 3.0


class Failed(Exception):
    pass


def check(condition, *what):
    if not condition:
        raise Failed(*what)


class Service:
    """One service object: what it was told in one call, it says again in the next."""

    def __init__(self, party, ca):
        self.party = party
        self.headers = {"systemid": party["systemid"]}
        # Set when the object is built; a client that lives for days sends the same one for days.
        self.timestamp = "01012020T235959+0999"
        self.waited_s = 0.0
        self.context = None
        if party.get("cert"):
            self.context = ssl.create_default_context(cafile=ca)
            self.context.load_cert_chain(party["cert"], party["key"])

    def connect(self):
        host, port = self.party["host"], self.party["port"]
        if self.context:
            return http.client.HTTPSConnection(host, port, timeout=60, context=self.context)
        return http.client.HTTPConnection(host, port, timeout=60)

    def signed(self, content_type, order):
        """The headers of a call as bytes, in the order they go out."""
        values = dict(self.headers, timestamp=self.timestamp)
        values["Content-Type"] = content_type
        names = ["systemid"] + [n for n in order if n in values]
        names += [n for n in values if n not in names]
        text = "{%s}" % ",".join(
            '"XroadVnpt-%s":"%s"' % (n, values[n].replace('"', '\\"')) for n in names
        )
        mac = hmac.new(self.party["secret"].encode(), text.encode("utf-8"), hashlib.sha256)
        lines = [("XroadVnpt-" + n, values[n]) for n in names]
        lines += [
            ("Content-Type", content_type),
            ("XroadVnpt-sign-header-key", ";".join(names)),
            ("XroadVnpt-sign-header", text),
            ("XroadVnpt-hash-header", mac.hexdigest()),
            ("User-Agent", "JAVASDKAgent/1.0.0 XRoad/VPCP"),
            ("XroadVnpt-version", "3.0.201608"),
        ]
        return [(name, low_bytes(value)) for name, value in lines]

    def exchange(self, method, operation, lines, body, expects=False, drop=False):
        connection = self.connect()
        try:
            connection.putrequest(method, self.party["prefix"] + operation, skip_accept_encoding=True)
            for name, value in lines:
                connection.putheader(name, value)
            if body is not None:
                connection.putheader("Content-Length", str(len(body)))
            if expects:
                connection.putheader("Expect", "100-continue")
            connection.endheaders()
            if expects:
                before = time.monotonic()
                select.select([connection.sock], [], [], CONTINUE_S)
                self.waited_s = max(self.waited_s, time.monotonic() - before)
            if body:
                connection.send(body)
            if drop:
                # The answer is on its way and never arrives.
                connection.sock.recv(1)
                return None
            answer = connection.getresponse()
            return answer.read()
        finally:
            connection.close()

    def call(self, operation, parameters=(), body=b"", expects=False, method="POST", wire=None):
        self.headers.update(parameters)
        lines = self.signed("application/json", list(dict(parameters)))
        answer = self.exchange(method, wire or operation, lines, body, expects)
        if operation == "downloadEdoc":
            return answer
        return self.read(operation, answer)

    def read(self, operation, answer):
        result = json.loads(answer.decode("us-ascii" if operation == "sendEdoc" else "utf-8"))
        for key in ("status", "ErrorCode", "ErrorDesc"):
            check(result.get(key) is not None, operation, "has no", key, result)
        return result

    def ok(self, *arguments, **options):
        result = self.call(*arguments, **options)
        check(result["status"] == "OK" and str(result["ErrorCode"]) == "0", arguments, result)
        return result

    def send(self, message_type, file, to=None, drops=0):
        digest = hashlib.sha256(file).digest()
        parameters = {
            "servicetype": "eDoc",
            "messagetype": message_type,
            # Integer.toHexString: no zero padding.
            "hash-file": "".join("%x" % byte for byte in digest),
            "from": self.party["agency"],
        }
        if to:
            parameters["to"] = json.dumps(to, separators=(",", ":"))
        self.headers.update(parameters)
        lines = self.signed("application/octet-stream", list(parameters))
        body = file + b"\r\n"
        for _ in range(drops):
            self.exchange("POST", "/sendEdoc", lines, body, drop=True)
        result = self.read("sendEdoc", self.exchange("POST", "/sendEdoc", lines, body))
        check(isinstance(result.get("DocId"), str), "sendEdoc has no DocId", result)
        return result

    def received(self, message_type, **more):
        parameters = {"servicetype": "eDoc", "messagetype": message_type}
        parameters.update(more)
        items = self.ok("/getReceivedEdocList", parameters)["data"]
        check(isinstance(items, list), "data is no array")
        for item in items:
            check(None not in item.values(), "one null loses the whole list", item)
        return items

    def await_received(self, message_type, count):
        for _ in range(POLLS_MAX):
            items = self.received(message_type)
            if len(items) >= count:
                return items
            time.sleep(POLL_S)
        raise Failed("waited for", count, message_type)

    def get(self, doc_id):
        parameters = {"docId": doc_id, "filePath": "C:\\edoc\\inbox"}
        return base64.b64decode(self.ok("/getEdoc", parameters, b"{}", True)["data"])

    def update(self, doc_id, status, **more):
        parameters = {"status": status, "docid": doc_id}
        parameters.update(more)
        return self.ok("/updateStatus", parameters, b"{}", True)


def low_bytes(text):
    """What httpclient makes of letters: the low byte of each UTF-16 unit."""
    units = text.encode("utf-16-le")
    return units[0::2]


NAMESPACE = "http://www.mic.gov.vn/TBT/QCVN_102_2016"


def document(sender, receivers, number, attachment):
    today = datetime.datetime.now(datetime.timezone.utc).strftime("%Y/%m/%d")
    to = "".join(
        "<edXML:To><edXML:OrganId>%s</edXML:OrganId><edXML:OrganName>Nơi nhận</edXML:OrganName></edXML:To>" % code
        for code in receivers
    )
    text = f"""<?xml version="1.0" encoding="UTF-8"?>
<edXML xmlns="{NAMESPACE}"><edXML:edXMLEnvelope xmlns:edXML="{NAMESPACE}"><edXML:edXMLHeader><edXML:MessageHeader>
<edXML:From><edXML:OrganId>{sender}</edXML:OrganId><edXML:OrganName>Nơi gửi</edXML:OrganName></edXML:From>{to}
<edXML:DocumentId>{sender},{today},{number}/UBND-VP</edXML:DocumentId>
<edXML:Code><edXML:CodeNumber>{number}</edXML:CodeNumber><edXML:CodeNotation>UBND-VP</edXML:CodeNotation></edXML:Code>
<edXML:PromulgationInfo><edXML:Place>Hà Nội</edXML:Place><edXML:PromulgationDate>{today}</edXML:PromulgationDate></edXML:PromulgationInfo>
<edXML:DocumentType><edXML:Type>1</edXML:Type><edXML:TypeName>Công văn</edXML:TypeName></edXML:DocumentType>
<edXML:Subject>V/v kết nối, liên thông phần mềm quản lý văn bản</edXML:Subject></edXML:MessageHeader>
<edXML:TraceHeaderList><edXML:Bussiness><edXML:BussinessDocType>0</edXML:BussinessDocType></edXML:Bussiness></edXML:TraceHeaderList>
</edXML:edXMLHeader><edXML:edXMLBody><edXML:edXMLManifest version="1.0"><edXML:Reference>
<edXML:ContentId>cid:1</edXML:ContentId><edXML:ContentType>application/pdf</edXML:ContentType><edXML:AttachmentName>1.pdf</edXML:AttachmentName>
</edXML:Reference></edXML:edXMLManifest></edXML:edXMLBody></edXML:edXMLEnvelope>
<AttachmentEncoded><Attachment><ContentId>cid:1</ContentId><AttachmentName>1.pdf</AttachmentName><ContentType>application/pdf</ContentType>
<edXML:ContentTransferEncoded xmlns:edXML="{NAMESPACE}">{base64.b64encode(attachment).decode()}</edXML:ContentTransferEncoded>
</Attachment></AttachmentEncoded></edXML>"""
    return text.encode("utf-8"), f"{sender},{today},{number}/UBND-VP", today


def status_message(sender, receiver, document_id, number, today, code, description):
    text = f"""<edXML xmlns="{NAMESPACE}"><edXML:edXMLEnvelope xmlns:edXML="{NAMESPACE}"><edXML:edXMLHeader><edXML:MessageHeader>
<edXML:From><edXML:OrganId>{sender}</edXML:OrganId><edXML:OrganName>Nơi nhận</edXML:OrganName></edXML:From>
<edXML:ResponseFor><edXML:OrganId>{receiver}</edXML:OrganId><edXML:Code>{number}/UBND-VP</edXML:Code>
<edXML:PromulgationDate>{today}</edXML:PromulgationDate><edXML:DocumentId>{document_id}</edXML:DocumentId></edXML:ResponseFor>
<edXML:StatusCode>{code}</edXML:StatusCode><edXML:Description>{description}</edXML:Description>
<edXML:Timestamp>{today} 00:00:01</edXML:Timestamp></edXML:MessageHeader></edXML:edXMLHeader></edXML:edXMLEnvelope></edXML>"""
    return text.encode("utf-8")


def agencies(service):
    party = service.party
    listed = service.ok("/getAgenciesList")["data"]
    codes = {item["code"]: item for item in listed}
    check(party["agency"] in codes, "own agency is not listed")
    check(all(isinstance(v, str) for item in listed for v in item.values()), "all are strings")
    by_number = {item["id"]: item for item in listed}
    check(len(by_number) == len(listed), "ids are used twice")
    below = [item for item in listed if item.get("pid") == codes[party["agency"]]["id"]]
    check(below, "nobody is below", party["agency"])
    qd20 = service.ok("/getAgenciesListQD20")["data"]
    check(any(item.get("code102") == party["agency"] for item in qd20), "no code102")
    units = service.ok("/getSynchronizeUnit")["data"]
    check(all(type(unit["version"]) is int and type(unit["deleted"]) is bool for unit in units), "unit types")
    check(any(unit["deleted"] for unit in units), "merged provinces are deleted")

    code = re.sub(r"^000\.00\.00\.", "000.99.77.", party["agency"])
    parent = re.sub(r"^000\.00\.00\.", "000.00.77.", party["agency"])
    for new, above in ((parent, party["agency"]), (code, parent)):
        body = {"id": "", "pcode": above, "code": new, "name": "Phòng Thử nghiệm", "mail": "a@b.vn", "mobile": "", "fax": ""}
        service.ok("/registerAgency", {}, json.dumps(body).encode("utf-8"), True)
    found = {item["code"]: item for item in service.ok("/getAgenciesList")["data"]}
    check(found[code]["name"] == "Phòng Thử nghiệm", "registered and not listed")
    check(found[code]["pid"] == found[parent]["id"], "the parent is not the parent")
    service.ok("/deleteAgency", {"AgencyCode": code}, b"{}", True)
    check(code not in {item["code"] for item in service.ok("/getAgenciesList")["data"]}, "still listed")


def run(config):
    a, b = Service(config["a"], config["ca"]), Service(config["b"], config["ca"])
    number = config["number"]
    sender, receiver = config["a"]["agency"], config["b"]["agency"]
    agencies(a)

    # A file whose digest has a byte below 16: only there do the two spellings of hash-file differ.
    content = bytes(range(256)) * 5000
    file, document_id, today = document(sender, [receiver], number, content)
    while min(hashlib.sha256(file).digest()) > 15:
        content += b"."
        file, document_id, today = document(sender, [receiver], number, content)
    sent = a.send("edoc", file, [receiver], drops=2)
    check(sent["status"] == "OK", sent)
    check(a.send("edoc", file)["DocId"] == sent["DocId"], "a repeat has another DocId")

    item = b.await_received("edoc", 1)
    check(len(item) == 1 and item[0]["from"] == sender and item[0]["to"] == receiver, item)
    item = item[0]
    check(re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d", item["created_time"]), item)
    check(item["status"] == "initial" and item["messageType"] == "edoc", item)
    check(b.ok("/countReceiveEdoc", {}, b"{}", True)["count"] == 1, "count of documents")
    check(b.ok("/countReceiveStatus", {}, b"{}", True)["count"] == 0, "count of statuses")
    doc_id = item["docId"]
    check(b.get(doc_id) == file, "getEdoc changed the file")
    check(b.call("downloadEdoc", {"docId": doc_id}, None, False, "GET", "/downloadEdoc") == file, "downloadEdoc")
    nobody = "00000000-0000-7000-8000-000000000000"
    check(b.call("downloadEdoc", {"docId": nobody}, None, False, "GET", "/downloadEdoc") == b"", "an error is no file")

    # docId is left over with another value; docid is meant.
    b.update(doc_id, "processing")
    # status leaks into the list now, and is no filter.
    check([i["status"] for i in b.received("edoc")] == ["processing"], "a leaked status filters")
    # Words that the SDK cannot send as they are: signed as UTF-8, sent as low bytes.
    fresh = Service(config["b"], config["ca"])
    fresh.update(doc_id, "processing", description="Đã nhận, đang xử lý: Ăn Khê, ăn đ")
    b.update(doc_id, "done")
    check(b.received("edoc") == [], "confirmed and still listed")
    check(b.ok("/countReceiveEdoc", {}, b"{}", True)["count"] == 0, "count after done")

    for code, words in (("05", "Đang xử lý"), ("06", "Hoàn thành")):
        notice = status_message(receiver, sender, document_id, number, today, code, words)
        check(b.send("status", notice)["status"] == "OK", "status", code)
    notices = a.await_received("status", 2)
    codes = []
    for item in notices:
        check(item["messageType"] == "status" and item["from"] == receiver, item)
        text = a.get(item["docId"]).decode("utf-8")
        codes.append(re.search(r"StatusCode>(\d\d)<", text).group(1))
        a.update(item["docId"], "done")
    check(codes == ["05", "06"], "order of statuses", codes)
    check(a.received("status") == [], "confirmed and still listed")

    # docId of a received status leaks in here.
    outbox = [i for i in a.ok("/getSentEdocList", {"servicetype": "eDoc", "messagetype": "edoc"})["data"]
              if i["senderDocId"] == sent["DocId"]]
    check(len(outbox) == 1, outbox)
    row = outbox[0]
    check(row["receiverDocId"] == doc_id and row["toCode"] == receiver, row)
    check(row["sendStatus"] == "done" and row["receiveStatus"] == "done", row)
    check(row["notation"] == f"{number}/UBND-VP" and row["receivedTime"], row)

    wrong = b.call("/sendEdocs")
    check(str(wrong["ErrorCode"]) == "-1" and "sendEdoc" in wrong["ErrorDesc"], wrong)
    slowest = max(a.waited_s, b.waited_s, fresh.waited_s)
    check(slowest < 2.5, "no interim answer: waited", slowest)


if __name__ == "__main__":
    try:
        run(json.loads(sys.argv[1]))
    except Failed as failed:
        print("FAILED:", *failed.args)
        sys.exit(1)
    print("done")
