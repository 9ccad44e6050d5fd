// Legs of one call stand under one row that opens. Which rows are legs, and of which row, the newest of those rows says.
"use strict";
(() => {
  const { voicedash } = window;
  if (!voicedash) return;
  const { rows } = voicedash;
  const list = document.getElementById("rows");

  let wholes = new Map();  // a leg's id → the row of its whole, in the list or waiting to join it

  const isWhole = (row) => row.classList.contains("whole");
  const isOpen = (whole) => "opened" in whole.dataset;
  const idsOf = (whole) => whole.dataset.legs.split(" ");
  const of = (row) => wholes.get(row.id) || null;
  const inList = (id) => { const row = document.getElementById(id); return row && row.parentElement === list ? row : null; };
  const legsOf = (whole) => idsOf(whole).filter((id) => wholes.get(id) === whole).map(inList).filter(Boolean);

  function know() {
    const all = rows.every();
    const known = new Set(all.map((row) => row.id));
    const found = all.filter(isWhole).sort((one, other) => one.dataset.version - other.dataset.version);
    wholes = new Map(found.flatMap((whole) => idsOf(whole).map((id) => [id, whole])));
    return (whole) => idsOf(whole).filter((id) => wholes.get(id) === whole && known.has(id)).length;
  }

  // Where a row that has just come takes the place of its legs, whatever hand is on them: nothing moves by that.
  // null: they are not there, or a finger is on one.
  function standsFor(whole) {
    const legs = whole.parentElement === list ? [] : idsOf(whole).map(inList).filter(Boolean);
    const places = legs.map((leg) => (of(leg) && of(leg).parentElement === list ? of(leg) : leg));
    const [first] = places.sort((one, other) => (one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING ? -1 : 1));
    return first && !places.some((place) => place.querySelector("button:active")) ? first : null;
  }
  function wrap(whole, first) {
    whole.hidden = first.hidden;
    takePlace(whole, first);
    list.insertBefore(whole, first);
    know();
    if (of(first)) first.dataset.fresh = "";  // its place is taken: it goes at once
    moveFocus(first, whole);
  }
  // One leg is left: it takes the place of the row that stood for it and others.
  function unwrap(whole, leg) {
    if (leg) {
      takePlace(leg, whole);
      bare(leg);
      leg.hidden = whole.hidden;
      moveFocus(whole, leg);
    }
    whole.remove();
  }
  // It stands where another stood, and goes where it belongs when no hand is on the list.
  function takePlace(row, other) {
    if (row.dataset.order === other.dataset.order) return;
    row.dataset.goes = row.dataset.order;
    row.dataset.order = other.dataset.order;
  }
  function moveFocus(from, to) {
    const at = document.activeElement;
    if (!from.contains(at)) return;
    (document.getElementById(at.id.replace(from.id, to.id)) || to).focus({ preventScroll: true });
  }
  function bare(row) {
    row.classList.remove("leg");
    delete row.dataset.conversation;
    delete row.dataset.fresh;
  }

  // After rows came or went: legs stand under their row, hidden while it is closed.
  function arrange() {
    const count = know();
    for (const whole of list.querySelectorAll(":scope > .whole")) if (count(whole) < 2) unwrap(whole, legsOf(whole)[0]);
    know();
    for (const row of list.querySelectorAll(":scope > .leg")) if (!of(row) || of(row).parentElement !== list) { bare(row); row.hidden = !voicedash.finding.fits(row); }
    for (const whole of list.querySelectorAll(":scope > .whole")) {
      let last = whole;
      const legs = legsOf(whole);
      for (const leg of legs) {
        if (!leg.classList.contains("leg") && !("fresh" in leg.dataset) && !leg.hidden && !rows.free() && !rows.below(leg)) continue;  // its turn comes
        leg.classList.add("leg");
        delete leg.dataset.fresh;
        if (last.nextElementSibling !== leg) last.after(leg);
        leg.hidden = !isOpen(whole) || whole.hidden;
        last = leg;
      }
      label(whole, legs.length);
    }
  }
  function label(whole, count) {
    const opener = whole.querySelector(".opener");
    const number = opener.querySelector(".num");
    opener.setAttribute("aria-expanded", String(isOpen(whole)));
    if (number.textContent !== String(count) && count) number.textContent = count;
  }

  list.addEventListener("click", ({ target }) => {
    const opener = target.closest(".opener");
    if (!opener) return;
    const whole = opener.closest("li");
    if (isOpen(whole)) delete whole.dataset.opened;
    else whole.dataset.opened = "";
    rows.changed();
  });

  know();
  voicedash.legs = {
    isWhole, of, legsOf, know, standsFor, wrap, arrange,
    isClosed: (row) => Boolean(of(row)) && row.hidden,
    // Does the row of its whole show it?
    isShown: (leg) => isOpen(of(leg)) && !of(leg).hidden,
  };
})();
