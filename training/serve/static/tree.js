// Draws a tree as SVG: columns where there is room, an indented list where there is not. Only draws; knows no server.

const NS = "http://www.w3.org/2000/svg";
export const SMALL = 0.05;
const NARROW = 700, LINE = 17, GAP = 92, ROOT = 168, GLYPH = 6.7;

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

// What is shown below a node: its likely branches, one row for the small ones unless it was opened, and Z.
export function shown(node, opened) {
  const sorted = [...node.branches].sort((a, b) => b.probability - a.probability);
  const small = sorted.filter((child) => child.path_probability < SMALL);
  const folds = small.length > 1 || (small.length === 1 && sorted.length > 1);
  const open = opened.has(node.key);
  const items = (folds && !open ? sorted.filter((child) => !small.includes(child)) : sorted)
    .map((child) => ({ kind: "branch", node: child, p: child.probability }));
  if (folds) items.push({ kind: "fold", key: node.key, open, count: small.length, p: small.reduce((sum, child) => sum + child.probability, 0) });
  if (node.branches.length && node.remainder !== null) items.push({ kind: "rest", p: node.remainder });
  return items;
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

function wrapped(text, width, most) {
  const room = Math.max(8, Math.floor(width / GLYPH)), lines = [""];
  for (const word of text.split(/\s+/)) {
    for (let rest = word; rest; ) {
      const last = lines[lines.length - 1], glue = last ? " " : "";
      if (last.length + glue.length + rest.length <= room) { lines[lines.length - 1] += glue + rest; break; }
      if (last) { lines.push(""); continue; }
      lines[lines.length - 1] = rest.slice(0, room); rest = rest.slice(room);
      if (rest) lines.push("");
    }
  }
  if (lines.length <= most) return lines;
  return [...lines.slice(0, most - 1), `${lines[most - 1].slice(0, room - 1)}…`];
}

// Every visible thing gets a place: x, the middle of its row, its lines of text.
function placed(root, opened, place) {
  const found = [];
  let y = place.top;
  const visit = (item, depth, parent) => {
    const textWidth = place.width(depth);
    const lines = item.kind === "branch" ? wrapped(item.node.event, textWidth, 4) : [];
    const height = item.kind === "branch" ? (lines.length + 1) * LINE + 12 : item.kind === "fold" ? 38 : 26;
    const entry = { item, depth, parent, lines, x: place.x(depth), height };
    found.push(entry);
    const below = item.kind === "branch" ? shown(item.node, opened) : [];
    const begin = y;
    if (place.indented) { entry.y = y + height / 2; y += height; }
    for (const child of below) visit(child, depth + 1, entry);
    if (place.indented) return;
    if (!below.length) { entry.y = y + height / 2; y += height; return; }
    const middle = (begin + y) / 2;
    entry.y = Math.max(middle, begin + height / 2);
    y = Math.max(y, entry.y + height / 2);
  };
  const top = { item: { kind: "seed" }, depth: 0, x: place.left, lines: wrapped(root.event, place.root - 20, 8) };
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
  const x = from.item.kind === "seed" ? from.x + from.width : from.x + from.width - 4, middle = (x + to.x) / 2;
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

function branchLabel(entry) {
  const { item, x, y, lines, height } = entry, group = element("g");
  group.append(element("title", {}, item.node.event));
  let at = y - height / 2 + LINE + 2;
  const share = element("text", { x, y: at, class: "share" }, `${percent(item.p)} `);
  share.append(element("tspan", { class: "soft" }, spread(item.node)));
  if (entry.indented && item.node.months) share.append(element("tspan", { class: "soft" }, `  ${within(item.node.months)}`));
  group.append(share);
  for (const text of lines) group.append(element("text", { x, y: (at += LINE) }, text));
  return group;
}

function foldButton(entry, toggle) {
  const words = foldWords(entry.item), { x, y, item } = entry;
  const group = element("g", { class: "fold", role: "button", tabindex: "0", "aria-expanded": String(item.open), "aria-label": words, "data-fold": item.key });
  group.append(element("rect", { x: x - 2, y: y - 14, width: words.length * GLYPH + 18, height: 28, rx: 8 }));
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
  if (entry.item.kind === "branch") return branchLabel(entry);
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
  return 1 + Math.max(0, ...shown(node, opened).filter((item) => item.kind === "branch").map((item) => deepest(item.node, opened)));
}

function columns(width, depth) {
  const column = Math.max(215, (width - ROOT) / depth);
  return { indented: false, top: 4, left: 1, root: ROOT, total: ROOT + column * depth,
           x: (d) => ROOT + (d - 1) * column + GAP, width: () => column - GAP - 6 };
}

function indented(width) {
  return { indented: true, top: 4, left: 1, root: width - 2, total: width,
           x: (d) => 12 + d * 20, width: (d) => width - 16 - d * 20 };
}

export function draw(canvas, root, opened, toggle) {
  const room = canvas.clientWidth, depth = deepest(root, opened) - 1 || 1;
  const place = room < NARROW ? indented(room) : columns(room, depth);
  const { top, found, bottom } = placed(root, opened, place);
  top.width = place.root;
  const svg = element("svg", { class: "tree", width: Math.ceil(place.total), height: Math.ceil(bottom + 6), role: "group",
                               "aria-label": `Tree of what may follow: ${root.event}. The table holds the same figures.` });
  for (const entry of found) { entry.width = place.width(entry.depth); entry.indented = place.indented; }
  for (const entry of found) svg.append(flow(entry, place.indented));
  if (!place.indented) {
    for (const entry of found.filter(({ item }) => item.kind === "branch" && item.node.months)) {
      svg.append(element("text", { x: entry.x - GAP / 2 + 6, y: entry.y - 6 - 7 * entry.item.p, class: "months", "text-anchor": "middle" }, within(entry.item.node.months)));
    }
  }
  svg.append(seedBox(top), ...found.map((entry) => label(entry, toggle)));
  canvas.replaceChildren(svg);
}
