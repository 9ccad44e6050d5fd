// One event stream a browser, user and tenant, however many tabs: the tab that has the lead listens and tells the others.
// Where there are no Web Locks (plain http off this machine) every tab listens for itself.
"use strict";
(() => {
  const KINDS = ["changes", "anew", "beat", "stale", "bye"];
  const SILENT = 11000;   // no word for so long: the stream is dead, whatever its connection says
  const ASLEEP = 6500;    // the same for a tab that somebody has just come back to
  const FIRST = 1500;     // the first try after a loss comes within so long, later ones after longer
  const LONGEST = 15000;

  const { voicedash } = window;
  if (!voicedash) return;
  const { clock, liveness, reads } = voicedash;
  const { liveUrl, liveKey } = document.querySelector(".bar").dataset;
  const name = `voicedash live ${liveKey}`;
  const bus = navigator.locks && window.BroadcastChannel ? new BroadcastChannel(name) : null;

  // ---- Listening -------------------------------------------------------------------------------

  let leading = false;
  let source = null;
  let position = 0;  // the version up to which the stream was heard
  let heardAt = 0;
  let tries = 0;
  let timer = 0;
  let notBefore = 0; // as the server asked
  let word = null;   // the last one that says how the stream is

  function dial() {
    clearTimeout(timer);
    if (!leading || source || liveness.isOutside()) return;
    heardAt = clock.ours();
    source = new EventSource(`${liveUrl}?since=${position}`);
    for (const kind of KINDS) source.addEventListener(kind, hear);
    source.onerror = ({ currentTarget }) => { if (currentTarget === source) lost(currentTarget.readyState === EventSource.CLOSED); };
  }
  function hear({ type, data, lastEventId, currentTarget }) {
    if (currentTarget !== source) return;
    heardAt = clock.ours();
    tries = notBefore = 0;
    // A node may know less than the one before it. Only what is to be fetched anew begins below what was heard.
    const told = Number(lastEventId || position);
    const to = type === "anew" ? told : Math.max(position, told);
    const heard = { kind: type, data, from: position, to, at: Date.now(), hidden: document.hidden };
    position = to;
    if (type === "beat" || type === "stale") word = heard;
    tell(heard);
    if (type === "bye") hangUp();
  }
  // The browser would dial again by itself, every so many seconds to the millisecond, a thousand boards together.
  async function lost(refused) {
    hangUp();
    tell({ kind: "lost", at: Date.now(), hidden: document.hidden });
    const wait = Math.min(LONGEST, FIRST * 1.5 ** tries) * (0.2 + 0.8 * Math.random());
    tries += 1;
    if (refused) notBefore = clock.ours() + await why();
    dialIn(wait);
  }
  function dialIn(wait) {
    clearTimeout(timer);
    if (leading && !source) timer = setTimeout(dial, Math.max(wait, notBefore - clock.ours()));
  }
  // Where a read got through, a stream will too.
  document.addEventListener("voicedash:read", () => dialIn(Math.random() * 1000));
  // An EventSource does not tell with what status it was refused. Gives how long the server wants to be left alone.
  async function why() {
    const asked = new AbortController();
    try {
      const signal = AbortSignal.any ? AbortSignal.any([asked.signal, AbortSignal.timeout(5000)]) : asked.signal;
      const { status, headers } = await fetch(`${liveUrl}?since=${position}`, { headers: { "X-Background": "1" }, cache: "no-store", redirect: "manual", signal });
      asked.abort();
      if (status < 400) return 0;
      reads.look();  // which tells whether it is the session or the right that is gone
      return (Number(headers.get("Retry-After")) || 5) * 1000 * (1 + Math.random() / 2);
    } catch { return 0; }
  }
  function hangUp() {
    clearTimeout(timer);
    if (source) source.close();
    source = null;
    word = null;
  }

  // ---- Telling the others ----------------------------------------------------------------------

  let toldAt = clock.ours();  // when the leading tab was heard of last
  let helpless = 0;         // since when it has no stream and, being hidden, is in no hurry to get one

  // What tabs tell each other is dated by the computer's clock: that is the one which they share.
  function tell(heard) {
    take(heard);
    if (bus) bus.postMessage(heard);
  }
  function take(heard) {
    const at = clock.ours() - Math.max(0, Date.now() - heard.at);
    if (heard.kind === "lost") liveness.lost(at);
    else reads.hear({ ...heard, at });
  }
  if (bus) {
    bus.onmessage = ({ data: heard }) => {
      if (heard.kind === "hello") {
        if (liveness.isOutside()) reads.look();  // somebody has just got in
        answer();
        return;
      }
      if (heard.kind === "inside") { inside(); return; }
      toldAt = clock.ours();
      helpless = heard.kind === "lost" && heard.hidden ? helpless || clock.ours() : 0;
      if (!leading) take(heard);
    };
  }
  // To a tab that has just come: how it stands, and up to which version.
  function answer() {
    if (!leading) return;
    const up = { kind: "up", from: position, to: position };
    const standing = word ? (word.kind === "stale" ? word : up) : { kind: "lost" };
    bus.postMessage({ ...standing, at: Date.now(), hidden: document.hidden });
  }

  // ---- Having the lead -------------------------------------------------------------------------

  let giveUp = () => {};
  let queued = null;  // our place among those who wait for it

  // `steal`: whoever has it is asleep, hung, or hidden and without a stream.
  function queue({ steal = false } = {}) {
    if (!bus) { begin(); return; }
    if (queued) queued.abort();
    const mine = queued = new AbortController();
    const held = () => new Promise((done) => { giveUp = done; begin(); });
    navigator.locks.request(name, steal ? { steal } : { signal: mine.signal }, held)
      .catch(() => { /* taken from us, or no longer wanted */ })
      .then(() => {
        if (mine !== queued) return;
        end();
        queue();
      });
  }
  function begin() {
    if (leading) return;
    leading = true;
    tries = 0;
    position = reads.newest();
    dial();
  }
  function end() {
    leading = false;
    hangUp();
    toldAt = clock.ours();
  }
  // A page that is put away must not keep the others waiting.
  function rest() {
    const was = queued;
    queued = null;
    if (was) was.abort();
    giveUp();
    end();
  }
  const patience = Math.random() * 1000;
  let stolenAt = 0;
  clock.everySecond(() => {
    const now = clock.ours();
    if (leading) { if (source && now - heardAt > SILENT) lost(false); return; }
    if (!bus || document.hidden || liveness.isOutside() || now - stolenAt < 10000) return;
    const limit = (liveness.isLost() ? 2000 : SILENT) + patience;
    if (now - toldAt < limit && !(helpless && now - helpless > 500 + patience)) return;
    stolenAt = now;
    queue({ steal: true });
  });

  // ---- Coming back: from sleep, another tab, a lost network --------------------------------------

  function inside() {
    if (liveness.isOutside()) liveness.leave("");
    tries = notBefore = 0;
    dialIn(0);
  }
  document.addEventListener("voicedash:inside", () => {
    inside();
    if (bus) bus.postMessage({ kind: "inside" });
  });
  // After `rest`. A tab that nobody looks at yet takes its part, too: its title speaks.
  function rejoin() {
    if (bus ? !queued : !leading) queue();
  }
  function wake() {
    if (document.hidden) return;
    rejoin();
    if (liveness.isOutside()) { reads.look(); return; }
    if (leading && source && clock.ours() - heardAt > ASLEEP) hangUp();
    if (leading && !source) { tries = 0; dialIn(0); }
    if (liveness.isBehind() || !liveness.isLive()) reads.look();
    if (bus && !leading) bus.postMessage({ kind: "hello" });
  }
  for (const event of ["online", "pageshow", "focus"]) addEventListener(event, wake);
  document.addEventListener("visibilitychange", wake);
  document.addEventListener("resume", () => { rejoin(); wake(); });
  document.addEventListener("freeze", rest);
  addEventListener("pagehide", rest);

  queue();
  if (bus) bus.postMessage({ kind: "hello" });
})();
