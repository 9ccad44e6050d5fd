// Rows that never go back in time: every row that comes, whatever way, is put in place here, by version.
"use strict";
(() => {
  const SLICE = 8;     // milliseconds of placing between two chances for the browser to answer the hand
  const OURS = ["hidden", "data-pressing", "data-opened", "data-fresh"];  // what no drawing of a row tells
  const GATHER = 500;  // what changed within so many is announced in one breath

  const { voicedash } = window;
  if (!voicedash) return;
  const { clock } = voicedash;
  const list = document.getElementById("rows");
  const empty = document.getElementById("empty");
  const chip = document.getElementById("arrivals");
  const arrivals = new Map();  // rows that wait for the hand to leave the list, by id

  const parse = (text) => new DOMParser().parseFromString(text, "text/html");
  const versionOf = (row) => Number(row.dataset.version);
  // Where it belongs: by team, person and start, as text that sorts so. In the list: where it stands.
  const orderOf = (row) => { const whole = voicedash.legs.of(row); return whole ? `${whole.dataset.order}/${row.dataset.order}` : row.dataset.order; };
  const nameOf = (row) => row.querySelector(".party b").textContent.trim();
  const wordOf = (row) => row.querySelector(".word").textContent.trim();
  const isEnded = (row) => row.classList.contains("ended");
  const isPaused = (row) => row.dataset.recording === "paused" && row.dataset.asking !== "recording" && !isEnded(row);
  // What the server counts as needing somebody, and what only this tab knows of.
  const needs = (row) => (row.dataset.recording === "unconfirmed" || "unanswered" in row.dataset || "lapsed" in row.dataset) && !isEnded(row);

  // ---- Is a hand on the list? Then nothing may move in it. -------------------------------------

  const hovers = matchMedia("(hover: hover)");
  let touched = 0;
  document.addEventListener("pointerdown", () => { touched = clock.ours(); }, { passive: true });
  function free() {
    if (!hovers.matches) return clock.ours() - touched > 10000;
    return !list.matches(":hover") && !list.contains(document.activeElement);
  }
  // Is it only below the view that a change here moves anything? A hidden row has no place: the next one shown has its.
  function below(node) {
    let next = node;
    while (next && next.hidden) next = next.nextElementSibling;
    return !next || (next.getBoundingClientRect().top > innerHeight && !next.contains(document.activeElement));
  }

  // ---- What is told to a screen reader: in one breath, and never more than three things ---------

  const said = [];
  const changes = new Map();  // row id → what became of it last
  let telling = 0;
  function news(text) {
    said.push(text);
    telling ||= setTimeout(tell, GATHER);
  }
  function announce(row) {
    if (voicedash.legs.isClosed(row)) return;  // the row above it tells
    changes.delete(row.id);
    changes.set(row.id, { text: `${nameOf(row)}: ${wordOf(row)}`, bad: needs(row) });
    telling ||= setTimeout(tell, GATHER);
  }
  function tell() {
    telling = 0;
    const all = [...changes.values()].sort((one, other) => other.bad - one.bad).map(({ text }) => text);
    changes.clear();
    const some = all.length > 3 ? [...all.slice(0, 2), `and ${all.length - 2} more calls changed`] : all;
    document.getElementById("news").textContent = [...said.splice(0), ...some].join(". ");
  }

  // ---- One row ---------------------------------------------------------------------------------

  const held = new Map();  // rows that wait for a finger to leave a button of theirs, by id

  // Puts `fresh` where its row stands, or gives the newer row that stands or waits there. The element stays the same
  // one, so that an answer which is still under way finds it, and focus is where it was.
  // `told`: the row comes with a sentence of its own.
  function place(fresh, { equal = false, told = false } = {}) {
    const shown = document.getElementById(fresh.id);
    if (!shown) return null;
    const waits = held.get(fresh.id);
    const newest = waits || shown;
    const gap = versionOf(fresh) - versionOf(newest);
    if (gap < 0 || (gap === 0 && !equal && !("unanswered" in shown.dataset))) return newest;
    // What was said of the row before is over now, and not only when the finger is gone.
    if (gap > 0 && !told) shown.dispatchEvent(new CustomEvent("voicedash:newer", { bubbles: true, detail: fresh.dataset }));
    if (waits || shown.querySelector("button:active")) {  // a click must not fall between two rows
      held.set(fresh.id, fresh);
      if (!waits) setTimeout(release, 50, fresh.id);
    } else {
      replace(shown, fresh);
    }
    return null;
  }
  function release(id) {
    const shown = document.getElementById(id);
    if (shown && shown.querySelector("button:active")) { setTimeout(release, 50, id); return; }
    const fresh = held.get(id);
    held.delete(id);
    if (!shown) return;
    replace(shown, fresh);
    changed();
  }
  function replace(shown, fresh) {
    const before = shown.dataset.recording;
    const stood = shown.dataset.order;
    const focused = shown !== document.activeElement && shown.contains(document.activeElement) && document.activeElement.id;
    for (const { name } of [...shown.attributes]) {
      if (!fresh.hasAttribute(name) && !OURS.includes(name)) shown.removeAttribute(name);
    }
    for (const { name, value } of [...fresh.attributes]) if (!OURS.includes(name) && shown.getAttribute(name) !== value) shown.setAttribute(name, value);
    // It belongs somewhere else now, and goes there when no hand is on the list.
    if (shown.dataset.order !== stood && !voicedash.legs.of(shown)) { shown.dataset.goes = shown.dataset.order; shown.dataset.order = stood; }
    const typed = shown.querySelector(".why");
    shown.replaceChildren(...fresh.childNodes);
    voicedash.leases.keep(shown, typed);
    settle(shown);
    if (focused) (document.getElementById(focused) || shown).focus({ preventScroll: true });
    if (before !== shown.dataset.recording && !("pressing" in shown.dataset)) announce(shown);
    shown.dispatchEvent(new CustomEvent("voicedash:placed", { bubbles: true }));
  }
  function settle(row) {
    voicedash.leases.draw(row);
    htmx.process(row);
    clock.tick(row, voicedash.liveness.time());
    clock.lapse(row);
  }

  // What a row says is not known any more, until a newer one comes.
  function doubt(row, text, { told = false } = {}) {
    const badge = row.querySelector(".badge");
    badge.replaceChildren(row.querySelector(".shape"), row.querySelector(".word"));
    row.querySelector(".word").textContent = text;
    const use = badge.querySelector("use");
    use.setAttribute("href", use.getAttribute("href").replace(/#.*/, "#dashed"));
    badge.querySelector(".shape").setAttribute("class", "shape dashed");
    for (const line of row.querySelectorAll(".state .line, .note .doubt")) line.remove();
    voicedash.leases.pauseAgain(row);
    if (!told) announce(row);
  }

  // ---- Many rows -------------------------------------------------------------------------------

  const breath = () => (window.scheduler && scheduler.yield ? scheduler.yield() : new Promise((go) => { setTimeout(go); }));
  let line = Promise.resolve();

  // Puts rows in place, one batch after the other and a few milliseconds at a time.
  // `pressed`: somebody asked for them and waits; `page`: they are the next ones of the board, no news.
  function put(rows, how = {}) {
    line = line.then(() => putNow(rows, how)).catch((error) => { setTimeout(() => { throw error; }); });
    return line;
  }
  async function putNow(rows, how) {
    let until = performance.now() + SLICE;
    const pause = async () => {
      if (performance.now() < until) return;
      await breath();
      until = performance.now() + SLICE;
    };
    const fresh = [];
    for (const row of rows) {
      await pause();
      if (document.getElementById(row.id)) place(row, how);
      else fresh.push(row);
    }
    for (const row of fresh.sort((one, other) => voicedash.legs.isWhole(other) - voicedash.legs.isWhole(one))) {
      const waits = arrivals.get(row.id);
      if (waits && versionOf(waits) >= versionOf(row)) continue;
      if (waits || (!clock.isOver(row) && (how.page || how.pressed || voicedash.finding.isWanted(row)))) arrivals.set(row.id, row);
      if (voicedash.legs.isWhole(row)) voicedash.legs.know();
    }
    await join(how, pause);
    changed();
  }

  // The row before which `row` belongs.
  function following(row) {
    const rows = list.children;
    let from = 0;
    let to = rows.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (orderOf(rows[middle]) < orderOf(row)) from = middle + 1;
      else to = middle;
    }
    return rows[from] || null;
  }
  // Rows whose line has changed go where they belong now, but none that has the focus.
  const going = () => [...list.querySelectorAll(":scope > [data-goes]")].filter((row) => !row.contains(document.activeElement) && !voicedash.legs.of(row));
  function resettle() {
    for (const row of going()) {
      for (const one of [row, ...voicedash.legs.isWhole(row) ? voicedash.legs.legsOf(row) : []]) one.remove();
      row.dataset.order = row.dataset.goes;
      delete row.dataset.goes;
      list.insertBefore(row, following(row));
    }
  }
  // Where a call has become one of several legs, their row takes its place at once.
  function wrap() {
    for (const row of [...arrivals.values()].filter(voicedash.legs.isWhole)) {
      const first = voicedash.legs.standsFor(row);
      if (!first) continue;
      arrivals.delete(row.id);
      voicedash.legs.wrap(row, first);
      settle(row);
    }
    voicedash.legs.arrange();
  }
  async function join({ pressed = false } = {}, pause = async () => {}) {
    const all = pressed || free();
    if (free()) resettle();
    wrap();
    for (const row of arrivals.values()) row.hidden = !voicedash.finding.fits(row);
    const places = [...arrivals.values()].map((row) => ({ row, before: following(row) }));
    const joining = all ? places : places.filter(({ row, before }) => row.hidden || below(before));
    for (const { row } of joining) {
      const whole = voicedash.legs.of(row);
      if (whole && whole.parentElement !== list) continue;  // it comes with that
      await pause();
      arrivals.delete(row.id);
      if (document.getElementById(row.id)) { place(row); continue; }
      list.insertBefore(row, following(row));
      settle(row);
    }
    if (list.children.length) empty.replaceChildren();
    drawChip();
  }
  function drawChip() {
    const coming = [...arrivals.values()].filter((row) => !voicedash.legs.of(row) || voicedash.legs.of(row).parentElement === list);
    const bad = coming.filter(needs).length;
    chip.hidden = !coming.length;
    chip.textContent = `${coming.length} new${bad ? `, ${bad} not confirmed` : ""}`;
  }
  chip.addEventListener("click", async () => { await join({ pressed: true }); changed(); });

  // Takes rows away, but none from under the hand; gives whether any went.
  function leave(rows) {
    const going = free() ? rows : rows.filter((row) => row.hidden || below(row));
    for (const row of going) row.remove();
    for (const row of rows) arrivals.delete(row.id);
    drawChip();
    return going.length > 0;
  }

  // Makes the list what a reading of the board says: all of `rows` as of `version`, for the keys that it `covers`.
  async function reconcile(rows, { version, covers, blank }) {
    await put(rows, { page: true });
    const known = new Set(rows.map((row) => row.id));
    const lost = [...list.children].filter((row) => !known.has(row.id) && versionOf(row) <= version && !voicedash.legs.isWhole(row));
    for (const id of [...arrivals.keys()]) if (!known.has(id) && versionOf(arrivals.get(id)) <= version) arrivals.delete(id);
    const gone = lost.filter(covers);
    leave(lost);
    for (const row of gone) row.classList.add("ended");  // those that a hand is on
    for (const row of lost) if (row.isConnected && !covers(row)) await refresh(row.id).catch(() => {});
    if (!rows.length && !list.children.length && blank) empty.replaceChildren(...blank.childNodes);
    await join();
    changed();
  }

  // After rows were placed, joined or left: counts, filters.
  function changed() {
    voicedash.legs.arrange();
    voicedash.parts.count();
    list.dispatchEvent(new CustomEvent("voicedash:rows", { detail: { free: free() } }));
  }

  // Fetches one row and gives its element; null where nobody is signed in. Throws where no row comes.
  async function refresh(id) {
    const { boardUrl } = document.querySelector(".bar").dataset;
    const whole = voicedash.legs.of(document.getElementById(id) || { id });  // which changes with its leg
    const answer = await voicedash.reads.ask(boardUrl + (whole ? whole.id : id).replace("-", "s/") + "/", 5000);
    if (!answer) return null;
    const fresh = answer.getElementById(id);
    if (!fresh) throw new Error("no row");
    place(fresh, { equal: true });
    await put([...answer.querySelectorAll("li.row")].filter((row) => row !== fresh), { equal: true });
    changed();
    return document.getElementById(id);
  }

  clock.everySecond(() => { if ((arrivals.size || going().length) && free()) join().then(changed); });
  voicedash.rows = {
    parse, place, put, leave, reconcile, doubt, changed, refresh, news, free, below, nameOf, wordOf, orderOf, isEnded, isPaused, needs,
    every: () => [...list.children, ...arrivals.values()],
    // But for legs, which count as one, and are told as one, in the row that they stand under.
    all: () => [...list.children, ...arrivals.values()].filter((row) => !voicedash.legs.of(row)),
  };
})();
