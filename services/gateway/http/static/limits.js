// Limits in use, tightened limits, and the stress ladder.
import { byId, el, place, text } from "./dom.js";
import { count, day, rupees, signedRupees, time, tone, words } from "./format.js";

const NAMES = { hard_day_loss_multiple: "hard cap of the day", max_stress_loss: "jump of 5 %" };
const figure = (use, value) => (use.unit === "paise" ? rupees(value) : count(value));
const signedShare = (share) => `${share > 0 ? "+" : ""}${Math.round(100 * share)} %`;

export function showLimits(section) {
  const fullest = section.uses.reduce((most, use) => (use.share > most.share ? use : most), { share: 0, name: "" });
  text("limits-note", section.at ? `fullest: ${NAMES[fullest.name] ?? words(fullest.name)} ${Math.round(100 * fullest.share)} %, ${time(section.at)}` : "nothing said yet");
  byId("limits").replaceChildren(...section.uses.map((use) => el("li", { title: use.name },
    el("span", {}, NAMES[use.name] ?? words(use.name.replace(/^max_/, ""))), el("span", {}, `${figure(use, use.used)} of ${figure(use, use.limit)}`),
    el("span", { class: "bar", "aria-hidden": "true" }, place(el("i", { class: use.share >= 0.8 ? "full" : "" }), "width", Math.min(use.share, 1))))));
  text("overrides", section.overrides.map((one) => `${one.name} ${one.value} (file ${one.configured}) by ${one.operator} since ${day(one.since)} ${time(one.since)}: ${one.reason}`).join("; "));
  showStress(section);
}

function showStress(section) {
  const rungs = section.stress;
  const least = Math.min(0, ...rungs.flatMap((rung) => [...rung.now, rung.at_expiry]));
  text("stress-note", rungs.length ? `worst ${signedRupees(least)}` : "no open position");
  const columns = section.volatility_shifts.map((shift) => (shift ? `vol +${Math.round(100 * shift)}` : "now"));
  byId("stress-head").replaceChildren(...["Index", ...columns, "At expiry"].map((label, index) => el("th", { scope: "col", class: index ? "n" : "" }, label)));
  byId("stress").replaceChildren(...rungs.map((rung) => el("tr", {}, el("td", { "data-label": "Index" }, signedShare(rung.move)),
    ...[...rung.now, rung.at_expiry].map((paise, index) => el("td", { class: `n ${tone(paise)}`, "data-label": [...columns, "At expiry"][index] }, signedRupees(paise))))));
}
