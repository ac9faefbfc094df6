"use strict";
// Elements made of text: whatever a model, a person or a file said goes through textContent, never through HTML.

/** An element; properties that start with "on" are listeners, others attributes. Children are elements or texts. */
function h(tag, properties, ...children) {
  return filled(document.createElement(tag), properties, children);
}

/** The same for SVG. */
function svg(tag, properties, ...children) {
  return filled(document.createElementNS("http://www.w3.org/2000/svg", tag), properties, children);
}

function filled(node, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Words of others, whose direction stays their own. */
function said(words) {
  return h("bdi", { dir: "auto" }, String(words));
}

/** A figure with so many digits, or a dash. */
function figure(value, digits = 3) {
  return value === null || value === undefined ? "–" : value.toFixed(digits);
}

/** A run's name with its colour. */
function runName(report, run) {
  return h("span", { class: "name" }, h("span", { class: `dot run-${run % 6}` }), said(report.runs[run].label));
}
