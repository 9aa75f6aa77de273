// The page: signs in, polls the state every two seconds, shows it, and sends the commands of its buttons.

import { Chart, clock, compact, whole } from "./charts.js";
import { button, fold, pill, showTable } from "./tables.js";

const POLL_INTERVAL = 2000; // milliseconds
const MAX_OPENED = 50;
const REQUEST_TIMEOUT = 10000; // milliseconds
const HOUR = 3600;
const TYPES = { 1: "transmitter", 2: "receiver", 3: "transceiver" };
const QUEUES = { mt: "to bearerbox", mo: "messages to ESME", report: "reports to ESME", pdu: "ready PDUs to ESME", other: "other" };

const REASONS = {
  credentials: "wrong system_id or password",
  ip: "the account doesn't allow this address",
  max_binds: "the account has all the binds it may have",
  "back end": "the password could not be checked",
  "control characters": "control characters in name or password",
};

const element = (id) => document.getElementById(id);
let csrf = null;
let points = [];
let charts = null;
let timer = null;
let pollNumber = 0; // grows when older answers don't count any more
let answeredAt = null; // time of the last answer
const order = { sort: "account", descending: false }; // of the accounts
const opened = new Set(); // accounts whose binds are listed although there are too many binds for all

// -- requests -----------------------------------------------------------------------------------------------

async function request(path, { method = "GET", body } = {}) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (csrf !== null) headers["X-CSRF-Token"] = csrf;
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store", signal: AbortSignal.timeout(REQUEST_TIMEOUT) });
  return { status: answer.status, data: await answer.json() };
}

async function command(path, parameters, button) {
  if (button) button.disabled = true;
  try {
    const { status, data } = await request("dashboard/command", { method: "POST", body: { command: path, parameters } });
    const rows = data.rows === undefined ? "" : `: ${data.rows} rows read, ${data.skipped} skipped`;
    const cleared = data.unblocked === undefined ? "Done" : `${data.unblocked} address(es) cleared`;
    notify(data.message ? data.message + rows : cleared);
    if (status === 403) showSignIn();
    else await refresh();
  } catch {
    notify("The server doesn't answer");
  } finally {
    if (button) button.disabled = false;
  }
}

let noticeTimer = null;
function notify(text) {
  element("notice").textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { element("notice").textContent = ""; }, 5000);
}

