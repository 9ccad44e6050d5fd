// Everyone at once: the question in a dialog, and its answer. How far it is stands in a part that the stream brings.
"use strict";
(() => {
  if (!window.voicedash) return;
  const { rows, parts, presses, reads, liveness, clock } = window.voicedash;

  // On a phone the sentences stand below, one above the other: this stands above them all.
  const strip = document.querySelector(".strip");
  new ResizeObserver(() => document.documentElement.style.setProperty("--strip", `${strip.offsetHeight}px`)).observe(strip);

  // What is over goes away by itself, though nothing else may change.
  clock.everySecond(() => {
    for (const bulk of document.querySelectorAll(".bulk[data-until]")) bulk.hidden = Date.parse(bulk.dataset.until) < liveness.time();
  });
  if (!document.getElementById("bulk-dialog")) return;

  // "Wait" is over when all of it is: how it ended stands in the part. But it can be read first.
  const READ = 3000;
  let waiting = null;
  clock.everySecond(() => {
    if (!waiting || clock.ours() - waiting.at < READ || document.querySelector("#part-bulks [data-running]")) return;
    waiting.takeBack();
    waiting = null;
  });

  const dialog = document.getElementById("bulk-dialog");
  const place = document.getElementById("bulk-place");
  const OPENERS = "#pause-all, #resume-all";

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target !== place) return;
    for (const menu of document.querySelectorAll(".menu[open]")) menu.open = false;
    if (!dialog.open) dialog.showModal();
    const first = place.querySelector("[autofocus]") || place.querySelector("button, input[type=checkbox], a");
    if (first) first.focus();
  });
  place.addEventListener("click", (event) => {
    if (!event.target.closest("[data-close]")) return;
    event.preventDefault();
    dialog.close();
  });
  dialog.addEventListener("close", () => place.replaceChildren());

  document.addEventListener("htmx:beforeOnLoad", (event) => {
    const { elt, xhr } = event.detail;
    if (!elt.matches("[data-bulk]") || xhr.status >= 300) return;
    event.preventDefault();  // an answer that comes late must not put back a part that is older
    const answer = rows.parse(xhr.responseText);
    const said = presses.saidIn(answer);
    if (dialog.open) dialog.close();
    parts.take(answer);
    if (said) waiting = { takeBack: presses.tell(said), at: clock.ours() };
    if (!liveness.isLive()) reads.look();
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    const { elt, xhr } = event.detail;
    if ((xhr.status >= 200 && xhr.status < 300) || !elt.matches(`[data-bulk], ${OPENERS}`)) return;
    if (dialog.open) dialog.close();
    presses.refused(xhr, elt.matches(OPENERS) ? "Nothing was asked:" : "NOT known what was asked:");
    reads.look();
  });
})();
