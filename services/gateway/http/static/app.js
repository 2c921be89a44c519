// Follows the gateway by server-sent events and hands each section to its renderer.
import { showEquity } from "./chart.js";
import { showControl, wireControl } from "./control.js";
import { byId, el, text } from "./dom.js";
import { day, span, time } from "./format.js";
import { showLimits } from "./limits.js";
import * as render from "./render.js";

const SILENCE_MS = 5_000;
const HALT = { unknown: "–", active: "Trading", reducing: "Reducing", halted: "HALTED" };
const sections = { market: render.market, signal: render.signal, positions: render.positions, trades: render.trades, day: render.day_, equity: showEquity, denials: render.denials, alerts: render.alerts, limits: showLimits, streams: render.streams };
let book = new URLSearchParams(location.search).get("book");
let source = null;
let status = null;
let heardAt = performance.now();

function follow() {
  source?.close();
  source = new EventSource(`/api/live${book ? `?book=${encodeURIComponent(book)}` : ""}`);
  source.addEventListener("update", (event) => {
    const update = JSON.parse(event.data);
    heardAt = performance.now();
    for (const [name, show] of Object.entries(sections)) if (name in update) show(update[name]);
    showStatus(update.status);
  });
}

function showStatus(next) {
  status = next;
  document.body.dataset.freshness = status.freshness;
  document.body.dataset.services = status.silent.length ? "silent" : "ok";
  showVenue(status.venue);
  text("mode", status.mode).dataset.live = status.venue?.mode !== "off";
  document.title = `${status.mode.toUpperCase()} ${status.book} · Thetaflow`;
  text("market-day", day(status.market_at));
  text("market-time", status.market_at ? time(status.market_at) : "––:––:––");
  text("feed", { live: "Live feed", replay: "Replay", none: "No feed" }[status.feed]);
  showSession(status.session);
  const halt = status.halt;
  const pill = text("halt", HALT[halt.state]);
  pill.dataset.state = halt.state;
  pill.title = haltWords(halt);
  text("halt-why", pill.title).hidden = halt.state === "active" || halt.state === "unknown";
  showControl(status.control);
  showBooks();
  showLink();
}

function showSession(session) {
  const pill = text("session", { live: "LIVE", offline: "OFFLINE", unknown: "–" }[session.mode]);
  pill.dataset.state = session.replay_equal === false ? "differs" : session.mode;
  const bounds = session.mode === "unknown" ? "No mode was told yet." : `Since ${day(session.since)} ${time(session.since)}, until ${day(session.until)} ${time(session.until)}, session of ${session.day}.`;
  const verdict = { true: "replay equal to live", false: "REPLAY DIFFERS", null: "not replayed" }[session.replay_equal];
  const report = session.reported_day ? ` Report of ${session.reported_day}: ${verdict}. ${session.report_text}` : "";
  pill.title = (bounds + report).trim();
}

// What the venue is believed to hold: nobody can ask it, so the doubt is shown beside the belief.
function showVenue(venue) {
  byId("mode").title = venue ? `${venue.reason || "By the executor's own settings and the day's arming"}. Said ${day(venue.told_at)} ${time(venue.told_at)}.` : "The executor has not said yet what it does with decisions.";
  const held = venue?.held ?? [];
  byId("held-box").hidden = held.length === 0;
  byId("held").replaceChildren(...held.map((one) => el("li", {}, heldWords(one, venue.venue),
    ...(one.unconfirmed === null ? [] : [el("span", { class: "chip warn" }, `${sign(one.unconfirmed)} ${one.unconfirmed_state} since ${time(one.unconfirmed_since)}, not confirmed`)]))));
}

const sign = (value) => (value > 0 ? `+${value}` : `${value}`);

function heldWords(one, venue) {
  if (one.value === null) return `${venue} variable ${one.variable}: nobody knows what it holds `;
  return `${venue} variable ${one.variable}: ${sign(one.value)}${one.contract ? ` ${one.contract}` : ""} since ${day(one.since)} ${time(one.since)} `;
}

function haltWords(halt) {
  if (halt.state === "unknown") return "Risk has not said yet what the book may do.";
  const why = halt.latches.map((latch) => `${latch.code}: ${latch.text} (${time(latch.since)})`);
  if (halt.command) why.push(`${halt.command} by ${halt.operator}: ${halt.reason}`);
  return `${HALT[halt.state]} since ${day(halt.since)} ${time(halt.since)}. ${why.join("; ")}`;
}

function showBooks() {
  const select = byId("book");
  if ([...select.options].map((option) => option.value).join() !== status.books.join()) {
    select.replaceChildren(...status.books.map((name) => el("option", { value: name }, name)));
  }
  select.value = status.book;
}

function showLink() {
  const silent = performance.now() - heardAt;
  const lost = silent > SILENCE_MS;
  document.body.dataset.link = status === null ? "connecting" : lost ? "lost" : "ok";
  const age = status === null || status.tick_age_s === null ? null : status.tick_age_s + silent / 1000;
  const last = status?.last_tick_at ? time(status.last_tick_at) : null;
  const closed = status?.freshness === "closed";
  text("tick-text", last === null ? "No tick yet" : closed ? `Last tick ${last}` : `Tick ${span(age)} ago`);
  byId("tick").title = status?.freshness_text ?? "";
  // The banner is read out when it changes, so it counts no seconds.
  let words = "";
  if (lost) words = "No word from the gateway: what you see is old. Trying again.";
  else if (status && !status.broker_ok) words = `The gateway cannot reach the broker: ${status.broker_text}`;
  else if (status?.silent.length) words = `Not working: ${status.silent.map((line) => line.split(":")[0]).join(", ")}. What it should do is not done. See the runbook.`;
  else if (status?.freshness === "stale") words = last === null ? "The session is open and no tick has come yet." : `Prices are stale: the last tick is of ${last} IST, ${day(status.last_tick_at)}.`;
  text("banner", words).hidden = words === "";
}

byId("book").addEventListener("change", (event) => {
  book = event.target.value;
  history.replaceState(null, "", `?book=${encodeURIComponent(book)}`);
  follow();
});
document.addEventListener("visibilitychange", () => { if (!document.hidden && source?.readyState === EventSource.CLOSED) follow(); });
setInterval(() => {
  showLink();
  if (source.readyState === EventSource.CLOSED) follow();
}, 1_000);
wireControl(() => book ?? status?.book ?? "");
follow();
