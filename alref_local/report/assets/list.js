"use strict";
// The list of sentences: search, filters, order and pages; only one page is in the document at a time.

const PAGE = 50;
const list = { rows: [], shown: [], state: new URLSearchParams() };

/** Load all rows and draw the controls. */
async function openList(report) {
  const shards = Number(document.body.dataset.shards);
  for (let shard = 0; shard < shards; shard += 1) {
    list.rows.push(...(await load(`list/${String(shard).padStart(3, "0")}`)));
  }
  list.rows.forEach((row, order) => {
    const scores = row.scores.filter((one) => one !== null);
    row.order = order;
    row.gap = scores.length > 1 ? Math.max(...scores) - Math.min(...scores) : null;
    row.words = `${row.text}\n${row.item}`.toLowerCase();
  });
  list.report = report;
  list.scored = list.rows.some((row) => row.scores.some((one) => one !== null));
  drawControls();
}

/** What the list may be ordered by: a title, and the value of a row (null comes last). */
function orders() {
  const own = list.report.runs.map((run, number) => [`score${number}`, `score of ${run.label}`, (row) => row.scores[number]]);
  return [
    ["", "as they come", (row) => row.order],
    ...(list.scored ? [["gap", "difference of scores", (row) => row.gap], ...own] : []),
    ["masks", "IoU of masks", (row) => row.masks],
    ["text", "sentence", (row) => row.text.toLowerCase()],
    ["kind", "kind", (row) => row.kind],
  ];
}

/** What may be shown: a title, and whether a row belongs to it. A sentence is right from a score of 0.5 on. */
function filters() {
  const right = (score) => score !== null && score >= 0.5;
  const several = list.report.runs.length > 1;
  const only = list.report.runs.map((run, number) => [
    `only${number}`,
    `only ${run.label} is right`,
    (row) => row.scores.every((score, other) => right(score) === (other === number)),
  ]);
  return [
    ["", "all sentences", () => true],
    ...(several
      ? [
          ["differ", "runs differ", (row) => row.differs.length > 0],
          ["frame", "pivot frames differ", (row) => row.differs.includes("frame")],
          ["box", "pivot boxes differ", (row) => row.differs.includes("box")],
          ["references", "references differ", (row) => row.differs.includes("references")],
        ]
      : []),
    ...(list.scored ? [["all", several ? "all are right" : "right", (row) => row.scores.every(right)]] : []),
    ...(list.scored && several ? only : []),
    ...(list.scored ? [["none", several ? "none is right" : "wrong", (row) => !row.scores.some(right)]] : []),
  ];
}

/** Set some of the state; the address follows, so that it can be kept and sent. */
function setList(changes) {
  for (const [name, value] of Object.entries(changes)) {
    if (value) list.state.set(name, value);
    else list.state.delete(name);
  }
  if (!("page" in changes)) list.state.delete("page");
  history.replaceState(null, "", `#${list.state}`);
  showList();
}

function drawControls() {
  const kinds = [...new Set(list.rows.map((row) => row.kind).filter(Boolean))].sort();
  const choose = (name, label, options) =>
    h("label", null, h("span", null, label), h("select", { name, onchange: (event) => setList({ [name]: event.target.value }) },
      options.map(([value, title]) => h("option", { value }, title))));
  const search = h("input", { type: "search", name: "q", placeholder: "words or video", "aria-label": "Search",
    oninput: (event) => setList({ q: event.target.value }) });
  const down = h("button", { type: "button", name: "down", title: "turn the order round",
    onclick: () => setList({ down: list.state.get("down") ? "" : "1" }) }, "↑");
  document.getElementById("controls").replaceChildren(
    search,
    choose("show", "show", filters()),
    ...(kinds.length > 1 ? [choose("kind", "kind", [["", "all kinds"], ...kinds.map((kind) => [kind, kind])])] : []),
    choose("sort", "by", orders()),
    down,
  );
}

