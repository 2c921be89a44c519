// One function for each section of the view.
import { byId, el, place, text } from "./dom.js";
import { count, day, exactRupees, percent, points, rupees, signed, signedRupees, span, time, tone, words } from "./format.js";

const SHOWN = 100;

function money(id, paise, format) {
  text(id, format(paise)).className = tone(paise);
}

function rows(id, built, columns, none) {
  byId(id).replaceChildren(...(built.length ? built : [el("tr", {}, el("td", { class: "none", colspan: columns }, none))]));
}

function attribution(one) {
  if (!one) return "";
  const parts = [["index move", one.index_move_paise], ["time", one.time_paise], ["volatility", one.volatility_paise], ["spread and impact", one.spread_and_impact_paise], ["charges", one.charges_paise]];
  return parts.map(([name, paise]) => `${name} ${signedRupees(paise)}`).join(", ");
}

const cell = (label, value, kind = "n") => el("td", { class: kind, "data-label": label }, value);

export function day_(section) {
  money("pnl", section.pnl_paise, signedRupees);
  text("pnl-parts", `${signedRupees(section.realised_paise)} realised, ${signedRupees(section.unrealised_paise)} open${section.provisional_paise ? `, ${signedRupees(section.provisional_paise)} of it provisional` : ""}`);
  money("drawdown", -section.max_drawdown_paise, signedRupees);
  text("win-rate", percent(section.win_rate, 0));
  text("win-count", section.trades ? `${section.wins} of ${section.trades} today, ${section.all_wins} of ${section.all_trades} in all` : "no trade closed yet");
  text("costs", rupees(section.costs_paise));
  byId("costs").title = attribution(section.attribution);
  text("margin", rupees(section.margin_paise));
  text("exposure", `${rupees(section.exposure_paise)} premium at risk`);
  const sides = Object.entries(section.signals).map(([label, number]) => `${count(number)} ${label.toLowerCase()}`);
  byId("signal-title").title = `Decisions today: ${sides.join(", ")}`;
}

export function market(section) {
  const one = section[0];
  if (!one) return;
  text("underlying", one.spot === null ? `${one.underlying} forward` : one.underlying);
  text("spot", points(one.spot ?? one.forward));
  text("vols", `IV ${percent(one.atm_iv)}, VIX ${percent(one.vix)}${one.quality.length ? `, ${one.quality.map(words).join(", ")}` : ""}`);
  byId("vols").title = `forward ${points(one.forward)}, expiry ${one.expiry ?? "–"}, source ${one.source}`;
}

export function signal(section) {
  if (!section) return;
  const card = document.querySelector(".signal");
  card.dataset.direction = section.direction;
  text("direction", section.label).dataset.direction = section.direction;
  text("meaning", section.meaning);
  text("signal-time", time(section.at));
  byId("signal-time").title = section.id;
  const value = Math.round(100 * section.confidence);
  byId("confidence").setAttribute("aria-valuenow", value);
  byId("confidence").setAttribute("aria-valuetext", `${value}%, ${section.confidence_word}; asked for ${percent(section.threshold, 0)}`);
  place(byId("confidence-bar"), "width", section.confidence);
  place(byId("threshold"), "left", section.threshold);
  text("confidence-text", `${value}% ${section.confidence_word}, needs ${percent(section.threshold, 0)}`);
  text("reason", section.reason || "–");
  const chips = [el("span", { class: "chip" }, `regime: ${words(section.regime)}`), el("span", { class: "chip", title: section.model_version }, section.mode === "ml" ? `model ${section.model_version}` : "rules, no model")];
  if (section.fallback_reason) chips.push(el("span", { class: "chip warn" }, words(section.fallback_reason)));
  if (section.p_put_pays !== null) chips.push(el("span", { class: "chip" }, `put pays ${percent(section.p_put_pays, 0)}, call pays ${percent(section.p_call_pays, 0)}`));
  byId("chips").replaceChildren(...chips);
  const most = Math.max(1e-9, ...section.top_features.map((part) => Math.abs(part.contribution)));
  byId("features").replaceChildren(...section.top_features.map((part) => {
    const share = Math.abs(part.contribution) / most / 2;
    const bar = el("i", { class: part.contribution >= 0 ? "for" : "against" });
    place(bar, "width", share);
    place(bar, "left", part.contribution >= 0 ? 0.5 : 0.5 - share);
    return el("li", {}, el("span", { class: "name", title: `value ${part.value ?? "missing"}` }, words(part.name)), el("span", { class: "axis", "aria-hidden": "true" }, bar), el("span", { class: "n" }, signed(part.contribution)));
  }));
}

export function positions(section) {
  const total = section.reduce((sum, one) => sum + one.pnl_paise, 0);
  const provisional = section.filter((one) => one.provisional).length;
  text("positions-note", section.length ? `${section.length} open, ${signedRupees(total)} at the mark${provisional ? `, ${provisional} provisional` : ""}` : "none");
  rows("positions", section.map(position), 9, "No open position.");
}

