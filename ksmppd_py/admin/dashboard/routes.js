// The page Routes: routes in the order in which they are tried, forms for them, and the test of a message.

import { DIRECTIONS, compact, credits, whole } from "./format.js";
import { api, confirmed, may, notify } from "./shell.js";
import { Button, Card, Dialog, Form, Loaded, Pill, Table, html, link, useData, useEffect, useMemo, useRef, useState } from "./view.js";

const MOST = 500;
const DIRECTION_OPTIONS = [[1, "from the ESME"], [2, "to the ESME"]];
const STEP = 10; // between the priorities of routes that are numbered again

// Load routes of one account, or of all.
function useRoutes(name) {
  const path = `/routes?limit=${MOST}${name ? `&system_id=${encodeURIComponent(name)}` : ""}`;
  return useData(async () => numbered((await api(path)).data), 0, [path]);
}

// Each route's place among those of its account and direction.
function numbered({ items, next }) {
  const counts = new Map();
  const rows = items.map((route) => {
    const group = `${route.direction}/${route.system_id ?? ""}`;
    counts.set(group, (counts.get(group) ?? 0) + 1);
    return { ...route, group, place: counts.get(group) };
  });
  return { items: rows, next };
}

const SHOWN = [
  { name: "Place", of: (route) => `${route.place}`, sort: (route) => route.place },
  { name: "Account", of: (route) => (route.system_id ? html`<a href=${link("accounts", route.system_id)}>${route.system_id}</a>` : "–"), sort: (route) => route.system_id ?? "" },
  { name: "Direction", of: (route) => DIRECTIONS[route.direction] ?? `${route.direction}`, sort: (route) => route.direction },
  { name: "Receiver", kind: "wide", of: (route) => html`<code>${route.regex || "all"}</code>`, sort: (route) => route.regex ?? "" },
  { name: "Sender", kind: "wide", of: (route) => html`<code>${route.source_regex || "all"}</code>`, sort: (route) => route.source_regex ?? "" },
  { name: "SMSC", of: (route) => route.smsc_id || "–", sort: (route) => route.smsc_id ?? "" },
  { name: "Cost", kind: "figure", of: (route) => (route.direction === 1 ? credits(route.cost) : "–"), sort: (route) => route.cost ?? 0 },
  { name: "Priority", kind: "figure", of: (route) => `${route.priority ?? "–"}`, sort: (route) => route.priority ?? 0 },
];

export function RoutesTable({ name }) {
  const routes = useRoutes(name);
  const columns = SHOWN.filter((column) => column.name !== "Account");
  return html`<${Loaded} from=${routes}>${(data) => html`<${Table} label="routes" columns=${columns} rows=${data.items} rowKey=${(route) => route.route_id} empty="The account has no route: the default SMSC takes its messages, if it has one." />`}<//>`;
}

// Try an expression while it is typed, on addresses of the operator's choice.
function useTry(values) {
  const [result, setResult] = useState(null);
  const { regex = "", addresses = "" } = values;
  useEffect(() => {
    let over = false;
    const timer = setTimeout(async () => {
      const list = (addresses ?? "").split(/[\s,;]+/).filter(Boolean).slice(0, 50).map((address) => address.slice(0, 64));
      try {
        const { data } = await api("/routes/try-regex", { method: "POST", body: { regex: regex ?? "", addresses: list } });
        if (!over) setResult({ ...data, list });
      } catch (error) {
        if (!over) setResult({ problem: error.message, matching: [], list });
      }
    }, 200);
    return () => {
      over = true;
      clearTimeout(timer);
    };
  }, [regex, addresses]);
  return result;
}

function Tried({ result }) {
  if (result === null) return null;
  if (result.problem) return html`<p class="problem whole" id="tried" role="status">${result.problem}</p>`;
  if (!result.list.length) return html`<p class="quiet whole" id="tried" role="status">The expression is usable.</p>`;
  const taken = new Set(result.matching);
  return html`<p class="whole tried" id="tried" role="status">${result.list.map((address) => html`<${Pill} kind=${taken.has(address) ? "good" : ""}>${address} ${taken.has(address) ? "is taken" : "isn't"}<//> `)}</p>`;
}

