// Line charts in SVG: one time axis for all, values read by pointing or with the arrow keys.

const SPACE = "http://www.w3.org/2000/svg";
const HEIGHT = 170;
const SHORTEST_SPAN = 300; // seconds
const MARGIN = { top: 8, right: 6, bottom: 20, left: 38 };

function shape(name, attributes, parent) {
  const made = document.createElementNS(SPACE, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent?.append(made);
  return made;
}

export const whole = (value) => value.toLocaleString("en");

export function compact(value) {
  if (value === null || value === undefined) return "–";
  if (value >= 1e6) return `${(value / 1e6).toFixed(1)}M`;
  if (value >= 1e4) return `${(value / 1e3).toFixed(value >= 1e5 ? 0 : 1)}k`;
  if (value >= 100 || Number.isInteger(value)) return whole(Math.round(value));
  return value.toFixed(value >= 10 ? 1 : 2);
}

// The top of the axis: a number that can be halved, for counts without a remainder.
function niceTop(most, counts) {
  if (most <= 0) return counts ? 2 : 1;
  const power = 10 ** Math.floor(Math.log10(most));
  const steps = counts ? [2, 4, 6, 8, 10, 20] : [1, 2, 3, 4, 5, 6, 8, 10, 20];
  return steps.map((step) => step * power).find((top) => top >= most * 1.02);
}

// Seconds between two labels of the time axis, which has at most six.
function tickEvery(span) {
  return [60, 120, 300, 600, 900].find((step) => span / step <= 6) ?? 900;
}

const axisNumber = (value) => (value < 10 ? String(Number(value.toPrecision(2))) : compact(value));

// A time of day as in log lines, in the browser's time zone.
export function clock(seconds, exact = false) {
  const shown = { hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
  return new Date(seconds * 1000).toLocaleTimeString("en-GB", exact ? { ...shown, second: "2-digit" } : shown);
}

export class Chart {
  // series: [{ name, value: (point) => number | null }]; shade: { name, when: (point) => boolean }
  constructor(figure, series, { hour, interval, counts = false, shade = null }) {
    this.series = series;
    this.hour = hour;
    this.interval = interval;
    this.counts = counts;
    this.shade = shade;
    this.points = [];
    this.pointed = null;
    this.caption = figure.querySelector("figcaption").textContent;
    this.legend = document.createElement("ul");
    this.legend.className = "legend";
    this.numbers = series.map(({ name }, index) => {
      const item = document.createElement("li");
      const swatch = document.createElement("span");
      swatch.className = `swatch s${index + 1}`;
      const number = document.createElement("strong");
      item.append(swatch, name, number);
      this.legend.append(item);
      return number;
    });
    this.shaded = document.createElement("li");
    this.when = document.createElement("li");
    this.legend.append(this.shaded, this.when);
    this.shaded.hidden = true;
    if (shade) {
      const swatch = document.createElement("span");
      swatch.className = "swatch block";
      this.shaded.append(swatch, shade.name);
    }
    this.svg = shape("svg", { role: "img", tabindex: "0" });
    figure.append(this.legend, this.svg);
    this.svg.addEventListener("pointermove", (event) => this.point(event.clientX));
    this.svg.addEventListener("pointerdown", (event) => this.point(event.clientX));
    this.svg.addEventListener("pointerleave", () => this.choose(null));
    this.svg.addEventListener("blur", () => this.choose(null));
    this.svg.addEventListener("keydown", (event) => this.step(event));
    new ResizeObserver(() => this.draw()).observe(this.svg);
  }

  show(points, now) {
    this.points = points;
    this.now = now;
    // A server that runs for less than an hour fills the width too.
    this.span = Math.min(this.hour, Math.max(SHORTEST_SPAN, now - (points[0]?.time ?? now)));
    this.draw();
  }

  point(clientX) {
    const x = clientX - this.svg.getBoundingClientRect().left;
    let best = null;
    this.points.forEach((point, index) => {
      const distance = Math.abs(this.x(point.time) - x);
      if (best === null || distance < best.distance) best = { index, distance };
    });
    this.choose(best && best.index);
  }

  step(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step === undefined || this.points.length === 0) return;
    event.preventDefault();
    const last = this.points.length - 1;
    this.choose(Math.min(last, Math.max(0, (this.pointed ?? last) + step)));
  }

  choose(index) {
    this.pointed = index;
    this.draw();
  }

  x(time) {
    const wide = this.width - MARGIN.left - MARGIN.right;
    return MARGIN.left + wide * (1 - (this.now - time) / this.span);
  }

  y(value) {
    return HEIGHT - MARGIN.bottom - ((HEIGHT - MARGIN.top - MARGIN.bottom) * value) / this.top;
  }

  draw() {
    if (this.now === undefined) return;
    this.width = this.svg.clientWidth || 480;
    this.svg.setAttribute("viewBox", `0 0 ${this.width} ${HEIGHT}`);
    const all = this.points.flatMap((point) => this.series.map(({ value }) => value(point) ?? 0));
    this.top = niceTop(Math.max(0, ...all), this.counts);
    this.svg.replaceChildren();
    if (this.shade) this.drawShade();
    this.drawAxes();
    this.series.forEach(({ value }, index) => this.drawCurve(value, index));
    this.showValues();
  }

  drawAxes() {
    for (const share of [0, 0.5, 1]) {
      const y = this.y(this.top * share);
      shape("line", { class: "grid", x1: MARGIN.left, x2: this.width - MARGIN.right, y1: y, y2: y }, this.svg);
      const label = shape("text", { x: MARGIN.left - 6, y: y + 4, "text-anchor": "end" }, this.svg);
      label.textContent = axisNumber(this.top * share);
    }
    const step = tickEvery(this.span);
    for (let time = Math.ceil((this.now - this.span) / step) * step; time <= this.now; time += step) {
      const x = this.x(time);
      if (x < MARGIN.left + 14 || x > this.width - 18) continue;
      const label = shape("text", { x, y: HEIGHT - 4, "text-anchor": "middle" }, this.svg);
      label.textContent = clock(time);
    }
  }

  drawShade() {
    const shaded = this.points.filter((point) => this.shade.when(point) && point.time >= this.now - this.span);
    this.shaded.hidden = shaded.length === 0;
    for (const { time } of shaded) {
      const [left, right] = [Math.max(MARGIN.left, this.x(time - this.interval)), this.x(time)];
      const size = { width: Math.max(0.5, right - left + 0.5), height: HEIGHT - MARGIN.top - MARGIN.bottom };
      shape("rect", { class: "shade", x: left, y: MARGIN.top, ...size }, this.svg);
    }
  }

  drawCurve(value, index) {
    const runs = [];
    let before = null;
    for (const point of this.points) {
      const number = value(point);
      const visible = number !== null && point.time >= this.now - this.span;
      if (visible && (before === null || point.time - before > this.interval * 3)) runs.push([]);
      if (visible) runs.at(-1).push([this.x(point.time), this.y(number)]);
      before = visible ? point.time : null;
    }
    for (const run of runs) {
      const line = run.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
      const [first, last] = [run[0][0], run.at(-1)[0]];
      shape("path", { class: `area s${index + 1}`, d: `M${line}L${last} ${this.y(0)}L${first} ${this.y(0)}Z` }, this.svg)
        .style.stroke = "none";
      shape("path", { class: `curve s${index + 1}`, d: `M${line}` }, this.svg).style.fill = "none";
    }
  }

  showValues() {
    const point = this.pointed === null ? this.points.at(-1) : this.points[this.pointed];
    this.series.forEach(({ value }, index) => {
      this.numbers[index].textContent = point ? compact(value(point)) : "–";
    });
    this.when.textContent = this.pointed !== null && point ? `at ${clock(point.time, true)}` : "";
    if (this.pointed !== null && point) {
      const x = this.x(point.time);
      shape("line", { class: "cross", x1: x, x2: x, y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom }, this.svg);
    }
    const words = this.series.map(({ name }, index) => `${name} ${this.numbers[index].textContent}`).join(", ");
    this.svg.setAttribute("aria-label", `${this.caption} over the last hour. ${this.when.textContent || "Now"}: ${words}.`);
  }
}
