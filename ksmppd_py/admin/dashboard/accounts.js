// The page Accounts: all accounts with their limits, and the form for a new one.

import { compact, credits, rate, whole } from "./format.js";
import { api, may } from "./shell.js";
import { Button, Card, Dialog, Form, Loaded, Pill, Table, html, link, useData, useState } from "./view.js";

const INTERVAL = 4000; // milliseconds
const MOST = 500;
const NEARLY = 0.9; // of a limit

const isNear = (value, limit) => limit > 0 && value >= limit * NEARLY;

// A value and its limit; marked when it is near.
export function Against({ value, limit, words = compact, unit = "" }) {
  return html`<span class=${isNear(value, limit) ? "near" : ""}>${words(value)}${unit}${limit ? html` <span class="quiet">of ${words(limit)}</span>` : ""}</span>`;
}

export function AccountState({ account }) {
  if (account.suspended) return html`<${Pill} kind="bad">suspended<//>`;
  if (!account.password_form) return html`<${Pill} kind="warn">no password<//>`;
  return account.traffic.binds ? html`<${Pill}>bound<//>` : html`<${Pill} kind="">not bound<//>`;
}

const COLUMNS = [
  { name: "Account", of: (account) => html`<a href=${link("accounts", account.system_id)}>${account.system_id}</a>`, sort: (account) => account.system_id },
  { name: "State", of: (account) => html`<${AccountState} account=${account} />`, sort: (account) => (account.suspended ? 2 : account.traffic.binds ? 0 : 1) },
  { name: "Submits", kind: "figure", of: ({ traffic, throughput }) => html`<${Against} value=${traffic.inbound_rate} limit=${throughput} unit="/s" />`, sort: (account) => account.traffic.inbound_rate },
  { name: "Delivered", kind: "figure", of: ({ traffic }) => rate(traffic.outbound_rate), sort: (account) => account.traffic.outbound_rate },
  { name: "Binds", kind: "figure", of: ({ traffic, max_binds: limit }) => html`<${Against} value=${traffic.binds} limit=${limit} />`, sort: (account) => account.traffic.binds },
  { name: "Credit", kind: "figure", of: (account) => (account.enable_prepaid_billing ? html`<span class=${account.credit <= 0 ? "near" : ""}>${credits(account.credit)}</span>` : html`<span class="quiet">not prepaid</span>`), sort: (account) => (account.enable_prepaid_billing ? account.credit : Infinity) },
  { name: "MT", kind: "figure", of: (account) => whole(account.traffic.mt), sort: (account) => account.traffic.mt },
  { name: "MO", kind: "figure", of: (account) => whole(account.traffic.mo), sort: (account) => account.traffic.mo },
  { name: "Reports", kind: "figure", of: (account) => whole(account.traffic.dlr), sort: (account) => account.traffic.dlr },
  { name: "Refused", kind: "figure", of: (account) => whole(account.traffic.errors), sort: (account) => account.traffic.errors },
];

export const SETTINGS = [
  { name: "throughput", label: "Throughput", kind: "number", hint: "submits a second over all binds; 0 = unlimited" },
  { name: "max_binds", label: "Binds at a time", kind: "number", hint: "0 = unlimited" },
  { name: "connect_allow_ip", label: "Addresses to bind from", hint: "addresses, patterns or networks, ; between; empty = all" },
  { name: "default_smsc", label: "Default SMSC", hint: "takes what no route takes" },
  { name: "default_cost", label: "Cost over the default SMSC", kind: "number", hint: "credits a part" },
  { name: "enable_prepaid_billing", label: "Prepaid", kind: "check", hint: "submits cost credit" },
  { name: "simulate", label: "Simulated", kind: "check", hint: "answered as an SMSC might; messages go nowhere" },
];

const FIRST = [
  { name: "system_id", label: "Account (system_id)", required: true, maxLength: 15, hint: "up to 15 characters, lower case, no blanks, no /" },
  { name: "password", label: "Password", kind: "password", maxLength: 64, hint: "empty = one is made, and shown once; SMPP has room for 8 characters" },
];
const LAST = [{ name: "credit", label: "Credit to begin with", kind: "number", hint: "for prepaid accounts" }];

const given = (values) => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));

// A password that was generated; it isn't shown again.
export function NewPassword({ saved, close }) {
  return html`<${Dialog} title=${`Account ${saved.system_id}`} close=${close}>
    ${saved.password && html`<p>The password is shown this once:</p><p class="secret" id="new-password">${saved.password}</p>`}
    ${saved.warnings.map((warning) => html`<p class="banner warn">${warning}</p>`)}
    <div class="controls end"><a class="button" href=${link("accounts", saved.system_id)} onClick=${close}>Show the account</a><button type="button" onClick=${close}>Close</button></div>
  <//>`;
}

export function Accounts() {
  const [search, setSearch] = useState("");
  const [making, setMaking] = useState(false);
  const [saved, setSaved] = useState(null);
  const path = `/accounts?limit=${MOST}&search=${encodeURIComponent(search)}`;
  const accounts = useData(async () => (await api(path)).data, INTERVAL, [path]);
  const create = async (values) => {
    const { data } = await api("/accounts", { method: "POST", body: given(values) });
    setMaking(false);
    setSaved(data);
    await accounts.reload();
  };
  const actions = html`
    <input id="search" type="search" placeholder="Part of the name" aria-label="Find accounts by a part of the name" maxlength="64" autocomplete="off" spellcheck=${false} onInput=${(event) => setSearch(event.target.value.replace(/[^ -~]/g, "").trim().toLowerCase())} />
    ${may("admin") && html`<${Button} kind="strong" press=${async () => setMaking(true)}>New account<//>`}`;
  const note = accounts.data?.next ? `the first ${MOST}; find others by a part of the name` : "rates over a minute";
  return html`
    <${Card} id="accounts" title="Accounts" note=${note} actions=${actions}>
      <${Loaded} from=${accounts}>${(data) => html`<${Table} label="accounts" columns=${COLUMNS} rows=${data.items} rowKey=${(account) => account.system_id} first="Account"
        empty=${search ? "No account matches." : "There is no account yet."} />`}<//>
    <//>
    ${making && html`<${Dialog} title="New account" close=${() => setMaking(false)}>
      <${Form} id="new-account" fields=${[...FIRST, ...SETTINGS, ...LAST]} words="Create the account" send=${create} cancel=${() => setMaking(false)} />
    <//>`}
    ${saved && html`<${NewPassword} saved=${saved} close=${() => setSaved(null)} />`}`;
}