function RouteForm({ route, close, reload }) {
  const [typed, setTyped] = useState(route);
  const result = useTry(typed);
  const fields = [
    { name: "system_id", label: "Account", hint: "lower case", maxLength: 64 },
    { name: "direction", label: "Direction", kind: "choice", options: DIRECTION_OPTIONS },
    { name: "regex", label: "Receiver", hint: "regular expression that must match; empty = all" },
    { name: "addresses", label: "Try it on", hint: "addresses, blanks between; + in front of international ones" },
    { name: "source_regex", label: "Sender", hint: "must match as well; empty = all" },
    { name: "smsc_id", label: "SMSC", hint: "from the ESME: the one that sends; to the ESME: the one it comes from" },
    { name: "cost", label: "Cost", kind: "number", hint: "credits a part" },
    { name: "priority", label: "Priority", kind: "number", hint: "higher ones are tried first" },
  ];
  const send = async ({ addresses: _, ...values }) => {
    const set = { ...values, cost: values.cost ?? 0, priority: values.priority ?? 0 };
    if (route.route_id === undefined) {
      const body = Object.fromEntries(Object.entries(set).filter(([name, value]) => value !== null && !(name === "priority" && value === 0)));
      await api("/routes", { method: "POST", body });
    } else {
      const body = Object.fromEntries(Object.entries(set).filter(([name, value]) => value !== (route[name] ?? (name === "priority" || name === "cost" ? 0 : null))));
      if (Object.keys(body).length) await api(`/routes/${route.route_id}`, { method: "PATCH", body });
    }
    close();
    await reload();
  };
  return html`<${Dialog} title=${route.route_id === undefined ? "New route" : `Route ${route.route_id}`} close=${close}>
    <${Form} id="route" fields=${fields} values=${route} words="Save" send=${send} cancel=${close} changed=${setTyped}><${Tried} result=${result} /><//>
  <//>`;
}

// Give a route another place: by a priority between its neighbours', or by numbering all of its group again.
async function move(rows, route, place) {
  const group = rows.filter((each) => each.group === route.group && each.route_id !== route.route_id);
  const index = Math.min(Math.max(1, place), group.length + 1) - 1;
  const rank = (each) => each?.priority ?? 0;
  const set = (each, priority) => api(`/routes/${each.route_id}`, { method: "PATCH", body: { priority } });
  const [above, below] = [group[index - 1], group[index]];
  if (!above) return set(route, rank(below) + STEP);
  if (!below) return set(route, rank(above) - STEP);
  if (rank(above) - rank(below) > 1) return set(route, Math.floor((rank(above) + rank(below)) / 2));
  group.splice(index, 0, route);
  for (const [number, each] of group.entries()) {
    const priority = (group.length - number) * STEP;
    if (each.priority !== priority) await set(each, priority);
  }
  return null;
}

function Place({ route, rows, reload }) {
  const input = useRef(null);
  const change = async () => {
    const place = Number(input.current.value);
    if (!Number.isInteger(place) || place < 1 || place === route.place) {
      input.current.value = route.place;
      return;
    }
    try {
      await move(rows, route, place);
    } catch (error) {
      notify(error.message);
    }
    await reload();
  };
  return html`<input ref=${input} key=${`${route.route_id}/${route.place}`} class="place" type="number" min="1" aria-label=${`Place of route ${route.route_id}`} defaultValue=${route.place} onChange=${change} />`;
}

const TEST_FIELDS = [
  { name: "direction", label: "Direction", kind: "choice", options: DIRECTION_OPTIONS },
  { name: "system_id", label: "Account", hint: "of a message from the ESME" },
  { name: "smsc_id", label: "SMSC", hint: "of a message to the ESME" },
  { name: "from", label: "From", hint: "sender" },
  { name: "to", label: "To", hint: "receiver; + in front of an international one", required: true },
  { name: "text", label: "Text", kind: "area" },
];

