// Requests, the session, notices and questions: shared by all pages.

const REQUEST_TIMEOUT = 10000; // milliseconds

export const element = (id) => document.getElementById(id);
export const session = { csrf: null, username: "", role: "viewer", longestHistory: 1, ended: () => {} };
const RANKS = ["viewer", "operator", "admin"];
export const may = (role) => RANKS.indexOf(session.role) >= RANKS.indexOf(role);

// An answer that isn't a result. `field` is the one at fault, or empty.
export class Problem extends Error {
  constructor(status, detail, field = "") {
    super(detail);
    this.status = status;
    this.field = field;
  }
}

export async function request(path, { method = "GET", body, headers = {} } = {}) {
  const sent = { ...headers };
  if (body !== undefined) sent["Content-Type"] = "application/json";
  if (session.csrf !== null) sent["X-CSRF-Token"] = session.csrf;
  const answer = await fetch(path, { method, headers: sent, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store", signal: AbortSignal.timeout(REQUEST_TIMEOUT) });
  const text = await answer.text();
  return { status: answer.status, data: text ? JSON.parse(text) : null, version: answer.headers.get("ETag") };
}

// One operation of the API. Throws Problem.
export async function api(path, options) {
  let answer;
  try {
    answer = await request(`api/v1${path}`, options);
  } catch (error) {
    throw new Problem(0, error?.name === "TimeoutError" ? "The server doesn't answer" : "The server can't be reached");
  }
  if (answer.status < 400) return answer;
  if (answer.status === 401) session.ended();
  throw new Problem(answer.status, answer.data?.detail ?? `The server answered ${answer.status}`, answer.data?.field ?? "");
}

let noticeTimer = null;
export function notify(text) {
  element("notice").textContent = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => { element("notice").textContent = ""; }, 5000);
}

// Ask before something that can't be undone. With `word` the operator has to type it.
export function confirmed(question, yes, word = "") {
  const dialog = element("ask");
  element("ask-words").textContent = question;
  element("ask-yes").textContent = yes;
  element("ask-word").value = "";
  element("ask-typed").hidden = !word;
  element("ask-label").textContent = `Type ${word} to confirm`;
  const check = () => { element("ask-yes").disabled = Boolean(word) && element("ask-word").value !== word; };
  element("ask-word").oninput = check;
  check();
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}
