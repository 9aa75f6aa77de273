// The page of one account: charts, binds, routes, credit, refusals, queue, and the buttons that change it.

import { AccountState, Against, NewPassword, SETTINGS } from "./accounts.js";
import { QUEUES, SPANS, compact, countOf, credits, duration, moment, rate, whole } from "./format.js";
import { RefusalsTable } from "./live.js";
import { RoutesTable } from "./routes.js";
import { api, confirmed, may, notify, session } from "./shell.js";
import { Button, Card, ChartView, Dialog, Form, Loaded, Table, html, link, useData, useEffect, useMemo, useRef, useState } from "./view.js";

const INTERVAL = 4000; // milliseconds
const SLOW_INTERVAL = 10000;
const MORE_SETTINGS = [
  ...SETTINGS,
  { name: "alt_charset", label: "Character set of data_coding 0", hint: "optional column" },
  { name: "dlr_profile", label: "Profile", hint: "form of ids, receipts and statuses: kannel, standard or a group dlr-profile; empty = the server's" },
  { name: "callback_url", label: "callback_url", hint: "of the C daemon; without effect here" },
];

const BIND_COLUMNS = (reload) => [
  { name: "Bind", of: (bind) => `bind ${bind.bind_id}`, sort: (bind) => bind.bind_id },
  { name: "Type", of: (bind) => bind.bind_type, sort: (bind) => bind.bind_type },
  { name: "From", of: (bind) => bind.ip, sort: (bind) => bind.ip },
  { name: "Up", kind: "figure", of: (bind) => duration(bind.uptime), sort: (bind) => bind.uptime },
  { name: "In", kind: "figure", of: (bind) => rate(bind.inbound_rate), sort: (bind) => bind.inbound_rate },
  { name: "Out", kind: "figure", of: (bind) => rate(bind.outbound_rate), sort: (bind) => bind.outbound_rate },
  { name: "Unanswered", kind: "figure", of: (bind) => whole(bind.open_acks), sort: (bind) => bind.open_acks },
  { name: "MT", kind: "figure", of: (bind) => whole(bind.mt), sort: (bind) => bind.mt },
  { name: "MO", kind: "figure", of: (bind) => whole(bind.mo), sort: (bind) => bind.mo },
  { name: "Refused", kind: "figure", of: (bind) => whole(bind.errors), sort: (bind) => bind.errors },
  ...(may("operator") ? [{ name: "Unbind", kind: "act", of: (bind) => html`<${Button} kind="small danger" label=${`Unbind bind ${bind.bind_id}`} press=${async () => {
    if (!await confirmed(`Unbind bind ${bind.bind_id} from ${bind.ip}?`, "Unbind")) return;
    await api(`/binds/${bind.bind_id}`, { method: "DELETE" });
    notify(`Bind ${bind.bind_id} is being ended`);
    await reload();
  }}>Unbind<//>` }] : []),
];

const LEDGER = [
  { name: "Time", of: (entry) => moment(entry.time) },
  { name: "Amount", kind: "figure", of: (entry) => (entry.amount > 0 ? `+${credits(entry.amount)}` : credits(entry.amount)) },
  { name: "Credit", kind: "figure", of: (entry) => credits(entry.credit) },
  { name: "Reason", kind: "wide", of: (entry) => entry.reason },
  { name: "By", kind: "wide", of: (entry) => `${entry.username} from ${entry.address}` },
];

const MESSAGES = [
  { name: "Stored", of: (message) => moment(message.time) },
  { name: "Queue", of: (message) => QUEUES[message.queue] ?? message.queue },
  { name: "From", of: (message) => message.sender || "–" },
  { name: "To", of: (message) => message.receiver || "–" },
  { name: "Message id", kind: "wide", of: (message) => message.message_id || "–" },
];

function Charts({ path }) {
  const [hours, setHours] = useState(1);
  const past = useData(async () => (await api(`${path}/history?hours=${hours}`)).data, hours === 1 ? SLOW_INTERVAL : SLOW_INTERVAL * 4, [path, hours]);
  const spans = SPANS.filter(([each]) => each <= session.longestHistory);
  const [rates, binds] = useMemo(() => {
    const { times = [], values = { submits: [], deliveries: [], reports: [], refused: [], binds: [] } } = past.data ?? {};
    const delivered = values.deliveries.map((value, index) => (value === null ? values.reports[index] : value + (values.reports[index] ?? 0)));
    return [[times, values.submits, delivered, values.refused], [times, values.binds]];
  }, [past.data]);
  const shown = { now: rates[0].at(-1) ?? Date.now() / 1000, longest: hours * 3600, interval: past.data?.source === "prometheus" ? Math.max(60, hours * 10) : 10 };
  return html`
    ${spans.length > 1 && html`<label class="span">Time shown <select id="span" value=${hours} onChange=${(event) => setHours(Number(event.target.value))}>${spans.map(([each, words]) => html`<option value=${each}>${words}</option>`)}</select></label>`}
    ${past.error && html`<p class="banner warn" role="alert">${past.error.message}.</p>`}
    <div class="charts">
      <${ChartView} id="account-rates" caption="Messages a second" names=${["submits", "messages and reports delivered", "refused"]} columns=${rates} ...${shown} />
      <${ChartView} id="account-binds" caption="Live binds" names=${["binds"]} columns=${binds} counts=${true} ...${shown} />
    </div>`;
}

