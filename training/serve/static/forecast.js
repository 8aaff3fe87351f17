// The form, the stream of levels, the table. Text from anywhere is only ever set as text.

import { draw, foldWords, percent, shown, spread, within } from "./tree.js";

const at = (id) => document.getElementById(id);
const csrf = document.querySelector("meta[name=csrf]").content;
const opened = new Set();
let root = null, running = null;

function request() {
  const number = (id) => (at(id).value === "" ? null : Number(at(id).value));
  const asked = { event: at("event").value.trim(), context: at("context").value, as_of: at("as_of").value || null };
  for (const id of ["horizon", "depth", "branches"]) if (number(id) !== null) asked[id] = number(id);
  return asked;
}

function wrong() {
  for (const field of at("ask").querySelectorAll("input, textarea")) {
    const bad = !field.checkValidity() || (field.id === "event" && !field.value.trim());
    field.setAttribute("aria-invalid", String(bad));
    if (bad) return field;
  }
  return null;
}

function say(text, busy = false) {
  at("progress").textContent = text;
  at("progress").classList.toggle("busy", busy);
}

function complain(message) {
  at("fault").textContent = message;
  at("fault").hidden = !message;
}

function node(branch, key) {
  return { branches: [], remainder: null, ...branch, key };
}

function attach(path, branches, remainder) {
  const parent = path.reduce((found, k) => found.branches[k], root);
  parent.branches = branches.map((branch, k) => node(branch, `${parent.key}.${k}`));
  parent.remainder = remainder;
}

function whole(tree) {
  const copy = (branch, key) => ({ ...branch, key, branches: branch.branches.map((child, k) => copy(child, `${key}.${k}`)) });
  return { ...copy({ ...tree, event: tree.seed }, "r") };
}

function cell(text, kind = "td") {
  const made = document.createElement(kind);
  made.textContent = text;
  if (kind === "th") made.scope = "row"; else made.className = "number";
  return made;
}

function foldRow(item) {
  const row = cell("", "th"), button = document.createElement("button");
  button.type = "button";
  button.textContent = foldWords(item);
  button.setAttribute("aria-expanded", String(item.open));
  button.dataset.fold = item.key;
  button.addEventListener("click", () => toggle(item.key, "table"));
  row.append(button);
  row.colSpan = 5;
  return [row];
}

function branchRow(branch) {
  return [cell(branch.event, "th"), cell(percent(branch.probability)), cell(spread(branch) || "–"),
          cell(percent(branch.path_probability)), cell(within(branch.months) || "–")];
}

function rows(parent, depth, path) {
  return shown(parent, opened).flatMap((item) => {
    const row = document.createElement("tr");
    row.className = `d${depth} ${item.kind}`;
    if (item.kind === "fold") row.append(...foldRow(item));
    else if (item.kind === "branch") row.append(...branchRow(item.node));
    else row.append(cell("Z: none of them", "th"), cell(percent(item.p)), cell("–"), cell(percent(item.p * path)), cell("–"));
    return item.kind === "branch" ? [row, ...rows(item.node, depth + 1, item.node.path_probability)] : [row];
  });
}

function show() {
  at("empty").hidden = true;
  at("tree").hidden = false;
  draw(at("canvas"), root, opened, toggle);
  at("rows").replaceChildren(...rows(root, 1, 1));
}

function toggle(key, where) {
  if (!opened.delete(key)) opened.add(key);
  show();
  const place = where === "svg" ? at("canvas") : at("rows");
  place.querySelector(`[data-fold="${key}"]`)?.focus();
}

function head(asked) {
  at("seed").textContent = asked.event;
  const day = asked.as_of || "today";
  at("facts").textContent = `As of ${day}, ${asked.horizon ?? 36} months a level.`;
}

function finished(line, seconds) {
  root = whole(line.tree);
  at("incomplete").hidden = line.complete;
  const made = line.cached ? "kept from before" : `made in ${seconds} s`;
  const bent = line.tree.calibration ? `calibration: ${line.tree.calibration}` : "no calibration was fitted";
  at("facts").textContent = `As of ${line.tree.as_of.slice(0, 10)}, ${line.tree.horizon_months} months a level, ${made}; ${bent}.`;
  show();
  say("");
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n");
    rest = parts.pop();
    for (const part of parts) yield JSON.parse(part);
  }
}

async function refused(answer) {
  const kind = answer.headers.get("content-type") || "";
  const told = kind.includes("json") ? (await answer.json()).message : `The server answered ${answer.status}.`;
  return answer.status === 401 ? "Your session has ended; open a new link, or enter your key again." : told;
}

async function forecast(asked, signal) {
  const begun = performance.now(), seconds = () => ((performance.now() - begun) / 1000).toFixed(1);
  const answer = await fetch("/generate_tree/stream", {
    method: "POST", signal, headers: { "content-type": "application/json", "x-csrf-token": csrf }, body: JSON.stringify(asked),
  });
  if (!answer.ok) { complain(await refused(answer)); return; }
  root = node({ event: asked.event, path_probability: 1 }, "r");
  opened.clear();
  at("incomplete").hidden = true;
  head(asked);
  let count = 0, ended = false;
  for await (const line of lines(answer.body)) {
    if (line.event === "error") { complain(line.message); ended = true; }
    if (line.event === "tree") { finished(line, seconds()); ended = true; }
    if (line.event === "level") {
      attach(line.path, line.branches, line.remainder);
      count += 1;
      say(`${count} ${count === 1 ? "level is" : "levels are"} known …`, true);
      show();
    }
  }
  if (!ended) complain("The connection ended before the tree was whole; what is drawn is all that came.");
}

function busy(is) {
  at("go").disabled = is;
  at("stop").hidden = !is;
  at("result").setAttribute("aria-busy", String(is));
}

at("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  if (running) return;
  complain("");
  const field = wrong();
  if (field) {
    complain(field.id === "event" && !field.value.trim() ? "Say in one sentence what happened." : `${field.labels[0].textContent}: ${field.validationMessage}`);
    field.focus();
    return;
  }
  running = new AbortController();
  busy(true);
  say("Waiting for the model …", true);
  try {
    await forecast(request(), running.signal);
  } catch (fault) {
    complain(fault.name === "AbortError" ? "" : "The server cannot be reached; is it still running?");
  } finally {
    running = null;
    busy(false);
    say("");
  }
});

at("stop").addEventListener("click", () => running?.abort());
let width = 0;
new ResizeObserver(() => {
  const room = at("canvas").clientWidth;  // 0 while no tree is shown
  if (!root || !room || Math.abs(room - width) <= 4) return;
  width = room;
  draw(at("canvas"), root, opened, toggle);
}).observe(at("result"));
