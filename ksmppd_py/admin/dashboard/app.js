// The page: signs in, asks for the state every two seconds, shows it, and sends what its buttons ask for.

import { Chart, clock, compact, whole } from "./charts.js";
import { button, fold, pill, showTable } from "./tables.js";

const EVERY = 2000;
const MOST_OPENED = 50;
const PATIENCE = 10000; // milliseconds, then the server counts as silent
const HOUR = 3600;
const TYPES = { 1: "transmitter", 2: "receiver", 3: "transceiver" };
const QUEUES = { mt: "to bearerbox", mo: "messages to ESME", report: "reports to ESME", pdu: "ready PDUs to ESME", other: "other" };

const REASONS = {
  credentials: "wrong system_id or password",
  ip: "the account doesn't allow this address",
  max_binds: "the account has all the binds it may have",
  "back end": "nobody could check the password",
  "control characters": "control characters in name or password",
};

const part = (id) => document.getElementById(id);
let csrf = null;
let points = [];
let charts = null;
let timer = null;
let running = 0;
let answeredAt = null;
const order = { sort: "account", falling: false }; // of the accounts
const opened = new Set(); // accounts whose binds are wanted although there are too many for all

// -- talking to the server ---------------------------------------------------------------------------------

async function ask(path, { method = "GET", body } = {}) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (csrf !== null) headers["X-CSRF-Token"] = csrf;
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store", signal: AbortSignal.timeout(PATIENCE) });
  return { status: answer.status, told: await answer.json() };
}

async function command(path, parameters, button) {
  if (button) button.disabled = true;
  try {
    const { status, told } = await ask("dashboard/command", { method: "POST", body: { command: path, parameters } });
    const rows = told.rows === undefined ? "" : `: ${told.rows} rows read, ${told.skipped} skipped`;
    const cleared = told.unblocked === undefined ? "Done" : `${told.unblocked} address(es) cleared`;
    say(told.message ? told.message + rows : cleared);
    if (status === 403) close();
    else await refresh();
  } catch {
    say("The server doesn't answer");
  } finally {
    if (button) button.disabled = false;
  }
}

let saying = null;
function say(words) {
  part("said").textContent = words;
  clearTimeout(saying);
  saying = setTimeout(() => { part("said").textContent = ""; }, 5000);
}

function sure(words, yes) {
  const dialog = part("ask");
  part("ask-words").textContent = words;
  part("ask-yes").textContent = yes;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

// -- words --------------------------------------------------------------------------------------------------

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
  part("ready").textContent = word;
  part("ready").className = `pill ${{ ready: "good", degraded: "warn" }[word] ?? "bad"}`;
  part("troubles").textContent = troubles.length ? `${word === "degraded" ? "Degraded" : "Not ready"}: ${troubles.join("; ")}.` : "";
  part("troubles").className = `banner ${word === "degraded" ? "warn" : "bad"}`;
  part("troubles").hidden = troubles.length === 0;
  part("version").textContent = `Version ${state.version},`;
  part("uptime").textContent = `up ${duration(state.uptime)}`;
  part("updated").textContent = `Last update ${clock(answeredAt / 1000, true)}`;
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

// The present level is chosen, unless somebody is about to choose another.
let level;
function showLevel(present) {
  if (present === level) return;
  level = present;
  part("log-level").value = present === null ? "" : String(present);
}

function tile(name, number, more, bad = false) {
  part(`tile-${name}`).textContent = number;
  part(`tile-${name}`).classList.toggle("bad", bad);
  part(`tile-${name}-more`).textContent = more;
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
  tile("boxes", `${boxes.online}/${all}`, boxes.online === all ? "all connected" : boxes.online ? "not all connected" : "none connected", boxes.online < all);
}

function makeCharts(interval) {
  const time = { hour: HOUR, interval };
  return [
    new Chart(part("chart-rates"), [
      { name: "submits", value: (point) => point.submits },
      { name: "messages and reports delivered", value: (point) => point.deliveries + point.reports },
      { name: "refused", value: (point) => point.refused },
    ], time),
    new Chart(part("chart-queues"), [
      { name: "in the database", value: (point) => point.stored },
      { name: "for room at a bearerbox", value: (point) => point.waiting },
    ], { ...time, counts: true, shade: { name: "a bearerbox was down", when: (point) => point.away > 0 } }),
    new Chart(part("chart-binds"), [{ name: "binds", value: (point) => point.binds }], { ...time, counts: true }),
    new Chart(part("chart-lag"), [{ name: "longest delay", value: (point) => point.lag }], time),
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
    if (opened.size > MOST_OPENED) opened.delete(opened.values().next().value);
    await again();
  });
}

