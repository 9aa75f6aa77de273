// The Overview: the state of the whole server, polled every two seconds.

import { Chart } from "./charts.js";
import { BIND_REASONS, QUEUES, SPANS, compact, countOf, duration, rate, whole } from "./format.js";
import { api, confirmed, element, may, notify, request, session } from "./shell.js";
import { button, fold, pill, showTable } from "./tables.js";

const MAX_OPENED = 50;
const HOUR = 3600;
const LONGER_INTERVAL = 60; // seconds between two requests for more than an hour
const TYPES = { 1: "transmitter", 2: "receiver", 3: "transceiver" };

let points = [];
let hours = 1; // shown by the charts; more come from Prometheus
let longerAt = 0; // when they were asked for last
let charts = null;
let poll = async () => {}; // polls at once, instead of after the interval
const order = { sort: "account", descending: false }; // of the accounts
const opened = new Set(); // accounts whose binds are listed although there are too many binds for all

export function setPoll(now) {
  poll = now;
}

// The query of the next request for the state.
export function query() {
  const asked = new URLSearchParams({ since: points.at(-1)?.time ?? 0, find: element("find").value.trim(), sort: order.sort });
  if (order.descending) asked.append("descending", "");
  for (const account of opened) asked.append("open", account);
  return asked;
}

export function forget() {
  points = [];
  opened.clear();
  chooseSpan(1);
  element("find").value = "";
}

async function command(path, parameters, button) {
  if (button) button.disabled = true;
  try {
    const { status, data } = await request("dashboard/command", { method: "POST", body: { command: path, parameters } });
    const rows = data.rows === undefined ? "" : `: ${data.rows} rows read, ${data.skipped} skipped`;
    const cleared = data.unblocked === undefined ? "Done" : `${data.unblocked} address(es) cleared`;
    notify(data.message ? data.message + rows : cleared);
    if (status === 403 && data.message === "Please sign in") session.ended();
    else await poll();
  } catch {
    notify("The server doesn't answer");
  } finally {
    if (button) button.disabled = false;
  }
}

export function show(state) {
  const known = points.at(-1)?.time ?? 0;
  points = [...points.filter((point) => point.time > state.now - HOUR - 60), ...state.points.filter((point) => point.time > known)];
  showLevel(state.log_level);
  showTiles(state, points.at(-1));
  charts ??= makeCharts();
  showSpans();
  if (hours > 1) showLonger(state.now);
  else for (const [chart, values] of charts) {
    const columns = [points.map((point) => point.time), ...values.map((value) => points.map(value))];
    const shades = points.filter((point) => point.away > 0).map((point) => point.time);
    chart.show(columns, { now: state.now, longest: HOUR, interval: state.interval, shades: chart.shade ? shades : [] });
  }
  showEsmes(state);
  showBoxes(state.bearerboxes.bearerboxes);
  showQueues(state.queues);
  showRefusals(state);
  showBlocked(state.blocked);
}

// The choice of longer times, where the server has a Prometheus.
function showSpans() {
  const spans = SPANS.filter(([each]) => each <= session.longestHistory);
  element("span-choice").hidden = spans.length < 2;
  if (element("overview-span").length !== spans.length) {
    element("overview-span").replaceChildren(...spans.map(([each, words]) => new Option(words, each)));
  }
}

// Charts that Prometheus isn't asked for are hidden meanwhile.
function chooseSpan(chosen) {
  hours = chosen;
  longerAt = 0;
  element("overview-span").value = String(chosen);
  for (const name of ["queues", "lag"]) element(`chart-${name}`).hidden = hours > 1;
}

async function showLonger(now) {
  const asked = hours;
  if (now - longerAt < LONGER_INTERVAL) return;
  longerAt = now;
  try {
    const { data: { times, values } } = await api(`/history?hours=${asked}`);
    if (asked !== hours) return;
    const delivered = values.deliveries.map((value, index) => (value === null ? values.reports[index] : value + (values.reports[index] ?? 0)));
    const shown = { now: times.at(-1) ?? now, longest: asked * HOUR, interval: Math.max(60, asked * 10) };
    charts[0][0].show([times, values.submits, delivered, values.refused], shown);
    charts[2][0].show([times, values.binds], shown);
  } catch (problem) {
    notify(`${problem.message}.`);
  }
}

