// The equity curve, drawn as SVG: no library, redrawn when it or its box changes.
import { byId, el, svg, text } from "./dom.js";
import { rupees, signedRupees } from "./format.js";

const LEFT = 8, RIGHT = 74, TOP = 10, BOTTOM = 24;
const IST_MS = 19_800_000;
const box = byId("chart");
let points = [];
let reading = null;

new ResizeObserver(() => draw()).observe(box);
box.addEventListener("pointermove", (event) => { reading = event.clientX - box.getBoundingClientRect().left; draw(); });
box.addEventListener("pointerleave", () => { reading = null; draw(); });

export function showEquity(section) {
  points = section.points;
  draw();
}

const clock = (ms) => new Date(ms + IST_MS).toISOString().slice(11, 16);

function step(range, wanted) {
  const raw = range / wanted, power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((size) => size >= raw);
}

function draw() {
  const { width, height } = box.getBoundingClientRect();
  if (points.length < 2 || width < 50) {
    box.replaceChildren(el("div", { class: "empty" }, "The curve starts with the second step of the day."));
    text("equity-read", "–");
    return;
  }
  const first = points[0], last = points.at(-1);
  let low = Infinity, high = -Infinity;
  for (const [, equity] of points) { low = Math.min(low, equity); high = Math.max(high, equity); }
  const pad = Math.max((high - low) * 0.08, 10_000);
  low -= pad; high += pad;
  const x = (ms) => LEFT + ((ms - first[0]) / Math.max(1, last[0] - first[0])) * (width - LEFT - RIGHT);
  const y = (paise) => TOP + ((high - paise) / (high - low)) * (height - TOP - BOTTOM);
  const at = ([ms, paise]) => `${x(ms).toFixed(1)},${y(paise).toFixed(1)}`;
  const path = points.map(at).join(" L");
  const base = y(first[1]);
  const change = last[1] - first[1];
  const drawing = svg("svg", {
    viewBox: `0 0 ${width} ${height}`, role: "img", class: change < 0 ? "below" : "",
    "aria-label": `Equity from ${rupees(first[1])} at ${clock(first[0])} to ${rupees(last[1])} at ${clock(last[0])}`,
  });
  drawing.append(...levels(low, high, y, width), ...hours(first[0], last[0], x, height));
  drawing.append(
    svg("path", { class: "area", d: `M${x(first[0])},${base} L${path} L${x(last[0])},${base} Z` }),
    svg("line", { class: "base", x1: LEFT, x2: width - RIGHT, y1: base, y2: base }),
    svg("path", { class: "curve", d: `M${path}` }),
    svg("circle", { class: "end", cx: x(last[0]), cy: y(last[1]), r: 3.5 }),
  );
  const shown = reading === null ? last : points.reduce((a, b) => (Math.abs(x(b[0]) - reading) < Math.abs(x(a[0]) - reading) ? b : a));
  if (reading !== null) {
    drawing.append(
      svg("line", { class: "cross", x1: x(shown[0]), x2: x(shown[0]), y1: TOP, y2: height - BOTTOM }),
      svg("circle", { class: "end", cx: x(shown[0]), cy: y(shown[1]), r: 3.5 }),
    );
  }
  text("equity-read", `${clock(shown[0])}  ${rupees(shown[1])}  (${signedRupees(shown[1] - first[1])})`);
  box.replaceChildren(drawing);
}

function levels(low, high, y, width) {
  const size = step(high - low, 4), nodes = [];
  for (let level = Math.ceil(low / size) * size; level <= high; level += size) {
    nodes.push(svg("line", { class: "grid", x1: LEFT, x2: width - RIGHT, y1: y(level), y2: y(level) }));
    nodes.push(svg("text", { x: width - RIGHT + 8, y: y(level) + 4 }, rupees(level)));
  }
  return nodes;
}

function hours(from, to, x, height) {
  const minutes = Math.max(1, (to - from) / 60_000);
  const every = [1, 5, 15, 30, 60, 120].find((size) => minutes / size <= 7) ?? 240;
  const size = every * 60_000, nodes = [];
  for (let ms = Math.ceil((from + IST_MS) / size) * size - IST_MS; ms <= to; ms += size) {
    nodes.push(svg("text", { x: x(ms), y: height - 6, "text-anchor": "middle" }, clock(ms)));
  }
  return nodes;
}
