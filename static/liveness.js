// Since when what is shown is true; and the header, which says so.
"use strict";
(() => {
  const CLOSED = 2500;   // the stream is closed for so long and cannot be had again: not live
  const SILENT = 11000;  // no word on it for so long: not live (one comes every five seconds)
  const BEHIND = 1500;   // something is known to be missing for so long: not live
  const WORKER = 15000;  // a worker that was not heard of for so long is none

  const { voicedash } = window;
  if (!voicedash) return;
  const { clock, rows } = voicedash;
  const root = document.documentElement;
  const bar = document.querySelector(".bar");
  const board = document.getElementById("board");
  const list = document.getElementById("rows");
  const text = document.getElementById("stale");
  const workerLine = document.getElementById("worker");
  const word = document.getElementById("live");
  const SIGNED_OUT = "You are signed out";
  const NOT_YOURS = "You no longer see this board";

  let asOf = Date.parse(board.dataset.asOf);  // what is shown is true of this moment, by the server's clock
  let goodAt = clock.ours();                  // when nothing was missing last, by clock.ours
  let heardAt = clock.ours();                 // when a word came last
  let lostAt = clock.ours();                  // since when there is no stream; 0 while there is one
  let blindAt = 0;                            // since when the server itself sees nothing; 0 while it does
  let behindAt = 0;                           // since when something is known to be missing here; 0: nothing is
  let shownAt = clock.ours();                 // since when somebody may look at this tab
  let outside = "";                           // why waiting will not mend it
  let unanswered = 0;                         // reads without any answer, one after the other
  let began = false;                          // was there ever a word?
  let worker = board.dataset.worker;

  function isLive() {
    const now = clock.ours();
    if (outside || blindAt || (lostAt && now - lostAt > CLOSED)) return false;
    if (behindAt && !document.hidden && now - Math.max(behindAt, shownAt) > BEHIND) return false;
    return now - heardAt <= SILENT;
  }
  // As of when things tick: while it is not live, as of what is shown.
  const time = () => ("stale" in root.dataset ? asOf : clock.now());

  // ---- What is learned -------------------------------------------------------------------------

  // A word came on the stream, at `at`.
  function alive(at) {
    if (at < heardAt) return;
    heardAt = at;
    lostAt = blindAt = unanswered = 0;
    began = true;
  }
  // What is shown is true of `time`, as was known at `at`. A read of our own says nothing about the stream.
  function good(at, time) {
    unanswered = behindAt = 0;
    if (time > asOf) asOf = time;
    if (isLive()) goodAt = Math.max(goodAt, at);
    else clock.tick(list, asOf);
    draw();
  }
  function lost(at) {
    if (!lostAt) setTimeout(draw, CLOSED + 10);
    lostAt ||= at;
    draw();
  }
  function behind(at) { behindAt ||= at; }
  function blind(at, age) { heardAt = at; lostAt = 0; blindAt = at - age * 1000; began = true; draw(); }
  function noAnswer() { unanswered += 1; draw(); }
  function leave(why) { outside = why; draw(); }
  function tellWorker(seenAt) { worker = seenAt || ""; drawWorker(); }

  // ---- The header ------------------------------------------------------------------------------

  const long = (milliseconds) => {
    const seconds = Math.max(1, Math.round(milliseconds / 1000));
    return seconds < 120 ? `${seconds} s` : `${Math.floor(seconds / 60)} min`;
  };
  function sentence() {
    const from = clock.told(asOf);
    if (outside) return `${outside}: what you see is from ${from}. ${outside === SIGNED_OUT ? mine() : ""}`;
    const since = `Not live for ${long(clock.ours() - Math.min(goodAt, blindAt || goodAt))}`;
    if (navigator.onLine === false) return `${since}: this computer is offline. What you see is from ${from}.`;
    return `${since}: what you see is from ${from}. ${unanswered > 1 ? "voicedash does not answer." : "Pressing still works."}`;
  }
  // What this person has paused, as far as was heard: it goes on without them. "" where there is nothing.
  function mine() {
    const names = rows.all().filter((row) => row.dataset.by === bar.dataset.me && !rows.isEnded(row)).map(rows.nameOf);
    const some = names.length > 3 ? [...names.slice(0, 2), `${names.length - 2} more`] : names;
    return some.length ? `Still paused by you: ${some.join(", ")}. ` : "";
  }
  function draw() {
    const live = isLive();
    const turned = live === "stale" in root.dataset;
    root.toggleAttribute("data-stale", !live);
    text.hidden = live;
    if (live) {
      word.textContent = began ? "Live" : `as of ${clock.told(asOf)}`;
      if (turned) rows.news("Live again.");
    } else {
      word.textContent = outside ? "Stale" : `Stale ${long(clock.now() - asOf)}`;
      const told = sentence();
      if (text.firstChild?.data !== told) text.replaceChildren(told, ...(outside === SIGNED_OUT ? [linkToSignIn()] : []));
      if (turned) rows.news(text.textContent);
    }
    if (turned) {
      voicedash.parts.count();  // the title says it too
      clock.tick(list, time());
    }
    drawWorker();
    return live;
  }
  // What was heard of the worker is worth something only while anything is heard.
  function drawWorker() {
    const asleep = isLive() && !(Date.parse(worker) > clock.now() - WORKER);
    if (workerLine.hidden !== asleep) return;
    workerLine.hidden = !asleep;
    if (asleep) rows.news(workerLine.textContent);
  }
  const signIn = () => `${bar.dataset.loginUrl}?next=${encodeURIComponent(location.pathname)}`;
  function linkToSignIn() {
    const a = document.createElement("a");
    a.href = signIn();
    a.textContent = "Sign in";
    return a;
  }

  function show() {
    const live = draw();
    if (document.hidden || !live) return;
    clock.tick(list, clock.now());
    for (const part of ["part-accounts", "part-incidents"]) clock.tick(document.getElementById(part), clock.now());
  }
  clock.everySecond(show);
  for (const event of ["online", "offline", "pageshow"]) addEventListener(event, show);
  document.addEventListener("visibilitychange", () => {
    shownAt = clock.ours();
    show();
  });

  voicedash.liveness = {
    SIGNED_OUT, NOT_YOURS, isLive, time, alive, good, lost, behind, blind, noAnswer, leave, tellWorker, draw, signIn, mine,
    isLost: () => lostAt > 0,
    isBehind: () => behindAt > 0,
    isOutside: () => outside !== "",
    isSignedOut: () => outside === SIGNED_OUT,
    inTitle: () => (outside === SIGNED_OUT ? "Signed out · " : isLive() ? "" : "Not live · "),
  };
})();
