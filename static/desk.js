// What makes the board quick to use: keys and dialogs. The board works without this file.
"use strict";
(() => {
  const list = document.getElementById("rows");
  const search = document.getElementById("search");
  if (!list) return;

  // ---- Dialogs ---------------------------------------------------------------------------------

  const place = document.getElementById("add-place");
  const dialog = document.getElementById("add-dialog");
  if (place && dialog) dialog.append(place);
  for (const opener of document.querySelectorAll("[data-open]")) {
    opener.addEventListener("click", () => open(opener.dataset.open));
  }
  function open(id) {
    for (const menu of document.querySelectorAll(".menu[open]")) menu.open = false;
    document.getElementById(id).showModal();
    const first = document.querySelector(`#${id} textarea`);
    if (first) first.focus();
  }
  for (const closer of document.querySelectorAll("[data-close]")) {
    closer.addEventListener("click", () => closer.closest("dialog").close());
  }
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll(".menu[open]")) if (!menu.contains(event.target)) menu.open = false;
    if (event.target instanceof HTMLDialogElement) event.target.close();  // the backdrop
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll(".menu[open]")) { menu.open = false; menu.querySelector("summary").focus(); }
  });
  // What was refused stays in the field to be mended; what was taken leaves it.
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "added") return;
    const refused = [...document.querySelectorAll("#added [data-refused]")].map((item) => item.dataset.refused);
    const field = document.getElementById("call_ids");
    field.value = refused.join("\n");
    field.focus();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!event.detail.elt.matches("[data-add]") || event.detail.successful) return;
    const added = document.getElementById("added");
    const status = event.detail.xhr.status;
    const why = { 401: "Not sent: sign in again in another tab, then press once more.", 403: "Not sent: your role does not allow it." };
    added.textContent = why[status] || "No answer from voicedash: nothing is known to be added. Press again; ids count once.";
  });

  // ---- Keys ------------------------------------------------------------------------------------

  const box = document.getElementById("keys-on");
  const stored = () => { try { return localStorage.getItem("voicedash.keys"); } catch { return null; } };
  box.checked = stored() !== "off";
  box.addEventListener("change", () => { try { localStorage.setItem("voicedash.keys", box.checked ? "on" : "off"); } catch { /* private window */ } });

  const shown = () => [...list.children].filter((row) => !row.hidden);
  function go(row) {
    if (!row) return;
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  }
  document.addEventListener("keydown", (event) => {
    // A held key presses a button again and again: a press is one press.
    if (event.repeat && (event.key === "Enter" || event.key === " ") && event.target.closest("[data-press]")) event.preventDefault();
    if (event.repeat && event.key !== "j" && event.key !== "k") return;
    if (!box.checked || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    const row = event.target.closest("#rows > li");
    const rows = shown();
    if (event.key === "/") search.focus();
    else if (event.key === "?") open("help");
    else if (!list.contains(event.target)) return;
    else if (event.key === "j") go(row ? rows[rows.indexOf(row) + 1] : rows[0]);
    else if (event.key === "k") go(row ? rows[rows.indexOf(row) - 1] : rows[0]);
    else if (event.key === "p" && row) press(row, "slot1");
    else if (event.key === "r" && row) press(row, "slot2");
    else if (event.key === "o" && row) press(row, "opener");
    else return;
    event.preventDefault();
  });
  function press(row, slot) {
    const button = row.querySelector(`.${slot}`);
    if (button) button.click();
  }
  search.addEventListener("keydown", (event) => {
    if (event.key === "Enter" || event.key === "ArrowDown") { event.preventDefault(); go(shown()[0]); }
    if (event.key === "Escape" && search.value) { window.voicedash.finding.clear(); event.preventDefault(); }
  });
  document.querySelector(".skip").addEventListener("click", (event) => { event.preventDefault(); go(shown()[0] || list); });
})();