function unbindButton({ esme, bind }, cell) {
  if (!bind && esme.bind_count < 2) return null;
  const what = bind ? `bind ${bind.bind_id} of ${esme.system_id}` : `all ${esme.bind_count} binds of ${esme.system_id}`;
  const press = async () => {
    if (!await sure(`Unbind ${what}?`, "Unbind")) return;
    await command("/esme-unbind", { "system-id": esme.system_id, ...(bind ? { "bind-id": bind.bind_id } : {}) });
  };
  return button(cell, bind ? "Unbind" : "Unbind all", `Unbind ${what}`, press);
}

// By the greatest first where the column has numbers; the other way round when it is chosen again.
async function sortBy(column) {
  order.falling = order.sort === column.sort ? !order.falling : column.kind === "figure" || column.sort === "binds" || column.sort === "up";
  order.sort = column.sort;
  part("sort").value = column.sort;
  await again();
}

for (const { name, sort } of ESME_COLUMNS) {
  if (sort) part("sort").append(new Option(`Sort by ${name}`, sort));
}
part("sort").addEventListener("change", () => sortBy(ESME_COLUMNS.find(({ sort }) => sort === part("sort").value)));

function showEsmes(state) {
  const { esmes, accounts, fit } = state;
  const listed = fit > esmes.length ? `${whole(esmes.length)} of ${countOf(fit, "account")}` : countOf(fit, "account");
  part("esmes-note").textContent = `${listed}; rates of accounts over a minute, of binds over a second`;
  part("esmes-note").hidden = accounts === 0;
  part("find").hidden = part("sort").hidden = accounts < 2;
  showTable(part("esmes"), {
    label: "Accounts and binds",
    columns: ESME_COLUMNS,
    order,
    sort: sortBy,
    rows: esmeRows(state),
    key: ({ esme, bind }) => `${esme.system_id}/${bind ? bind.bind_id : ""}`,
    kind: ({ bind }) => (bind ? "bind" : "account"),
    empty: accounts ? "No account fits." : "Nobody has bound since the start.",
  });
}

function boxState(box) {
  if (box.online) return `connected for ${duration(box.since)}`;
  return box.connects ? `disconnected ${duration(box.since)} ago` : "never connected";
}

function showBoxes(boxes) {
  showTable(part("boxes"), {
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
      { name: "Refused for now", kind: "figure", of: (box) => whole(box.refused_for_now) },
      { name: "Received", kind: "figure", of: (box) => whole(box.received) },
    ],
  });
}

