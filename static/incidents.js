// The list of incidents: how long each lasts, by the server's clock; a list that changed is read anew when no hand is on it.
(() => {
  "use strict";
  const main = document.querySelector("main.incident-list");
  const ahead = Date.parse(main.dataset.now) - Date.now();  // the server's clock minus ours, as near as matters here
  const two = (value) => String(value).padStart(2, "0");

  function lasted(milliseconds) {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor(seconds / 60) % 60;
    return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
  }
  function tick() {
    drawStale();
    if (!stale.hidden) return;
    for (const place of document.querySelectorAll(".lasting")) {
      const text = lasted(Date.now() + ahead - Date.parse(place.dataset.since));
      if (place.textContent !== text) place.textContent = text;
    }
  }

  // Every three seconds it asks whether there is anything new: a list that hears of nothing must not look calm.
  const SILENT = 15000;
  const stale = document.getElementById("incidents-stale");
  let heardAt = Date.now();
  const heard = () => { heardAt = Date.now(); };
  function drawStale() {
    const asks = document.querySelector("#incidents-news[hx-get]") && !document.hidden;
    const told = asks && Date.now() - heardAt > SILENT ? "Not live: voicedash does not answer, and what you see may have changed." : "";
    if (stale.textContent !== told) stale.textContent = told;
    stale.hidden = !told;
  }
  document.addEventListener("visibilitychange", heard);  // a tab in the background asks more seldom
  document.body.addEventListener("htmx:afterRequest", (event) => { if (event.detail.successful) heard(); });
  setInterval(tick, 1000);
  tick();

  // Somebody who types, or has gone to an incident with the keyboard, is told and left in peace.
  const busy = () => document.activeElement?.closest(".incident, .filter") || [...document.querySelectorAll("[name=done]")].some((field) => field.value);
  function again(event) {
    event?.preventDefault();
    location.reload();
  }
  document.addEventListener("click", (event) => { if (event.target.closest("[data-again]")) again(event); });

  document.body.addEventListener("htmx:beforeSwap", (event) => {
    // What one did oneself is in the list already: the next question asks what is newer than that.
    if (event.detail.target.id !== "incidents-news" || busy()) return;
    event.detail.shouldSwap = false;
    again();
  });
  // The answer stands where its button was: so does the focus.
  document.body.addEventListener("htmx:afterSwap", (event) => {
    const card = event.detail.elt?.closest?.(".incident") || document.getElementById(event.detail.target?.id);
    if (card?.classList.contains("incident")) {
      tick();
      (card.querySelector("[aria-invalid]") || card).focus({ preventScroll: true });
    }
  });

  // What was not answered was perhaps not written: only a list that is read anew tells.
  function fail(event) {
    if (event.detail.xhr?.status === 401) { location.assign(`${main.dataset.loginUrl}?next=${encodeURIComponent(location.pathname)}`); return; }
    const card = event.detail.elt.closest(".incident");
    if (!card) return;
    const told = card.querySelector(".said") || document.createElement("p");
    told.className = "said";
    told.dataset.tone = "bad";
    told.setAttribute("role", "alert");
    told.textContent = "No answer that can be read: load this page again to see whether it was written.";
    card.querySelector(".incident-do").before(told);
  }
  for (const name of ["htmx:responseError", "htmx:sendError", "htmx:timeout"]) document.body.addEventListener(name, fail);
})();
