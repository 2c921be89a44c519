// Operators' commands. The token lives in the form only, and is wiped when the dialog closes.
import { byId, text } from "./dom.js";

const dialog = byId("control"), form = byId("control-form"), send = byId("send");
let book = () => "";

export function wireControl(currentBook) {
  book = currentBook;
  byId("open-control").addEventListener("click", () => { dialog.showModal(); });
  byId("close-control").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => { form.elements.token.value = ""; disarm(); text("control-result", ""); });
  form.addEventListener("change", () => { byId("limit-fields").hidden = form.elements.kind.value !== "set_limit"; disarm(); });
  form.addEventListener("submit", submit);
}

export function showControl(enabled) {
  text("control-hint", enabled ? "Commands go to the control topic with your name and reason." : "Commands are switched off: the gateway has no control token (THETAFLOW_GATEWAY_CONTROL_TOKEN).");
  send.disabled = !enabled;
}

function disarm() {
  send.dataset.armed = "false";
  send.textContent = "Send";
}

async function submit(event) {
  event.preventDefault();
  const fields = form.elements, kind = fields.kind.value;
  if (kind === "flatten" && send.dataset.armed !== "true") {
    send.dataset.armed = "true";
    send.textContent = "Really close everything";
    return;
  }
  const body = { kind, operator: fields.operator.value, reason: fields.reason.value };
  if (kind === "set_limit") Object.assign(body, { limit: fields.limit.value, value: Number(fields.value.value) });
  send.disabled = true;
  try {
    const answer = await fetch(`/api/control?book=${encodeURIComponent(book())}`, {
      method: "POST", headers: { "Content-Type": "application/json", Authorization: `Bearer ${fields.token.value}` }, body: JSON.stringify(body),
    });
    const content = await answer.json();
    text("control-result", answer.ok ? `Sent: ${kind.replace("_", " ")}.` : typeof content.detail === "string" ? content.detail : content.detail.map((one) => one.msg).join("; "));
  } catch (error) {
    text("control-result", `No answer: the command may or may not have arrived (${error.message}).`);
  } finally {
    send.disabled = false;
    disarm();
  }
}
