() => Array.from(document.querySelectorAll("input, select, textarea, button, a[href]"))
  .filter((n) => n.type !== "hidden" && !(n.labels && n.labels.length) && !n.getAttribute("aria-label") && !n.textContent.trim())
  .map((n) => n.outerHTML.slice(0, 120))
