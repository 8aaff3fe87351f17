// Keyboard, drafts, connection and sums. Everything here is a help: each action is also a button of a form.
"use strict";
(() => {
  const store = window.localStorage, prefix = "psychohistory/draft/", keysOff = "psychohistory/keys-off";
  const all = (what, within = document) => Array.from(within.querySelectorAll(what));
  const typing = (node) => node && (/^(INPUT|TEXTAREA|SELECT)$/.test(node.tagName) && !/^(checkbox|radio)$/.test(node.type || "") || node.isContentEditable);

  // Drafts: what is typed lies in this browser until the server says that it is stored.
  const kept = (form) => {
    const fields = {};
    for (const field of form.elements) {
      if (!field.name || field.name === "csrf" || field.type === "submit" || field.tagName === "BUTTON") continue;
      if (field.type === "checkbox" || field.type === "radio") { if (field.checked) fields[field.name] = field.value; }
      else fields[field.name] = field.value;
    }
    return fields;
  };
  const remember = (form) => {
    try { store.setItem(prefix + form.dataset.draft, JSON.stringify({ at: Date.now(), fields: kept(form) })); } catch (fault) { console.warn("The draft does not fit into this browser's storage.", fault); }
  };
  const forget = (name) => store.removeItem(prefix + name);
  const restore = (form) => {
    const text = store.getItem(prefix + form.dataset.draft);
    if (!text || form.dataset.restored) return;
    form.dataset.restored = "yes";
    const draft = JSON.parse(text);
    for (const field of form.elements) {
      if (!field.name || field.name === "csrf" || field.name === "key" || field.tagName === "BUTTON") continue;
      if (field.type === "checkbox" || field.type === "radio") field.checked = draft.fields[field.name] === field.value;
      else if (field.name in draft.fields) field.value = draft.fields[field.name];
    }
    const details = form.closest("details");
    if (details) details.open = true;
    const banner = document.getElementById("draft-banner");
    banner.hidden = false;
    banner.querySelector("span").textContent = "A draft of " + new Date(draft.at).toLocaleTimeString() + " was put back into the form.";
    banner.querySelector("[data-discard]").onclick = () => { forget(form.dataset.draft); window.location.reload(); };
    all(".share", form).slice(0, 1).forEach(sum);
  };

  // The sum of a distribution while it is typed; the server decides what is exact.
  const sum = (field) => {
    const form = field.closest("form"), total = form.querySelector(".total");
    const points = all(".share", form).reduce((whole, one) => whole + Math.round(100 * (parseFloat(one.value.replace(",", ".")) || 0)), 0);
    total.querySelector("output").textContent = points / 100;
    total.querySelector(".left").textContent = (10000 - points) / 100;
    total.classList.toggle("exact", points === 10000);
  };

  document.addEventListener("input", (event) => {
    const form = event.target.closest("form[data-draft]");
    if (event.target.classList.contains("share")) sum(event.target);
    if (form) remember(form);
  });

  // Connection: a form that could not be sent is sent again, with the same key, when the connection is back.
  let waiting = null;
  const offline = (yes) => { document.getElementById("connection").hidden = !yes; };
  document.addEventListener("htmx:sendError", (event) => {
    offline(true);
    const form = event.detail.elt.closest("form");
    if (form) waiting = { form, button: event.detail.requestConfig.triggeringEvent && event.detail.requestConfig.triggeringEvent.submitter };
  });
  const again = () => {
    offline(false);
    if (!waiting) return;
    const { form, button } = waiting;
    waiting = null;
    if (form.isConnected) form.requestSubmit(button && button.isConnected && !button.disabled ? button : undefined);
  };
  window.addEventListener("offline", () => offline(true));
  window.addEventListener("online", () => setTimeout(again, 300));
  setInterval(() => {
    if (waiting) fetch("/static/icon.svg", { cache: "no-store" }).then(again, () => undefined);
  }, 3000);
  document.addEventListener("htmx:responseError", (event) => {
    const box = document.getElementById("notice") || document.getElementById("main");
    const line = document.createElement("p");
    line.className = "banner bad";
    line.setAttribute("role", "alert");
    line.textContent = "The server answered " + event.detail.xhr.status + ". Nothing was changed; what you typed is kept.";
    box.prepend(line);
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const target = event.detail.target;
    if (target.id === "main") window.scrollTo(0, 0);
    if (target.id === "notice" && target.firstElementChild) target.scrollIntoView({ block: "nearest" });
    if (target.id === "evidence") target.scrollTop = 0;
    const shares = target.closest && target.closest("form.shares");
    if (shares) sum(shares.querySelector(".share"));
  });
  // A conflict is a page of its own: it takes the place of the case, whatever the form aimed at.
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.xhr.status === 409 && event.detail.xhr.responseText.includes('id="main"')) {
      event.detail.target = document.getElementById("main");
      event.detail.selectOverride = "#main";
      event.detail.swapOverride = "outerHTML";
    }
  });

  // Claims: the one whose evidence is shown is marked.
  const claims = () => all(".claim[data-claim]");
  const mark = (claim) => { claims().forEach((one) => one.classList.remove("now", "focused")); claim.classList.add("now"); };
  document.addEventListener("click", (event) => {
    const look = event.target.closest(".claim .look");
    if (look) mark(look.closest(".claim"));
    const opener = event.target.closest("[data-open]");
    if (opener) document.getElementById(opener.dataset.open).showModal();
  });
  const move = (step) => {
    const list = claims(), at = list.findIndex((one) => one.matches(".now, .focused"));
    const next = list[Math.min(list.length - 1, Math.max(0, at + step))];
    if (!next) return;
    const look = next.querySelector(".look");
    look.focus({ preventScroll: true });
    next.scrollIntoView({ block: "center" });
    look.click();
  };

  const press = (key) => { const node = document.querySelector('[data-key="' + key + '"]'); if (node) node.click(); return Boolean(node); };
  const actions = {
    j: () => press("j"), k: () => press("k"), n: () => move(1), p: () => move(-1),
    a: () => press("a"), e: () => press("e"), s: () => press("s"), u: () => press("u"),
    x: () => { const reason = document.getElementById("reason"); if (reason) reason.focus(); },
    w: () => { const note = document.querySelector("#decide [name=note]"); if (note) note.focus(); },
    "?": () => document.getElementById("keys").showModal(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.id === "reason" && event.key === "Enter") { event.preventDefault(); press("x"); return; }
    if (event.target.matches("#decide [name=note]") && event.key === "Enter") { event.preventDefault(); if (event.target.value.trim()) press("w"); return; }
    if (event.key === "Escape" && typing(event.target)) { event.target.blur(); return; }
    if (typing(event.target) || store.getItem(keysOff)) return;
    const action = actions[event.key];
    if (action) { event.preventDefault(); action(); }
  });

  const start = () => {
    const saved = new URLSearchParams(window.location.search).get("saved");
    if (saved) {
      forget(saved);
      const clean = new URL(window.location.href);
      clean.searchParams.delete("saved");
      window.history.replaceState(null, "", clean);
    }
    all("form[data-draft]").forEach(restore);
    all("form.shares").forEach((form) => sum(form.querySelector(".share")));
    const on = document.getElementById("keys-on");
    if (on) {
      on.checked = !store.getItem(keysOff);
      on.addEventListener("change", () => on.checked ? store.removeItem(keysOff) : store.setItem(keysOff, "yes"));
    }
    const queued = document.querySelector(".item.current");
    if (queued) queued.scrollIntoView({ block: "nearest" });
    const go = document.querySelector("[data-continue]");
    if (go) window.location.replace(go.getAttribute("href"));
  };
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start); else start();
})();
