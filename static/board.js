// Rows that never go back in time, and a page that says since when it is true.
// Every row that comes, whatever way, is put in place here, by version.
"use strict";
(() => {
  const LOOK = 5000;       // between two looks at the board
  const STALE = 12000;     // without a good look for so long, the page says so
  const SIGNED_OUT = "You are signed out";

  const board = document.getElementById("board");
  if (!board) return;
  const bar = document.querySelector(".bar");
  const list = document.getElementById("rows");
  const empty = document.getElementById("empty");
  const chip = document.getElementById("arrivals");
  const root = document.documentElement;
  root.classList.add("js");

  let asOf = Date.parse(board.dataset.asOf);
  let offset = asOf - Date.now();  // the server's clock minus ours
  let least = offset;              // the same, surely not more than it is
  let heard = Date.now();
  let version = Number(board.dataset.version);
  let arrivals = [];               // new rows that wait for the hand to leave the list
  let outside = "";                // why nothing is live, when no waiting will mend it
  let touched = 0;

  const parse = (text) => new DOMParser().parseFromString(text, "text/html");
  const versionOf = (row) => Number(row.dataset.version);
  const nameOf = (row) => row.querySelector(".party").textContent.trim();
  const wordOf = (row) => row.querySelector(".word").textContent.trim();

  // ---- Is a hand on the list? Then nothing may move in it. -------------------------------------

  const hovers = matchMedia("(hover: hover)");
  document.addEventListener("pointerdown", () => { touched = Date.now(); }, { passive: true });
  function free() {
    if (!hovers.matches) return Date.now() - touched > 10000;
    return !list.matches(":hover") && !list.contains(document.activeElement);
  }
  const below = (node) => !node || node.getBoundingClientRect().top > innerHeight;

  const signIn = () => `${bar.dataset.loginUrl}?next=${encodeURIComponent(location.pathname)}`;
  const news = (text) => { document.getElementById("news").textContent = text; };

  // ---- Rows ------------------------------------------------------------------------------------

  // Puts `fresh` where its row stands; false where the one shown is newer. The element stays the same one,
  // so that an answer which is still under way finds it, and focus is where it was.
  // `told`: the row comes with a sentence of its own, which is said already when the row has to wait for a finger.
  function place(fresh, { equal = false, told = false } = {}) {
    const shown = document.getElementById(fresh.id);
    if (!shown) return true;
    const gap = versionOf(fresh) - versionOf(shown);
    if (gap < 0 || (gap === 0 && !equal && !("unanswered" in shown.dataset))) return false;
    if (shown.querySelector("button:active")) {  // a click must not fall between two rows
      setTimeout(() => { if (place(fresh, { equal, told })) changed(); }, 50);
      return true;
    }
    const before = shown.dataset.recording;
    const focused = shown !== document.activeElement && shown.contains(document.activeElement) && document.activeElement.id;
    for (const { name } of [...shown.attributes]) {
      if (!fresh.hasAttribute(name) && name !== "hidden" && name !== "data-pressing") shown.removeAttribute(name);
    }
    for (const { name, value } of [...fresh.attributes]) shown.setAttribute(name, value);
    shown.replaceChildren(...fresh.childNodes);
    htmx.process(shown);
    tick(shown);
    if (focused) (document.getElementById(focused) || shown).focus({ preventScroll: true });
    if (before !== shown.dataset.recording && !("pressing" in shown.dataset)) announced.push(`${nameOf(shown)}: ${wordOf(shown)}`);
    shown.dispatchEvent(new CustomEvent("voicedash:placed", { bubbles: true, detail: { newer: gap > 0 && !told } }));
    return true;
  }
  // After one or more rows were placed: counts, news, filters.
  const announced = [];
  function changed() {
    count();
    if (announced.length) news(announced.splice(0).slice(-3).join(". "));
    list.dispatchEvent(new CustomEvent("voicedash:rows", { detail: { free: free() } }));
  }

  // Fetches one row and gives its element; null where nobody is signed in. Throws where no row comes.
  async function refresh(id) {
    const answer = await fetch(`${bar.dataset.callsUrl}${id.slice("call-".length)}/`, asks(5000));
    if (answer.status === 401 || answer.type === "opaqueredirect") return signedOut();
    const fresh = answer.ok && parse(await answer.text()).getElementById(id);
    if (!fresh) throw new Error("no row");
    place(fresh, { equal: true });
    changed();
    return document.getElementById(id);
  }

  function asks(milliseconds) {
    return {
      headers: { "HX-Request": "true", "X-Background": "1" },
      cache: "no-store",
      redirect: "manual",
      signal: AbortSignal.timeout(milliseconds),
    };
  }

  function reconcile(fresh) {
    const rows = [...fresh.querySelectorAll("#rows > li")];
    const known = new Set(rows.map((row) => row.id));
    for (const row of rows) if (document.getElementById(row.id)) place(row);
    const old = Number(fresh.dataset.version) < version;
    if (!old) {
      version = Number(fresh.dataset.version);
      arrivals = rows
        .map((row, at) => ({ row, next: rows.slice(at + 1).map((other) => other.id) }))
        .filter(({ row }) => !document.getElementById(row.id));
      for (const row of [...list.children]) {
        if (known.has(row.id) || versionOf(row) > version) continue;
        if (free() || below(row)) row.remove();
        else row.classList.add("ended");
      }
      if (!rows.length && !list.children.length) empty.replaceChildren(...fresh.querySelector("#empty").childNodes);
    }
    insert(false);
    changed();
  }

  function insert(pressed) {
    arrivals = arrivals.filter(({ row, next }) => {
      const ref = next.map((id) => document.getElementById(id)).find(Boolean) || null;
      if (!pressed && !free() && !below(ref)) return true;
      list.insertBefore(row, ref);
      htmx.process(row);
      tick(row);
      return false;
    });
    if (list.children.length) empty.replaceChildren();
    chip.hidden = !arrivals.length;
    chip.textContent = `${arrivals.length} new`;
  }
  chip.addEventListener("click", () => { insert(true); changed(); });

  function count() {
    const rows = [...list.children, ...arrivals.map(({ row }) => row)].filter((row) => !row.classList.contains("ended"));
    const of = (state) => String(rows.filter((row) => row.dataset.recording === state).length);
    const needs = of("unconfirmed");
    const paused = rows.filter((row) => row.dataset.recording === "paused" && row.dataset.asking !== "recording").length;
    for (const [name, value] of Object.entries({ live: rows.length, paused, needs })) {
      bar.querySelector(`[data-show=${name}] b`).textContent = value;
    }
    const button = bar.querySelector("[data-show=needs]");
    button.dataset.some = needs;
    button.querySelector("span").textContent = needs === "1" ? "needs you" : "need you";
    const calm = document.getElementById("calm");
    calm.textContent = needs === "0" ? "Nothing needs you." : `${needs} not confirmed: treat as recording.`;
    calm.classList.toggle("bad", needs !== "0");
    const title = document.title.replace(/^\(\d+\) /, "");
    document.title = needs === "0" ? title : `(${needs}) ${title}`;
  }

  // ---- A look at the whole board, every five seconds -------------------------------------------

  let looking = null;
  let next = 0;
  function look() {
    clearTimeout(next);
    looking ||= lookOnce().finally(() => { looking = null; next = setTimeout(look, LOOK); });
    return looking;
  }
  async function lookOnce() {
    const sent = Date.now();
    try {
      const answer = await fetch(bar.dataset.boardUrl, asks(8000));
      if (answer.status === 401 || answer.type === "opaqueredirect") return signedOut();
      if (answer.status === 403 || answer.status === 404) { outside = "You no longer see this board"; return; }
      const page = answer.ok && parse(await answer.text());
      const fresh = page && page.getElementById("board");
      if (!fresh) return;
      follow(page.getElementById("fetch"));
      outside = "";
      asOf = Date.parse(fresh.dataset.asOf);
      offset = asOf - (sent + Date.now()) / 2;
      least = asOf - Date.now();
      heard = sent;
      reconcile(fresh);
    } catch { /* no answer: the header tells how long already */ }
    finally { pulse(); }
  }
  // How the fetches go, a colleague's too; while one runs here, its own progress is newer.
  function follow(fresh) {
    const shown = document.getElementById("fetch");
    if (!fresh || !shown || shown.querySelector("[data-running]")) return;
    shown.replaceWith(fresh);
    htmx.process(fresh);
  }
  function signedOut() { outside = SIGNED_OUT; pulse(); return null; }
  document.addEventListener("visibilitychange", () => { if (!document.hidden) look(); });

  // ---- Clocks ----------------------------------------------------------------------------------

  const now = () => Date.now() + offset;
  let format;
  try {
    format = new Intl.DateTimeFormat("en-GB", { timeZone: bar.dataset.zone, hour: "2-digit", minute: "2-digit", second: "2-digit" });
  } catch {
    format = new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", hour: "2-digit", minute: "2-digit", second: "2-digit" });
    bar.querySelector(".zone").textContent = "UTC";
  }
  function lasted(milliseconds) {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    const two = (value) => String(value).padStart(2, "0");
    const hours = Math.floor(seconds / 3600);
    return hours ? `${hours}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}` : `${Math.floor(seconds / 60)}:${two(seconds % 60)}`;
  }
  function tick(within) {
    for (const time of within.querySelectorAll("time[data-since]")) {
      const until = time.dataset.until ? Date.parse(time.dataset.until) : now();
      time.textContent = lasted(until - Date.parse(time.dataset.since));
    }
    for (const line of within.querySelectorAll("[data-gone-at]")) line.hidden = Date.parse(line.dataset.goneAt) < now();
  }
  function pulse() {
    const age = Date.now() - heard;
    const was = "stale" in root.dataset;
    const text = document.getElementById("stale");
    const since = format.format(asOf);
    document.getElementById("as-of").textContent = since;
    document.getElementById("wall").textContent = format.format(now());
    if (outside || age > STALE) {
      root.dataset.stale = "";
      text.hidden = false;
      text.textContent = outside
        ? `${outside}: what you see is from ${since}. `
        : `Not live for ${Math.floor(age / 1000)} s: what you see is from ${since}. Pressing still works.`;
      if (outside === SIGNED_OUT) {
        const a = document.createElement("a");
        a.href = signIn();
        a.textContent = "Sign in";
        text.append(a);
      }
      if (!was) news(text.textContent);
      return;
    }
    delete root.dataset.stale;
    text.hidden = true;
    if (was) news("Live again.");
    tick(list);
  }
  function beat() {
    pulse();
    setTimeout(beat, 1005 - (((now() % 1000) + 1000) % 1000));
  }

  const atLeast = () => Date.now() + least;  // it is not earlier than this at the server
  window.voicedash = { parse, place, refresh, changed, look, nameOf, wordOf, atLeast, signIn, isSignedOut: () => outside === SIGNED_OUT };
  beat();
  next = setTimeout(look, 1000);
})();
