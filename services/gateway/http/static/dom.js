// Building elements. Text only ever enters by textContent: nothing an event says can become markup.
const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

export function el(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined) node.setAttribute(name, String(value));
  }
  node.append(...children.filter((child) => child !== null).map((child) => (child instanceof Node ? child : document.createTextNode(String(child)))));
  return node;
}

export function text(id, value) {
  const node = byId(id);
  const next = String(value);
  if (node.textContent !== next) node.textContent = next;
  return node;
}

export function place(node, property, share) {
  node.style[property] = `${(100 * Math.min(1, Math.max(0, share))).toFixed(2)}%`;
  return node;
}
