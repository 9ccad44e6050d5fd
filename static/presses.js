// Presses: what is said while one is under way and when its answer comes, or does not. Never more than is known.
// htmx sends them; their rows are put in place by board.js.
"use strict";
(() => {
  const SLOW = 2000;         // a press that takes longer is told as slow
  const SURE = 700;          // a second press is not taken before: it would be a double click
  const ASK_LIFE = 12000;    // an unanswered "Resume anyway?" goes away again
  const STAYS = 30000;       // a sentence is shown so long
  const BAD_STAYS = 180000;  // one that needs somebody, if nobody takes it away
  const READ = 6000;         // and at least so long, whatever comes after it

  if (!window.voicedash) return;
  const { rows, legs, parts, reads, clock, liveness } = window.voicedash;
  const { parse, place, refresh, changed, nameOf, wordOf } = rows;
  const { signIn, isSignedOut } = liveness;
  const bar = document.querySelector(".bar");
  const statusLine = document.querySelector("#say [role=status]");
  const alertLine = document.querySelector("#say [role=alert]");

  // ---- Sentences -------------------------------------------------------------------------------

  const clearing = new Map();
  function clear(line) { clearTimeout(clearing.get(line)); line.replaceChildren(); }
  let alerted = null;  // the press that the alert is about
  let alertedAt = 0;
  // Gives what takes it back, if nothing else was told since.
  function tell({ tone, lead, sentence = "", about = null, press = null, link = "", linked = "Sign in" }) {
    const line = tone === "bad" ? alertLine : statusLine;
    clear(statusLine);
    if (tone === "bad" || alertLine.dataset.about === (about && about.id)) clear(alertLine);
    if (tone === "bad") { alerted = press; alertedAt = clock.ours(); }
    line.dataset.tone = tone;
    line.dataset.about = about ? about.id : "";
    const strong = document.createElement("strong");
    strong.textContent = lead;
    line.append(strong, ` ${sentence}`);
    if (link) {
      const a = document.createElement("a");
      a.href = link;
      a.textContent = linked;
      line.append(" ", a);
    }
    if (about) {
      const small = document.createElement("span");
      small.className = "about";
      small.textContent = nameOf(about);
      line.append(" ", small);
    }
    if (tone === "bad") {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "dismiss";
      button.textContent = "×";
      button.setAttribute("aria-label", "Take this message away");
      button.addEventListener("click", () => clear(line));
      line.append(button);
    }
    clearing.set(line, setTimeout(clear, tone === "bad" ? BAD_STAYS : STAYS, line));
    return () => { if (line.contains(strong)) clear(line); };
  }

  // Did Bandwidth acknowledge what the row says only after this press? What it said before is no answer to it.
  const ackOf = (row) => row.querySelector(".ack time");
  const stampOf = (row) => (ackOf(row) ? ackOf(row).dateTime : "");
  const isSince = (row, press) => stampOf(row) !== press.stamp && Date.parse(stampOf(row)) > press.at;

  document.addEventListener("voicedash:newer", ({ target: row, detail: { asking } }) => {
    if (statusLine.dataset.about !== row.id) return;
    const { tone } = statusLine.dataset;
    // Nobody is at it any more; a press of our own says itself how it ended.
    if (tone === "good" || (tone === "wait" && !asking && !presses.has(row.id))) clear(statusLine);
  });
  document.addEventListener("voicedash:placed", ({ target: row }) => {
    const { recording } = row.dataset;
    if (alerted && alerted.id === row.id && isSince(row, alerted) && ["paused", alerted.wanted].includes(recording)) {
      clearTimeout(clearing.get(alertLine));
      clearing.set(alertLine, setTimeout(clear, Math.max(0, alertedAt + READ - clock.ours()), alertLine));
    }
    if (row.dataset.outcome !== "confirm") return;
    const asked = String(performance.now());
    row.dataset.asked = asked;
    setTimeout(() => { if (row.dataset.asked === asked) refresh(row.id).catch(() => {}); }, ASK_LIFE);
  });

  // ---- Presses ---------------------------------------------------------------------------------

  const LEADS = { paused: "Wait, pausing…", recording: "Wait, resuming…", kept: "Wait, keeping it paused…" };
  const presses = new Map();  // row id → presses under way, newest last

  document.addEventListener("htmx:configRequest", (event) => {
    // The cookie's token, not the page's: signing in elsewhere changes it.
    const found = document.cookie.split("; ").find((pair) => pair.startsWith(`${bar.dataset.csrfCookie}=`));
    const page = document.querySelector("#press [name=csrfmiddlewaretoken]");
    const token = bar.dataset.csrfCookie && found ? found.slice(found.indexOf("=") + 1) : page && page.value;
    if (event.detail.verb !== "get" && token) event.detail.headers["X-CSRFToken"] = token;
    event.detail.formData.delete("csrfmiddlewaretoken");
    // What is being typed in another row goes nowhere.
    const row = event.detail.elt.closest("li.row");
    for (const name of [...event.detail.formData.keys()]) if (name.startsWith("note-") && name !== `note-${row && row.id}`) event.detail.formData.delete(name);
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    const button = event.detail.elt;
    const wanted = button.dataset.press;
    if (!wanted) return;
    const row = button.closest("li");
    if (button.classList.contains("sure") && performance.now() - Number(row.dataset.asked) < SURE) {
      event.preventDefault();
      return;
    }
    const press = { id: row.id, wanted, ends: row.dataset.leaseEnds, stamp: stampOf(row), at: clock.atLeast() };
    presses.set(row.id, [...(presses.get(row.id) || []), press]);
    row.dataset.pressing = wanted;
    const lead = LEADS[wanted];
    tell({ tone: "wait", lead, about: row });
    press.slow = setTimeout(() => {
      if (newest(press)) tell({ tone: "wait", lead: "Slow: keep the caller waiting.", sentence: lead, about: row });
    }, SLOW);
    // htmx only sends: a late answer must not overwrite a newer row. The button may be gone by then, so
    // the request itself is listened to.
    button.addEventListener("htmx:beforeOnLoad", (loaded) => loaded.preventDefault());
    event.detail.xhr.addEventListener("loadend", () => answered(press, event.detail.xhr));
  });

  // The sentence shown is that of the row's last press.
  const newest = (press) => { const all = presses.get(press.id); return !all || all[all.length - 1] === press; };
  function over(press) {
    clearTimeout(press.slow);
    const left = (presses.get(press.id) || []).filter((other) => other !== press);
    const row = document.getElementById(press.id);
    if (left.length) presses.set(press.id, left);
    else presses.delete(press.id);
    if (row && left.length) row.dataset.pressing = left[left.length - 1].wanted;
    else if (row) delete row.dataset.pressing;
  }

  // The sentence in an answer; null where it has none.
  function saidIn(answer) {
    const said = answer.getElementById("say");
    const strong = said && said.querySelector("strong");
    if (!strong) return null;
    const lead = strong.textContent;
    return { tone: said.dataset.tone, lead, sentence: said.textContent.trim().slice(lead.length).trim() };
  }

  // Refused as forged, which an honest press is when its page has outlived its cookies.
  const isTooOld = (text) => Boolean(parse(text).querySelector("meta[name=voicedash-refusal][content=csrf]"));
  const TOO_OLD = { tone: "bad", lead: "Not sent: this page is too old.", link: location.pathname, linked: "Load it again." };

  function answered(press, { status, responseText }) {
    const last = newest(press);
    const say = (said) => { if (last) tell({ about: document.getElementById(press.id), press, ...said }); };
    const answer = status === 200 ? parse(responseText) : null;
    const fresh = answer && answer.getElementById(press.id);
    const said = answer && saidIn(answer);
    if (fresh) {
      const ended = fresh.dataset.outcome === "busy" && !fresh.dataset.asking;  // who was at it is done
      const word = wordOf(fresh);
      const newer = place(fresh, { equal: true, told: true });
      over(press);
      rows.put([...answer.querySelectorAll("li.row")].filter((row) => row !== fresh), { equal: true, told: true });
      if (newer || ended) say({ tone: "wait", lead: "Changed since:", sentence: `the row now says ${newer ? wordOf(newer) : word}.` });
      else if (said) say(said);
      changed();
      if (!liveness.isLive()) reads.look();  // nobody else tells this board what else changed
    } else if (said) {  // the call is gone: a whole reading takes its row away
      over(press);
      say(said);
      reads.reload();
    } else if (status === 401 || (status === 403 && isSignedOut())) {
      over(press);
      say({ tone: "bad", lead: "Not sent: sign in.", sentence: `The recording was not touched. ${liveness.mine()}`, link: signIn() });
    } else if (status === 403 && isTooOld(responseText)) {
      over(press);
      say({ ...TOO_OLD, sentence: "The recording was not touched." });
    } else if (status === 403) {
      over(press);
      say({ tone: "bad", lead: "Not sent: your role does not allow it.", sentence: "The recording was not touched. If it should, load the page again." });
    } else if (status === 404) {
      over(press);
      say({ tone: "bad", lead: "Not sent: this call is not on your board.", sentence: "Nothing was asked of Bandwidth." });
    } else {
      ask(press, say, 20);
    }
  }

  // No readable answer to a press: what does voicedash know of the row?
  async function ask(press, say, tries) {
    let row;
    try {
      row = await refresh(press.id);
    } catch {
      over(press);
      unanswered(press, say);
      return;
    }
    if (row && row.dataset.asking && tries > 0) {
      setTimeout(() => ask(press, say, tries - 1), 1000);
      return;
    }
    over(press);
    if (row && press.wanted === "kept") {
      keptOrNot(press, row, say);
    } else if (!row) {
      say({ tone: "bad", lead: "NOT confirmed: you are signed out.", sentence: "Treat as recording.", link: signIn() });
    } else if (row.dataset.recording === press.wanted && !row.dataset.asking && !isSince(row, press)) {
      const ack = ackOf(row);
      const again = row.querySelector(`[data-press=${press.wanted}]`) ? " Press again." : row.querySelector("[data-press=kept]") ? " Press Keep paused." : "";
      say({ tone: "bad", lead: "NOT confirmed: no answer to this press", sentence: `The row says ${wordOf(row)}${ack ? ` since ${ack.textContent}` : ""}: that was acknowledged before.${again}` });
    } else if (press.wanted === "paused" && row.dataset.recording === "paused" && !row.dataset.asking && !isPausedWhole(legs.of(row))) {
      say({ tone: "bad", lead: "NOT paused: stop the caller", sentence: `The answer was lost; this leg is paused. The row of all says: ${wordOf(legs.of(row))}.` });
    } else if (row.dataset.recording === press.wanted && !row.dataset.asking) {
      say({ tone: "good", lead: press.wanted === "paused" ? "Paused: go ahead" : "Recording", sentence: "The answer was lost; the row says that Bandwidth acknowledged it." });
    } else {
      say({ tone: "bad", lead: press.wanted === "paused" ? "NOT paused: stop the caller" : "NOT resumed", sentence: `No answer to the press. The row says: ${wordOf(row)}.` });
    }
  }

  // Prolonging asks nothing of Bandwidth: without an answer it is the end in the row that tells.
  function keptOrNot(press, row, say) {
    const { recording, asking, leaseEnds } = row.dataset;
    if (recording !== "paused" || asking === "recording") say({ tone: "bad", lead: "NOT paused: stop the caller", sentence: `The row says: ${wordOf(row)}. Press Pause.` });
    else if (leaseEnds !== press.ends) say({ tone: "good", lead: "Still paused", sentence: "The answer was lost; the row says until when." });
    else say({ tone: "bad", lead: "Not prolonged: no answer.", sentence: "The row says until when it is paused. Press again." });
  }

  const isPausedWhole = (whole) => !whole || (whole.dataset.recording === "paused" && !whole.dataset.asking);

  function unanswered(press, say) {
    const row = document.getElementById(press.id);
    if (press.wanted === "kept") {
      say({ tone: "bad", lead: "Not known to be prolonged: no answer from voicedash.", sentence: "It may resume when the row's time is over." });
      return;
    }
    if (row) {
      for (const one of [row, legs.of(row)].filter(Boolean)) {
        one.dataset.unanswered = "";
        rows.doubt(one, "NOT confirmed: no answer from voicedash", { told: true });
      }
      changed();
    }
    say({ tone: "bad", lead: "NOT confirmed: no answer from voicedash.", sentence: "Stop the caller: treat as recording." });
  }

  // ---- Fetch calls: the stream tells how it goes, and brings its rows ---------------------------

  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "part-accounts") return;
    event.detail.shouldSwap = false;  // an answer that comes late must not put back what is over
    parts.take(parse(event.detail.xhr.responseText));
    if (!liveness.isLive()) reads.look();
  });
  document.addEventListener("htmx:afterSwap", (event) => { if (event.detail.target.id === "added") reads.look(); });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.elt.id !== "fetch-button" || event.detail.successful) return;
    refused(event.detail.xhr, "Calls were not fetched:");
  });

  // What to say of a request about no row that came to nothing.
  function refused({ status, responseText }, lead) {
    if (status === 401) tell({ tone: "bad", lead: "Not sent: sign in.", sentence: liveness.mine(), link: signIn() });
    else if (status === 403 && isTooOld(responseText)) tell(TOO_OLD);
    else if (status === 403) tell({ tone: "bad", lead: "Not sent: your role does not allow it." });
    else tell({ tone: "bad", lead, sentence: "no answer from voicedash. Try again." });
  }

  window.voicedash.presses = { tell, saidIn, refused };
})();
