// Numbers, spans and times as words.

export const whole = (value) => value.toLocaleString("en");

export function compact(value) {
  if (value === null || value === undefined) return "–";
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(value >= 1e5 ? 0 : 1)}k`;
  if (value >= 100 || Number.isInteger(value)) return whole(Math.round(value));
  return value.toFixed(value >= 10 ? 1 : 2);
}

export const rate = (value) => `${compact(value)}/s`;
export const countOf = (number, one, many = `${one}s`) => `${whole(number)} ${number === 1 ? one : many}`;
export const credits = (value) => (value === null || value === undefined ? "–" : Number(value.toFixed(6)).toLocaleString("en", { maximumFractionDigits: 6 }));

export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "unknown";
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
  return `${Math.floor(seconds / 86400)} d ${Math.floor((seconds % 86400) / 3600)} h`;
}

const TIME = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };

// A time of day in the browser's time zone; the exact one names the zone.
export function clock(seconds, exact = false) {
  const shown = exact ? { ...TIME, second: "2-digit", timeZoneName: "short" } : TIME;
  return new Date(seconds * 1000).toLocaleTimeString("en-GB", shown);
}

// A day and time in the browser's time zone, which is named.
export function moment(seconds) {
  if (!seconds) return "unknown";
  const date = new Date(seconds * 1000);
  return `${date.toLocaleDateString("en-GB", { day: "numeric", month: "short", year: "numeric" })}, ${clock(seconds, true)}`;
}

export const BIND_REASONS = {
  credentials: "wrong system_id or password",
  ip: "the account doesn't allow this address",
  max_binds: "the account has all the binds it may have",
  "back end": "the password could not be checked",
  "control characters": "control characters in name or password",
};
export const QUEUES = { mt: "to bearerbox", mo: "messages to ESME", report: "reports to ESME", pdu: "ready PDUs to ESME", other: "other" };
export const DIRECTIONS = { 1: "from the ESME", 2: "to the ESME" };
// Hours of a history, and their words.
export const SPANS = [[1, "1 hour"], [6, "6 hours"], [24, "1 day"], [168, "7 days"], [720, "30 days"], [2160, "90 days"]];