function TestResult({ result }) {
  const facts = [
    ["Reason", result.reason && `${result.reason}${result.detail && result.detail !== result.reason ? `: ${result.detail}` : ""}`],
    ["Answer", result.command_status ? `0x${result.command_status.toString(16).padStart(2, "0")}` : ""],
    ["Decided by", result.route_id ? `route ${result.route_id}` : result.decided_by],
    ["Account", result.system_id],
    ["SMSC", result.smsc_id || (result.outcome === "routed" && result.decided_by !== "simulation" ? "the bearerbox chooses" : "")],
    ["Parts", result.parts ? whole(result.parts) : ""],
    ["Price", result.parts ? `${credits(result.price)}${result.charged ? "" : ", not charged"}` : ""],
    ["Credit", result.credit === null ? "" : credits(result.credit)],
    ["Throughput", result.throughput ? `${compact(result.throughput)} a second` : ""],
    ["Bound", result.bound === null ? "" : result.bound ? "yes" : "no"],
    ["When away", result.when_away],
    ["Binds", result.binds_outdated ? "live binds still go by older settings" : ""],
  ].filter(([, value]) => value);
  return html`<div id="test-result" role="status"><p><${Pill} kind=${result.outcome === "routed" ? "good" : "bad"}>${result.outcome}<//></p>
    <dl class="facts-list">${facts.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl></div>`;
}

function RouteTest({ name }) {
  const [result, setResult] = useState(null);
  const send = async (values) => {
    setResult(null);
    const body = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
    if (body.to === undefined) body.to = "";
    setResult((await api("/routes/test", { method: "POST", body })).data);
  };
  return html`<${Card} id="test" title="Test" note="nothing is sent, charged or counted">
    <${Form} id="route-test" fields=${TEST_FIELDS} values=${{ system_id: name }} words="Test" send=${send} />
    ${result && html`<${TestResult} result=${result} />`}
  <//>`;
}

export function Routes({ name }) {
  const routes = useRoutes(name);
  const [edited, setEdited] = useState(null);
  const { reload, data } = routes;
  const columns = useMemo(() => {
    if (!may("admin")) return SHOWN;
    const rows = data?.items ?? [];
    const remove = async (route) => {
      if (!await confirmed(`Delete route ${route.route_id} (${route.regex || "all receivers"})? It doesn't come back.`, "Delete")) return;
      await api(`/routes/${route.route_id}`, { method: "DELETE" });
      await reload();
    };
    const place = { ...SHOWN[0], of: (route) => (route.priority === undefined ? `${route.place}` : html`<${Place} route=${route} rows=${rows} reload=${reload} />`) };
    const act = { name: "Edit", kind: "act", of: (route) => html`<span class="controls">
      <${Button} kind="small" label=${`Edit route ${route.route_id}`} press=${async () => setEdited(route)}>Edit<//>
      <${Button} kind="small danger" label=${`Delete route ${route.route_id}`} press=${() => remove(route)}>Delete<//></span>` };
    return [place, ...SHOWN.slice(1), act];
  }, [data, reload]);
  const note = `${name ? `of ${name}, ` : ""}in the order in which they are tried${data?.next ? `; the first ${MOST}` : ""}`;
  const actions = html`<form class="controls" onSubmit=${(event) => { event.preventDefault(); location.hash = link("routes", event.target.elements.account.value.trim().toLowerCase()); }}>
      <input name="account" type="search" placeholder="Account" aria-label="Routes of one account" maxlength="64" autocomplete="off" spellcheck=${false} defaultValue=${name} /><button type="submit">Show</button></form>
    ${may("admin") && html`<${Button} kind="strong" press=${async () => setEdited({ system_id: name || null, direction: 1 })}>New route<//>`}`;
  return html`
    <${Card} id="routes" title="Routes" note=${note} actions=${actions}>
      <${Loaded} from=${routes}>${({ items }) => html`<${Table} label="routes" columns=${columns} rows=${items} rowKey=${(route) => route.route_id} empty=${name ? `No route of ${name}.` : "There is no route yet."} />`}<//>
    <//>
    <${RouteTest} name=${name} />
    ${edited && html`<${RouteForm} route=${edited} close=${() => setEdited(null)} reload=${reload} />`}`;
}
