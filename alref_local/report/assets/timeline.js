"use strict";
// What happens when: masks of each run, the truth, pivot frames, and which thing sounds; one line for all videos.

/** When a frame begins, in seconds; `times` are there where the rate varies, the end of the video last. */
function begins(item, frame) {
  return item.times.length ? item.times[Math.min(frame, item.frames)] : frame / item.fps;
}

/** The frame that is shown at a time. */
function frameAt(item, seconds) {
  const now = seconds + 1e-6;
  return item.times.length ? item.times.filter((begin) => begin <= now).length - 1 : Math.floor(seconds * item.fps + 1e-6);
}

/** The middle of a frame, in seconds. */
function middle(item, frame) {
  return (begins(item, frame) + begins(item, frame + 1)) / 2;
}

/** The timeline of a sentence; `seek` is told a time in seconds. */
function timeline(report, item, sentence, seek) {
  const length = begins(item, item.frames);
  const part = (seconds) => `${(100 * seconds) / length}%`;
  const bar = (spans, kind) => spans.map(([start, stop]) => {
    const node = h("span", { class: `bar ${kind}` });
    node.style.left = part(start);
    node.style.width = part(stop - start);
    return node;
  });
  const frames = (spans) => spans.map((span) => span.map((frame) => begins(item, frame)));
  const pivot = (frame) => {
    const node = h("span", { class: "pivot", title: `pivot frame ${frame}` });
    node.style.left = part(middle(item, frame));
    return node;
  };
  const row = (name, ...content) => h("div", { class: "row" }, h("span", { class: "label" }, name), h("div", { class: "track" }, content));
  const rows = [];
  if (sentence.truth) rows.push(row("truth", bar(frames(sentence.truth), "truth")));
  sentence.runs.forEach((run, number) => {
    rows.push(row(runName(report, number), bar(frames(run.masked), `mask run-${number % 6}`), run.pivots.map(pivot)));
    for (const [thing, sounding] of sentence.heard[number][0]?.sounding ?? []) {
      if (sounding) rows.push(row(["♪ ", said(thing)], bar(sounding, `sound run-${number % 6}`)));
    }
    if (run.sounding && sentence.text) rows.push(row("♪ sounds", bar(run.sounding, `sound run-${number % 6}`)));
  });
  const head = h("span", { class: "head" });
  const node = h("div", { class: "timeline", "aria-label": "Timeline", onclick: (event) => {
    const track = event.target.closest(".track")?.getBoundingClientRect();
    if (track) seek(Math.min(1, Math.max(0, (event.clientX - track.left) / track.width)) * length);
  } }, rows, h("div", { class: "row scale" }, h("span", { class: "label" }, `${length.toFixed(1)} s`), h("div", { class: "track" }, head)));
  return { node, at: (seconds) => { head.style.left = part(Math.min(seconds, length)); } };
}
