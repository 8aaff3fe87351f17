// Draws a tree as SVG: columns where there is room, an indented list where there is not. Only draws; knows no server.

const NS = "http://www.w3.org/2000/svg";
export const SMALL = 0.05;
const NARROW = 640, LINE = 17, GAP = 88, ROOT = 172;
const FONT = '13px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const pen = document.createElement("canvas").getContext("2d");

export function percent(p) {
  if (p > 0 && p < 0.005) return "<1 %";
  if (p < 1 && p > 0.995) return ">99 %";
  return `${Math.round(p * 100)} %`;
}

export function spread(node) {
  return node.spread === null || node.spread === undefined ? "" : `±${percent(node.spread)}`;
}

export function within(months) {
  return months ? `≤ ${months} mo` : "";
}

// What is shown below a node: its likely branches, one row for the small ones unless it was opened, and Z. Where all
// are small, the one row stands for the whole list.
export function shown(node, opened) {
  const sorted = [...node.branches].sort((a, b) => b.probability - a.probability);
  const small = sorted.filter((child) => child.path_probability < SMALL);
  const folds = small.length > 1 || (small.length === 1 && sorted.length > 1);
  const open = opened.has(node.key);
  const items = (folds && !open ? sorted.filter((child) => !small.includes(child)) : sorted)
    .map((child) => ({ kind: "branch", node: child, p: child.probability }));
  if (folds) items.push({ kind: "fold", key: node.key, open, count: small.length, p: small.reduce((sum, child) => sum + child.probability, 0) });
  const hidden = folds && !open && small.length === sorted.length;
  if (node.branches.length && node.remainder !== null && !hidden) items.push({ kind: "rest", p: node.remainder });
  return items;
}

// The one row of a list that is folded whole stands under the words of its branch and needs no column.
function foldedWhole(node, opened) {
  const items = shown(node, opened);
  return items.length === 1 && items[0].kind === "fold" && !items[0].open ? items[0] : null;
}

export function foldWords(item) {
  const branches = item.count === 1 ? "1 small branch" : `${item.count} small branches`;
  return item.open ? `Fold ${branches}` : `+ ${branches}, ${percent(item.p)}`;
}

function element(name, attributes = {}, text = "") {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

function measured(text, weight = 400) {
  pen.font = `${weight} ${FONT}`;
  return pen.measureText(text).width;
}

function wrapped(text, width, most, weight = 400) {
  const fits = (words) => measured(words, weight) <= width;
  const lines = [""];
  for (const word of text.split(/\s+/)) {
    const last = lines[lines.length - 1], longer = last ? `${last} ${word}` : word;
    if (fits(longer)) { lines[lines.length - 1] = longer; continue; }
    if (last) lines.push("");
    for (const letter of word) {
      if (!fits(lines[lines.length - 1] + letter) && lines[lines.length - 1]) lines.push("");
      lines[lines.length - 1] += letter;
    }
  }
  if (lines.length <= most) return lines;
  let end = lines[most - 1];
  while (end && !fits(`${end}…`)) end = end.slice(0, -1);
  return [...lines.slice(0, most - 1), `${end}…`];
}

// Every visible thing gets a place: x, the middle of its row, its lines of text.
function placed(root, opened, place) {
  const found = [];
  let y = place.top;
  const visit = (item, depth, parent) => {
    const textWidth = place.width(depth);
    const lines = item.kind === "branch" ? wrapped(item.node.event, textWidth, 4) : [];
    const inner = item.kind === "branch" && !place.indented ? foldedWhole(item.node, opened) : null;
    const words = item.kind === "branch" ? (lines.length + 1) * LINE + 12 : item.kind === "fold" ? 38 : 26;
    const height = words + (inner ? 34 : 0);
    const entry = { item, depth, parent, lines, x: place.x(depth), height, inner };
    found.push(entry);
    const below = item.kind === "branch" && !inner ? shown(item.node, opened) : [];
    const begin = y;
    if (place.indented) { entry.y = y + height / 2; y += height; }
    for (const child of below) visit(child, depth + 1, entry);
    if (place.indented) return;
    if (!below.length) { entry.y = y + height / 2; y += height; return; }
    const middle = (begin + y) / 2;
    entry.y = Math.max(middle, begin + height / 2);
    y = Math.max(y, entry.y + height / 2);
  };
  const top = { item: { kind: "seed" }, depth: 0, x: place.left, lines: wrapped(root.event, place.root - 22, 8, 600) };
  top.height = top.lines.length * LINE + 20;
  if (place.indented) { top.y = y + top.height / 2; y += top.height + 8; }
  for (const item of shown(root, opened)) visit(item, 1, top);
  if (!place.indented) {
    top.y = Math.max((place.top + y) / 2, place.top + top.height / 2);
    y = Math.max(y, top.y + top.height / 2);
  }
  return { top, found, bottom: y };
}

function curve(from, to, indented) {
  if (indented) {
    const x = from.x + 9, y = from.y + from.height / 2 - (from.item.kind === "seed" ? 0 : 4);
    return `M${x} ${y}V${to.y - 8}Q${x} ${to.y} ${x + 8} ${to.y}H${to.x - 6}`;
  }
  const x = from.x + from.width + (from.item.kind === "seed" ? 0 : 4), middle = (x + to.x) / 2;
  return `M${x} ${from.y}C${middle} ${from.y} ${middle} ${to.y} ${to.x - 8} ${to.y}`;
}

function flow(entry, indented) {
  const { item } = entry;
  const most = indented ? 7 : 15;
  return element("path", {
    d: curve(entry.parent, entry, indented),
    class: `flow ${item.kind === "rest" ? "rest" : item.kind === "fold" ? "small" : ""}`,
    "stroke-width": item.kind === "branch" ? (1 + most * item.p).toFixed(2) : 1.5,
  });
}

// From the end of a branch's words to where its own branches leave: their lines begin in one place.
function stem(entry) {
  const words = entry.lines.map((text) => measured(text));
  const begin = entry.x + Math.max(80, ...words) + 7, end = entry.x + entry.width + 4;
  return begin < end ? element("path", { d: `M${begin} ${entry.y}H${end}`, class: "flow stem", "stroke-width": 1.5 }) : "";
}

function branchLabel(entry, toggle) {
  const { item, x, y, lines, height } = entry, group = element("g");
  group.append(element("title", {}, item.node.event));
  let at = y - height / 2 + LINE + 2;
  const share = element("text", { x, y: at, class: "share" }, `${percent(item.p)} `);
  share.append(element("tspan", { class: "soft" }, spread(item.node)));
  if (entry.indented && item.node.months) share.append(element("tspan", { class: "soft" }, `  ${within(item.node.months)}`));
  group.append(share);
  for (const text of lines) group.append(element("text", { x, y: (at += LINE) }, text));
  if (entry.inner) group.append(foldButton({ item: entry.inner, x: x + 2, y: y + height / 2 - 20 }, toggle));
  return group;
}

function foldButton(entry, toggle) {
  const words = foldWords(entry.item), { x, y, item } = entry;
  const group = element("g", { class: "fold", role: "button", tabindex: "0", "aria-expanded": String(item.open), "aria-label": words, "data-fold": item.key });
  group.append(element("rect", { x: x - 2, y: y - 14, width: measured(words) + 19, height: 28, rx: 8 }));
  group.append(element("text", { x: x + 7, y: y + 4.5, class: "soft" }, words));
  group.addEventListener("click", () => toggle(item.key, "svg"));
  group.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    toggle(item.key, "svg");
  });
  return group;
}

