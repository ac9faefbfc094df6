"use strict";
// Addresses and keys: `#item=ID&sentence=ID` is a sentence, everything else after `#` is the state of the list.

let report = null;

async function start() {
  report = await load("report");
  await openList(report);
  window.addEventListener("hashchange", route);
  document.addEventListener("keydown", key);
  document.getElementById("help").addEventListener("click", () => document.getElementById("keys").showModal());
  await route();
  document.body.dataset.ready = "true";
}

async function route() {
  const state = new URLSearchParams(location.hash.slice(1));
  const wanted = state.get("item");
  const row = wanted === null ? null : list.rows.find((one) => one.item === wanted && one.sentence === (state.get("sentence") ?? one.sentence));
  document.getElementById("home").hidden = Boolean(row);
  document.getElementById("item").hidden = !row;
  stage.videos.forEach((video) => video?.pause());
  if (row) {
    if (!list.shown.length) showList();
    if (!list.shown.includes(row)) list.shown = list.rows;
    stage.row = row;
    await showItem(report, row);
    return;
  }
  const from = stage.row;
  stage.row = null;
  document.getElementById("item").replaceChildren();
  list.state = wanted === null ? state : new URLSearchParams();
  showList();
  if (from) focusLink(links().find((link) => link.hash === itemHash(from)));
}

/** Links of the rows that are in the document. */
function links() {
  return [...document.querySelectorAll("#rows a")];
}

function focusLink(link) {
  link?.focus();
  link?.scrollIntoView({ block: "nearest" });
}

const KEYS = {
  j: () => move(1),
  k: () => move(-1),
  n: () => !stage.row && document.querySelector("#pages button:last-child").click(),
  p: () => !stage.row && document.querySelector("#pages button:first-child").click(),
  "/": () => { if (!stage.row) document.querySelector("#controls input").focus(); },
  "?": () => document.getElementById("keys").showModal(),
  " ": () => stage.row && togglePlay(),
  ArrowLeft: () => stage.row && stepFrames(-1),
  ArrowRight: () => stage.row && stepFrames(1),
  Escape: () => { if (stage.row) location.hash = `#${list.state}`; },
};

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (event.key === " " && event.target.closest("button, summary, video")) return;
  const act = KEYS[event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

/** To the next or the previous sentence: in the list the link that Enter opens, on a page its neighbour. */
function move(by) {
  if (stage.row) {
    const other = list.shown[list.shown.indexOf(stage.row) + by];
    if (other) location.hash = itemHash(other);
    return;
  }
  const all = links();
  const at = all.indexOf(document.activeElement);
  focusLink(all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + by))]);
}

start().catch((error) => {
  document.getElementById("rows").replaceChildren(h("p", { class: "notice" }, `The report is incomplete: ${error.message}.`));
});