/** Filter, sort and draw the page that the state says. */
function showList() {
  const { state } = list;
  for (const control of document.querySelectorAll("#controls [name]")) {
    if (control.name === "down") control.textContent = state.get("down") ? "↓" : "↑";
    else if (control.value !== (state.get(control.name) ?? "")) control.value = state.get(control.name) ?? "";
  }
  const words = (state.get("q") ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  const belongs = (filters().find(([name]) => name === state.get("show")) ?? filters()[0])[2];
  const kind = state.get("kind");
  const value = (orders().find(([name]) => name === state.get("sort")) ?? orders()[0])[2];
  const sign = state.get("down") ? -1 : 1;
  list.shown = list.rows
    .filter((row) => belongs(row) && (!kind || row.kind === kind) && words.every((word) => row.words.includes(word)))
    .map((row) => [value(row), row])
    .sort(([a, one], [b, other]) => (a === null) - (b === null) || sign * ((a > b) - (a < b)) || one.order - other.order)
    .map(([, row]) => row);
  const pages = Math.max(1, Math.ceil(list.shown.length / PAGE));
  const page = Math.min(pages, Math.max(1, Number(state.get("page")) || 1));
  const rows = list.shown.slice((page - 1) * PAGE, page * PAGE);
  document.getElementById("rows").replaceChildren(listTable(rows));
  drawPages(page, pages);
}

function listTable(rows) {
  const runs = list.report.runs;
  const head = (name, ...title) => {
    const chosen = (list.state.get("sort") ?? "") === name;
    const turned = chosen && list.state.get("down");
    return h("th", { "aria-sort": chosen ? (turned ? "descending" : "ascending") : null, class: name === "text" ? null : "n" },
      h("button", { type: "button", onclick: () => setList({ sort: name, down: chosen && !turned ? "1" : "" }) }, ...title));
  };
  return h("table", { class: "list" },
    h("thead", null, h("tr", null,
      h("th", null, ""),
      head("text", "sentence"),
      ...(list.scored ? runs.map((run, number) => head(`score${number}`, runName(list.report, number))) : []),
      ...(list.scored && runs.length > 1 ? [head("gap", "difference")] : []),
      ...(runs.length > 1 ? [head("masks", "masks IoU")] : []))),
    h("tbody", null, rows.map(listRow)));
}

function listRow(row) {
  const best = Math.max(...row.scores.map((score) => score ?? -1));
  const runs = list.report.runs;
  return h("tr", { onclick: (event) => { if (!event.target.closest("a")) location.hash = itemHash(row); } },
    h("td", { class: "thumbs" }, row.thumbs.map((thumb, run) =>
      thumb && h("img", { src: thumb, loading: "lazy", alt: "", class: `run-${run % 6}`, width: 76, height: 57 }))),
    h("td", { class: "words" },
      h("a", { href: itemHash(row) }, said(row.text || "whatever sounds")),
      h("small", null, said(row.item), row.kind ? [" · ", said(row.kind)] : "",
        row.differs.map((one) => [" ", h("span", { class: "tag" }, one)]))),
    ...(list.scored ? row.scores.map((score, run) =>
      h("td", { class: `n score${score !== null && score > best - 0.005 && row.gap > 0.05 ? " best" : ""}` },
        h("span", { class: `dot run-${run % 6}` }), figure(score, 2))) : []),
    ...(list.scored && runs.length > 1 ? [h("td", { class: "n gap" }, figure(row.gap, 2))] : []),
    ...(runs.length > 1 ? [h("td", { class: "n masks" }, figure(row.masks, 2))] : []));
}

function itemHash(row) {
  return `#${new URLSearchParams({ item: row.item, sentence: row.sentence })}`;
}

function drawPages(page, pages) {
  const go = (number, title, label) => h("button", { type: "button", disabled: number < 1 || number > pages, "aria-label": label,
    onclick: () => setList({ page: String(number) }) }, title);
  document.getElementById("pages").replaceChildren(
    go(page - 1, "←", "previous page"),
    h("span", null, `${list.shown.length} of ${list.rows.length}, page ${page} of ${pages}`),
    go(page + 1, "→", "next page"));
}
