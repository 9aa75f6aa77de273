// The pages Bearerboxes, Queues, Refusals and Events.

import { BIND_REASONS, QUEUES, duration, moment, whole } from "./format.js";
import { api, confirmed, may } from "./shell.js";
import { Button, Card, Loaded, Pill, Table, html, link, useData, useRef, useState } from "./view.js";

const INTERVAL = 3000; // milliseconds
const SLOW_INTERVAL = 10000;
const MOST_EVENTS = 500;

const accountLink = (name) => (name ? html`<a href=${link("accounts", name)}>${name}</a>` : "(none)");

function boxState({ online, since, connects, paused }) {
  if (paused && online) return "paused: drains";
  if (online) return `connected for ${duration(since)}`;
  return connects ? `disconnected ${duration(since)} ago` : "never connected";
}

const BOXES = [
  { name: "Bearerbox", of: (box) => `${box.boxc_id || "anonymous"} ${box.host}:${box.port}`, sort: (box) => box.name },
  { name: "State", kind: "wide", of: (box) => html`<${Pill} kind=${box.paused ? "warn" : box.online ? "good" : "bad"}>${boxState(box)}<//>`, sort: (box) => (box.online ? 0 : 1) },
  { name: "Unanswered", kind: "figure", of: (box) => whole(box.open_acks), sort: (box) => box.open_acks },
  { name: "Oldest", kind: "figure", of: (box) => (box.open_acks ? duration(box.unanswered_for) : "–"), sort: (box) => box.unanswered_for },
  { name: "Accepted", kind: "figure", of: (box) => whole(box.accepted), sort: (box) => box.accepted },
  { name: "Refused", kind: "figure", of: (box) => whole(box.refused), sort: (box) => box.refused },
  { name: "Refused temporarily", kind: "figure", of: (box) => whole(box.refused_for_now), sort: (box) => box.refused_for_now },
  { name: "Received", kind: "figure", of: (box) => whole(box.received), sort: (box) => box.received },
  { name: "Not acked", kind: "figure", of: (box) => whole(box.incoming), sort: (box) => box.incoming },
  { name: "Connects", kind: "figure", of: (box) => whole(box.connects), sort: (box) => box.connects },
];

export function Bearerboxes() {
  const boxes = useData(async () => (await api("/bearerboxes")).data, INTERVAL);
  const pause = async ({ name, paused }) => {
    if (!paused && !await confirmed(`Pause ${name}? It gets no more messages; those that it has are acked.`, "Pause")) return;
    await api(`/bearerboxes/${encodeURIComponent(name)}/${paused ? "resume" : "pause"}`, { method: "POST" });
    await boxes.reload();
  };
  const act = { name: "Pause", kind: "act", of: (box) => html`<${Button} kind="small" label=${`${box.paused ? "Resume" : "Pause"} ${box.name}`} press=${() => pause(box)}>${box.paused ? "Resume" : "Pause"}<//>` };
  const columns = may("operator") ? [...BOXES, act] : BOXES;
  const note = boxes.data ? `${boxes.data.online} of ${boxes.data.items.length} connected, ${whole(boxes.data.waiting)} messages wait for room` : "";
  return html`<${Card} id="bearerboxes" title="Bearerboxes" note=${note}>
    <${Loaded} from=${boxes}>${({ items }) => html`<${Table} label="bearerboxes" columns=${columns} rows=${items} rowKey=${(box) => box.name} first="Bearerbox" empty="The server is starting." />`}<//>
  <//>`;
}

const DEPTHS = [
  { name: "Account", of: (row) => accountLink(row.system_id), sort: (row) => row.system_id },
  { name: "Queue", kind: "wide", of: (row) => QUEUES[row.queue] ?? row.queue, sort: (row) => row.queue },
  { name: "Messages", kind: "figure", of: (row) => whole(row.rows), sort: (row) => row.rows },
  { name: "Oldest", kind: "wide", of: (row) => (row.oldest === null ? "unknown" : moment(row.oldest)), sort: (row) => row.oldest ?? 0 },
];

export function Queues() {
  const queues = useData(async () => (await api("/queues")).data, SLOW_INTERVAL);
  const { taken, complete, waiting } = queues.data ?? {};
  const counted = taken ? `counted ${moment(taken)}${complete ? "" : "; there are more"}` : "not counted yet";
  return html`<${Card} id="queues-page" title="Queues" note=${queues.data ? `${counted}; ${whole(waiting)} in memory, for a bearerbox` : ""}>
    <${Loaded} from=${queues}>${({ items }) => html`<${Table} label="queues" columns=${DEPTHS} rows=${items} rowKey=${(row) => `${row.system_id}/${row.queue}`} first="Account" empty="Nothing waits in the database." />`}<//>
  <//>`;
}

const between = ({ sender, receiver }) => (sender || receiver ? `${sender || "–"} to ${receiver || "–"}` : "–");

