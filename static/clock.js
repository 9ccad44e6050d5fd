// The server's time, and what time alone makes true: durations, doubts that ran out, ended calls that leave.
// It is the first of the board's scripts: the others find each other through `window.voicedash`.
"use strict";
(() => {
  const GREY_FOR = 60000;  // an ended call stays so long, so that nobody wonders where it went

  const ENDING = 30000;    // a pause that ends within so long is amber
  const LATE = 10000;      // after its end this is how long it may take to be resumed

  const board = document.getElementById("board");
  if (!board) return;
  const bar = document.querySelector(".bar");
  const list = document.getElementById("rows");
  document.documentElement.classList.add("js");

  const voicedash = window.voicedash = {};

  // ---- How long ago was it? --------------------------------------------------------------------

  let read = Date.now();
  let lost = 0;
  // This computer's clock, but for one thing: where somebody sets it back, this one goes on. Nothing that was heard
  // lies ahead then, and is taken for fresh until the hour has passed once more. Not performance.now(), which in some
  // browsers stands still while the machine sleeps.
  function ours() {
    const now = Date.now();
    lost += Math.max(0, read - now);
    read = now;
    return now + lost;
  }

  // ---- What time is it there? ------------------------------------------------------------------

  let least = Date.parse(board.dataset.asOf) - ours();  // the server's clock minus ours, surely not more than it is
  let offset = least;                                   // the same, as near as is known

  // `time` was read from the database before `at`, which is our clock's: so theirs is ahead of ours by no less than
  // that. The largest of these is the nearest; it gives way slowly to drift and at once where a clock was set.
  function learn(time, at) {
    least = time - at;
    offset = least > offset || offset - least > 2000 ? least : offset - 5;
  }
  const at = (moment) => moment + offset;
  const now = () => at(ours());
  const atLeast = () => ours() + least;

  const wall = (timeZone) => new Intl.DateTimeFormat("en-GB", { timeZone, hour: "2-digit", minute: "2-digit", second: "2-digit" });
  let format;
  try {
    format = wall(bar.dataset.zone);
  } catch {
    format = wall("UTC");
    bar.querySelector(".zone").textContent = "UTC";
  }
  const told = (time) => format.format(time);

  // ---- Durations -------------------------------------------------------------------------------

  const two = (value) => String(value).padStart(2, "0");
  function lasted(milliseconds) {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor(seconds / 60) % 60;
    return hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
  }
  // Writes into the text that is there, and only what differs: several hundred rows tick every second.
  function write(place, text) {
    const node = place.firstChild;
    if (!node) place.textContent = text;
    else if (node.data !== text) node.data = text;
  }
  // `within`: a row, or the list. `time`: as of when.
  function tick(within, time) {
    for (const place of within.getElementsByTagName("time")) {
      const { since, until } = place.dataset;
      if (since) write(place, lasted((until ? Date.parse(until) : time) - Date.parse(since)));
    }
    for (const place of within.querySelectorAll("[data-ends]")) countDown(place, time);
    for (const line of within.querySelectorAll("[data-gone-at]:not([hidden])")) line.hidden = Date.parse(line.dataset.goneAt) < now();
  }

  // When a pause resumes by itself, and how much of it is left. That it has resumed only the server tells: a board that
  // does not hear of it says until when, as a countdown that stands still would be wrong in a second.
  function countDown(place, time) {
    const row = place.closest("li");
    const ends = Date.parse(place.dataset.ends);
    const bar = row.querySelector(".left");
    const whole = bar ? Number(bar.dataset.seconds) * 1000 : 0;
    const left = ends - time;
    // What we know of the server's clock is never ahead of it: a pause may seem a moment longer than it is.
    const shown = left > whole && left < whole + 2000 ? whole : left + 999;
    const after = left > -LATE ? "resuming…" : "not resumed";
    if (left > 0) write(place, "stale" in document.documentElement.dataset ? `until ${told(ends)}` : `resumes in ${lasted(shown)}`);
    else write(place, `${lasted(-left)} late, ${after}`);
    row.classList.toggle("ending", left <= ENDING);
    row.classList.toggle("over", left <= 0);
    if (bar) bar.style.setProperty("--left", Math.max(0, Math.min(1, left / (whole || 1000))).toFixed(3));
  }

  // ---- Doubts and ends -------------------------------------------------------------------------

  // Something that was sent may have taken effect, and no word came until it had to. False where nothing changed.
  function lapse(within) {
    const doubted = within.matches("[data-doubt-until]") ? [within] : within.querySelectorAll("[data-doubt-until]");
    let any = false;
    for (const row of doubted) {
      if ("lapsed" in row.dataset || row.classList.contains("ended") || Date.parse(row.dataset.doubtUntil) > now()) continue;
      row.dataset.lapsed = "";
      voicedash.rows.doubt(row, "Not confirmed: treat as recording");
      any = true;
    }
    return any;
  }
  function leave() {
    const over = [...list.querySelectorAll(".ended")].filter(isOver);
    if (!over.length || !voicedash.rows.leave(over)) return false;
    if (!voicedash.rows.all().length) voicedash.reads.reload();  // for what an empty board says
    return true;
  }
  // An ended row that does not say when is one that the server no longer knows.
  const isOver = (row) => row.classList.contains("ended") && !(Date.parse(row.dataset.endedAt) + GREY_FOR >= now());

  // ---- Once a second, when the server's second changes -----------------------------------------

  const each = [];
  function pulse() {
    document.getElementById("wall").textContent = told(now());
    const lapsed = lapse(list);
    const left = !document.hidden && leave();
    if (lapsed || left) voicedash.rows.changed();
    for (const act of each) act();
  }
  function beat() {
    try { pulse(); } finally { setTimeout(beat, 1005 - (((now() % 1000) + 1000) % 1000)); }
  }
  // The other scripts are there when the document is.
  document.addEventListener("DOMContentLoaded", beat);

  voicedash.clock = { ours, now, at, atLeast, learn, told, tick, lapse, isOver, ENDING, everySecond: (act) => each.push(act) };
})();
