() => {
  const value = (text) => { const [r, g, b, a] = text.match(/[\d.]+/g).map(Number); return { r, g, b, a: a === undefined ? 1 : a }; };
  const ground = (node) => { for (let n = node; n; n = n.parentElement) { const c = value(getComputedStyle(n).backgroundColor); if (c.a === 1) return c; } return { r: 255, g: 255, b: 255 }; };
  const light = ({ r, g, b }) => [r, g, b].map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4).reduce((s, c, i) => s + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ratio = (one, two) => { const [high, low] = [light(one), light(two)].sort((a, b) => b - a); return (high + 0.05) / (low + 0.05); };
  const poor = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walk.nextNode(); text; text = walk.nextNode()) {
    const node = text.parentElement, style = getComputedStyle(node), box = node.getBoundingClientRect();
    if (!text.data.trim() || !box.width || style.visibility === "hidden" || node.closest("svg, option, .hidden, [hidden]")) continue;
    const found = ratio(value(style.color), ground(node));
    if (found < 4.5) poor.push(text.data.trim().slice(0, 40) + " " + found.toFixed(2));
  }
  for (const field of document.querySelectorAll("input:not([type=checkbox]):not([type=radio]):not([type=hidden]), select, textarea")) {
    if (!field.getBoundingClientRect().width) continue;
    const found = ratio(value(getComputedStyle(field).borderTopColor), ground(field.parentElement));
    if (found < 3) poor.push("border of " + field.outerHTML.slice(0, 60) + " " + found.toFixed(2));
  }
  return poor;
}
