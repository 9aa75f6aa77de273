// The pages Audit and Users.

import { moment } from "./format.js";
import { api } from "./shell.js";
import { Button, Card, Loaded, Table, html, useData, useState } from "./view.js";

const PAGE = 50;

const words = (value) => (value === null || typeof value !== "object" ? String(value ?? "") : JSON.stringify(value));

// The fields that differ, or all of what was created or deleted.
function Changes({ entry: { before, after } }) {
  if ([before, after].some((each) => each !== null && (typeof each !== "object" || Array.isArray(each)))) {
    return html`<span class="text">${[before, after].filter((each) => each !== null).map(words).join(" → ")}</span>`;
  }
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const changed = names.filter((name) => words(before?.[name]) !== words(after?.[name]));
  const shown = before && after ? changed : changed.filter((name) => ![null, "", 0, false].includes((after ?? before)[name]));
  if (shown.length === 0) return "–";
  const first = shown.slice(0, 8);
  return html`<span class="text">${first.map((name) => html`<span class="change">${name}: ${before && after ? `${words(before[name]) || "–"} → ${words(after[name]) || "–"}` : words((after ?? before)[name])}</span> `)}${shown.length > first.length ? `and ${shown.length - first.length} more` : ""}</span>`;
}

const COLUMNS = [
  { name: "Time", of: (entry) => moment(entry.time) },
  { name: "By", kind: "wide", of: (entry) => `${entry.username} from ${entry.address}` },
  { name: "Change", of: (entry) => entry.operation },
  { name: "Of", of: (entry) => entry.subject },
  { name: "Before and after", kind: "wide text", of: (entry) => html`<${Changes} entry=${entry} />` },
];

export function Audit() {
  const [filter, setFilter] = useState({ subject: "", username: "" });
  const [pages, setPages] = useState([null]);
  const after = pages.at(-1);
  const query = new URLSearchParams({ limit: PAGE, ...filter, ...(after ? { after } : {}) });
  const audit = useData(async () => (await api(`/audit?${query}`)).data, 0, [String(query)]);
  const search = (event) => {
    event.preventDefault();
    const { subject, username } = event.target.elements;
    setPages([null]);
    setFilter({ subject: subject.value.trim(), username: username.value.trim() });
  };
  const actions = html`<form class="controls" onSubmit=${search}>
    <input name="subject" type="search" placeholder="Of: account acme" aria-label="Changes of, such as account acme" maxlength="255" autocomplete="off" spellcheck=${false} />
    <input name="username" type="search" placeholder="By user" aria-label="Changes by a user" maxlength="255" autocomplete="off" spellcheck=${false} />
    <button type="submit">Show</button></form>`;
  return html`<${Card} id="audit" title="Audit" note="newest first" actions=${actions}>
    <${Loaded} from=${audit}>${({ items, next }) => html`
      <${Table} label="changes" columns=${COLUMNS} rows=${items} rowKey=${(entry) => entry.entry_id} empty="No change is recorded." />
      <div class="controls end">
        ${pages.length > 1 && html`<${Button} press=${async () => setPages(pages.slice(0, -1))}>Newer<//>`}
        ${next && html`<${Button} press=${async () => setPages([...pages, next])}>Older<//>`}
      </div>`}<//>
  <//>`;
}

const USERS = [
  { name: "User", of: (user) => user.username, sort: (user) => user.username },
  { name: "Role", of: (user) => user.role, sort: (user) => user.role },
  { name: "Addresses", kind: "wide", of: (user) => user.allow_ip || "all", sort: (user) => user.allow_ip },
  { name: "Password kept as", kind: "wide", of: (user) => (user.password_form === "bcrypt" ? "bcrypt hash" : "plain text"), sort: (user) => user.password_form },
];

export function Users() {
  const users = useData(async () => (await api("/users")).data, 0);
  return html`<${Card} id="users" title="Users" note="groups http-user of the configuration file; a reload takes changes">
    <${Loaded} from=${users}>${({ items }) => html`<${Table} label="users" columns=${USERS} rows=${items} rowKey=${(user) => user.username} first="User" empty="" />`}<//>
    <p class="quiet">viewer: reads. operator: also binds, queues, blocks, credit, suspending. admin: everything. The user admin has the password of group http-server.</p>
  <//>`;
}
