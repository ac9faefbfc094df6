"use strict";
// The page of one sentence.

const stage = { videos: [], line: null, item: null };

/** Draw the page of a sentence into #item. */
async function showItem(report, row) {
  const item = await load(`items/${String(row.number).padStart(6, "0")}`);
  const sentence = item.sentences[row.place];
  const node = document.getElementById("item");
  stage.videos = item.videos.map((address) => address && h("video", {
    src: address, preload: "auto", controls: true, playsinline: true, width: item.width, height: item.height,
  }));
  const seek = (seconds) => playing().forEach((video) => { video.currentTime = seconds; });
  stage.line = timeline(report, item, sentence, seek);
  stage.item = item;
  playing()[0]?.addEventListener("timeupdate", (event) => stage.line.at(event.target.currentTime));
  const place = list.shown.indexOf(row);
  const beside = (step, title, label) => {
    const other = list.shown[place + step];
    return h("a", { class: "step", href: other ? itemHash(other) : null, "aria-label": label, "aria-disabled": other ? null : "true" }, title);
  };
  node.replaceChildren(
    h("nav", { class: "crumbs" }, h("a", { href: `#${list.state}`, class: "back" }, "← all sentences"), h("span", null,
      beside(-1, "‹", "previous sentence"), ` ${place + 1} of ${list.shown.length} `, beside(1, "›", "next sentence"))),
    h("h1", null, said(sentence.text || "whatever sounds")),
    h("p", { class: "lead" }, said(item.id), item.kind ? [" · ", said(item.kind)] : "", ` · ${item.frames} frames, ${item.width}×${item.height}`,
      row.differs.map((one) => [" ", h("span", { class: "tag" }, `other ${one === "references" ? "references" : `pivot ${one}`}`)])),
    h("div", { class: "side" }, sentence.runs.map((run, number) => runCard(report, item, sentence, run, number))),
    stage.line.node,
    ...heardView(report, sentence),
    sentence.clips.length ? h("p", { class: "hint legend" }, "Boxes are the candidates, in a run's colour those it chose",
      sentence.truth ? "; the white outline and the dashed box are the truth." : ".") : "",
    ...sentence.clips.map((clip, number) => clipView(report, item, clip, number)),
    ...looksView(report, sentence));
  scrollTo(0, 0);
}

function runCard(report, item, sentence, run, number) {
  const scores = Object.entries(run.scores).map(([name, value]) => [name, figure(value)]);
  const told = [
    ...scores.sort(([a]) => (a === "J&F" || a === "M_J" ? -1 : 1)),
    ...(run.status === "ok" ? [] : [["target", "none found"]]),
    ...(run.questions ? [["questions", run.retried ? `${run.questions}, ${run.retried} asked again` : run.questions], ["tokens", run.tokens.toLocaleString("en")], ["waiting", `${run.seconds.toFixed(1)} s`]] : [["questions", "none"]]),
    ...(run.dollars === null ? [] : [["dollars", run.dollars.toFixed(4)]]),
    ["whole video", `${item.seconds[number].toFixed(1)} s`],
  ];
  return h("article", { class: `column run-${number % 6}` }, runName(report, number),
    stage.videos[number] ?? h("p", { class: "hint" }, "has no overlay"),
    h("dl", null, told.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, String(value))))));
}

/** What was heard, stretch by stretch, and which things were said to make it. */
function heardView(report, sentence) {
  const stretches = Math.max(...sentence.heard.map((one) => one.length));
  return Array.from({ length: stretches }, (_, place) => h("section", { class: "clip" },
    h("h3", null, `Sound ${place + 1}`),
    h("div", { class: "side" }, sentence.heard.map((all, run) => {
      const one = all[place];
      return h("div", { class: `column run-${run % 6}` }, runName(report, run), one ? [
        h("p", null, h("small", null, `${one.start.toFixed(1)} to ${one.stop.toFixed(1)} s, heard: `), one.tags.map(([tag, probability], at) => [at ? ", " : "", said(tag), ` ${figure(probability, 2)}`])),
        h("p", null, one.categories.length ? one.categories.map((name) => [h("span", { class: "thing" }, said(name)), " "]) : "nothing is named"),
        one.note ? h("p", { class: "hint" }, said(one.note)) : null,
        exchange("What makes these sounds?", one, null),
      ] : h("p", { class: "hint" }, "has no such stretch"));
    }))));
}

function looksView(report, sentence) {
  if (!sentence.looks.some((one) => one.length)) return [];
  return [h("section", { class: "clip" }, h("h3", null, "Second looks"), h("div", { class: "side" }, sentence.looks.map((looks, run) =>
    h("div", { class: `column run-${run % 6}` }, runName(report, run), looks.map((look) => [
      h("p", null, `look ${look.number}: ${look.accepted ? "accepted" : "refused"} `, look.note ? said(look.note) : ""),
      exchange("Is it masked throughout?", look, null),
    ])))))];
}

/** The videos that are there. */
function playing() {
  return stage.videos.filter(Boolean);
}

function togglePlay() {
  const run = playing().some((video) => video.paused);
  playing().forEach((video) => (run ? video.play().catch(() => {}) : video.pause()));
}

/** Move all videos by so many frames, from where the first one stands. */
function stepFrames(count) {
  const [first] = playing();
  if (!first) return;
  const time = middle(stage.item, Math.max(0, frameAt(stage.item, first.currentTime) + count));
  playing().forEach((video) => { video.pause(); video.currentTime = time; });
  stage.line.at(time);
}