element("overview-span").addEventListener("change", async (event) => {
  chooseSpan(Number(event.target.value));
  await poll();
});

// Selects the server's level when it changes, so that a choice of the operator stays until it is sent.
let level;
function showLevel(present) {
  if (present === level) return;
  level = present;
  element("log-level").value = present === null ? "" : String(present);
}

function tile(name, number, more, bad = false) {
  element(`tile-${name}`).textContent = number;
  element(`tile-${name}`).classList.toggle("bad", bad);
  element(`tile-${name}-more`).textContent = more;
}

function showTiles(state, latest) {
  const { bearerboxes: boxes, queues, sums } = state;
  tile("binds", whole(state.binds), `of ${countOf(state.bound, "account")}`);
  tile("submits", latest ? rate(latest.submits) : "–", `${whole(sums.submits)} accepted`);
  tile("deliveries", latest ? rate(latest.deliveries + latest.reports) : "–", `${whole(sums.deliveries)} MO, ${countOf(sums.reports, "report")}`);
  tile("refused", latest ? rate(latest.refused) : "–", `${whole(sums.refused)} in all`, Boolean(latest && latest.refused > 0));
  const oldest = state.oldest_age ? `oldest ${duration(state.oldest_age)}` : queues.age === null ? "not counted yet" : "in the database";
  tile("queue", queues.age === null ? "–" : whole(queues.stored), queues.waiting ? `${oldest}, ${whole(queues.waiting)} in memory` : oldest);
  const all = boxes.bearerboxes.length;
  tile("boxes", `${boxes.online}/${all}`, boxes.online === all ? "all connected" : boxes.online ? "some disconnected" : "none connected", boxes.online < all);
}

function makeCharts() {
  const chart = (name, series, options) => [new Chart(element(`chart-${name}`), Object.keys(series), options), Object.values(series)];
  return [
    chart("rates", {
      "submits": (point) => point.submits,
      "messages and reports delivered": (point) => point.deliveries + point.reports,
      "refused": (point) => point.refused,
    }),
    chart("queues", {
      "in the database": (point) => point.stored,
      "in memory, for a bearerbox": (point) => point.waiting,
    }, { counts: true, shade: "a bearerbox was down" }),
    chart("binds", { binds: (point) => point.binds }, { counts: true }),
    chart("lag", { "longest delay": (point) => point.lag }),
  ];
}

const esmeRows = ({ esmes, folded }) => esmes.flatMap((esme) => [{ esme, folded }, ...esme.binds.map((bind) => ({ esme, bind }))]);

const ESME_COLUMNS = [
  { name: "Account", sort: "account", of: accountName },
  { name: "Binds", sort: "binds", of: ({ esme, bind }) => (bind ? TYPES[bind.bind_type] : `${esme.bind_count}${esme.max_binds ? ` of ${esme.max_binds}` : ""}`) },
  { name: "From", sort: "from", of: ({ bind }) => bind?.ip ?? "" },
  { name: "Up", sort: "up", of: ({ bind }) => (bind ? duration(bind.uptime) : "") },
  { name: "In", sort: "in", kind: "figure", of: ({ esme, bind }) => rate(bind ? bind.inbound_load : esme.inbound_load[2]) + (!bind && esme.max_inbound_load ? ` of ${compact(esme.max_inbound_load)}` : "") },
  { name: "Out", sort: "out", kind: "figure", of: ({ esme, bind }) => rate(bind ? bind.outbound_load : esme.outbound_load[2]) },
  { name: "Unanswered", sort: "open", kind: "figure", of: ({ bind }) => (bind ? whole(bind.open_acks) : "") },
  { name: "MT", sort: "mt", kind: "figure", of: ({ esme, bind }) => whole((bind ?? esme).mt) },
  { name: "MO", sort: "mo", kind: "figure", of: ({ esme, bind }) => whole((bind ?? esme).mo) },
  { name: "Reports", sort: "reports", kind: "figure", of: ({ esme, bind }) => whole((bind ?? esme).dlr) },
  { name: "Refused", sort: "refused", kind: "figure", of: ({ esme, bind }) => whole((bind ?? esme).errors) },
  { name: "Unbind", kind: "act", of: unbindButton },
];

