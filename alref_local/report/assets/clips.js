"use strict";
// What was reasoned: clip by clip, runs side by side.

const STEP = { pivot_frame: "Which frame?", pivot_box: "Which box?" };

/** One clip of the video with the choice of each run. */
function clipView(report, item, clip, number) {
  const differs = { frame: "other pivot frames", box: "other boxes" }[clip.differs];
  return h("section", { class: "clip" },
    h("h3", null, `Clip ${number + 1} `, h("small", null, `frames ${clip.start} to ${clip.stop - 1}`),
      clip.thing ? [" ", said(clip.thing)] : "", differs ? [" ", h("span", { class: "tag" }, differs)] : ""),
    h("div", { class: "side" }, clip.runs.map((one, run) =>
      h("div", { class: `column run-${run % 6}` }, runName(report, run), one ? choice(item, one) : h("p", { class: "hint" }, "has no such clip")))));
}

function choice(item, one) {
  const right = one.right ?? {};
  return [
    one.frame === null ? h("p", null, "no pivot frame") : h("p", null, "pivot frame ", h("b", null, String(one.frame)),
      one.sampled.length > 1 ? h("small", null, ` of ${one.sampled.join(", ")}`) : "", mark(right.frame, "shows it", "does not show it")),
    one.picture ? pivotPicture(item, one) : null,
    one.candidates.length ? candidateTable(one, boxMark(one, right.box)) : null,
    one.note ? h("p", { class: "hint" }, said(one.note)) : null,
    one.steps.map((step) => exchange(STEP[step.step] ?? step.step, step, step.step === "pivot_frame" ? one.sampled : null)),
  ];
}

function boxMark(one, right) {
  return one.candidates.some((candidate) => candidate.chosen) ? mark(right, "right box", "wrong box") : mark(right, "rightly none", "wrongly none");
}

function mark(right, yes, no) {
  if (right === null || right === undefined) return null;
  return h("span", { class: right ? "mark yes" : "mark no" }, right ? `✓ ${yes}` : `✗ ${no}`);
}

/** The pivot frame with the candidates, the chosen ones in the run's colour, and the box of what is true. */
function pivotPicture(item, one) {
  const box = ([x0, y0, x1, y1], kind) => svg("rect", { x: x0, y: y0, width: Math.max(0, x1 - x0), height: Math.max(0, y1 - y0), class: kind });
  const size = Math.max(item.width, item.height) / 22;
  return h("figure", null,
    h("img", { src: one.picture, loading: "lazy", alt: `frame ${one.frame} with the run's mask` }),
    svg("svg", { viewBox: `0 0 ${item.width} ${item.height}`, "aria-hidden": "true" },
      one.true_box ? box(one.true_box, "true") : null,
      one.candidates.map((candidate) => box(candidate.box, candidate.chosen ? "chosen" : "candidate")),
      one.candidates.map((candidate, number) => svg("text", { x: candidate.box[0] + size / 4, y: candidate.box[1] + size, "font-size": size,
        class: candidate.chosen ? "chosen" : "" }, String(number + 1)))));
}

function candidateTable(one, judged) {
  const told = one.steps.find((step) => step.step === "pivot_box")?.calls.find((call) => call.answer)?.confidences ?? [];
  const sure = new Map(told);
  return h("table", { class: "candidates" },
    h("thead", null, h("tr", null, h("th", null, "box"), h("th", { class: "n" }, "detector"), sure.size ? h("th", { class: "n" }, "model") : null, h("th", null, judged))),
    h("tbody", null, one.candidates.map((candidate, number) => h("tr", { class: candidate.chosen ? "chosen" : null },
      h("td", null, String(number + 1)), h("td", { class: "n" }, figure(candidate.score, 2)),
      sure.size ? h("td", { class: "n" }, figure(sure.get(String(number + 1)), 2)) : null,
      h("td", null, candidate.chosen ? "chosen" : "")))));
}

/** A question: the images as the model saw them, and every reply; `frames` are what its ids stand for. */
function exchange(title, told, frames) {
  const [first, ...more] = [...told.calls].sort((a, b) => !a.answer - !b.answer);
  return h("div", { class: "exchange" },
    h("h4", null, title, told.agreement !== null && told.agreement !== undefined ? h("small", null, ` ${Math.round(100 * told.agreement)} % of the answers say so`) : ""),
    told.strips.map((strip) => h("a", { href: strip, target: "_blank", rel: "noopener" }, h("img", { src: strip, loading: "lazy", alt: "as the model saw it", class: "strip" }))),
    first ? reply(first, frames) : h("p", { class: "hint" }, "nothing was asked"),
    more.length ? h("details", null, h("summary", null, `${more.length} more ${more.length > 1 ? "replies" : "reply"}`), more.map((call) => reply(call, frames))) : null);
}

function reply(call, frames) {
  const name = (id) => (frames && frames[Number(id) - 1] !== undefined ? `frame ${frames[Number(id) - 1]}` : id);
  return h("div", { class: "reply" },
    call.raw ? h("pre", { dir: "auto" }, call.raw) : null,
    call.error ? h("p", { class: "error" }, said(call.error)) : null,
    call.answer ? h("p", { class: "answer" }, "→ ", call.answer.length ? said(call.answer.map(name).join(", ")) : "none of them", call.cached ? h("small", null, " from the cache") : "") : null,
    call.confidences.length > 1 ? h("div", { class: "confidences" }, call.confidences.map(([id, value]) =>
      h("label", null, said(name(id)), h("meter", { min: 0, max: 1, value }), figure(value, 2)))) : null);
}