const REFUSALS = [
  { name: "Account", of: (each) => accountLink(each.system_id), sort: (each) => each.system_id },
  { name: "Kind", of: (each) => (each.kind === "bind" ? "bind" : "message"), sort: (each) => each.kind },
  { name: "Reason", kind: "wide", of: (each) => BIND_REASONS[each.reason] ?? each.reason, sort: (each) => each.reason },
  { name: "Answer", kind: "wide", of: (each) => each.command_status_name, sort: (each) => each.command_status },
  { name: "Addresses", kind: "wide", of: (each) => (each.ip ? `from ${each.ip}` : between(each)) },
  { name: "Message id", kind: "wide", of: (each) => each.message_id || "–" },
  { name: "Times", kind: "figure", of: (each) => whole(each.count), sort: (each) => each.count },
  { name: "Last", kind: "wide", of: (each) => moment(each.last), sort: (each) => each.last },
];

export function RefusalsTable({ items, withAccount = false }) {
  const columns = withAccount ? REFUSALS : REFUSALS.slice(1);
  const rowKey = (each) => JSON.stringify([each.kind, each.system_id, each.ip, each.reason, each.command_status]);
  return html`<${Table} label="refusals" columns=${columns} rows=${items} rowKey=${rowKey} empty="No refusal since the start." />`;
}

export function Refusals() {
  const refusals = useData(async () => (await api("/refusals")).data, INTERVAL);
  const blocked = useData(async () => (await api("/blocked")).data, INTERVAL);
  const clear = async (ip) => {
    if (!ip && !await confirmed("Clear the blocks of all addresses?", "Clear all")) return;
    await api(ip ? `/blocked/${encodeURIComponent(ip)}` : "/blocked", { method: "DELETE" });
    await blocked.reload();
  };
  const columns = [
    { name: "Address", of: (each) => each.ip, sort: (each) => each.ip },
    { name: "Failed binds", kind: "figure", of: (each) => whole(each.failed_binds), sort: (each) => each.failed_binds },
    { name: "Blocked for", kind: "figure", of: (each) => duration(each.seconds_left), sort: (each) => each.seconds_left },
    ...(may("operator") ? [{ name: "Clear", kind: "act", of: ({ ip }) => html`<${Button} kind="small" label=${`Clear the block of ${ip}`} press=${() => clear(ip)}>Clear<//>` }] : []),
  ];
  const all = may("operator") && blocked.data?.items.length > 1 ? html`<${Button} press=${() => clear("")}>Clear all<//>` : null;
  return html`
    <${Card} id="refusals-page" title="Refusals" note="with the addresses and id of the last one of each kind">
      <${Loaded} from=${refusals}>${({ items }) => html`<${RefusalsTable} items=${items} withAccount=${true} />`}<//>
    <//>
    <${Card} id="blocked-page" title="Blocked addresses" actions=${all}>
      <${Loaded} from=${blocked}>${({ items }) => html`<${Table} label="blocked addresses" columns=${columns} rows=${items} rowKey=${({ ip }) => ip} first="Address" empty="No address is blocked." />`}<//>
    <//>`;
}

const KINDS = {
  "": "all events",
  "bind,unbind": "binds",
  "bind_refused,submit_refused,address_blocked": "refusals and blocks",
  "bearerbox_up,bearerbox_down": "bearerboxes",
  "queue_began,queue_ended": "queues",
  "started,stopping,database_up,database_down": "server and database",
  "configuration,change": "configuration and changes",
};

const EVENTS = [
  { name: "Time", of: (event) => moment(event.time) },
  { name: "Kind", of: (event) => event.kind.replaceAll("_", " ") },
  { name: "Event", kind: "wide text", of: (event) => event.text },
  { name: "Account", of: ({ fields }) => (fields.system_id ? accountLink(fields.system_id) : "") },
];

export function Events() {
  const [kind, setKind] = useState("");
  const known = useRef({ kind: "", last: null, items: [] });
  const events = useData(async () => {
    if (known.current.kind !== kind) known.current = { kind, last: null, items: [] };
    const { last, items } = known.current;
    const since = last === null ? "&limit=200" : `&since=${last}&limit=1000`;
    const { data } = await api(`/events?kind=${kind}${since}`);
    if (known.current.kind !== kind) return null;
    known.current = { kind, last: data.last, items: [...data.items.toReversed(), ...items].slice(0, MOST_EVENTS) };
    return known.current;
  }, INTERVAL, [kind]);
  const choice = html`<select id="event-kind" aria-label="Kind of events" value=${kind} onChange=${(event) => setKind(event.target.value)}>
    ${Object.entries(KINDS).map(([value, words]) => html`<option value=${value}>${words}</option>`)}</select>`;
  return html`<${Card} id="events" title="Events" note="newest first; the last 10,000 are kept in memory" actions=${choice}>
    <${Loaded} from=${events}>${({ items }) => html`<${Table} label="events" columns=${EVENTS} rows=${items} rowKey=${(event) => event.event_id} empty="Nothing of this kind happened." />`}<//>
  <//>`;
}