function nameLink(name, cell) {
  const made = cell.querySelector("a") ?? document.createElement("a");
  made.href = `#/accounts/${encodeURIComponent(name)}`;
  if (made.textContent !== name) made.textContent = name;
  return made;
}

function accountName({ esme, bind, folded }, cell) {
  if (bind) return `bind ${bind.bind_id}`;
  if (!folded || esme.bind_count === 0) return nameLink(esme.system_id, cell);
  return fold(cell, esme.system_id, opened.has(esme.system_id), `Binds of ${esme.system_id}`, async () => {
    if (!opened.delete(esme.system_id)) opened.add(esme.system_id);
    if (opened.size > MAX_OPENED) opened.delete(opened.values().next().value);
    await poll();
  });
}

function unbindButton({ esme, bind }, cell) {
  if (!may("operator") || (!bind && esme.bind_count < 2)) return null;
  const target = bind ? `bind ${bind.bind_id} of ${esme.system_id}` : `all ${esme.bind_count} binds of ${esme.system_id}`;
  const press = async () => {
    if (!await confirmed(`Unbind ${target}?`, "Unbind")) return;
    await command("/esme-unbind", { "system-id": esme.system_id, ...(bind ? { "bind-id": bind.bind_id } : {}) });
  };
  return button(cell, bind ? "Unbind" : "Unbind all", `Unbind ${target}`, press);
}

// Columns of numbers are sorted with the greatest first; choosing a column again reverses its order.
async function sortBy(column) {
  order.descending = order.sort === column.sort ? !order.descending : column.kind === "figure" || column.sort === "binds" || column.sort === "up";
  order.sort = column.sort;
  element("sort").value = column.sort;
  await poll();
}

for (const { name, sort } of ESME_COLUMNS) {
  if (sort) element("sort").append(new Option(`Sort by ${name}`, sort));
}
element("sort").addEventListener("change", () => sortBy(ESME_COLUMNS.find(({ sort }) => sort === element("sort").value)));

function showEsmes(state) {
  const { esmes, accounts, fit } = state;
  const listed = fit > esmes.length ? `${whole(esmes.length)} of ${countOf(fit, "account")}` : countOf(fit, "account");
  element("esmes-note").textContent = `${listed}; rates of accounts over a minute, of binds over a second`;
  element("esmes-note").hidden = accounts === 0;
  element("find").hidden = element("sort").hidden = accounts < 2;
  showTable(element("esmes"), {
    label: "Accounts and binds",
    columns: ESME_COLUMNS,
    order,
    sort: sortBy,
    rows: esmeRows(state),
    key: ({ esme, bind }) => `${esme.system_id}/${bind ? bind.bind_id : ""}`,
    kind: ({ bind }) => (bind ? "bind" : "account"),
    empty: accounts ? "No account matches." : "No bind since the start.",
  });
}

function boxState(box) {
  if (box.online) return `connected for ${duration(box.since)}`;
  return box.connects ? `disconnected ${duration(box.since)} ago` : "never connected";
}