function label(entry, toggle) {
  if (entry.item.kind === "fold") return foldButton(entry, toggle);
  if (entry.item.kind === "branch") return branchLabel(entry, toggle);
  const text = element("text", { x: entry.x, y: entry.y + 4.5, class: "soft" });
  text.append(element("tspan", { class: "soft" }, `${percent(entry.item.p)} Z: none of them`));
  return text;
}

function seedBox(top) {
  const group = element("g", { class: "seed" });
  group.append(element("rect", { x: top.x, y: top.y - top.height / 2, width: top.width, height: top.height, rx: 9 }));
  top.lines.forEach((text, i) => group.append(element("text", { x: top.x + 10, y: top.y - top.height / 2 + 23 + i * LINE }, text)));
  return group;
}

function deepest(node, opened) {
  if (foldedWhole(node, opened)) return 0;
  const below = shown(node, opened).map((item) => (item.kind === "branch" ? deepest(item.node, opened) : 0));
  return below.length ? 1 + Math.max(...below) : 0;
}

function columns(width, depth) {
  const column = Math.max(225, (width - ROOT) / depth);
  return { indented: false, top: 4, left: 1, root: ROOT, total: ROOT + column * depth,
           x: (d) => ROOT + (d - 1) * column + GAP, width: () => column - GAP - 8 };
}

function indented(width) {
  return { indented: true, top: 4, left: 1, root: width - 2, total: width,
           x: (d) => 12 + d * 20, width: (d) => width - 16 - d * 20 };
}

export function draw(canvas, root, opened, toggle) {
  const room = canvas.clientWidth, depth = deepest(root, opened) || 1;
  const place = room < NARROW ? indented(room) : columns(room, depth);
  const { top, found, bottom } = placed(root, opened, place);
  top.width = place.root;
  const svg = element("svg", { class: "tree", width: Math.ceil(place.total), height: Math.ceil(bottom + 6), role: "group",
                               "aria-label": `Tree of what may follow: ${root.event}. The table holds the same figures.` });
  for (const entry of found) { entry.width = place.width(entry.depth); entry.indented = place.indented; }
  for (const entry of found) svg.append(flow(entry, place.indented));
  if (!place.indented) {
    for (const entry of found.filter(({ item }) => item.kind === "branch" && item.node.months)) {
      // away from its parent's height, where the line does not come from
      const side = 4 + 8 * entry.item.p, y = entry.y + (entry.y > entry.parent.y + 2 ? side + 11 : -side);
      svg.append(element("text", { x: entry.x - 11, y, class: "months", "text-anchor": "end" }, within(entry.item.node.months)));
    }
    const parents = new Set(found.map((entry) => entry.parent));
    svg.append(...found.filter((entry) => parents.has(entry)).map(stem));
  }
  svg.append(seedBox(top), ...found.map((entry) => label(entry, toggle)));
  canvas.replaceChildren(svg);
}
