"use strict";
// The data of the report. A page from disk may not fetch, but it may load scripts that lie beside it: each calls `take`.

const store = { waiting: new Map(), values: new Map() };
const scripts = window.trustedTypes
  ? trustedTypes.createPolicy("shards", { createScriptURL: ownScript })
  : { createScriptURL: ownScript };

function ownScript(address) {
  if (!/^data\/(report|(list|items)\/\d+)\.js$/.test(address)) throw new Error("not a part of this report");
  return address;
}

/** Called by the files in data/: JSON, as a text. */
function take(name, text) {
  store.waiting.get(name)?.(JSON.parse(text));
  store.waiting.delete(name);
}

/** The value of a data file; the last few are kept. */
function load(name) {
  const known = store.values.get(name);
  if (known) return known;
  const value = new Promise((resolve, reject) => {
    store.waiting.set(name, resolve);
    const script = document.createElement("script");
    script.src = scripts.createScriptURL(`data/${name}.js`);
    script.onload = () => script.remove();
    script.onerror = () => {
      store.values.delete(name);
      reject(new Error(`data/${name}.js is missing`));
    };
    document.head.append(script);
  });
  store.values.set(name, value);
  if (store.values.size > 8) store.values.delete(store.values.keys().next().value);
  return value;
}
