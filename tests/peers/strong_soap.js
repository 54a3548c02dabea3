// strong-soap, a SOAP client of Node: loads a WSDL from a security server and calls one operation of it.
// Asked by test_strong_soap.py with one JSON argument; prints one JSON object: the answer with its header, or the fault.
"use strict";

const { QName, soap } = require("strong-soap");

const XROAD = "http://x-road.eu/xsd/xroad.xsd";
const asked = JSON.parse(process.argv[2]);

soap.createClient(asked.wsdl, {}, (error, client) => {
  if (error) throw error;
  client.setEndpoint(asked.endpoint);
  for (const [name, value] of Object.entries(asked.header)) {
    client.addSoapHeader(value, new QName(XROAD, name));
  }
  client[asked.operation](asked.arguments, (fault, answer, envelope, header) => {
    if (fault && !fault.root) throw fault;
    const told = fault ? { fault: fault.root.Envelope.Body.Fault } : { answer, header };
    process.stdout.write(JSON.stringify(told));
  });
});
