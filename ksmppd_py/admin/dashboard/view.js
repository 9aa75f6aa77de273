// Parts that all pages are made of: polled data, tables, forms, dialogs, charts.

import { h } from "./vendor/preact.js";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./vendor/hooks.js";
import htm from "./vendor/htm.js";
import { Chart } from "./charts.js";
import { Problem, notify } from "./shell.js";

export const html = htm.bind(h);
export { useEffect, useMemo, useRef, useState };

// Load now and every `interval` milliseconds while the page is visible. `load` throws Problem.
export function useData(load, interval, wanted = []) {
  const [state, setState] = useState({ data: null, error: null });
  const current = useRef(0);
  const run = useCallback(async () => {
    const started = ++current.current;
    try {
      const data = await load();
      if (started === current.current) setState({ data, error: null });
    } catch (error) {
      if (started === current.current) setState(({ data }) => ({ data, error }));
    }
  }, wanted);
  useEffect(() => {
    let timer = null;
    let over = false;
    const poll = async () => {
      if (!document.hidden) await run();
      if (!over && interval) timer = setTimeout(poll, interval);
    };
    poll();
    return () => {
      over = true;
      current.current += 1;
      clearTimeout(timer);
    };
  }, [run, interval]);
  return { ...state, reload: run };
}

// The data's view; before there is any, words about it.
export function Loaded({ from: { data, error }, children }) {
  if (data === null) return html`<p class=${error ? "banner bad" : "empty"} role="status">${error ? `${error.message.charAt(0).toUpperCase()}${error.message.slice(1)}.` : "Loading …"}</p>`;
  return html`${error && html`<p class="banner warn" role="alert">${error.message}. The last state is shown; trying again.</p>`}${children(data)}`;
}

export function Card({ title, note = "", actions = null, children, id }) {
  return html`<section class="card" aria-labelledby=${`${id}-title`} id=${id}>
    <div class="title"><h2 id=${`${id}-title`}>${title}</h2>${note && html`<p class="quiet note">${note}</p>`}${actions}</div>
    ${children}
  </section>`;
}

// columns: [{ name, of: (row) => content, kind, sort: (row) => number or text }]
export function Table({ label, columns, rows, rowKey, empty, first = "" }) {
  const [order, setOrder] = useState({ name: first, descending: false });
  const sorted = useMemo(() => {
    const column = columns.find(({ name, sort }) => sort && name === order.name);
    if (!column) return rows;
    const sign = order.descending ? -1 : 1;
    const compare = (a, b) => (a < b ? -sign : a > b ? sign : 0);
    return [...rows].sort((a, b) => compare(column.sort(a), column.sort(b)));
  }, [rows, order, columns]);
  if (rows.length === 0) return html`<p class="empty">${empty}</p>`;
  const press = ({ name, kind }) => setOrder((before) => ({ name, descending: before.name === name ? !before.descending : kind === "figure" }));
  return html`
    ${columns.some(({ sort }) => sort) && html`<select class="sort" aria-label=${`Sort ${label}`} value=${order.name}
        onChange=${(event) => press(columns.find(({ name }) => name === event.target.value))}>
        ${!order.name && html`<option value="">Sort by …</option>`}
        ${columns.filter(({ sort }) => sort).map(({ name }) => html`<option value=${name}>Sort by ${name}</option>`)}
      </select>`}
    <div class="list"><table aria-label=${label}>
      <thead><tr>${columns.map((column) => html`<th scope="col" class=${column.kind ?? ""}
        aria-label=${column.kind === "act" ? column.name : undefined}
        aria-sort=${column.sort && column.name === order.name ? (order.descending ? "descending" : "ascending") : undefined}>
        ${column.kind === "act" ? "" : column.sort ? html`<button type="button" class="sorter" title=${`Sort by ${column.name}`} onClick=${() => press(column)}>${column.name}</button>` : column.name}
      </th>`)}</tr></thead>
      <tbody>${sorted.map((row) => html`<tr key=${rowKey(row)} data-key=${rowKey(row)}>
        ${columns.map(({ name, kind, of }) => html`<td class=${kind ?? ""} data-name=${name}>${of(row)}</td>`)}
      </tr>`)}</tbody>
    </table></div>`;
}

export function Button({ label, press, kind = "", children, title }) {
  const [busy, setBusy] = useState(false);
  const act = async () => {
    setBusy(true);
    try {
      await press();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      notify(error.message);
    } finally {
      setBusy(false);
    }
  };
  return html`<button type="button" class=${kind} aria-label=${label} title=${title} disabled=${busy} onClick=${act}>${children}</button>`;
}