function confirmed(question, yes) {
  const dialog = element("ask");
  element("ask-words").textContent = question;
  element("ask-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

// -- texts --------------------------------------------------------------------------------------------------

function duration(seconds) {
  if (seconds === null || seconds === undefined) return "unknown";
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

const rate = (value) => `${compact(value)}/s`;
const countOf = (number, one, many = `${one}s`) => `${whole(number)} ${number === 1 ? one : many}`;

// -- showing ------------------------------------------------------------------------------------------------

function show(state) {
  points = [...points.filter((point) => point.time > state.now - HOUR - 60), ...state.points];
  const latest = points.at(-1);
  const { state: word, troubles } = state.condition;
  element("ready").textContent = word;
  element("ready").className = `pill ${{ ready: "good", degraded: "warn" }[word] ?? "bad"}`;
  element("troubles").textContent = troubles.length ? `${word === "degraded" ? "Degraded" : "Not ready"}: ${troubles.join("; ")}.` : "";
  element("troubles").className = `banner ${word === "degraded" ? "warn" : "bad"}`;
  element("troubles").hidden = troubles.length === 0;
  element("version").textContent = `Version ${state.version},`;
  element("uptime").textContent = `up ${duration(state.uptime)}`;
  element("updated").textContent = `Last update ${clock(answeredAt / 1000, true)}`;
  showLevel(state.log_level);
  showTiles(state, latest);
  if (charts === null) charts = makeCharts(state.interval);
  for (const chart of charts) chart.show(points, state.now);
  showEsmes(state);
  showBoxes(state.bearerboxes.bearerboxes);
  showQueues(state.queues);
  showRefusals(state);
  showBlocked(state.blocked);
}

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
  tile("deliveries", latest ? rate(latest.deliveries + latest.reports) : "–", `${whole(sums.deliveries)} MO, ${whole(sums.reports)} reports`);
  tile("refused", latest ? rate(latest.refused) : "–", `${whole(sums.refused)} in all`, Boolean(latest && latest.refused > 0));
  const oldest = state.oldest_age ? `oldest ${duration(state.oldest_age)}` : queues.age === null ? "not counted yet" : "in the database";
  tile("queue", queues.age === null ? "–" : whole(queues.stored), queues.waiting ? `${oldest}, ${whole(queues.waiting)} in memory` : oldest);
  const all = boxes.bearerboxes.length;
  tile("boxes", `${boxes.online}/${all}`, boxes.online === all ? "all connected" : boxes.online ? "some disconnected" : "none connected", boxes.online < all);
}

function makeCharts(interval) {
  const time = { hour: HOUR, interval };
  return [
    new Chart(element("chart-rates"), [
      { name: "submits", value: (point) => point.submits },
      { name: "messages and reports delivered", value: (point) => point.deliveries + point.reports },
      { name: "refused", value: (point) => point.refused },
    ], time),
    new Chart(element("chart-queues"), [
      { name: "in the database", value: (point) => point.stored },
      { name: "in memory, for a bearerbox", value: (point) => point.waiting },
    ], { ...time, counts: true, shade: { name: "a bearerbox was down", when: (point) => point.away > 0 } }),
    new Chart(element("chart-binds"), [{ name: "binds", value: (point) => point.binds }], { ...time, counts: true }),
    new Chart(element("chart-lag"), [{ name: "longest delay", value: (point) => point.lag }], time),
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

function accountName({ esme, bind, folded }, cell) {
  if (bind) return `bind ${bind.bind_id}`;
  if (!folded || esme.bind_count === 0) return esme.system_id;
  return fold(cell, esme.system_id, opened.has(esme.system_id), `Binds of ${esme.system_id}`, async () => {
    if (!opened.delete(esme.system_id)) opened.add(esme.system_id);
    if (opened.size > MAX_OPENED) opened.delete(opened.values().next().value);
    await pollNow();
  });
}

function unbindButton({ esme, bind }, cell) {
  if (!bind && esme.bind_count < 2) return null;
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
  await pollNow();
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
      { name: "Reason", kind: "wide", of: (each) => REASONS[each.reason] ?? each.reason },
      { name: "Answer", kind: "wide", of: (each) => `${each.is_temporary ? "temporary" : "permanent"}: ${each.status}` },
      { name: "Last example", kind: "wide", of: (each) => lastExample(each) },
      { name: "Times", kind: "figure", of: (each) => whole(each.count) },
      { name: "Last", kind: "figure", of: (each) => `${duration(Math.max(0, Math.round(now - each.last)))} ago` },
    ],
  });
}

function showBlocked(blocked) {
  element("clear-all").hidden = blocked.length < 2;
  showTable(element("blocked"), {
    label: "Blocked addresses",
    rows: blocked,
    key: (each) => each.ip,
    empty: "No address is blocked.",
    columns: [
      { name: "Address", of: (each) => each.ip },
      { name: "Failed binds", kind: "figure", of: (each) => whole(each.attempts) },
      { name: "Blocked for", kind: "figure", of: (each) => duration(each.seconds_left) },
      { name: "Clear", kind: "act", of: ({ ip }, cell) => button(cell, "Clear", `Clear the block of ${ip}`, () => command("/blocked-ips", { clear: ip }), "plain") },
    ],
  });
}

// -- polling and signing in -----------------------------------------------------------------------------------

async function refresh() {
  const started = pollNumber;
  const query = new URLSearchParams({ since: points.at(-1)?.time ?? 0, find: element("find").value.trim(), sort: order.sort });
  if (order.descending) query.append("descending", "");
  for (const account of opened) query.append("open", account);
  const { status, data } = await request(`dashboard/state?${query}`);
  if (started !== pollNumber) return; // an answer to an older poll
  if (status === 403) {
    showSignIn();
    return;
  }
  answeredAt = new Date();
  element("stale").hidden = true;
  show({ ...data, points: data.points.filter((point) => point.time > (points.at(-1)?.time ?? 0)) });
}

async function poll() {
  const started = pollNumber;
  try {
    if (!document.hidden) await refresh();
  } catch (error) {
    if (started === pollNumber) showNoAnswer(error);
  }
  if (started === pollNumber && csrf !== null) timer = setTimeout(poll, POLL_INTERVAL);
}

function showNoAnswer(error) {
  element("stale").hidden = false;
  const reason = error?.name === "TimeoutError" ? "The server doesn't answer." : "The server closed the connection.";
  element("stale").textContent = `${reason} ${answeredAt ? `Last update ${clock(answeredAt / 1000, true)}` : "No state yet"}. Trying again.`;
  element("ready").textContent = "no answer";
  element("ready").className = "pill bad";
}

// Polls at once, instead of after the interval.
async function pollNow() {
  clearTimeout(timer);
  pollNumber += 1;
  await poll();
}

function showState(token) {
  csrf = token;
  element("sign-in-page").hidden = true;
  element("console").hidden = false;
  element("password").value = "";
  poll();
}

function showSignIn() {
  csrf = null;
  pollNumber += 1;
  points = [];
  answeredAt = null;
  opened.clear();
  element("find").value = "";
  clearTimeout(timer);
  element("console").hidden = true;
  element("sign-in-page").hidden = false;
  element("password").focus();
}

element("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  element("sign-in-problem").textContent = "";
  try {
    const { status, data } = await request("dashboard/session", { method: "POST", body: { password: element("password").value } });
    if (status === 200) showState(data.csrf);
    else {
      element("sign-in-problem").textContent = data.message;
      element("password").select();
    }
  } catch {
    element("sign-in-problem").textContent = "The server doesn't answer";
  }
});

element("sign-out").addEventListener("click", async () => {
  clearTimeout(timer); // no poll of a session that has ended
  pollNumber += 1;
  try {
    await request("dashboard/sign-out", { method: "POST" });
  } finally {
    showSignIn();
  }
});

element("rebuild-routes").addEventListener("click", (event) => command("/rebuild-routes", {}, event.currentTarget));
element("clear-all").addEventListener("click", async () => {
  if (await confirmed("Clear the blocks of all addresses?", "Clear all")) await command("/blocked-ips", { clear: "all" });
});
element("log-level-form").addEventListener("submit", (event) => {
  event.preventDefault();
  command("/log-level", { level: element("log-level").value }, event.submitter);
});
element("find").addEventListener("input", () => {
  clearTimeout(timer);
  pollNumber += 1;
  timer = setTimeout(poll, 200); // one request for several keys
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && csrf !== null) pollNow();
});

const { data } = await request("dashboard/session").catch(() => ({ data: { signed_in: false } }));
if (data.signed_in) showState(data.csrf);
else showSignIn();
