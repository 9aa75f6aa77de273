// Line charts by uPlot: one time axis for all, values read by pointing or with the arrow keys.

import { clock, compact, moment } from "./format.js";

const HEIGHT = 170;
const SHORTEST_SPAN = 300; // seconds
const TICKS = [60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400, 172800, 604800, 1209600]; // seconds between two labels
const { uPlot } = window;

const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// The top of the axis: a number that can be halved, for counts without a remainder.
function niceTop(most, counts) {
  if (!(most > 0)) return counts ? 2 : 1;
  const power = 10 ** Math.floor(Math.log10(most));
  const steps = counts ? [2, 4, 6, 8, 10, 20] : [1, 2, 3, 4, 5, 6, 8, 10, 20];
  return steps.map((step) => step * power).find((top) => top >= most * 1.02);
}

const axisNumber = (value) => (value < 10 ? String(Number(value.toPrecision(2))) : compact(value));

function make(kind, name, ...content) {
  const made = document.createElement(kind);
  made.className = name;
  made.append(...content);
  return made;
}

const drawn = new Set();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const chart of drawn) chart.plot?.redraw();
});

export class Chart {
  // names: of the series; shade: the name of the times that are shaded, if there are such
  constructor(figure, names, { counts = false, shade = "" } = {}) {
    this.names = names;
    this.counts = counts;
    this.shade = shade;
    this.caption = figure.querySelector("figcaption").textContent;
    this.columns = [[], ...names.map(() => [])];
    this.shades = [];
    this.numbers = names.map(() => document.createElement("strong"));
    this.shaded = make("li", "shaded", make("span", "swatch block"), shade);
    this.shaded.hidden = true;
    this.when = make("li", "when");
    const items = names.map((name, index) => make("li", "", make("span", `swatch s${index + 1}`), name, this.numbers[index]));
    this.place = make("div", "plot");
    this.place.tabIndex = 0;
    this.place.setAttribute("role", "img");
    figure.append(make("ul", "legend", ...items, this.shaded, this.when), this.place);
    this.place.addEventListener("blur", () => this.choose(null));
    this.place.addEventListener("keydown", (event) => this.step(event));
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.place);
    drawn.add(this);
  }

  remove() {
    this.observer.disconnect();
    this.plot?.destroy();
    drawn.delete(this);
  }

  // columns: times, then the values of each series; shades: times that end a shaded interval
  show(columns, { now, longest, interval, shades = [] }) {
    this.now = now;
    this.interval = interval;
    this.shades = shades;
    // A server that runs for less than an hour fills the width too.
    this.span = Math.min(longest, Math.max(SHORTEST_SPAN, now - (columns[0][0] ?? now)));
    this.columns = columns[0].length ? withGaps(columns, interval * 3) : columns;
    this.shaded.hidden = shades.length === 0;
    if (this.plot) this.plot.setData(this.columns);
    else this.resize();
    this.showValues();
  }

  resize() {
    const width = this.place.clientWidth;
    if (!width || !this.span) return;
    if (this.plot) this.plot.setSize({ width, height: HEIGHT });
    else this.plot = new uPlot(this.options(width), this.columns, this.place);
  }

  options(width) {
    const axis = { stroke: () => color("--quiet"), ticks: { show: false }, font: "11px system-ui, sans-serif", gap: 4 };
    return {
      width,
      height: HEIGHT,
      padding: [8, 18, 0, 0], // on the right, half a label
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false, setScale: false }, points: { size: 6 } },
      scales: {
        x: { range: () => [this.now - this.span, this.now] },
        y: { range: (_plot, _least, most) => [0, niceTop(most, this.counts)] },
      },
      axes: [
        { ...axis, size: 22, space: 60, incrs: TICKS, grid: { show: false }, values: (_plot, times) => times.map((time) => this.tick(time)) },
        { ...axis, size: 42, grid: { stroke: () => color("--grid"), width: 1 }, splits: (_plot, _axis, least, most) => [least, most / 2, most], values: (_plot, values) => values.map(axisNumber) },
      ],
      series: [{}, ...this.names.map((_, index) => ({
        stroke: () => color(`--series-${index + 1}`),
        width: 1.8,
        points: { show: () => this.columns[0].length === 1 }, // a line needs two
      }))],
      hooks: { drawClear: [(plot) => this.drawShades(plot)], setCursor: [() => this.showValues()] },
    };
  }

  // The label of the time axis; none where the other axis ends.
  tick(time) {
    if (time - this.now + this.span < this.span * 0.04) return "";
    return this.span > 86400 ? new Date(time * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short" }) : clock(time);
  }

  drawShades(plot) {
    const { ctx } = plot;
    ctx.save();
    ctx.fillStyle = color("--bad-back");
    for (const time of this.shades) {
      const left = Math.max(plot.bbox.left, plot.valToPos(time - this.interval, "x", true));
      const right = plot.valToPos(time, "x", true);
      if (right > left) ctx.fillRect(left, plot.bbox.top, right - left + 0.5, plot.bbox.height);
    }
    ctx.restore();
  }

  step(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const last = this.columns[0].length - 1;
    if (step === undefined || last < 0 || !this.plot) return;
    event.preventDefault();
    this.choose(Math.min(last, Math.max(0, (this.plot.cursor.idx ?? last) + step)));
  }

  choose(index) {
    const left = index === null ? -10 : this.plot?.valToPos(this.columns[0][index], "x");
    this.plot?.setCursor({ left, top: index === null ? -10 : 10 });
  }

  showValues() {
    const last = this.columns[0].length - 1;
    const pointed = this.plot && this.plot.cursor.left >= 0 ? this.plot.cursor.idx : null;
    const index = pointed ?? last;
    this.numbers.forEach((number, series) => { number.textContent = compact(this.columns[series + 1][index]); });
    const time = this.columns[0][index];
    const when = this.span > 86400 ? moment(time) : clock(time ?? 0, true);
    this.when.textContent = pointed === null || time === undefined ? "" : `at ${when}`;
    const words = this.names.map((name, series) => `${name} ${this.numbers[series].textContent}`).join(", ");
    this.place.setAttribute("aria-label", `${this.caption}. ${this.when.textContent || "Latest"}: ${words}. Arrow keys read other times.`);
  }
}

// Put an empty point where the server was away, so that no line crosses the gap.
function withGaps(columns, longest) {
  const rows = [];
  columns[0].forEach((time, index) => {
    if (index && time - columns[0][index - 1] > longest) rows.push([time - 1, ...columns.slice(1).map(() => null)]);
    rows.push(columns.map((column) => column[index]));
  });
  return columns.map((_, column) => rows.map((row) => row[column]));
}