export const Pill = ({ kind = "good", children }) => html`<span class=${`pill ${kind}`}>${children}</span>`;

// fields: [{ name, label, kind: "text" | "number" | "check" | "password" | "area" | "choice", hint, options, required, maxLength }]
// An empty text or number is null, so that the API's default holds. `send` gets the values and throws Problem.
export function Form({ id, fields, values = {}, words, send, cancel = null, children = null, changed = null, kind = "" }) {
  const [problem, setProblem] = useState(null);
  const [busy, setBusy] = useState(false);
  const form = useRef(null);
  const submit = async (event) => {
    event.preventDefault();
    setProblem(null);
    setBusy(true);
    try {
      await send(valuesOf(form.current, fields), form.current);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      setProblem(error);
    } finally {
      setBusy(false);
    }
  };
  const at = problem && fields.some(({ name }) => name === problem.field) ? problem.field : "";
  useEffect(() => {
    if (at) form.current.elements[at].focus();
  }, [problem]);
  return html`<form ref=${form} id=${id} class=${`fields ${kind}`} onSubmit=${submit} onInput=${() => changed?.(valuesOf(form.current, fields))} novalidate>
    ${fields.map((field) => html`<${Field} key=${field.name} form=${id} ...${field} value=${values[field.name]} problem=${field.name === at ? problem.message : ""} />`)}
    ${children}
    <p class="problem whole" role="alert">${problem && !at ? `${problem.field ? `${problem.field}: ` : ""}${problem.message}` : ""}</p>
    <div class="controls whole">
      <button type="submit" class="strong" disabled=${busy}>${words}</button>
      ${cancel && html`<button type="button" onClick=${cancel}>Cancel</button>`}
    </div>
  </form>`;
}

function valuesOf(form, fields) {
  return Object.fromEntries(fields.map(({ name, kind, options }) => {
    const field = form.elements[name];
    if (kind === "check") return [name, field.checked];
    const text = kind === "password" || kind === "area" ? field.value : field.value.trim();
    if (text === "") return [name, null];
    if (kind === "choice" && typeof options[0][0] === "number") return [name, Number(text)];
    return [name, kind === "number" ? Number(text) : text];
  }));
}

function Field({ form, name, label, kind = "text", hint = "", options = [], required = false, value, problem, maxLength }) {
  const id = `${form}-${name}`;
  const shared = { id, name, required, "aria-invalid": problem ? "true" : undefined, "aria-describedby": `${id}-hint` };
  const input = {
    check: () => html`<input ...${shared} type="checkbox" defaultChecked=${Boolean(value)} />`,
    area: () => html`<textarea ...${shared} rows="3" spellcheck=${false} defaultValue=${value ?? ""}></textarea>`,
    choice: () => html`<select ...${shared}>${options.map(([key, words]) => html`<option value=${key} selected=${String(key) === String(value ?? options[0][0])}>${words}</option>`)}</select>`,
  }[kind]?.() ?? html`<input ...${shared} type=${kind} step="any" maxlength=${maxLength} autocomplete=${kind === "password" ? "new-password" : "off"} spellcheck=${false} defaultValue=${value ?? ""} />`;
  return html`<div class=${`field of-${kind}`}>
    <label for=${id}>${label}</label>${input}
    ${problem && html`<p class="problem">${problem}</p>`}<p id=${`${id}-hint`} class="quiet">${hint}</p>
  </div>`;
}

export function Dialog({ title, close, children }) {
  const dialog = useRef(null);
  useLayoutEffect(() => dialog.current.showModal(), []);
  return html`<dialog ref=${dialog} class="wide" aria-label=${title} onClose=${close}><h2>${title}</h2>${children}</dialog>`;
}

export function ChartView({ caption, names, columns, now, longest, interval, counts = false, id }) {
  const figure = useRef(null);
  const chart = useRef(null);
  useEffect(() => {
    chart.current = new Chart(figure.current, names, { counts });
    return () => chart.current.remove();
  }, []);
  useEffect(() => chart.current.show(columns, { now, longest, interval }), [columns, now, longest]);
  return html`<figure class="card chart" id=${id} ref=${figure}><figcaption>${caption}</figcaption></figure>`;
}

export const link = (page, name) => `#/${page}/${encodeURIComponent(name)}`;