function showQueues(queues) {
  const counted = `counted ${duration(queues.age)} ago${queues.complete ? "" : "; there are more"}`;
  const note = queues.age === null ? "the database hasn't told yet" : counted;
  part("queues-note").textContent = note;
  showTable(part("queues"), {
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

// Where the last refused bind or message came from and went to, and the id by which other logs know it.
function lastOne({ ip, example: { sender, receiver, message_id: id } }) {
  if (ip) return `from ${ip}`;
  return [sender || receiver ? `${sender || "–"} to ${receiver || "–"}` : "", id ? `id ${id}` : ""].filter(Boolean).join(", ");
}

function showRefusals({ refusals, now }) {
  showTable(part("refusals"), {
    label: "Recent refusals",
    rows: refusals,
    key: (each) => JSON.stringify([each.kind, each.system_id, each.ip, each.reason, each.status]),
    empty: "Nobody has been refused since the start.",
    columns: [
      { name: "Account", of: (each) => each.system_id || "(none)" },
      { name: "What", of: (each) => (each.kind === "bind" ? "bind" : "message") },
      { name: "Reason", kind: "wide", of: (each) => REASONS[each.reason] ?? each.reason },
      { name: "Answer", kind: "wide", of: (each) => `${each.for_now ? "refused for now" : "refused"}: ${each.status}` },
      { name: "Last one", kind: "wide", of: (each) => lastOne(each) },
      { name: "Times", kind: "figure", of: (each) => whole(each.count) },
      { name: "Last", kind: "figure", of: (each) => duration(Math.max(0, Math.round(now - each.last))) + " ago" },
    ],
  });
}

function showBlocked(blocked) {
  part("clear-all").hidden = blocked.length < 2;
  showTable(part("blocked"), {
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

// -- the page's life ----------------------------------------------------------------------------------------

async function refresh() {
  const turn = running;
  const wanted = new URLSearchParams({ since: points.at(-1)?.time ?? 0, find: part("find").value.trim(), sort: order.sort });
  if (order.falling) wanted.append("falling", "");
  for (const account of opened) wanted.append("open", account);
  const { status, told } = await ask(`dashboard/state?${wanted}`);
  if (turn !== running) return;
  if (status === 403) {
    close();
    return;
  }
  answeredAt = new Date();
  part("stale").hidden = true;
  show({ ...told, points: told.points.filter((point) => point.time > (points.at(-1)?.time ?? 0)) });
}

async function turn() {
  const mine = running;
  try {
    if (!document.hidden) await refresh();
  } catch (error) {
    if (mine === running) showSilence(error);
  }
  if (mine === running && csrf !== null) timer = setTimeout(turn, EVERY);
}

function showSilence(error) {
  part("stale").hidden = false;
  const what = error?.name === "TimeoutError" ? "The server doesn't answer." : "The server closed the connection.";
  part("stale").textContent = `${what} ${answeredAt ? `Last update ${clock(answeredAt / 1000, true)}` : "Nothing is known yet"}; trying again.`;
  part("ready").textContent = "no answer";
  part("ready").className = "pill bad";
}

// Asks at once instead of at the next turn.
async function again() {
  clearTimeout(timer);
  running += 1;
  await turn();
}

function open(token) {
  csrf = token;
  part("door").hidden = true;
  part("desk").hidden = false;
  part("password").value = "";
  turn();
}

function close() {
  csrf = null;
  running += 1;
  points = [];
  answeredAt = null;
  opened.clear();
  part("find").value = "";
  clearTimeout(timer);
  part("desk").hidden = true;
  part("door").hidden = false;
  part("password").focus();
}

part("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  part("sign-in-problem").textContent = "";
  try {
    const { status, told } = await ask("dashboard/session", { method: "POST", body: { password: part("password").value } });
    if (status === 200) open(told.csrf);
    else {
      part("sign-in-problem").textContent = told.message;
      part("password").select();
    }
  } catch {
    part("sign-in-problem").textContent = "The server doesn't answer";
  }
});

part("sign-out").addEventListener("click", async () => {
  clearTimeout(timer); // a session that has ended is asked nothing more
  running += 1;
  try {
    await ask("dashboard/sign-out", { method: "POST" });
  } finally {
    close();
  }
});

part("rebuild-routes").addEventListener("click", (event) => command("/rebuild-routes", {}, event.currentTarget));
part("clear-all").addEventListener("click", async () => {
  if (await sure("Clear the blocks of all addresses?", "Clear all")) await command("/blocked-ips", { clear: "all" });
});
part("log-level-form").addEventListener("submit", (event) => {
  event.preventDefault();
  command("/log-level", { level: part("log-level").value }, event.submitter);
});
part("find").addEventListener("input", () => {
  clearTimeout(timer);
  running += 1;
  timer = setTimeout(turn, 200); // what is typed quickly is asked once
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && csrf !== null) again();
});

const { told } = await ask("dashboard/session").catch(() => ({ told: { signed_in: false } }));
if (told.signed_in) open(told.csrf);
else close();