function position(one) {
  const sold = el("td", { "data-label": "Sold" }, el("span", { class: "sold", "data-kind": one.kind }, `${one.label} ${one.strike}`),
    el("span", { class: "note", title: one.order_id }, `${time(one.entry_at)}, expires ${day(one.expiry)}${one.closing ? `, closing: ${words(one.closing)}` : ""}`),
    ...(one.provisional ? [el("span", { class: "chip warn", title: "the result is provisional" }, words(one.status))] : []));
  return el("tr", {}, sold, cell("Lots", `${one.lots}`), cell("Entry", points(one.entry)), cell("Mark", points(one.mark), "n strong"), cell("Target", points(one.target)),
    cell("Stop", points(one.stop)), cell("Trail", points(one.trail)), el("td", { class: "track-cell" }, track(one)), cell("P&L", signedRupees(one.pnl_paise), `n strong ${tone(one.pnl_paise)}`));
}

function track(one) {
  // A seller wants the premium to fall: target on the left, stop on the right.
  const share = (premium) => (premium - one.target) / Math.max(1e-9, one.stop - one.target);
  const node = el("div", { class: "track", role: "img", "aria-label": `mark ${points(one.mark)} between target ${points(one.target)} and stop ${points(one.stop)}` });
  node.append(place(el("i", { title: `entry ${points(one.entry)}` }), "left", share(one.entry)));
  if (one.trail !== null && one.trail < one.stop) node.append(place(el("i", { class: "trail", title: `trail ${points(one.trail)}` }), "left", share(one.trail)));
  node.append(place(el("b", { class: tone(one.pnl_paise), title: `mark ${points(one.mark)}` }), "left", share(one.mark)));
  return node;
}

export function trades(section) {
  text("trades-note", section.length > SHOWN ? `newest ${SHOWN} of ${section.length}` : count(section.length));
  rows("trades", section.slice(0, SHOWN).map((one) => el("tr", {},
    el("td", { class: "entry" }, el("span", { class: "line", title: `${one.contract}, ${one.id}` }, one.line), el("span", { class: "note" }, `${one.lots} lot${one.lots === 1 ? "" : "s"}, ${words(one.regime)}, ${one.mode === "ml" ? "model" : "rules"}`)),
    el("td", { class: "exit" }, el("span", { class: "line" }, `${time(one.exit_at)} @ ${points(one.exit)}`), el("span", { class: "note" }, words(one.exit_reason))),
    cell("Held", span(one.holding_s)), cell("Costs", rupees(one.costs_paise)),
    el("td", { class: `n strong ${tone(one.net_paise)}`, "data-label": "Net P&L", title: [exactRupees(one.net_paise), attribution(one.attribution)].filter(Boolean).join(": ") }, signedRupees(one.net_paise)))), 5, "No trade closed today.");
}

export function denials(section) {
  const entries = Object.entries(section.by_code);
  const most = Math.max(1, ...entries.map(([, number]) => number));
  text("denials-total", `${count(section.total)} today`);
  byId("denials").replaceChildren(...(entries.length ? entries.map(([code, number]) => el("li", {}, el("span", {}, words(code)), el("span", {}, count(number)),
    el("span", { class: "bar", "aria-hidden": "true" }, place(el("i"), "width", number / most)))) : [el("li", { class: "quiet" }, "Nothing was refused today.")]));
  text("denial-last", section.last ? `${time(section.last.at)} ${section.last.label}: ${section.last.text}` : "");
}

export function alerts(section) {
  text("alerts-total", count(section.length));
  byId("alerts").replaceChildren(...(section.length ? section.map((one) => el("li", { class: one.severity, title: one.id },
    el("span", { class: "code" }, words(one.code)), el("span", { class: "quiet" }, `${one.severity}, ${one.producer}, ${time(one.at)}`), el("span", { class: "text" }, one.text))) : [el("li", { class: "quiet none" }, "No alerts.")]));
}

export function streams(section) {
  if (!section) return;
  const groups = section.streams.flatMap((stream) => stream.groups);
  const lag = groups.reduce((sum, group) => sum + group.lag, 0);
  const used = section.streams.filter((stream) => stream.length || stream.groups.some((group) => group.lag || group.pending));
  text("streams-note", `${used.length} in use, lag ${count(lag)}, dead letters ${count(section.dead)}, seen ${time(section.looked_at)}`);
  rows("streams", used.flatMap(streamRows), 7, "No stream yet.");
}

function streamRows(stream) {
  const groups = stream.groups.length ? stream.groups : [null];
  return groups.map((group, index) => el("tr", {},
    el("td", { class: "line" }, index ? "" : stream.stream), el("td", { class: "n" }, index ? "" : count(stream.length)),
    el("td", { title: stream.last_event }, index ? "" : `${stream.last_type} ${time(stream.last_at)}`),
    el("td", {}, group ? group.group : "–"), el("td", { class: `n ${group && group.lag > 50 ? "lagging" : ""}` }, group ? count(group.lag) : ""),
    el("td", { class: "n" }, group ? count(group.pending) : ""), el("td", { class: `n ${group && group.oldest_pending_s > 30 ? "lagging" : ""}` }, group && group.oldest_pending_s !== null ? span(group.oldest_pending_s) : "")));
}
