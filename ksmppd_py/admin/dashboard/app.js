// The console: signs in, shows the page that the address names, and keeps the header up to date.

import { h, render } from "./vendor/preact.js";
import { Account } from "./account.js";
import { Accounts } from "./accounts.js";
import { Audit, Users } from "./audit.js";
import { clock, duration } from "./format.js";
import { Bearerboxes, Events, Queues, Refusals } from "./live.js";
import * as overview from "./overview.js";
import { Routes } from "./routes.js";
import { Problem, api, element, may, request, session } from "./shell.js";

const POLL_INTERVAL = 2000; // milliseconds, on the Overview; the others ask for their data themselves
const HEADER_INTERVAL = 4000;
const PAGES = {
  "": { title: "Overview" },
  accounts: { title: "Accounts", view: (name) => (name ? h(Account, { key: name, name }) : h(Accounts)) },
  routes: { title: "Routes", view: (name) => h(Routes, { key: name, name }) },
  bearerboxes: { title: "Bearerboxes", view: () => h(Bearerboxes) },
  queues: { title: "Queues", view: () => h(Queues) },
  refusals: { title: "Refusals", view: () => h(Refusals) },
  events: { title: "Events", view: () => h(Events) },
  audit: { title: "Audit", view: () => h(Audit) },
  users: { title: "Users", view: () => h(Users), role: "admin" },
};

let timer = null;
let pollNumber = 0; // grows when older answers don't count any more
let answeredAt = null; // milliseconds, of the last answer
let serverId = "KSMPPD";

// -- pages ----------------------------------------------------------------------------------------------------

function present() {
  const [, page = "", name = ""] = location.hash.split("/");
  const known = Object.hasOwn(PAGES, page) && may(PAGES[page].role ?? "viewer") ? page : "";
  try {
    return { page: known, name: decodeURIComponent(name) };
  } catch {
    return { page: known, name: "" };
  }
}

function showPage() {
  const { page, name } = present();
  const { title, view } = PAGES[page];
  element("overview").hidden = Boolean(view);
  element("page").hidden = !view;
  render(view ? view(name) : null, element("page"));
  document.title = `${name || title} – ${serverId}`;
  for (const each of element("pages").children) {
    if (each.dataset.page === page) each.setAttribute("aria-current", "page");
    else each.removeAttribute("aria-current");
  }
}

function makeMenu() {
  element("pages").replaceChildren(...Object.entries(PAGES).filter(([, { role }]) => may(role ?? "viewer")).map(([page, { title }]) => {
    const link = document.createElement("a");
    link.href = `#/${page}`;
    link.textContent = title;
    link.dataset.page = page;
    return link;
  }));
}

addEventListener("hashchange", () => {
  if (session.csrf === null) return;
  showPage();
  scrollTo(0, 0);
  element("main").focus({ preventScroll: true });
  pollNow();
});

// -- the header -------------------------------------------------------------------------------------------------

function showHeader({ state, troubles, version, uptime }) {
  answeredAt = Date.now();
  element("stale").hidden = true;
  element("ready").textContent = state;
  element("ready").className = `pill ${{ ready: "good", degraded: "warn" }[state] ?? "bad"}`;
  element("troubles").textContent = troubles.length ? `${state === "degraded" ? "Degraded" : "Not ready"}: ${troubles.join("; ")}.` : "";
  element("troubles").className = `banner ${state === "degraded" ? "warn" : "bad"}`;
  element("troubles").hidden = troubles.length === 0;
  element("version").textContent = `Version ${version},`;
  element("uptime").textContent = `up ${duration(uptime)}`;
  element("updated").textContent = `Last update ${clock(answeredAt / 1000, true)}`;
}

function showNoAnswer(error) {
  const reason = error.message || "The server closed the connection";
  element("stale").hidden = false;
  element("stale").textContent = `${reason}. ${answeredAt ? `Last update ${clock(answeredAt / 1000, true)}` : "No state yet"}. Trying again.`;
  element("ready").textContent = "no answer";
  element("ready").className = "pill bad";
}

async function refresh() {
  const started = pollNumber;
  if (element("overview").hidden) {
    const { data } = await api("/server");
    if (started === pollNumber) showHeader(data);
    return;
  }
  let answer;
  try {
    answer = await request(`dashboard/state?${overview.query()}`);
  } catch (error) {
    throw new Problem(0, error?.name === "TimeoutError" ? "The server doesn't answer" : "The server closed the connection");
  }
  if (started !== pollNumber) return; // an answer to an older poll
  if (answer.status === 403) {
    showSignIn();
    return;
  }
  showHeader({ ...answer.data, ...answer.data.condition });
  overview.show(answer.data);
}

async function poll() {
  const started = pollNumber;
  try {
    if (!document.hidden) await refresh();
  } catch (error) {
    if (started === pollNumber && session.csrf !== null) showNoAnswer(error);
  }
  if (started === pollNumber && session.csrf !== null) timer = setTimeout(poll, element("overview").hidden ? HEADER_INTERVAL : POLL_INTERVAL);
}

// Polls at once, instead of after the interval.
async function pollNow() {
  clearTimeout(timer);
  pollNumber += 1;
  await poll();
}
overview.setPoll(pollNow);

// -- signing in ---------------------------------------------------------------------------------------------------

async function showConsole({ csrf, username, role }) {
  Object.assign(session, { csrf, username, role });
  element("user").textContent = `${username} (${role})`;
  element("password").value = "";
  element("server-card").hidden = !may("admin");
  makeMenu();
  element("sign-in-page").hidden = true;
  element("console").hidden = false;
  showPage();
  pollNow();
  try {
    const { data } = await api("/server");
    serverId = data.server_id || "KSMPPD";
    session.longestHistory = data.longest_history;
    element("server-name").textContent = serverId;
    if (session.csrf !== null) showPage(); // with the id in the title
  } catch {
    // the poll shows that there is no answer
  }
}

function showSignIn() {
  session.csrf = null;
  pollNumber += 1;
  answeredAt = null;
  overview.forget();
  clearTimeout(timer);
  render(null, element("page"));
  for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  element("console").hidden = true;
  element("sign-in-page").hidden = false;
  element("password").focus();
}
session.ended = showSignIn;

element("sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  element("sign-in-problem").textContent = "";
  const body = { username: element("username").value.trim(), password: element("password").value };
  try {
    const { status, data } = await request("dashboard/session", { method: "POST", body });
    if (status === 200) await showConsole(data);
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

element("find").addEventListener("input", () => {
  clearTimeout(timer);
  pollNumber += 1;
  timer = setTimeout(poll, 200); // one request for several keys
});
document.addEventListener("visibilitychange", () => {
  if (!document.hidden && session.csrf !== null) pollNow();
});

const { data } = await request("dashboard/session").catch(() => ({ data: { signed_in: false } }));
if (data.signed_in) await showConsole(data);
else showSignIn();