function showBoxes(boxes) {
  showTable(element("boxes"), {
    label: "Bearerboxes",
    rows: boxes,
    key: (box) => box.name,
    empty: "The server is starting.",
    columns: [
      { name: "Bearerbox", of: (box) => `${box.boxc_id || "anonymous"} ${box.host}:${box.port}` },
      { name: "State", kind: "wide", of: (box, cell) => pill(cell, boxState(box), box.online) },
      { name: "Unanswered", kind: "figure", of: (box) => whole(box.open_acks) },
      { name: "Accepted", kind: "figure", of: (box) => whole(box.accepted) },
      { name: "Refused", kind: "figure", of: (box) => whole(box.refused) },
      { name: "Refused temporarily", kind: "figure", of: (box) => whole(box.refused_for_now) },
      { name: "Received", kind: "figure", of: (box) => whole(box.received) },
    ],
  });
}

function showQueues(queues) {
  const counted = `counted ${duration(queues.age)} ago${queues.complete ? "" : "; there are more"}`;
  const note = queues.age === null ? "not counted yet" : counted;
  element("queues-note").textContent = note;
  showTable(element("queues"), {
    label: "Queues",
    rows: queues.queues,
    key: (row) => `${row.system_id}/${row.queue}`,
    empty: "Nothing waits in the database.",
    columns: [
      { name: "Account", of: (row) => row.system_id || "(none)" },
      { name: "Queue", kind: "wide", of: (row) => QUEUES[row.queue] ?? row.queue },
      { name: "Messages", kind: "figure", of: (row) => whole(row.rows) },
      { name: "Oldest", kind: "figure", of: (row) => (row.oldest_age === null ? "–" : duration(row.oldest_age)) },
    ],
  });
}

// Addresses of the last refused bind or message, and the message id, which the logs have too.
function lastExample({ ip, example: { sender, receiver, message_id: id } }) {
  if (ip) return `from ${ip}`;
  return [sender || receiver ? `${sender || "–"} to ${receiver || "–"}` : "", id ? `id ${id}` : ""].filter(Boolean).join(", ");
}

function showRefusals({ refusals, now }) {
  showTable(element("refusals"), {
    label: "Recent refusals",
    rows: refusals,
    key: (each) => JSON.stringify([each.kind, each.system_id, each.ip, each.reason, each.status]),
    empty: "No refusal since the start.",
    columns: [
      { name: "Account", of: (each) => each.system_id || "(none)" },
      { name: "Kind", of: (each) => (each.kind === "bind" ? "bind" : "message") },
      { name: "Reason", kind: "wide", of: (each) => BIND_REASONS[each.reason] ?? each.reason },
      { name: "Answer", kind: "wide", of: (each) => `${each.is_temporary ? "temporary" : "permanent"}: ${each.status}` },
      { name: "Last example", kind: "wide", of: (each) => lastExample(each) },
      { name: "Times", kind: "figure", of: (each) => whole(each.count) },
      { name: "Last", kind: "figure", of: (each) => `${duration(Math.max(0, Math.round(now - each.last)))} ago` },
    ],
  });
}

function showBlocked(blocked) {
  element("clear-all").hidden = blocked.length < 2 || !may("operator");
  showTable(element("blocked"), {
    label: "Blocked addresses",
    rows: blocked,
    key: (each) => each.ip,
    empty: "No address is blocked.",
    columns: [
      { name: "Address", of: (each) => each.ip },
      { name: "Failed binds", kind: "figure", of: (each) => whole(each.attempts) },
      { name: "Blocked for", kind: "figure", of: (each) => duration(each.seconds_left) },
      { name: "Clear", kind: "act", of: ({ ip }, cell) => may("operator") && button(cell, "Clear", `Clear the block of ${ip}`, () => command("/blocked-ips", { clear: ip }), "plain") },
    ],
  });
}

element("rebuild-routes").addEventListener("click", (event) => command("/rebuild-routes", {}, event.currentTarget));
element("clear-all").addEventListener("click", async () => {
  if (await confirmed("Clear the blocks of all addresses?", "Clear all")) await command("/blocked-ips", { clear: "all" });
});
element("log-level-form").addEventListener("submit", (event) => {
  event.preventDefault();
  command("/log-level", { level: element("log-level").value }, event.submitter);
});