function Credit({ path, account, changed }) {
  const key = useRef(crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`);
  const [number, setNumber] = useState(0);
  const ledger = useData(async () => (await api(`${path}/credit?limit=20`)).data, SLOW_INTERVAL, [path, account.credit]);
  const send = async (values) => {
    const body = { amount: values.amount ?? 0, reason: values.reason ?? "" };
    const { data } = await api(`${path}/credit`, { method: "POST", body, headers: { "Idempotency-Key": key.current } });
    key.current = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
    notify(`The credit is ${credits(data.credit)}`);
    setNumber(number + 1);
    await Promise.all([changed(), ledger.reload()]);
  };
  const fields = [
    { name: "amount", label: "Amount", kind: "number", hint: "negative takes credit", required: true },
    { name: "reason", label: "Reason", maxLength: 500, hint: "such as invoice 17", required: true },
  ];
  return html`<${Card} id="credit" title="Credit" note=${account.enable_prepaid_billing ? "" : "not prepaid: submits cost nothing"}>
    <p class="number" id="credit-now">${credits(account.credit)}</p>
    ${may("operator") && html`<${Form} key=${number} id="change-credit" kind="inline" fields=${fields} words="Change the credit" send=${send} />`}
    <${Loaded} from=${ledger}>${(data) => html`<${Table} label="changes of the credit" columns=${LEDGER} rows=${data.items} rowKey=${(entry) => entry.entry_id} empty="The credit was never changed here." />`}<//>
  <//>`;
}

function Queue({ path, name }) {
  const queue = useData(async () => (await api(`${path}/queue?limit=20`)).data, SLOW_INTERVAL, [path]);
  const purge = async () => {
    const question = `Delete all ${whole(queue.data.count)} messages that wait for or from ${name}? They don't come back.`;
    if (!await confirmed(question, "Delete", name)) return;
    const { data } = await api(`${path}/queue?confirm=${encodeURIComponent(name)}`, { method: "DELETE" });
    notify(`${whole(data.deleted)} messages deleted`);
    await queue.reload();
  };
  const actions = may("operator") && queue.data?.count ? html`<${Button} kind="danger" press=${purge}>Delete all<//>` : null;
  const note = queue.data ? `${whole(queue.data.count)} waiting${queue.data.oldest ? `, the oldest since ${moment(queue.data.oldest)}` : ""}` : "";
  return html`<${Card} id="queue" title="Queue" note=${note} actions=${actions}>
    <${Loaded} from=${queue}>${(data) => html`<${Table} label="waiting messages" columns=${MESSAGES} rows=${data.items} rowKey=${(each) => each.row_id} empty="Nothing waits." />`}<//>
  <//>`;
}

function Buttons({ account, path, version, reload, open }) {
  const post = async (words, question, yes) => {
    if (question && !await confirmed(question, yes)) return;
    await api(`${path}/${words}`, { method: "POST" });
    await reload();
  };
  const remove = async () => {
    const question = `Delete the account ${account.system_id} with its routes? Its binds are ended. It doesn't come back.`;
    if (!await confirmed(question, "Delete", account.system_id)) return;
    await api(path, { method: "DELETE", headers: { "If-Match": version.current } });
    notify(`The account ${account.system_id} is deleted`);
    location.hash = "#/accounts";
  };
  const unbind = async () => {
    if (!await confirmed(`Unbind all binds of ${account.system_id}?`, "Unbind")) return;
    const { data } = await api(`/binds?system_id=${encodeURIComponent(account.system_id)}`, { method: "DELETE" });
    notify(`${data.unbound} binds are being ended`);
    await reload();
  };
  return html`<div class="controls" id="account-buttons">
    ${may("admin") && html`<${Button} press=${async () => open("settings")}>Change settings<//><${Button} press=${async () => open("password")}>Set password<//>`}
    ${may("operator") && account.suspended && html`<${Button} press=${() => post("resume")}>Resume<//>`}
    ${may("operator") && !account.suspended && html`<${Button} kind="danger" press=${() => post("suspend", `Suspend ${account.system_id}? Its binds are ended, and it can't bind until you resume it.`, "Suspend")}>Suspend<//>`}
    ${may("operator") && account.traffic.binds > 1 && html`<${Button} kind="danger" press=${unbind}>Unbind all<//>`}
    ${may("admin") && html`<${Button} kind="danger" press=${remove}>Delete<//>`}
  </div>`;
}

function Settings({ account, path, version, close, reload }) {
  const fields = MORE_SETTINGS.filter(({ name }) => name !== "alt_charset" || account.alt_charset !== null);
  const send = async (values) => {
    const empty = { throughput: 0, max_binds: 0, default_cost: 0 };
    const before = (name) => account[name] ?? null;
    const changed = Object.entries(values).map(([name, value]) => [name, value ?? empty[name] ?? null]).filter(([name, value]) => value !== before(name));
    if (changed.length) await api(path, { method: "PATCH", body: Object.fromEntries(changed), headers: { "If-Match": version } });
    close();
    await reload();
  };
  return html`<${Dialog} title=${`Settings of ${account.system_id}`} close=${close}>
    <${Form} id="settings" fields=${fields} values=${account} words="Save" send=${send} cancel=${close} />
  <//>`;
}

function Password({ account, path, close, done }) {
  const fields = [
    { name: "password", label: "New password", kind: "password", maxLength: 64, hint: "empty = one is made, and shown once; SMPP has room for 8 characters" },
    { name: "keep_former_for", label: "Former one stays valid for", kind: "number", hint: "seconds; 0 = it ends now" },
  ];
  const send = async (values) => {
    const body = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
    const { data } = await api(`${path}/password`, { method: "POST", body });
    close();
    await done(data);
  };
  return html`<${Dialog} title=${`Password of ${account.system_id}`} close=${close}>
    <${Form} id="set-password" fields=${fields} words="Set the password" send=${send} cancel=${close} />
  <//>`;
}

function Facts({ account }) {
  const { traffic } = account;
  const facts = [
    ["Submits", html`<${Against} value=${traffic.inbound_rate} limit=${account.throughput} unit="/s" />`, `${whole(traffic.mt)} accepted`],
    ["Deliveries", rate(traffic.outbound_rate), `${whole(traffic.mo)} MO, ${countOf(traffic.dlr, "report")}`],
    ["Refused", whole(traffic.errors), "since the start"],
    ["Binds", html`<${Against} value=${traffic.binds} limit=${account.max_binds} />`, account.connect_allow_ip ? `from ${account.connect_allow_ip}` : "from everywhere"],
    ["Credit", account.enable_prepaid_billing ? credits(account.credit) : "–", account.enable_prepaid_billing ? "prepaid" : "not prepaid"],
    ["Default SMSC", account.default_smsc || "–", account.default_cost ? `${compact(account.default_cost)} a part` : "without cost"],
  ];
  return html`<div class="tiles" id="account-facts">${facts.map(([name, value, more]) => html`<div class="tile"><h2>${name}</h2><p class="number">${value}</p><p class="quiet">${more}</p></div>`)}</div>`;
}

export function Account({ name }) {
  const path = `/accounts/${encodeURIComponent(name)}`;
  const [dialog, setDialog] = useState("");
  const [saved, setSaved] = useState(null);
  const version = useRef(null);
  const account = useData(async () => {
    const { data, version: present } = await api(path);
    return { ...data, version: present };
  }, INTERVAL, [path]);
  const refusals = useData(async () => (await api(`/refusals?system_id=${encodeURIComponent(name)}`)).data, INTERVAL, [name]);
  const { reload } = account;
  version.current = account.data?.version;
  const bindColumns = useMemo(() => BIND_COLUMNS(reload), [reload]);
  const close = () => setDialog("");
  useEffect(close, [name]);
  return html`<${Loaded} from=${account}>${(data) => html`
    <div class="heading"><h2 class="page-title">${data.system_id}</h2><${AccountState} account=${data} />${data.simulate && html`<span class="pill">simulated</span>`}
      <${Buttons} account=${data} path=${path} version=${version} reload=${reload} open=${setDialog} /></div>
    <${Facts} account=${data} />
    <${Charts} path=${path} />
    <${Card} id="binds" title="Binds" note="rates over a second">
      <${Table} label="binds" columns=${bindColumns} rows=${data.binds} rowKey=${(bind) => bind.bind_id} first="Bind" empty="The account isn't bound." />
    <//>
    <${Card} id="account-routes" title="Routes" actions=${html`<a class="button" href=${link("routes", data.system_id)}>Edit and try</a>`}><${RoutesTable} name=${data.system_id} /><//>
    <${Credit} path=${path} account=${data} changed=${reload} />
    <${Card} id="account-refusals" title="Last refusals"><${Loaded} from=${refusals}>${({ items }) => html`<${RefusalsTable} items=${items} />`}<//><//>
    <${Queue} path=${path} name=${data.system_id} />
    ${dialog === "settings" && html`<${Settings} account=${data} path=${path} version=${data.version} close=${close} reload=${reload} />`}
    ${dialog === "password" && html`<${Password} account=${data} path=${path} close=${close} done=${async (each) => { await reload(); setSaved(each); }} />`}
    ${saved && html`<${NewPassword} saved=${saved} close=${() => setSaved(null)} />`}`}<//>`;
}
