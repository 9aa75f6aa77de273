// A session of node-smpp: each step is one line of JSON on standard output; lines on standard input start the next.
'use strict';
const readline = require('readline');
const smpp = require(process.argv[2] + '/node_modules/smpp');
const [port, systemId, password] = process.argv.slice(3);

const tell = (step, pdu) => console.log(JSON.stringify({
  step,
  command: pdu.command,
  status: pdu.command_status,
  id: pdu.message_id,
  server: pdu.system_id,
  version: pdu.sc_interface_version,
  text: pdu.short_message && pdu.short_message.message !== undefined ? String(pdu.short_message.message) : undefined,
  esm_class: pdu.esm_class,
  source: pdu.source_addr,
  receipted: pdu.receipted_message_id,
  message_state: pdu.message_state,
  unsuccess: pdu.unsuccess_sme,
}));

const session = smpp.connect({ url: `smpp://127.0.0.1:${port}` });
const from = { source_addr_ton: 1, source_addr_npi: 1, source_addr: '491701' };
const to = { dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '491709999999' };

session.on('error', (error) => { console.error(String(error)); process.exit(1); });
session.on('deliver_sm', (pdu) => { tell('deliver_sm', pdu); session.send(pdu.response()); });
session.on('close', () => process.exit(0));

const steps = {
  bind: () => session.bind_transceiver({ system_id: systemId, password, interface_version: 0x34 }, (pdu) => tell('bind', pdu)),
  submit: () => session.submit_sm({ ...from, ...to, registered_delivery: 1, data_coding: 0, short_message: 'Grüße €' }, (pdu) => tell('submit', pdu)),
  unicode: () => session.submit_sm({ ...from, ...to, short_message: { message: 'привет' }, data_coding: 8 }, (pdu) => tell('unicode', pdu)),
  payload: () => session.data_sm({ ...from, ...to, message_payload: 'by data-sm' }, (pdu) => tell('payload', pdu)),
  multi: () => session.submit_multi({
    ...from,
    dest_address: [
      { dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '491701111111' },
      { dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: 'letters' },
    ],
    short_message: 'to many',
  }, (pdu) => tell('multi', pdu)),
  query: (id) => session.query_sm({ ...from, message_id: id }, (pdu) => tell('query', pdu)),
  cancel: (id) => session.cancel_sm({ ...from, message_id: id }, (pdu) => tell('cancel', pdu)),
  enquire: () => session.enquire_link({}, (pdu) => tell('enquire', pdu)),
  unbind: () => session.unbind({}, (pdu) => tell('unbind', pdu)),
};

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const [step, argument] = line.split(' ');
  steps[step](argument);
});
